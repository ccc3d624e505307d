/**
 * What actors of one process cost, measured in it (`--expose-gc`; tells its parent): bytes of a live one beside XState's own, and
 * how many are made, and how many messages they exchange, in a second. Two figures each: ours, and of XState alone.
 */
import { performance } from 'node:perf_hooks';
import { type AnyStateMachine, assign, createActor, sendTo, setup } from 'xstate';
import { type AgentDefinition, defineAgent } from '../actors/agent-definition.ts';
import { labAgents } from '../actors/lab/lab.ts';
import type { Desk } from '../actors/desk.ts';
import { agentAddress } from '../protocol/addresses.ts';
import { buildIndoors } from '../node.ts';
import { addressOf } from '../runtime/machine-references.ts';
import { tuneCollector } from '../runtime/collector.ts';
import { createLog } from '../runtime/log.ts';
import { loadSettings } from '../runtime/settings.ts';
import { createWorld } from '../runtime/world.ts';

tuneCollector();
const [dataDir = '', actorsText = '0'] = process.argv.slice(2);
const ACTORS = Number(actorsText);
const ASKERS = 256;

const counter = labAgents(dataDir).find((agent) => agent.name === 'lab.counter') as AgentDefinition;
const machine = counter.machine as AnyStateMachine;
const event = { type: 'add', by: 1 };

/** Asks one counter after the other, and says so to whoever sent it when it has so many answers. */
const asker = defineAgent({
  name: 'bench.asker',
  version: '1.0.0',
  keyed: true,
  machine: setup({
    types: {
      context: {} as { key: string; left: number; replyTo: string },
      input: {} as { key: string },
      events: {} as { type: 'go'; asks: number; replyTo: string } | { type: 'total' },
    },
    actions: {
      ask: sendTo(
        ({ context }) => addressOf(agentAddress('lab.counter', String(context.left % ACTORS))),
        ({ context }) => ({ type: 'get', replyTo: agentAddress('bench.asker', context.key) }),
      ),
    },
  }).createMachine({
    id: 'asker',
    context: ({ input }) => ({ key: input.key, left: 0, replyTo: '' }),
    on: {
      go: {
        actions: [assign({ left: ({ event }) => event.asks, replyTo: ({ event }) => event.replyTo }), 'ask'],
      },
      total: [
        {
          guard: ({ context }) => context.left > 1,
          actions: [assign({ left: ({ context }) => context.left - 1 }), 'ask'],
        },
        { actions: sendTo(({ context }) => addressOf(context.replyTo), { type: 'done' }) },
      ],
    },
  }),
});

function heapBytes(): number {
  for (let round = 0; round < 4; round++) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function bareBytes(): number {
  const actors = new Map<string, object>();
  const before = heapBytes();
  for (let index = 0; index < ACTORS; index++) {
    const actor = createActor(machine, { input: { key: String(index) } });
    actor.subscribe({ error: () => {} });
    actor.start();
    actor.send(event);
    actors.set(`counter/${index}`, actor);
  }
  const bytes = (heapBytes() - before) / ACTORS;
  if (actors.size !== ACTORS) throw new TypeError('Some actors are missing.');
  return bytes;
}

/** One question to each, so many under way at a time; each answer waits for the commit of what caused it. */
async function askAll(desk: Desk): Promise<number> {
  const from = performance.now();
  let next = 0;
  const asker = async (): Promise<void> => {
    while (next < ACTORS) await desk.ask('lab.counter', String(next++), { type: 'get' }, 60_000);
  };
  await Promise.all(Array.from({ length: ASKERS }, asker));
  return (performance.now() - from) / 1_000;
}

/** Questions of actors to actors, as many in a row by each of some. @returns how many were answered in a second */
async function askEachOther(desk: Desk): Promise<number> {
  const asks = Math.ceil(ACTORS / ASKERS) * 10;
  const from = performance.now();
  const go = { type: 'go', asks } as const;
  await Promise.all(Array.from({ length: ASKERS }, (_, key) => desk.ask('bench.asker', String(key), go, 120_000)));
  return (ASKERS * asks * 1_000) / (performance.now() - from);
}

async function main(): Promise<void> {
  const world = createWorld();
  const outcome = loadSettings({ cwd: dataDir, env: {}, options: { dataDir, logLevel: 'error' } });
  if (!outcome.ok) throw outcome.error;
  const { core, staff } = await buildIndoors({
    world,
    settings: outcome.settings,
    log: createLog({ world, level: 'error', format: 'json', secrets: [] }),
    agents: [counter, asker],
    workflows: [],
    onFatal: (error) => {
      throw error;
    },
  });
  const { kernel, committer } = core;
  const tellAll = async (): Promise<number> => {
    const from = performance.now();
    for (let index = 0; index < ACTORS; index++) {
      kernel.deliver(agentAddress('lab.counter', String(index)), event);
      if (index % 2_000 === 1_999) await committer.flush();
    }
    await committer.flush();
    return (performance.now() - from) / 1_000;
  };
  kernel.deliver(agentAddress('lab.counter', 'warm'), event);
  await committer.flush();
  const bare = bareBytes();
  const before = heapBytes();
  const wakeSeconds = await tellAll();
  const live = (heapBytes() - before) / ACTORS;
  const tellSeconds = await tellAll();
  const askSeconds = await askAll(staff.desk);
  const betweenPerSecond = await askEachOther(staff.desk);
  process.send?.({
    bareBytes: bare,
    liveBytes: live,
    wakesPerSecond: ACTORS / wakeSeconds,
    tellsPerSecond: ACTORS / tellSeconds,
    asksPerSecond: ACTORS / askSeconds,
    betweenPerSecond,
  });
}

await main();
process.exit(0);
