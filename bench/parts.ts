/** What the parts of a task cost by themselves: a commit, a frame, an actor. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createActor, createMachine, fromTransition } from 'xstate';
import { taskLogic } from '../actors/task.ts';
import { msgpackCodec } from '../protocol/codec.ts';
import { parseClientMessage } from '../protocol/messages.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import { flatFactory } from '../runtime/flat-logic.ts';
import { createLevelStore } from '../runtime/stores/level-store.ts';
import type { Epoch, TaskWrite } from '../runtime/stores/store.ts';
import { createWorld } from '../runtime/world.ts';
import { figure, heading, line } from './table.ts';

/** Microseconds per call, measured for about `ms` after a warm-up. */
function microsOf(fn: (index: number) => void, ms: number): number {
  let index = 0;
  const until = (endMs: number): number => {
    let calls = 0;
    while (performance.now() < endMs) for (let chunk = 0; chunk < 64; chunk++, calls++) fn(index++);
    return calls;
  };
  until(performance.now() + ms / 2);
  const from = performance.now();
  const calls = until(from + ms);
  return ((performance.now() - from) / calls) * 1000;
}

/** Commits, codec and actors, a line each. */
export async function benchParts(isQuick: boolean): Promise<void> {
  const ms = isQuick ? 200 : 800;
  heading('parts, microseconds each');
  await benchCommits(isQuick ? 30 : 150);
  const submit = {
    type: 'task.submit',
    id: '17',
    agent: 'lab.echo',
    input: { text: 'hello 17', meta: { a: 1, b: 'x'.repeat(40) } },
    watch: 'result',
  };
  const frame = msgpackCodec.encode(submit) as Uint8Array;
  line(
    'frame in: bounds, decode, validate',
    `${figure(microsOf(() => parseClientMessage(msgpackCodec.decode(frame)), ms))} µs`,
  );
  const result = {
    type: 'task.result',
    task: '01M8260000000000000000000A',
    seq: 6,
    status: 'completed',
    output: submit.input,
    usage: { usd: 0, tokensIn: 0, tokensOut: 0, steps: 1 },
    durationMs: 3,
  };
  line('frame out: encode a result', `${figure(microsOf(() => void msgpackCodec.encode(result), ms))} µs`);
  benchActors(ms);
}

async function benchCommits(rounds: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-bench-store-'));
  const world = createWorld();
  const store = createLevelStore({ dir, durability: 'fsync', world });
  const fence = await store.open();
  let alone = 0;
  for (const size of [1, 16, 128, 1_024]) {
    const from = performance.now();
    for (let round = 0; round < rounds; round++)
      await store.commit(epochOf(Array.from({ length: size }, () => taskWrite(world.id()))), fence);
    const micros = ((performance.now() - from) / rounds / size) * 1000;
    if (size === 1) alone = micros;
    const ratio = size === 1 ? '' : `1 / ${figure(alone / micros)} of one alone`;
    line(`commit, per finished task, ${size} in an epoch (fsync)`, `${figure(micros)} µs`, ratio);
  }
  await store.close();
  rmSync(dir, { recursive: true, force: true });
}

function epochOf(tasks: readonly TaskWrite[]): Epoch {
  return { tasks, cells: [], attachments: [], keys: [], definitions: [], quarantine: [] };
}

function taskWrite(id: string): TaskWrite {
  const input = { text: 'hello', meta: { a: 1, b: 'x'.repeat(40) } };
  const result = {
    status: 'completed',
    output: input,
    usage: { usd: 0, tokensIn: 0, tokensOut: 0, steps: 1 },
    durationMs: 1,
  } as const;
  const kinds = [
    'task.submitted',
    'task.started',
    'agent.selected',
    'step.started',
    'step.completed',
    'task.completed',
  ] as const;
  return {
    id,
    created: { target: { agent: 'lab.echo' }, input, options: {}, principal: 'loopback', createdAtMs: 1 },
    progress: { status: 'completed', seq: kinds.length, updatedAtMs: 2, result },
    events: kinds.map((kind, at) => ({ seq: at + 1, at: 2, kind, data: { step: 'main' } })),
  };
}

function benchActors(ms: number): void {
  const bare = fromTransition((state: { n: number }) => ({ n: state.n + 1 }), { n: 0 });
  const bareMicros = microsOf(() => {
    createActor(bare).start();
  }, ms);
  line('actor: create and start, bare transition logic', `${figure(bareMicros)} µs`);
  const factory = flatFactory(taskLogic);
  const start = {
    id: '01M8260000000000000000000A',
    target: { agent: 'lab.echo' },
    input: {},
    options: {},
    principal: 'loopback',
    createdAtMs: 1,
  };
  const flat = microsOf(() => factory.create(SILENT_PORT, start).start(), ms);
  line("actor: create and start, the task's own table", `${figure(flat)} µs`, `${figure(flat / bareMicros)} × bare`);
  const chart = createMachine({ initial: 'a', states: { a: { on: { GO: 'b' } }, b: {} } });
  const chartMicros = microsOf(() => {
    createActor(chart).start();
  }, ms);
  line(
    'actor: create and start, a statechart',
    `${figure(chartMicros)} µs`,
    `${figure(chartMicros / bareMicros)} × bare`,
  );
}

const nothing = (): void => {};
const NO_ROWS: ReadonlyMap<string, unknown> = new Map();

const SILENT_PORT: CellPort = {
  address: 'task/01M8260000000000000000000A',
  input: undefined,
  nowMs: () => 1,
  afterCommit: nothing,
  effect: nothing,
  cancelEffect: nothing,
  send: nothing,
  tell: nothing,
  setTimer: nothing,
  clearTimer: nothing,
  reenter: nothing,
  fail: nothing,
  startChild: nothing,
  monitor: () => '',
  demonitor: nothing,
  link: nothing,
  unlink: nothing,
  trapExit: nothing,
  stopChild: nothing,
  logTask: nothing,
  claimKey: nothing,
  define: nothing,
  attach: nothing,
  attached: () => NO_ROWS,
};
