/**
 * A process of its own for errors that escape (a test runner has handlers too): a bare node in real time, function agents
 * and a machine that let errors escape. Says what happened, one line of JSON for each thing. `nobody` as argument: in the end
 * an error escapes that belongs to no actor; `aborted`: listeners to the signal of a call throw as it is aborted.
 */
import { fromCallback, setup } from 'xstate';
import type { EffectCall } from '../../runtime/effects.ts';
import { flatFactory } from '../../runtime/flat-logic.ts';
import { runLogic } from '../../actors/run.ts';
import { machineFactory } from '../../runtime/machine-host.ts';
import { createWorld } from '../../runtime/world.ts';
import { installEscapeHandlers } from '../../supervisors/escapes.ts';
import { startTree } from '../../supervisors/tree.ts';
import { createBareNode } from './bare-node.ts';

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const world = createWorld();
const node = await createBareNode({ world });
const { kernel } = node;
startTree({
  kernel,
  world,
  log: kernel.log,
  onRootExhausted: (error) => say({ exhausted: error.message }),
  onSessionCrashed: () => undefined,
}).addAgentSupervisor('one');
installEscapeHandlers({
  log: kernel.log,
  onUnattributed: (error) => {
    say({ unattributed: String(error) });
    process.exit(70);
  },
});

/** How often each agent's function was called. */
const calls = new Map<string, number>();
let open = (): void => {};
const gate = new Promise<void>((resolve) => {
  open = resolve;
});

/** What an agent lets escape that is stopped in the middle of its call. */
const aborted = ({ signal }: EffectCall): Promise<never> => {
  signal.addEventListener('abort', () => fault('listener'));
  signal.addEventListener('abort', () => void Promise.reject(new Error('left behind by a listener')));
  return new Promise(() => {});
};

const ways: Readonly<Record<string, () => void>> = {
  timer: () => void setTimeout(() => fault('timer'), 1),
  rejection: () => void Promise.reject(new Error('rejection')),
  deep: () =>
    void setTimeout(() => {
      void (async () => {
        await Promise.resolve();
        fault('deep');
      })();
    }, 1),
  tick: () => process.nextTick(() => fault('tick')),
  innocent: () => {},
};

function fault(name: string): never {
  throw new Error(name);
}

kernel.install({
  name: 'agent',
  factory: flatFactory(runLogic('agent', '1', 'keyed')),
  kind: 'agent',
  lane: 'agent',
  laneLimit: 100,
  perform: async (call: EffectCall) => {
    const way = call.address.split('/')[1] ?? '';
    calls.set(way, (calls.get(way) ?? 0) + 1);
    if (way === 'aborted') return await aborted(call);
    ways[way]?.();
    await gate;
    return way;
  },
});

let ticks = 0;
const machine = setup({
  actors: {
    faulty: fromCallback(({ sendBack }) => {
      ticks++;
      setTimeout(() => (ticks === 1 ? fault('callback') : sendBack({ type: 'DONE' })), 1);
    }),
  },
}).createMachine({
  initial: 'busy',
  states: { busy: { invoke: { id: 'faulty', src: 'faulty' }, on: { DONE: 'done' } }, done: { type: 'final' } },
});
kernel.install({
  name: 'machine',
  factory: machineFactory(machine, { logicId: 'machine', logicVersion: '1', world }),
  kind: 'agent',
  lane: 'machine',
  laneLimit: 1,
});

const ended: string[] = [];
kernel.installSink('sink', (_address, { type, address }) => {
  ended.push(`${type} ${String(address)}`);
});
const names = [...Object.keys(ways).map((way) => `run/${way}`), 'machine/callback'];
const start = (address: string): void =>
  kernel.act((port) =>
    port.startChild({
      address,
      logic: address.startsWith('run/') ? 'agent' : 'machine',
      input: undefined,
      supervisor: 'supervisor/agents/one',
      owner: 'sink/test',
      restart: 'transient',
      recovery: 'resume',
      priority: 5,
      durable: true,
    }),
  );
for (const address of names) start(address);

const runs = names.filter((address) => address.startsWith('run/'));
const guilty = runs.filter((address) => address !== 'run/innocent');
await until(() => guilty.every((address) => kernel.cells.get(address)?.restarts === 1));
const restarts = Object.fromEntries(runs.map((address) => [address, kernel.cells.get(address)?.restarts]));
open();
await until(() => ended.length === names.length);
say({ ended: ended.toSorted(), restarts, calls: Object.fromEntries(calls), ticks });
if (process.argv[2] === 'aborted') {
  start('run/aborted');
  await until(() => calls.get('aborted') === 1);
  kernel.stopCell('run/aborted');
  await until(() => !kernel.cells.has('run/aborted'));
  // What escaped is told in the rounds of the event loop that follow.
  for (let round = 0; round < 5; round++) await new Promise<void>((resolve) => void setImmediate(resolve));
  say({ goesOn: true });
}
if (process.argv[2] === 'nobody') setTimeout(() => fault('nobody'), 1);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => void setImmediate(resolve));
}
