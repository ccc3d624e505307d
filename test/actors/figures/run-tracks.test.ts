import { beforeEach, describe, expect, it } from 'vitest';
import { NodeFigures } from '../../../actors/figures/node-figures.ts';
import { RunTracks } from '../../../actors/figures/run-tracks.ts';
import type { EventKind, TaskEvent, TaskResult } from '../../../protocol/tasks.ts';

let figures: NodeFigures;
let tracks: RunTracks;
let seq: number;
beforeEach(() => {
  figures = new NodeFigures();
  tracks = new RunTracks(figures, {
    workflow: (reference) => (reference === 'brief' ? 'brief@1.0.0' : undefined),
    costOf: (reference) => (reference === 'paid@1.0.0' ? 0.5 : 0),
  });
  seq = 0;
});

type Line = readonly [at: number, kind: EventKind, data?: Readonly<Record<string, unknown>>];

/** One commit of the log of task `t`; with a status, its last. */
function commit(lines: readonly Line[], status?: TaskResult['status'], code?: string): void {
  const events = lines.map(([at, kind, data = {}]): TaskEvent => ({ seq: ++seq, at, kind, data }));
  const updatedAtMs = events.at(-1)?.at ?? 0;
  const usage = { usd: 0.25, tokensIn: 10, tokensOut: 5, steps: 1 };
  const error = code === undefined ? {} : { error: { code: code as 'TIMEOUT', message: '', retryable: true } };
  const result = status === undefined ? {} : { result: { status, usage, durationMs: updatedAtMs, ...error } };
  tracks.heard({ task: 't', events, progress: { status: status ?? 'working', seq, updatedAtMs, ...result } });
}

const submitted: Line = [0, 'task.submitted', { target: { capability: 'c' } }];
const brief: Line = [0, 'task.submitted', { target: { workflow: 'brief' } }];
const started = (at: number, step: string, agent: string, attempt = 1, item?: number): Line => [
  at,
  'step.started',
  { step, agent, attempt, ...(item !== undefined && { item }) },
];

describe('From the log of a task', () => {
  it('an attempt is known by how long it took and what its agent costs, also where it is told in pieces', () => {
    commit([submitted, [1, 'task.started']]);
    commit([started(10, 'main', 'paid@1.0.0')]);
    commit([[250, 'step.completed', { step: 'main', attempt: 1 }]], 'completed');
    expect(figures.ofAgent('paid')).toMatchObject({
      runs: 1,
      failures: 0,
      durationMs: { p50: 240, p90: 240, samples: 1 },
      usd: { p50: 0.5 },
    });
  });

  it('what an attempt says that it used goes before what its agent costs', () => {
    const usage = { usd: 0.02, tokensIn: 100, tokensOut: 20 };
    commit(
      [submitted, started(0, 'main', 'paid@1.0.0'), [9, 'step.completed', { step: 'main', attempt: 1, usage }]],
      'completed',
    );
    expect(figures.ofAgent('paid')).toMatchObject({ usd: { p50: 0.02 }, tokens: { p50: 120 } });
  });

  it('failed attempts are counted with their codes, and how fast they failed is not', () => {
    commit([
      submitted,
      started(0, 'main', 'x@1.0.0'),
      [5, 'step.retried', { step: 'main', attempt: 2, code: 'TIMEOUT' }],
    ]);
    commit(
      [started(10, 'main', 'y@1.0.0', 2), [15, 'step.failed', { step: 'main', attempt: 2, code: 'AGENT_FAILED' }]],
      'failed',
    );
    expect(figures.ofAgent('x@1.0.0')).toMatchObject({
      runs: 1,
      failures: 1,
      failureShare: 1,
      codes: { TIMEOUT: 1 },
      durationMs: { samples: 0 },
    });
    expect(figures.ofAgent('y@1.0.0')).toMatchObject({ failures: 1, codes: { AGENT_FAILED: 1 } });
  });

  it.each(['INVALID_INPUT', 'CANCELED', 'BUSY', 'EFFECT_UNKNOWN'])('%s is nobody’s failure', (code) => {
    commit(
      [submitted, started(0, 'main', 'x@1.0.0'), [5, 'step.failed', { step: 'main', attempt: 1, code }]],
      'failed',
    );
    expect(figures.ofAgent('x')).toBeUndefined();
  });

  it('an attempt that a breaker turned away has not run', () => {
    commit([submitted, [5, 'step.retried', { step: 'main', attempt: 2, code: 'UNAVAILABLE' }]], 'failed');
    expect(figures.ofAgent('x')).toBeUndefined();
  });

  it('the time that a person was waited for is not the agent’s', () => {
    commit([
      submitted,
      started(0, 'main', 'x@1.0.0'),
      [5, 'effect.unknown', { step: 'main', attempt: 1 }],
      [90_000, 'step.completed', { step: 'main', attempt: 1 }],
    ]);
    expect(figures.ofAgent('x')).toMatchObject({ runs: 1, failures: 0, durationMs: { samples: 0 } });
  });

  it('items of a fan-out are attempts of their own, and together one step', () => {
    commit([
      brief,
      [10, 'step.started', { step: 'read', items: 2 }],
      started(11, 'read', 'x@1.0.0', 1, 0),
      started(12, 'read', 'x@1.0.0', 1, 1),
      [31, 'step.completed', { step: 'read', item: 0, attempt: 1 }],
      [112, 'step.completed', { step: 'read', item: 1, attempt: 1 }],
      [110, 'step.completed', { step: 'read', items: 2 }],
    ]);
    expect(figures.ofAgent('x')?.runs).toBe(2);
    expect(figures.ofAgent('x')?.durationMs.p90).toBeCloseTo(100, -1);
    expect(figures.ofStep('brief', 'read')).toMatchObject({ runs: 1, durationMs: { p50: 100 } });
    expect(figures.ofStep('brief@1.0.0', 'read')?.runs).toBe(1);
  });

  it('a step lasts from its first attempt to its end, and costs what all of them did', () => {
    commit([
      brief,
      started(10, 'find', 'paid@1.0.0'),
      [20, 'step.retried', { step: 'find', attempt: 2, code: 'TIMEOUT' }],
      started(50, 'find', 'paid@1.0.0', 2),
      [60, 'step.completed', { step: 'find', attempt: 2 }],
    ]);
    expect(figures.ofStep('brief', 'find')).toMatchObject({ runs: 1, durationMs: { p50: 50 }, usd: { p50: 1 } });
  });

  it('a workflow is known by its result, and one that was canceled is not counted', () => {
    commit([brief, [900, 'task.completed']], 'completed');
    commit([brief, [100, 'task.failed']], 'failed', 'TIMEOUT');
    commit([brief, [100, 'task.canceled']], 'canceled');
    expect(figures.ofWorkflow('brief')).toMatchObject({
      runs: 2,
      failures: 1,
      codes: { TIMEOUT: 1 },
      durationMs: { p50: 900, samples: 1 },
      usd: { p50: 0.25 },
      tokens: { p50: 15 },
    });
  });

  it('what began before this run of the process is left out', () => {
    commit([[5, 'task.resumed']]);
    commit([[250, 'step.completed', { step: 'main', attempt: 1 }]], 'completed');
    expect(figures.ofAgent('x')).toBeUndefined();
  });

  it('attempts that begin after a restart are counted, though their task began before it', () => {
    commit([[5, 'task.resumed']]);
    commit([started(10, 'read', 'x@1.0.0', 2, 7)]);
    commit([[60, 'step.completed', { step: 'read', item: 7, attempt: 2 }], started(60, 'read', 'x@1.0.0', 1, 8)]);
    commit([[90, 'step.failed', { step: 'read', item: 8, attempt: 1, code: 'TIMEOUT' }]], 'failed', 'TIMEOUT');
    expect(figures.ofAgent('x@1.0.0')).toMatchObject({
      ...{ runs: 2, failures: 1, codes: { TIMEOUT: 1 }, durationMs: { p50: 50, samples: 1 } },
    });
    // The task is over, and so is what was known of it.
    commit([[120, 'step.completed', { step: 'read', item: 9, attempt: 1 }]]);
    expect(figures.ofAgent('x@1.0.0')?.runs).toBe(2);
  });
});
