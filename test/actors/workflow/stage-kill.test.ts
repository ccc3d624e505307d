/** Each thing that a stage does, on a node that dies at each of its commits in turn: what comes out is what a straight run gives. */
import { describe, expect, it } from 'vitest';
import type { TaskEvent } from '../../../protocol/tasks.ts';
import { MemoryDisk, type WriteOutcome } from '../../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';
import { register } from './stage-rig.ts';

interface Feature {
  readonly steps: readonly object[];
  readonly workflows?: readonly object[];
  /** Sent once each, in order; the next when the one before is acknowledged. */
  readonly signals?: readonly string[];
  readonly status?: 'failed';
}

const wait = (ms: number, value: unknown = 'waited') => ({ agent: 'lab.delay', input: { ms, value } });
const failing = { agent: 'lab.flaky', input: { failures: 9 }, retry: { attempts: 2, backoffMs: 100 } };
const inner = {
  name: 'inner',
  steps: [
    { id: 'one', ...wait(200), delayMs: 100 },
    { id: 'two', agent: 'lab.echo', input: '${[steps.one.output, input]}' },
  ],
  output: '${steps.two.output}',
};
const counting = {
  agent: 'lab.delay',
  input: { ms: 150, value: '${steps.a.output == null ? 1 : steps.a.output + 1}' },
  loop: { while: 'steps.a.output < 4', max: 9 },
};

const FEATURES: Readonly<Record<string, Feature>> = {
  'a delay': {
    steps: [
      { id: 'a', delayMs: 500, agent: 'lab.echo', input: 1 },
      { id: 'b', delayMs: 300, needs: ['a'] },
    ],
  },
  'signals, awaited and kept': {
    steps: [
      { id: 'a', signal: { name: 'go' } },
      { id: 'b', ...wait(400), signal: { name: 'go on', deadlineMs: 60_000 }, needs: ['a'] },
      { id: 'c', signal: { name: 'early' }, needs: ['b'] },
    ],
    signals: ['early', 'go', 'go on'],
  },
  'a signal that does not come': {
    steps: [{ id: 'a', signal: { name: 'go', deadlineMs: 400, onExpire: 'continue' }, ...wait(200) }],
  },
  approvals: {
    steps: [
      { id: 'a', approval: {}, ...wait(200) },
      { id: 'b', forEach: [1, 2], approval: { role: 'editor' } },
    ],
  },
  'an approval that expires': {
    steps: [{ id: 'a', approval: { deadlineMs: 500, onExpire: 'reject' } }],
    status: 'failed',
  },
  'a loop': { steps: [{ id: 'a', ...counting }] },
  'a loop without end': { steps: [{ id: 'a', ...counting, loop: { while: 'true', max: 2 } }], status: 'failed' },
  fallbacks: { steps: [{ id: 'a', ...failing, fallback: [failing, { ...wait(300, 'third') }] }] },
  'a workflow': { steps: [{ id: 'a', workflow: 'inner', input: 7 }], workflows: [inner] },
  'a workflow tried again': {
    steps: [{ id: 'a', workflow: 'slow', timeoutMs: 300, retry: { attempts: 2, backoffMs: 200 }, optional: true }],
    workflows: [
      {
        name: 'slow',
        steps: [
          { id: 'x', ...wait(100) },
          { id: 'y', needs: ['x'], ...wait(900) },
        ],
      },
    ],
  },
  'all of it, for two items': {
    steps: [
      {
        id: 'a',
        forEach: [1, 2],
        concurrency: 1,
        delayMs: 100,
        signal: { name: 'go:${item}' },
        approval: {},
        workflow: 'outer',
        input: '${round}',
        loop: { while: 'round < 2', max: 2 },
      },
    ],
    workflows: [inner, { name: 'outer', steps: [{ id: 'mid', ...failing, fallback: { workflow: 'inner' } }] }],
    signals: ['go:1', 'go:2'],
  },
};

interface Run {
  readonly status: string;
  readonly output: unknown;
  readonly degraded: unknown;
  readonly error: unknown;
  readonly events: readonly TaskEvent[];
  readonly rest: readonly string[];
  readonly commits: number;
}

const MOMENTS_MAX = 2_000;
const MOMENT_MS = 100;
/** Commits that are both lost and kept; beyond them, in turn. */
const BOTH_MAX = 12;

/** Runs a feature on a node that dies with the commit `dieAt` (0: never), and on the next one. */
async function run(feature: Feature, dieAt: number, outcome: WriteOutcome): Promise<Run> {
  let commits = 0;
  let isDead = false;
  let isOpen = false;
  const disk = new MemoryDisk({
    onWrite: () => {
      if (isDead) return 'lost';
      if (!isOpen || ++commits !== dieAt) return 'done';
      isDead = true;
      return outcome;
    },
  });
  const made = async (seed: number, startMs?: number): Promise<WorkNode> => {
    const node = await createWorkNode({ disk, seed, noBreakers: true, ...(startMs !== undefined && { startMs }) });
    for (const graph of feature.workflows ?? []) register(node, graph);
    return node;
  };
  let node = await made(1);
  isOpen = true;
  const { task } = node.submit({ graph: { steps: feature.steps } });
  const acknowledged = new Set<string>();
  const under = new Map<string, WorkNode>();
  for (let moment = 0; moment < MOMENTS_MAX; moment++) {
    await node.world.settle();
    if (isDead) {
      const startMs = node.world.nowMs();
      node.kill();
      isDead = false;
      dieAt = 0;
      node = await made(2, startMs);
      expect(node.recovered.stranded).toEqual([]);
      // Not even its acceptance was committed.
      if ((await node.store.readTask(task)) === undefined) return { ...NOTHING, commits };
      continue;
    }
    if ((await node.store.readTask(task))?.result !== undefined) break;
    speak(node, task, feature.signals ?? [], acknowledged, under);
    await node.world.elapse(MOMENT_MS);
  }
  const record = await node.store.readTask(task);
  const events = await node.events(task);
  await node.world.settle();
  const rest = disk.keys().filter((key) => /(?:stage|step|run|flow|task|approval)\/|signal\//.test(key));
  node.kill();
  const { output, degraded, error } = record?.result ?? {};
  return { status: record?.status ?? 'unfinished', output, degraded, error, events, rest, commits };
}

const NOTHING: Omit<Run, 'commits'> = {
  status: 'none',
  output: undefined,
  degraded: undefined,
  error: undefined,
  events: [],
  rest: [],
};

/** The world outside: it answers what asks, and sends the next signal once the one before is acknowledged. */
function speak(
  node: WorkNode,
  task: string,
  signals: readonly string[],
  acknowledged: Set<string>,
  under: Map<string, WorkNode>,
): void {
  for (const address of node.kernel.cells.keys()) {
    if (!address.startsWith('approval/') || isToExpire(node, address)) continue;
    const role = address.includes('/b/') ? { role: 'editor' } : {};
    node.kernel.deliver(address, {
      type: 'approval.resolve',
      decision: 'approve',
      by: 'ada',
      replyTo: 'nobody',
      ...role,
    });
  }
  const next = signals.find((name) => !acknowledged.has(name));
  if (next === undefined || under.get(next) === node) return;
  under.set(next, node);
  node.desk.signal('loopback', task, next, { of: next }).then(
    () => acknowledged.add(next),
    () => undefined,
  );
}

function isToExpire(node: WorkNode, address: string): boolean {
  return node.kernel.cells.get(address)?.timers !== undefined;
}

/** What was completed and how often, without what tells of time. */
function completions(events: readonly TaskEvent[]): readonly string[] {
  return events
    .filter(({ kind }) => kind === 'step.completed')
    .map(({ data }) => JSON.stringify([data['step'], data['item'], data['round'], data['fallback']]))
    .toSorted();
}

function withoutTimes(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null, (key, field: unknown) => (key === 'atMs' ? 0 : field)));
}

describe.each(Object.entries(FEATURES))('A node that dies at any commit of %s', (_name, feature) => {
  it('goes on to what a straight run gives, and does nothing twice', async () => {
    const straight = await run(feature, 0, 'done');
    expect(straight.status).toBe(feature.status ?? 'completed');
    expect(straight.rest).toEqual([]);
    expect(straight.commits).toBeGreaterThan(1);
    for (let dieAt = 1; dieAt <= straight.commits; dieAt++) {
      for (const outcome of ['lost', 'kept'] as const) {
        if (dieAt > BOTH_MAX && (dieAt % 2 === 0) !== (outcome === 'lost')) continue;
        const killed = await run(feature, dieAt, outcome);
        const where = `commit ${dieAt}, ${outcome}`;
        if (killed.status === 'none') {
          expect([dieAt, outcome]).toEqual([1, 'lost']);
          continue;
        }
        const { status, output, degraded, error } = killed;
        expect(withoutTimes({ status, output, degraded, error }), where).toEqual(
          withoutTimes({
            status: straight.status,
            output: straight.output,
            degraded: straight.degraded,
            error: straight.error,
          }),
        );
        expect(completions(killed.events), where).toEqual(completions(straight.events));
        expect(new Set(completions(killed.events)).size, where).toBe(completions(killed.events).length);
        expect(
          killed.events.map(({ seq }) => seq),
          where,
        ).toEqual(killed.events.map((_, index) => index + 1));
        expect(killed.rest, where).toEqual([]);
      }
    }
  }, 60_000);
});
