/**
 * The one table of the product's own metrics: names, labels, what they count. `docs/metrics.md` is written from it, and a
 * test proves that the table, the page and what a node exports agree. Names stay the same over releases.
 */

/** One metric. `label` values are bounded (see `LABEL_VALUES_MAX` in metrics.ts). */
export interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** What values a label has, in words, where they are not any name. */
  readonly values?: string;
  /** Upper bounds, in the unit of the name. */
  readonly buckets?: readonly number[];
}

/** By name, in the order of the page. */
export const METRICS = {
  troupe_tasks_submitted_total: {
    type: 'counter',
    labels: [],
    help: 'Tasks taken on; a duplicate of a task that is known counts once.',
  },
  troupe_tasks_finished_total: {
    type: 'counter',
    labels: ['status'],
    values: 'completed, failed, canceled, rejected',
    help: 'Tasks that ended, by how.',
  },
  troupe_task_duration_seconds: {
    type: 'histogram',
    labels: [],
    help: 'From a task being taken on to its end, waiting for people and timers included.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200],
  },
  troupe_actors: {
    type: 'gauge',
    labels: ['kind'],
    values: 'task, workflow, agent, session, supervisor and so on',
    help: 'Actors in memory, by kind.',
  },
  troupe_agents: {
    type: 'gauge',
    labels: ['status'],
    values: 'ready, busy, degraded, open, draining',
    help: 'Registered agents, by how they stand; docs/registry.md says what the words mean.',
  },
  troupe_agent_duration_seconds: {
    type: 'gauge',
    labels: ['agent', 'quantile'],
    values: 'quantile: 0.5, 0.9',
    help: 'How long recent attempts of an agent took that went well, waiting for a free place included.',
  },
  troupe_agent_failure_ratio: {
    type: 'gauge',
    labels: ['agent'],
    help: 'The part of recent attempts of an agent that failed.',
  },
  troupe_actor_restarts_total: {
    type: 'counter',
    labels: ['supervisor'],
    help: 'Restarts of crashed actors, by the supervisor that restarted them.',
  },
  troupe_approvals_pending: { type: 'gauge', labels: [], help: 'Approvals that wait for a person.' },
  troupe_breaker_state: {
    type: 'gauge',
    labels: ['breaker'],
    help: 'Circuit breakers: 0 closed, 1 half-open, 2 open.',
  },
  troupe_commit_seconds: {
    type: 'histogram',
    labels: [],
    help: 'How long one commit of the store took; with DURABILITY=fsync until it was on disk.',
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
  },
  troupe_commit_writes: {
    type: 'histogram',
    labels: [],
    help: 'Writes in one commit: the more, the better the commits are shared.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000],
  },
  troupe_mailbox_depth: {
    type: 'gauge',
    labels: [],
    help: 'Messages that wait in the mailboxes of all actors together.',
  },
  troupe_dead_letters_total: {
    type: 'counter',
    labels: ['reason'],
    values: 'mailbox_full, no_actor, no_asker, not_woken, ended, no_parent, subscription_full, _expired, _refused',
    help: 'Messages that reached nobody, by why; docs/messages.md says what the reasons mean.',
  },
  troupe_subscription_backlog: {
    type: 'gauge',
    labels: [],
    help: 'Messages that wait in all durable subscriptions together.',
  },
  troupe_effects_total: {
    type: 'counter',
    labels: ['outcome'],
    values: 'completed, failed, canceled, retried; unknown, then resolved or abandoned; late',
    help: 'Calls to the outside, by what came of them; docs/effects.md says what the words mean.',
  },
  troupe_schedule_runs_total: {
    type: 'counter',
    labels: ['outcome'],
    values: 'started, skipped, refused',
    help: 'Runs of schedules, by what became of them; docs/schedules.md says why.',
  },
  troupe_quarantined: { type: 'gauge', labels: [], help: 'Messages that are set aside and wait for a person.' },
  troupe_quarantine_total: {
    type: 'counter',
    labels: ['cause'],
    values: 'crash, node, load, livelock',
    help: 'Messages that were set aside, by why.',
  },
  troupe_quarantine_dropped_total: {
    type: 'counter',
    labels: [],
    help: 'Capsules of messages let go to make room for newer ones.',
  },
  troupe_task_cost_usd_total: {
    type: 'counter',
    labels: [],
    help: 'What tasks that ended have cost, in US dollars: what their runs reported, or else declare.',
  },
  troupe_task_tokens_total: {
    type: 'counter',
    labels: ['direction'],
    values: 'direction: in, out',
    help: 'Tokens of models that tasks have used that ended.',
  },
  troupe_budget_exceeded_total: {
    type: 'counter',
    labels: ['policy'],
    values: 'cheaper, cache, ask, stop',
    help: 'Attempts for which too little was left of a budget, by what was done about it.',
  },
  troupe_cache_hits_total: { type: 'counter', labels: [], help: 'Steps that a kept result stood for.' },
  troupe_cache_misses_total: { type: 'counter', labels: [], help: 'Steps that looked for a kept result in vain.' },
  troupe_cache_evictions_total: {
    type: 'counter',
    labels: [],
    help: 'Kept results let go to make room for newer ones.',
  },
  troupe_cache_saved_usd_total: {
    type: 'counter',
    labels: [],
    help: 'What the results that were taken had cost when they were made, in US dollars.',
  },
  troupe_cache_entries: { type: 'gauge', labels: [], help: 'Results that are kept.' },
  troupe_cache_bytes: { type: 'gauge', labels: [], help: 'Bytes of the results that are kept, packed.' },
  troupe_worker_queue: { type: 'gauge', labels: [], help: 'Jobs that wait for a worker thread.' },
  troupe_mesh_nodes: {
    type: 'gauge',
    labels: ['status'],
    values: 'active, suspect, draining, lost',
    help: 'Workers of the mesh, by how they stand; docs/cluster.md says what the words mean.',
  },
  troupe_mesh_calls: { type: 'gauge', labels: ['node'], help: 'Calls that workers have in hand, by worker.' },
  troupe_mesh_calls_total: {
    type: 'counter',
    labels: ['outcome'],
    values: 'done, failed, lost, handed_back, late, joined, refused',
    help: 'Calls that were given to workers, by what came of them; docs/cluster.md says what the words mean.',
  },
  troupe_mesh_link_messages_total: {
    type: 'counter',
    labels: ['direction'],
    values: 'in, out',
    help: 'Messages to and from other nodes.',
  },
  troupe_mesh_link_waiting: {
    type: 'gauge',
    labels: [],
    help: 'Messages for other nodes that wait until those have dealt with earlier ones.',
  },
  troupe_mesh_round_trip_seconds: {
    type: 'histogram',
    labels: [],
    help: 'From a sign of life to another node to its answer.',
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3],
  },
  troupe_model_tokens_total: {
    type: 'counter',
    labels: ['model', 'direction'],
    values: 'direction: in, out',
    help: 'Tokens sent to and received from models.',
  },
  troupe_model_cost_usd_total: { type: 'counter', labels: ['model'], help: 'What models cost, in US dollars.' },
  troupe_event_loop_delay_seconds: {
    type: 'gauge',
    labels: ['quantile'],
    values: '0.5, 0.99, 1',
    help: 'How late the event loop was over the last 10 to 20 seconds; 1 is the worst.',
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;

/** The text of `docs/metrics.md`. */
export function renderMetricsPage(): string {
  const lines = [
    '# Metrics',
    '',
    'A node answers `GET /metrics` in the Prometheus text format. These are its own; the names stay the same over releases.',
    'A label takes at most 200 different values; further ones are counted together as `other`.',
    '',
    '| name | type | labels | what it says |',
    '|---|---|---|---|',
  ];
  for (const [name, row] of Object.entries<MetricRow>(METRICS)) {
    const labels = row.labels.map((label) => `\`${label}\``).join(', ');
    const values = row.values === undefined ? '' : ` (${row.values})`;
    lines.push(`| \`${name}\` | ${row.type} | ${labels}${values} | ${row.help} |`);
  }
  lines.push('', 'Buckets of the histograms:', '');
  for (const [name, row] of Object.entries<MetricRow>(METRICS)) {
    if (row.buckets !== undefined) lines.push(`- \`${name}\`: ${row.buckets.join(', ')}`);
  }
  lines.push(
    '',
    'Beside them stand the usual figures of the process and of Node.js, under their usual names: `process_cpu_seconds_total`,',
    '`process_resident_memory_bytes`, `process_open_fds`, `nodejs_heap_size_used_bytes`, `nodejs_gc_duration_seconds` and so on.',
  );
  return `${lines.join('\n')}\n`;
}
