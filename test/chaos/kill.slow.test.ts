/**
 * A node that is killed with SIGKILL at a random moment and started again, seen from outside by a client that has no code of
 * the product. TROUPE_TEST_FULL=1 makes it 20 rounds; TROUPE_TEST_SEED repeats one.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { freePort, NodeUnderTest, temporaryFolder } from '../support/node-process.ts';
import { seeded, TaskRecords } from '../support/task-record.ts';
import { type Frame, Wire } from '../support/wire.ts';

const FULL = process.env['TROUPE_TEST_FULL'] === '1';
const ROUNDS = FULL ? 20 : 3;
const FIXED_SEED = process.env['TROUPE_TEST_SEED'];
const TASKS = 500;
const WAIT_MS = 30_000;
const ROUND_MS = 90_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function freshNode(): Promise<NodeUnderTest> {
  const folder = temporaryFolder('chaos');
  const node = new NodeUnderTest(folder.path, await freePort());
  cleanups.push(folder.clear, () => node.kill());
  await node.start();
  return node;
}

async function until(check: () => boolean | Promise<boolean>, what: string): Promise<void> {
  await vi.waitFor(
    async () => {
      if (!(await check())) throw new TypeError(`Not yet: ${what}.`);
    },
    { timeout: WAIT_MS, interval: 20 },
  );
}

interface Job {
  readonly index: number;
  readonly ms: number;
  readonly key: string;
  task?: string;
}

/** Submits every job that is not accepted yet, under its key; resolves when all are, or when the connection ends. */
async function submitRest(wire: Wire, jobs: readonly Job[], records: TaskRecords): Promise<void> {
  const byId = new Map<string, Job>();
  let waiting = 0;
  const all = Promise.withResolvers<void>();
  wire.listen(({ type, re, task, code }) => {
    const job = byId.get(re ?? '');
    if (job === undefined) return;
    if (type !== 'task.accepted') return all.reject(new TypeError(`${type} ${code}`));
    job.task = String(task);
    records.of(job.task);
    if (--waiting === 0) all.resolve();
  });
  for (const job of jobs) {
    if (job.task !== undefined) continue;
    waiting++;
    const id = `s${job.index}`;
    byId.set(id, job);
    const input = { ms: job.ms, value: job.index };
    wire.send({ type: 'task.submit', id, agent: 'lab.delay', input, key: job.key });
  }
  if (waiting === 0) all.resolve();
  await Promise.race([all.promise, wire.closed]);
}

/** Where a task was cut off by the kill: submitted before it, done after it. */
function wasCutOff(events: readonly Frame[], kill: { fromMs: number; toMs: number }): boolean | undefined {
  const submittedMs = Number(events.find(({ kind }) => kind === 'task.submitted')?.at);
  const doneMs = Number(events.find(({ kind }) => kind === 'step.completed')?.at);
  // What happened around the kill itself may or may not have reached the disk.
  for (const at of [submittedMs, doneMs]) if (at >= kill.fromMs - 50 && at <= kill.toMs) return undefined;
  return submittedMs < kill.fromMs && doneMs > kill.toMs;
}

async function killRound(seed: number): Promise<void> {
  const random = seeded(seed);
  const node = await freshNode();
  const records = new TaskRecords();
  const jobs: Job[] = Array.from({ length: TASKS }, (_, index) => ({
    index,
    ms: Math.floor(random() * 1_501),
    key: `job-${seed}-${index}`,
  }));
  const first = await Wire.open(node.socketUrl);
  records.follow(first);
  const killsWhileSubmitting = random() < 0.4;
  const submitting = submitRest(first, jobs, records);
  if (!killsWhileSubmitting) await submitting;
  const kill = await node.kill(1 + Math.floor(random() * (killsWhileSubmitting ? 300 : 1_500)));
  await first.closed;
  await submitting;
  const endedBefore = [...records.byTask.values()].filter(({ end }) => end !== undefined).map(({ task }) => task);

  await node.start();
  const second = await Wire.open(node.socketUrl);
  records.follow(second);
  records.watchOn(second);
  await submitRest(second, jobs, records);
  await until(() => records.allEnded(), 'all tasks are at their end');

  expect(new Set(jobs.map(({ task }) => task)).size).toBe(TASKS);
  expect(records.byTask.size).toBe(TASKS);
  for (const { task, index } of jobs) {
    const record = records.of(String(task));
    expect(record.faultsAtEnd()).toEqual([]);
    expect(record.end).toMatchObject({ status: 'completed', output: index });
    expect(record.count('step.completed')).toBe(1);
    const cutOff = wasCutOff(record.inOrder(), kill);
    if (cutOff !== undefined) expect([task, record.count('task.resumed')]).toEqual([task, cutOff ? 1 : 0]);
    if (endedBefore.includes(String(task))) expect(record.count('task.resumed')).toBe(0);
  }
  expect(await countTasks(second)).toBe(TASKS);
  // What was told live, over two connections and a kill, is what the node holds.
  const sample = jobs.filter(() => random() < 0.1).map(({ task }) => String(task));
  const third = await Wire.open(node.socketUrl);
  for (const task of sample) {
    third.send({ type: 'task.watch', id: task, task, after: 0 });
    const end = await third.result(task);
    expect(end).toEqual(records.of(task).end);
    expect(third.events(task)).toEqual(records.of(task).inOrder());
  }
}

async function countTasks(wire: Wire): Promise<number> {
  const seen = new Set<string>();
  let cursor: string | null = null;
  do {
    const page: Frame = await wire.request({ type: 'task.list', limit: 200, ...(cursor !== null && { cursor }) });
    for (const { task } of page['tasks'] as Frame[]) seen.add(String(task));
    cursor = page['cursor'] as string | null;
  } while (cursor !== null);
  return seen.size;
}

describe('500 waiting tasks and a node that is killed', () => {
  const seeds =
    FIXED_SEED === undefined
      ? Array.from({ length: ROUNDS }, () => Math.floor(Math.random() * 2 ** 31))
      : [Number(FIXED_SEED)];
  it.each(seeds)('all end completed, exactly once, with their value (seed %i)', killRound, ROUND_MS);
});

describe('a node that is killed while it recovers', () => {
  it('goes on at the third start as it would have at the second', { timeout: ROUND_MS }, async () => {
    const node = await freshNode();
    const records = new TaskRecords();
    const jobs: Job[] = Array.from({ length: TASKS }, (_, index) => ({ index, ms: 4_000, key: `again-${index}` }));
    const first = await Wire.open(node.socketUrl);
    await submitRest(first, jobs, records);
    await node.kill();
    for (const afterMs of [330, 420, 510, 600]) {
      node.spawn();
      await node.kill(afterMs);
    }
    await node.start();
    const second = await Wire.open(node.socketUrl);
    records.follow(second);
    records.watchOn(second);
    await until(() => records.allEnded(), 'all tasks are at their end');
    for (const { task, index } of jobs) {
      const record = records.of(String(task));
      expect(record.faultsAtEnd()).toEqual([]);
      expect(record.end).toMatchObject({ status: 'completed', output: index });
      expect(record.count('task.resumed')).toBeGreaterThanOrEqual(1);
      expect(record.count('task.resumed')).toBeLessThanOrEqual(5);
    }
    expect(await countTasks(second)).toBe(TASKS);
  });
});
