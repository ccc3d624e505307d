/**
 * A process of its own: machines whose code lets errors escape, each in its way and once, and a neighbour that does not. Says
 * how each ended and which crashed, in one line of JSON.
 */
import { type AnyStateMachine, assign, createMachine, emit, fromCallback, fromPromise, sendTo, setup } from 'xstate';
import { machineFactory } from '../../runtime/machine-host.ts';
import { createWorld } from '../../runtime/world.ts';
import { installEscapeHandlers } from '../../supervisors/escapes.ts';
import { startTree } from '../../supervisors/tree.ts';
import { createBareNode } from './bare-node.ts';

const world = createWorld();
const node = await createBareNode({ world });
const { kernel } = node;
startTree({
  kernel,
  world,
  log: kernel.log,
  onRootExhausted: () => process.exit(71),
  onSessionCrashed: () => undefined,
}).addAgentSupervisor('one');
installEscapeHandlers({ log: kernel.log, onUnattributed: () => process.exit(70) });

const faulted = new Set<string>();

/** Throws the first time that it is called in a way. */
function fault(way: string): void {
  if (faulted.has(way)) return;
  faulted.add(way);
  throw new TypeError(`escaped: ${way}`);
}

const fragile = createMachine({
  on: {
    BREAK: {
      actions: () => {
        throw new RangeError('handled by the parent');
      },
    },
  },
});
const made = setup({
  types: { context: {} as { readonly n: number } },
  actors: {
    fragile,
    timer: fromCallback(() => void setTimeout(() => fault('timer'), 1)),
    floating: fromPromise(async () => {
      void Promise.resolve().then(() => fault('floating'));
      return await Promise.resolve('fine');
    }),
  },
});
const ends = { after: { 600: 'done' } } as const;
const machineOf = (busy: object): AnyStateMachine =>
  made.createMachine({
    context: { n: 0 },
    initial: 'busy',
    states: { busy: { ...ends, ...busy }, done: { type: 'final' } },
  } as never) as unknown as AnyStateMachine;

const machines = {
  observer: machineOf({
    entry: [
      ({ self }: { self: { subscribe(next: () => void): void } }) => self.subscribe(() => fault('observer')),
      assign({ n: 1 }),
    ],
    after: { ...ends.after, 5: { actions: assign({ n: 2 }) } },
  }),
  listener: machineOf({
    entry: [
      ({ self }: { self: { on(type: string, listener: () => void): void } }) =>
        self.on('told', () => fault('listener')),
      emit({ type: 'told' }),
    ],
  }),
  child: machineOf({
    invoke: { src: 'fragile', id: 'kid', onError: { actions: assign({ n: 3 }) } },
    after: {
      ...ends.after,
      5: {
        actions: [
          ({ self }: { self: { getSnapshot(): { children: { kid: { subscribe(next: () => void): void } } } } }) => {
            if (!faulted.has('child')) self.getSnapshot().children.kid.subscribe(() => {});
            faulted.add('child');
          },
          sendTo('kid', { type: 'BREAK' }),
        ],
      },
    },
  }),
  timer: machineOf({ invoke: { src: 'timer', onError: 'done' } }),
  action: machineOf({ entry: async () => await Promise.resolve().then(() => fault('action')) }),
  floating: machineOf({ invoke: { src: 'floating', onError: 'done' } }),
  neighbour: machineOf({ invoke: { src: 'fragile', id: 'kid', onError: 'done' }, entry: assign({ n: 4 }) }),
};

const ended: string[] = [];
kernel.installSink('sink', (_address, { type, address }) => void ended.push(`${type} ${String(address)}`));
for (const [name, machine] of Object.entries(machines)) {
  kernel.install({
    name,
    factory: machineFactory(machine, { logicId: name, logicVersion: '1', world }),
    kind: 'agent',
    lane: name,
    laneLimit: 1,
  });
}
kernel.act((port) => {
  for (const name of Object.keys(machines)) {
    port.startChild({
      address: `machine/${name}`,
      logic: name,
      input: undefined,
      supervisor: 'supervisor/agents/one',
      owner: 'sink/test',
      restart: 'transient',
      recovery: 'resume',
      priority: 5,
      durable: true,
    });
  }
});
while (ended.length < Object.keys(machines).length) await new Promise<void>((resolve) => void setImmediate(resolve));
const crashed = node.log
  .filter(({ message }) => message === 'An actor crashed.')
  .map(({ fields }) => String(fields['actor']));
process.stdout.write(`${JSON.stringify({ ended: ended.toSorted(), crashed: crashed.toSorted() })}\n`);
process.exit(0);
