import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Metrics } from '../../runtime/metrics.ts';
import { createMetrics, LABEL_VALUES_MAX } from '../../runtime/metrics.ts';
import type { MetricRow } from '../../runtime/metrics-table.ts';
import { METRICS, renderMetricsPage } from '../../runtime/metrics-table.ts';

let nowMs = 0;
const made: Metrics[] = [];
function open(): Metrics {
  const metrics = createMetrics({ world: { monotonicMs: () => nowMs } });
  made.push(metrics);
  return metrics;
}
afterEach(() => {
  for (const metrics of made.splice(0)) metrics.stop();
});

/** The samples of one metric: `{status="completed"}` → 3. */
async function read(metrics: Metrics, name: string): Promise<Record<string, number>> {
  const samples: Record<string, number> = {};
  for (const line of (await metrics.render()).split('\n')) {
    const match = /^([a-z_]+)(\{.*\})? (\S+)$/.exec(line);
    if (match?.[1] === name) samples[match[2] ?? ''] = Number(match[3]);
  }
  return samples;
}

describe('metrics', () => {
  it('count tasks from being taken on to their end', async () => {
    const metrics = open();
    for (let index = 0; index < 3; index += 1) metrics.taskSubmitted();
    metrics.taskFinished('completed', 0.004);
    metrics.taskFinished('completed', 0.4);
    metrics.taskFinished('failed', 100_000);
    expect(await read(metrics, 'troupe_tasks_submitted_total')).toEqual({ '': 3 });
    expect(await read(metrics, 'troupe_tasks_finished_total')).toEqual({
      '{status="completed"}': 2,
      '{status="failed"}': 1,
    });
    expect(await read(metrics, 'troupe_task_duration_seconds_bucket')).toMatchObject({
      '{le="0.0025"}': 0,
      '{le="0.005"}': 1,
      '{le="0.5"}': 2,
      '{le="7200"}': 2,
      '{le="+Inf"}': 3,
    });
  });

  it('go on counting after they were read', async () => {
    const metrics = open();
    metrics.effectEnded('completed');
    await metrics.render();
    expect(await read(metrics, 'troupe_effects_total')).toEqual({ '{outcome="completed"}': 1 });
    metrics.effectEnded('completed');
    metrics.effectEnded('unknown');
    expect(await read(metrics, 'troupe_effects_total')).toEqual({
      '{outcome="completed"}': 2,
      '{outcome="unknown"}': 1,
    });
  });

  it('count restarts, commits, dead letters and models', async () => {
    const metrics = open();
    metrics.actorRestarted('agents/shout');
    metrics.committed(0.002, 120);
    metrics.deadLetter('mailbox-full');
    metrics.modelUsed('m-1', 10, 20, 0.5);
    metrics.modelUsed('m-1', 1, 2, 0.25);
    expect(await read(metrics, 'troupe_actor_restarts_total')).toEqual({ '{supervisor="agents/shout"}': 1 });
    expect(await read(metrics, 'troupe_commit_seconds_sum')).toEqual({ '': 0.002 });
    expect(await read(metrics, 'troupe_commit_writes_sum')).toEqual({ '': 120 });
    expect(await read(metrics, 'troupe_dead_letters_total')).toEqual({ '{reason="mailbox-full"}': 1 });
    expect(await read(metrics, 'troupe_model_tokens_total')).toEqual({
      '{model="m-1",direction="in"}': 11,
      '{model="m-1",direction="out"}': 22,
    });
    expect(await read(metrics, 'troupe_model_cost_usd_total')).toEqual({ '{model="m-1"}': 0.75 });
  });

  it('count what tasks used, and what was done where a budget had too little left', async () => {
    const metrics = open();
    metrics.taskUsed({ usd: 0.5, tokensIn: 10, tokensOut: 0 });
    metrics.taskUsed({ usd: 0.25, tokensIn: 1, tokensOut: 2 });
    metrics.budgetExceeded('ask');
    metrics.budgetExceeded('ask');
    metrics.budgetExceeded('stop');
    expect(await read(metrics, 'troupe_task_cost_usd_total')).toEqual({ '': 0.75 });
    expect(await read(metrics, 'troupe_task_tokens_total')).toEqual({ '{direction="in"}': 11, '{direction="out"}': 2 });
    expect(await read(metrics, 'troupe_budget_exceeded_total')).toEqual({ '{policy="ask"}': 2, '{policy="stop"}': 1 });
  });

  it('count what became of calls on other nodes, and what passes between nodes', async () => {
    const metrics = open();
    for (const outcome of ['done', 'done', 'lost', 'joined'] as const) metrics.meshCallEnded(outcome);
    metrics.meshRoundTrip(0.0004);
    const statuses = { active: 2, lost: 1 };
    metrics.watch('troupe_mesh_nodes', () => statuses);
    metrics.watch('troupe_mesh_calls', () => Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`w-${n}`, 1])));
    metrics.watch('troupe_mesh_link_messages_total', () => ({ in: 5, out: 7 }));
    metrics.watch('troupe_mesh_link_waiting', () => 3);
    expect(await read(metrics, 'troupe_mesh_calls_total')).toEqual({
      ...{ '{outcome="done"}': 2, '{outcome="lost"}': 1, '{outcome="joined"}': 1 },
    });
    expect(await read(metrics, 'troupe_mesh_round_trip_seconds_count')).toEqual({ '': 1 });
    expect(await read(metrics, 'troupe_mesh_nodes')).toEqual({ '{status="active"}': 2, '{status="lost"}': 1 });
    expect((await read(metrics, 'troupe_mesh_calls'))['{node="other"}']).toBe(100);
    expect(await read(metrics, 'troupe_mesh_link_messages_total')).toEqual({
      ...{ '{direction="in"}': 5, '{direction="out"}': 7 },
    });
    expect(await read(metrics, 'troupe_mesh_link_waiting')).toEqual({ '': 3 });
  });

  it('ask for counters that the rooms keep themselves, too', async () => {
    const metrics = open();
    let hits = 3;
    metrics.watch('troupe_cache_hits_total', () => hits);
    expect(await read(metrics, 'troupe_cache_hits_total')).toEqual({ '': 3 });
    hits = 5;
    expect(await read(metrics, 'troupe_cache_hits_total')).toEqual({ '': 5 });
  });

  it('ask the rooms for what changes all the time, and add up several answers', async () => {
    const metrics = open();
    let depth = 4;
    metrics.watch('troupe_mailbox_depth', () => depth);
    metrics.watch('troupe_actors', () => ({ task: 2, agent: 1 }));
    const stop = metrics.watch('troupe_actors', () => ({ task: 5 }));
    metrics.watch('troupe_breaker_state', () => ({ 'agent/shout': 2 }));
    expect(await read(metrics, 'troupe_actors')).toEqual({ '{kind="task"}': 7, '{kind="agent"}': 1 });
    depth = 9;
    stop();
    expect(await read(metrics, 'troupe_mailbox_depth')).toEqual({ '': 9 });
    expect(await read(metrics, 'troupe_actors')).toEqual({ '{kind="task"}': 2, '{kind="agent"}': 1 });
    expect(await read(metrics, 'troupe_breaker_state')).toEqual({ '{breaker="agent/shout"}': 2 });
  });

  it('stay readable when a room gives nonsense', async () => {
    const metrics = open();
    metrics.watch('troupe_worker_queue', () => {
      throw new Error('broken');
    });
    metrics.watch('troupe_worker_queue', () => Number.NaN);
    metrics.watch('troupe_worker_queue', () => 3);
    for (const odd of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      metrics.taskFinished('completed', odd);
      metrics.committed(odd, odd);
      metrics.modelUsed('m', odd, odd, odd);
    }
    expect(await read(metrics, 'troupe_worker_queue')).toEqual({ '': 3 });
    expect(await read(metrics, 'troupe_task_duration_seconds_count')).toEqual({ '': 3 });
    expect(await read(metrics, 'troupe_task_duration_seconds_sum')).toEqual({ '': 0 });
  });

  it('bound the values of a label and keep the sum', async () => {
    const metrics = open();
    for (let index = 0; index < 500; index += 1) {
      metrics.deadLetter(`reason-${index}`);
      metrics.modelUsed(`model-${index}`, 1, 0, 0);
    }
    metrics.deadLetter('x'.repeat(1000));
    metrics.watch('troupe_actors', () =>
      Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`kind-${index}`, 1])),
    );
    const letters = await read(metrics, 'troupe_dead_letters_total');
    expect(Object.keys(letters)).toHaveLength(LABEL_VALUES_MAX + 1);
    expect(letters['{reason="other"}']).toBe(301);
    expect((await read(metrics, 'troupe_actors'))['{kind="other"}']).toBe(300);
    expect((await read(metrics, 'troupe_model_tokens_total'))['{model="other",direction="in"}']).toBe(300);
  });

  it('show how late the event loop was, to every reader, and forget it after two windows', async () => {
    const metrics = open();
    const worst = async (): Promise<number> =>
      (await read(metrics, 'troupe_event_loop_delay_seconds'))['{quantile="1"}'] ?? 0;
    await vi.waitFor(async () => {
      const untilMs = performance.now() + 250;
      while (performance.now() < untilMs);
      expect(await worst()).toBeGreaterThan(0.2);
    });
    expect(await worst()).toBeGreaterThan(0.2);
    nowMs += 10_001;
    expect(await worst()).toBeGreaterThan(0.2);
    expect(await worst()).toBeGreaterThan(0.2);
    await vi.waitFor(async () => {
      nowMs += 10_001;
      expect(await worst()).toBeLessThan(0.2);
    });
  });

  it('of two nodes in one process do not meet, but for what belongs to the process', async () => {
    const [one, two] = [open(), open()];
    one.taskSubmitted();
    expect(await read(two, 'troupe_tasks_submitted_total')).toEqual({ '': 0 });
    for (const metrics of [one, two])
      expect(Object.keys(await read(metrics, 'process_resident_memory_bytes'))).toHaveLength(1);
  });

  it('are cheap: a task costs less than three microseconds of them even on a busy machine', () => {
    const metrics = open();
    const count = 100_000;
    // By the processor's time: what else the machine does meanwhile costs nothing of it.
    const round = (): number => {
      const before = process.cpuUsage();
      for (let index = 0; index < count; index += 1) {
        metrics.taskSubmitted();
        metrics.effectEnded('completed');
        metrics.taskFinished('completed', 0.01);
      }
      return process.cpuUsage(before).user / count;
    };
    expect(Math.min(round(), round(), round())).toBeLessThan(3);
  });
});

describe('the table of metrics', () => {
  it('is what a node exports: every name, type and help, and nothing else', async () => {
    const text = await open().render();
    const types = [...text.matchAll(/^# TYPE (troupe_\S+) (\S+)$/gm)].map((match) => [match[1], match[2]]);
    expect(Object.fromEntries(types)).toEqual(
      Object.fromEntries(Object.entries<MetricRow>(METRICS).map(([name, row]) => [name, row.type])),
    );
    for (const [name, row] of Object.entries<MetricRow>(METRICS)) expect(text).toContain(`# HELP ${name} ${row.help}`);
  });

  it('names what every release keeps', () => {
    expect(Object.keys(METRICS)).toEqual([
      'troupe_tasks_submitted_total',
      'troupe_tasks_finished_total',
      'troupe_task_duration_seconds',
      'troupe_actors',
      'troupe_agents',
      'troupe_agent_duration_seconds',
      'troupe_agent_failure_ratio',
      'troupe_actor_restarts_total',
      'troupe_approvals_pending',
      'troupe_breaker_state',
      'troupe_commit_seconds',
      'troupe_commit_writes',
      'troupe_mailbox_depth',
      'troupe_dead_letters_total',
      'troupe_subscription_backlog',
      'troupe_effects_total',
      'troupe_schedule_runs_total',
      'troupe_quarantined',
      'troupe_quarantine_total',
      'troupe_quarantine_dropped_total',
      'troupe_task_cost_usd_total',
      'troupe_task_tokens_total',
      'troupe_budget_exceeded_total',
      'troupe_cache_hits_total',
      'troupe_cache_misses_total',
      'troupe_cache_evictions_total',
      'troupe_cache_saved_usd_total',
      'troupe_cache_entries',
      'troupe_cache_bytes',
      'troupe_worker_queue',
      'troupe_mesh_nodes',
      'troupe_mesh_calls',
      'troupe_mesh_calls_total',
      'troupe_mesh_link_messages_total',
      'troupe_mesh_link_waiting',
      'troupe_mesh_round_trip_seconds',
      'troupe_model_tokens_total',
      'troupe_model_cost_usd_total',
      'troupe_event_loop_delay_seconds',
    ]);
  });

  // `npx vitest run test/runtime/metrics.test.ts -u` writes the page anew.
  it('is what docs/metrics.md says', async () => {
    await expect(renderMetricsPage()).toMatchFileSnapshot('../../docs/metrics.md');
  });
});
