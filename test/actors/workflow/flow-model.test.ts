/** Random workflows against the reference interpreter: on a node that lives, and on one that dies at every second commit. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskEvent } from '../../../protocol/tasks.ts';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import type { TaskRecord } from '../../../runtime/stores/store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';
import {
  interpret,
  modelAgents,
  modelArbitrary,
  type ModelEnd,
  modelGraph,
  modelInput,
  type ModelStep,
} from './reference-flow.ts';

/** Ten times as many runs where all figures are asked for. */
const DOSE = process.env['TROUPE_TEST_FULL'] === '1' ? 10 : 1;
const LIVES_MAX = 400;
const LIFE_MS_MAX = 3_000;

interface Ran {
  readonly record: TaskRecord;
  readonly lines: readonly TaskEvent[];
  readonly rest: readonly string[];
  readonly deaths: number;
}

/** Runs a model; each life of the node ends with its so many-th commit, which is kept. */
async function run(steps: readonly ModelStep[], commitsOf: (life: number) => number): Promise<Ran> {
  let left = Number.POSITIVE_INFINITY;
  let isDead = false;
  const disk = new MemoryDisk({
    onWrite: () => {
      if (isDead) return 'lost';
      if (--left > 0) return 'done';
      isDead = true;
      return 'kept';
    },
  });
  const agents = modelAgents();
  let startMs: number | undefined;
  /** A life begins; undefined where it ends with a commit that the node makes before it has gone on with everything. */
  const live = (life: number): Promise<WorkNode | undefined> =>
    createWorkNode({ agents, disk, seed: life + 1, noBreakers: true, ...(startMs !== undefined && { startMs }) }).catch(
      (error: unknown) => {
        if (!isDead) throw error;
        expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
        return undefined;
      },
    );
  const first = (await live(0)) as WorkNode;
  left = commitsOf(0);
  const { task } = first.submit({ graph: modelGraph(steps) }, modelInput(steps));
  await first.world.settle();
  let node: WorkNode | undefined = first;
  let deaths = 0;
  for (let life = 1; life < LIVES_MAX; life++) {
    for (let ms = 0; node !== undefined && ms < LIFE_MS_MAX && !isDead; ms += 10) {
      if ((await node.store.readTask(task))?.result !== undefined) break;
      await node.world.elapse(10);
    }
    if (!isDead) break;
    startMs = node?.world.nowMs() ?? startMs;
    node?.kill();
    deaths++;
    isDead = false;
    // The store is opened with a write of its own.
    left = commitsOf(life) + 1;
    node = await live(life);
  }
  if (node === undefined || isDead) throw new TypeError(`It has not ended in ${LIVES_MAX} lives.`);
  left = Number.POSITIVE_INFINITY;
  const record = await node.end(task);
  const lines = await node.events(task);
  const rest = disk.keys().filter((key) => /(?:step|run|flow|task|chain)\//.test(key));
  node.kill();
  return { record, lines, rest, deaths };
}

const placeOf = ({ data: { step, item } }: TaskEvent): string =>
  item === undefined ? String(step) : `${step as string}/${item as number}`;

/** The line that ends a step as a whole. */
function isEnd({ kind, data }: TaskEvent): boolean {
  return /^step\.(completed|skipped|degraded)$/.test(kind) && data['item'] === undefined;
}

function expectOutcome({ record }: Ran, end: ModelEnd): void {
  expect(record.status).toBe(end.status);
  if (end.status === 'completed') {
    expect(record.result?.output).toEqual(end.outputs);
    const degraded = (record.result?.degraded ?? []).map(({ step }) => step);
    expect(degraded).toEqual(expect.arrayContaining([...end.degraded]));
    expect([...end.degraded, ...end.mayDegrade]).toEqual(expect.arrayContaining(degraded));
  } else expect(end.by).toContain((record.result?.error?.details as { step?: string } | undefined)?.step);
}

/** A step begins when those that it needs have ended. */
function expectOrder({ lines }: Ran, steps: readonly ModelStep[]): void {
  const begins = new Map<string, number>();
  const ends = new Map<string, number>();
  for (const line of lines) {
    const { step } = line.data as { readonly step?: string };
    if (step === undefined || line.data['compensation'] === true || line.kind === 'step.compensated') continue;
    if (!begins.has(step)) begins.set(step, line.seq);
    if (isEnd(line) && !ends.has(step)) ends.set(step, line.seq);
  }
  steps.forEach(({ needs }, index) => {
    const begin = begins.get(`s${index}`);
    if (begin === undefined) return;
    for (const need of needs) expect(ends.get(`s${need}`), `s${index} needs s${need}`).toBeLessThan(begin);
  });
}

/** No more items at a time than the step says, and none is done twice. */
function expectItems({ lines }: Ran, steps: readonly ModelStep[]): void {
  const underWay = new Map<string, Set<unknown>>();
  const completed = new Map<string, number>();
  for (const line of lines) {
    const { step, item, attempt, compensation } = line.data as Record<string, unknown>;
    if (attempt === undefined || compensation === true) continue;
    const place = placeOf(line);
    if (line.kind === 'step.completed') completed.set(place, (completed.get(place) ?? 0) + 1);
    if (item === undefined) continue;
    const items = underWay.get(String(step)) ?? new Set();
    underWay.set(String(step), items);
    if (line.kind === 'step.started') items.add(item);
    if (line.kind === 'step.completed' || line.kind === 'step.failed') items.delete(item);
    const limit = steps[Number(String(step).slice(1))]?.fan?.concurrency ?? 0;
    expect(items.size, place).toBeLessThanOrEqual(limit);
  }
  expect([...completed].filter(([, count]) => count > 1)).toEqual([]);
}

/** Where it failed, what completed and can be undone is undone, once, the last first. */
function expectUndone({ record, lines }: Ran, steps: readonly ModelStep[]): void {
  const undone = lines.filter(({ kind }) => kind === 'step.compensated').map(placeOf);
  const done = lines
    .filter(({ kind, data }) => kind === 'step.completed' && data['attempt'] !== undefined)
    .filter(({ data }) => steps[Number(String(data['step']).slice(1))]?.undone === true);
  expect(undone).toEqual(record.status === 'failed' ? done.map(placeOf).toReversed() : []);
}

function expectWhole(ran: Ran, steps: readonly ModelStep[], end: ModelEnd): void {
  const { lines, record, rest } = ran;
  expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1));
  expect(lines.at(-1)).toMatchObject({ kind: `task.${record.status}`, seq: record.seq });
  expectOutcome(ran, end);
  expectOrder(ran, steps);
  expectItems(ran, steps);
  expectUndone(ran, steps);
  expect(rest).toEqual([]);
}

describe('A random workflow', () => {
  it(
    'does what the reference interpreter says, on a node that lives',
    async () => {
      const seen = new Set<string>();
      await fc.assert(
        fc.asyncProperty(modelArbitrary, async (steps) => {
          const end = interpret(steps);
          seen.add(end.status);
          for (const { fan, optional } of steps) if (fan !== undefined) seen.add(`${fan.merge} ${optional}`);
          expectWhole(await run(steps, () => Number.POSITIVE_INFINITY), steps, end);
        }),
        { numRuns: 60 * DOSE },
      );
      // Without these it would have shown little.
      for (const what of ['completed', 'failed', 'any false', 'quorum true', 'reduce false', 'all true'])
        expect(seen).toContain(what);
    },
    60_000 * DOSE,
  );

  it(
    'does the same on a node that dies at every second commit, or third',
    async () => {
      let deaths = 0;
      await fc.assert(
        fc.asyncProperty(modelArbitrary, fc.integer({ min: 0, max: 2 }), async (steps, odd) => {
          const ran = await run(steps, (life) => 2 + ((life * odd) % 2));
          deaths += ran.deaths;
          expectWhole(ran, steps, interpret(steps));
        }),
        { numRuns: 60 * DOSE },
      );
      expect(deaths).toBeGreaterThan(100 * DOSE);
    },
    60_000 * DOSE,
  );
});
