/**
 * What actors of one process cost, measured in it (`--expose-gc`; tells its parent): bytes of a live one beside XState's own, and
 * how many are made, and how many messages they exchange, in a second. Two figures each: ours, and of XState alone.
 */
import { performance } from 'node:perf_hooks';
import { type Actor, type AnyActorLogic, createActor, setup, assign } from 'xstate';
import { defineAgent } from '../actors/agent-definition.ts';
import { agentAddress } from '../protocol/addresses.ts';
import { buildIndoors } from '../node.ts';
import { tuneCollector } from '../runtime/collector.ts';
import { createLog } from '../runtime/log.ts';
import { loadSettings } from '../runtime/settings.ts';
import { createWorld } from '../runtime/world.ts';

tuneCollector();
const [dataDir = '', actorsText = '0'] = process.argv.slice(2);
const ACTORS = Number(actorsText);

const machine = setup({
  types: {} as { context: { count: number }; events: { type: 'add'; by: number } },
  actions: { add: assign({ count: ({ context, event }) => context.count + event.by }) },
}).createMachine({
  id: 'counter',
  context: { count: 0 },
  initial: 'counting',
  states: { counting: { on: { add: { actions: 'add' } } } },
});

function heapBytes(): number {
  for (let round = 0; round < 4; round++) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function bareBytes(): number {
  const actors = new Map<string, Actor<AnyActorLogic>>();
  const before = heapBytes();
  for (let index = 0; index < ACTORS; index++) {
    const actor = createActor(machine);
    actor.subscribe({ error: () => {} });
    actor.start();
    actor.send({ type: 'add', by: 1 });
    actors.set(`counter/${index}`, actor as unknown as Actor<AnyActorLogic>);
  }
  const bytes = (heapBytes() - before) / ACTORS;
  if (actors.size !== ACTORS) throw new TypeError('Some actors are missing.');
  return bytes;
}

async function main(): Promise<void> {
  const world = createWorld();
  const outcome = loadSettings({ cwd: dataDir, env: {}, options: { dataDir, logLevel: 'error' } });
  if (!outcome.ok) throw outcome.error;
  const counter = defineAgent({ name: 'counter', version: '1.0.0', keyed: true, machine });
  const { core } = await buildIndoors({
    world,
    settings: outcome.settings,
    log: createLog({ world, level: 'error', format: 'json', secrets: [] }),
    agents: [counter],
    workflows: [],
    onFatal: (error) => {
      throw error;
    },
  });
  const { kernel, committer } = core;
  const tellAll = async (): Promise<number> => {
    const from = performance.now();
    for (let index = 0; index < ACTORS; index++) {
      kernel.deliver(agentAddress('counter', String(index)), { type: 'add', by: 1 });
      if (index % 2_000 === 1_999) await committer.flush();
    }
    await committer.flush();
    return (performance.now() - from) / 1_000;
  };
  kernel.deliver(agentAddress('counter', 'warm'), { type: 'add', by: 1 });
  await committer.flush();
  const bare = bareBytes();
  const before = heapBytes();
  const wakeSeconds = await tellAll();
  const live = (heapBytes() - before) / ACTORS;
  const tellSeconds = await tellAll();
  process.send?.({
    bareBytes: bare,
    liveBytes: live,
    wakesPerSecond: ACTORS / wakeSeconds,
    tellsPerSecond: ACTORS / tellSeconds,
  });
}

await main();
process.exit(0);
