/**
 * The metrics of a node, through prom-client: narrow methods for the rooms, so that no room knows a metric's name or labels.
 *
 * Each node has a registry of its own; only what belongs to the process (memory, CPU, garbage collection) is shared by the
 * nodes in it. No method throws, and none of the counting ones does more than a few additions: they run several times
 * for every task.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { TaskStatus } from '../protocol/tasks.ts';
import type { MetricName, MetricRow } from './metrics-table.ts';
import { METRICS } from './metrics-table.ts';
import type { World } from './world.ts';

/** A metric that is asked for its value when the metrics are read. */
export type WatchedMetric =
  | 'troupe_actors'
  | 'troupe_approvals_pending'
  | 'troupe_agents'
  | 'troupe_agent_duration_seconds'
  | 'troupe_agent_failure_ratio'
  | 'troupe_breaker_state'
  | 'troupe_cache_bytes'
  | 'troupe_cache_entries'
  | 'troupe_cache_evictions_total'
  | 'troupe_cache_hits_total'
  | 'troupe_cache_misses_total'
  | 'troupe_cache_saved_usd_total'
  | 'troupe_mailbox_depth'
  | 'troupe_mesh_calls'
  | 'troupe_mesh_link_messages_total'
  | 'troupe_mesh_link_waiting'
  | 'troupe_mesh_nodes'
  | 'troupe_quarantined'
  | 'troupe_subscription_backlog'
  | 'troupe_worker_queue';

/** What a gauge shows. */
export type GaugeReading = number | { readonly [label: string]: number | { readonly [label: string]: number } };

/** How a call to the outside ended. */
export type EffectEnd = 'completed' | 'failed' | 'canceled' | 'unknown' | 'retried' | 'resolved' | 'abandoned' | 'late';

/**
 * What came of a call that was given to a worker: it ended well or not; the worker was lost with it; the worker did not make it
 * after all; an outcome came that nobody waited for any more; an owner that had started anew found it still under way.
 */
export type MeshCallEnd = 'done' | 'failed' | 'lost' | 'handed_back' | 'late' | 'joined' | 'refused';

/** What the rooms count with, and what `/metrics` reads. Times in seconds. */
export interface Metrics {
  taskSubmitted(): void;
  /** `seconds` from being taken on to the end. */
  taskFinished(status: TaskStatus, seconds: number): void;
  /** What a task has used that ended. */
  taskUsed(usage: { readonly usd: number; readonly tokensIn: number; readonly tokensOut: number }): void;
  /** Too little was left of a budget, and this was done about it. */
  budgetExceeded(policy: string): void;
  actorRestarted(supervisor: string): void;
  committed(seconds: number, writes: number): void;
  deadLetter(reason: string): void;
  effectEnded(outcome: EffectEnd): void;
  /** A message was set aside, by why. */
  quarantined(cause: string): void;
  capsuleDropped(): void;
  /** Something became of a run of a schedule. */
  scheduledRun(outcome: 'started' | 'skipped' | 'refused'): void;
  meshCallEnded(outcome: MeshCallEnd): void;
  /** From a sign of life to another node to its answer. */
  meshRoundTrip(seconds: number): void;
  modelUsed(model: string, tokensIn: number, tokensOut: number, usd: number): void;
  /**
   * Registers where a gauge gets its value: a number, numbers by the value of its label, or by those of its two labels, one
   * inside the other. Where a counter is read, its reader keeps the sum, also of what is gone meanwhile. Several readers of one
   * gauge are added up. A reader that throws is left out of that reading. The answer takes the reader away again.
   */
  watch(name: WatchedMetric, read: () => GaugeReading): () => void;
  /** Everything in the Prometheus text format. */
  render(): Promise<string>;
  readonly contentType: string;
  /** Stops what measures on its own. Reading stays possible. */
  stop(): void;
}

/** Different values of one label; further ones are counted together as `other`. */
export const LABEL_VALUES_MAX = 200;
const LABEL_CHARACTERS_MAX = 128;
const OTHER = 'other';
/** How often the delay of the event loop is looked at, and how long one look back is. */
const DELAY_STEP_MS = 20;
const DELAY_WINDOW_MS = 10_000;
const DELAY_QUANTILES = [
  ['0.5', 50],
  ['0.99', 99],
  ['1', 100],
] as const;
const NANOSECONDS = 1e9;

/** Makes the metrics of one node. Errors: none. */
export function createMetrics(options: { readonly world: Pick<World, 'monotonicMs'> }): Metrics {
  return new NodeMetrics(options.world);
}

let processRegistry: Registry | undefined;

/** What belongs to the process is measured once in it, however many nodes it holds: its observers cannot be taken away. */
function registryOfProcess(): Registry {
  if (processRegistry === undefined) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
  }
  return processRegistry;
}

function settingsOf(name: MetricName, registry: Registry) {
  const row: MetricRow = METRICS[name];
  const base = { name, help: row.help, labelNames: [...row.labels], registers: [registry] };
  return row.buckets === undefined ? base : { ...base, buckets: [...row.buckets] };
}

/** Keeps a label to a bounded number of values of bounded length. */
class LabelBound {
  readonly #known = new Set<string>();

  admit(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= LABEL_VALUES_MAX || value.length > LABEL_CHARACTERS_MAX) return OTHER;
    this.#known.add(value);
    return value;
  }
}

/** Counts by one label in a plain map, and hands the sums to prom-client when it is read: a tenth of the cost of each `inc`. */
class Tally {
  readonly #counts = new Map<string, number>();
  readonly #bound = new LabelBound();

  constructor(name: MetricName, label: string, registry: Registry) {
    const counts = this.#counts;
    new Counter({
      ...settingsOf(name, registry),
      collect() {
        for (const [value, count] of counts) {
          if (count > 0) this.inc({ [label]: value }, count);
          counts.set(value, 0);
        }
      },
    });
  }

  add(value: string): void {
    const count = this.#counts.get(value);
    if (count !== undefined) this.#counts.set(value, count + 1);
    else this.#addNew(this.#bound.admit(value));
  }

  #addNew(value: string): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1);
  }
}

/** A gauge or counter whose value comes from readers. */
class WatchedFigure {
  readonly readers = new Set<() => GaugeReading>();
  readonly #labels: readonly string[];

  constructor(name: WatchedMetric, registry: Registry) {
    const row: MetricRow = METRICS[name];
    this.#labels = row.labels;
    const read = (figure: Gauge | Counter): void => this.#read(figure);
    const options = {
      ...settingsOf(name, registry),
      collect(this: Gauge | Counter) {
        read(this);
      },
    };
    if (row.type === 'counter') new Counter(options);
    else new Gauge(options);
  }

  #read(gauge: Gauge | Counter): void {
    gauge.reset();
    const bound = new LabelBound();
    for (const reader of this.readers) {
      let value: GaugeReading;
      try {
        value = reader();
      } catch {
        continue; // One room's fault must not take all metrics away.
      }
      if (typeof value === 'number') gauge.inc(finite(value));
      else for (const [key, part] of Object.entries(value)) this.#add(gauge, bound.admit(key), part);
    }
  }

  /** `other` would be a sum of what cannot be added up where there are two labels: it is left out there. */
  #add(gauge: Gauge | Counter, key: string, part: number | { readonly [label: string]: number }): void {
    const [label, inner] = this.#labels;
    if (label === undefined) return;
    if (typeof part === 'number') gauge.inc({ [label]: key }, finite(part));
    else if (inner !== undefined && key !== OTHER)
      for (const [name, value] of Object.entries(part)) gauge.inc({ [label]: key, [inner]: name }, finite(value));
  }
}

class NodeMetrics implements Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #submitted = new Counter(settingsOf('troupe_tasks_submitted_total', this.#registry));
  readonly #finished = new Tally('troupe_tasks_finished_total', 'status', this.#registry);
  readonly #duration = new Histogram(settingsOf('troupe_task_duration_seconds', this.#registry));
  readonly #taskCost = new Counter(settingsOf('troupe_task_cost_usd_total', this.#registry));
  readonly #taskTokens = new Counter(settingsOf('troupe_task_tokens_total', this.#registry));
  readonly #budgets = new Tally('troupe_budget_exceeded_total', 'policy', this.#registry);
  readonly #restarts = new Tally('troupe_actor_restarts_total', 'supervisor', this.#registry);
  readonly #commitSeconds = new Histogram(settingsOf('troupe_commit_seconds', this.#registry));
  readonly #commitWrites = new Histogram(settingsOf('troupe_commit_writes', this.#registry));
  readonly #deadLetters = new Tally('troupe_dead_letters_total', 'reason', this.#registry);
  readonly #effects = new Tally('troupe_effects_total', 'outcome', this.#registry);
  readonly #scheduledRuns = new Tally('troupe_schedule_runs_total', 'outcome', this.#registry);
  readonly #quarantined = new Tally('troupe_quarantine_total', 'cause', this.#registry);
  readonly #capsulesDropped = new Counter(settingsOf('troupe_quarantine_dropped_total', this.#registry));
  readonly #meshCalls = new Tally('troupe_mesh_calls_total', 'outcome', this.#registry);
  readonly #meshRoundTrip = new Histogram(settingsOf('troupe_mesh_round_trip_seconds', this.#registry));
  readonly #modelTokens = new Counter(settingsOf('troupe_model_tokens_total', this.#registry));
  readonly #modelCost = new Counter(settingsOf('troupe_model_cost_usd_total', this.#registry));
  readonly #models = new LabelBound();
  readonly #watched = {
    troupe_actors: new WatchedFigure('troupe_actors', this.#registry),
    troupe_approvals_pending: new WatchedFigure('troupe_approvals_pending', this.#registry),
    troupe_agents: new WatchedFigure('troupe_agents', this.#registry),
    troupe_agent_duration_seconds: new WatchedFigure('troupe_agent_duration_seconds', this.#registry),
    troupe_agent_failure_ratio: new WatchedFigure('troupe_agent_failure_ratio', this.#registry),
    troupe_breaker_state: new WatchedFigure('troupe_breaker_state', this.#registry),
    troupe_mailbox_depth: new WatchedFigure('troupe_mailbox_depth', this.#registry),
    troupe_mesh_calls: new WatchedFigure('troupe_mesh_calls', this.#registry),
    troupe_mesh_link_messages_total: new WatchedFigure('troupe_mesh_link_messages_total', this.#registry),
    troupe_mesh_link_waiting: new WatchedFigure('troupe_mesh_link_waiting', this.#registry),
    troupe_mesh_nodes: new WatchedFigure('troupe_mesh_nodes', this.#registry),
    troupe_quarantined: new WatchedFigure('troupe_quarantined', this.#registry),
    troupe_subscription_backlog: new WatchedFigure('troupe_subscription_backlog', this.#registry),
    troupe_worker_queue: new WatchedFigure('troupe_worker_queue', this.#registry),
    troupe_cache_bytes: new WatchedFigure('troupe_cache_bytes', this.#registry),
    troupe_cache_entries: new WatchedFigure('troupe_cache_entries', this.#registry),
    troupe_cache_evictions_total: new WatchedFigure('troupe_cache_evictions_total', this.#registry),
    troupe_cache_hits_total: new WatchedFigure('troupe_cache_hits_total', this.#registry),
    troupe_cache_misses_total: new WatchedFigure('troupe_cache_misses_total', this.#registry),
    troupe_cache_saved_usd_total: new WatchedFigure('troupe_cache_saved_usd_total', this.#registry),
  } satisfies Record<WatchedMetric, WatchedFigure>;
  readonly #delay: LoopDelay;

  constructor(world: Pick<World, 'monotonicMs'>) {
    this.contentType = this.#registry.contentType;
    this.#delay = new LoopDelay(world, this.#registry);
    registryOfProcess();
  }

  taskSubmitted(): void {
    this.#submitted.inc();
  }

  taskFinished(status: TaskStatus, seconds: number): void {
    this.#finished.add(status);
    this.#duration.observe(finite(seconds));
  }

  taskUsed({ usd, tokensIn, tokensOut }: Parameters<Metrics['taskUsed']>[0]): void {
    // Most tasks use none of it.
    if (usd > 0) this.#taskCost.inc(finite(usd));
    if (tokensIn > 0) this.#taskTokens.inc({ direction: 'in' }, finite(tokensIn));
    if (tokensOut > 0) this.#taskTokens.inc({ direction: 'out' }, finite(tokensOut));
  }

  budgetExceeded(policy: string): void {
    this.#budgets.add(policy);
  }

  actorRestarted(supervisor: string): void {
    this.#restarts.add(supervisor);
  }

  committed(seconds: number, writes: number): void {
    this.#commitSeconds.observe(finite(seconds));
    this.#commitWrites.observe(finite(writes));
  }

  deadLetter(reason: string): void {
    this.#deadLetters.add(reason);
  }

  effectEnded(outcome: EffectEnd): void {
    this.#effects.add(outcome);
  }

  quarantined(cause: string): void {
    this.#quarantined.add(cause);
  }

  capsuleDropped(): void {
    this.#capsulesDropped.inc();
  }

  scheduledRun(outcome: string): void {
    this.#scheduledRuns.add(outcome);
  }

  meshCallEnded(outcome: MeshCallEnd): void {
    this.#meshCalls.add(outcome);
  }

  meshRoundTrip(seconds: number): void {
    this.#meshRoundTrip.observe(finite(seconds));
  }

  modelUsed(model: string, tokensIn: number, tokensOut: number, usd: number): void {
    const admitted = this.#models.admit(model);
    this.#modelTokens.inc({ model: admitted, direction: 'in' }, finite(tokensIn));
    this.#modelTokens.inc({ model: admitted, direction: 'out' }, finite(tokensOut));
    this.#modelCost.inc({ model: admitted }, finite(usd));
  }

  watch(name: WatchedMetric, read: () => GaugeReading): () => void {
    const { readers } = this.#watched[name];
    // A function of its own, so that the same reader may be registered twice and taken away once.
    const reader = (): GaugeReading => read();
    readers.add(reader);
    return () => void readers.delete(reader);
  }

  async render(): Promise<string> {
    const [own, shared] = await Promise.all([this.#registry.metrics(), registryOfProcess().metrics()]);
    return `${own}\n${shared}`;
  }

  stop(): void {
    this.#delay.stop();
  }
}

/** The delay of the event loop over two windows of time, so that several readers do not take it away from each other. */
class LoopDelay {
  readonly #world: Pick<World, 'monotonicMs'>;
  readonly #histogram = monitorEventLoopDelay({ resolution: DELAY_STEP_MS });
  #startedMs: number;
  #before: Readonly<Record<string, number>> = {};

  constructor(world: Pick<World, 'monotonicMs'>, registry: Registry) {
    this.#world = world;
    this.#startedMs = world.monotonicMs();
    this.#histogram.enable();
    const read = (gauge: Gauge): void => this.#read(gauge);
    new Gauge({
      ...settingsOf('troupe_event_loop_delay_seconds', registry),
      collect() {
        read(this);
      },
    });
  }

  stop(): void {
    this.#histogram.disable();
  }

  #read(gauge: Gauge): void {
    const now: Record<string, number> = {};
    for (const [quantile, percent] of DELAY_QUANTILES) {
      // What is measured is the time between two looks: the step itself is no delay.
      const nanoseconds = this.#histogram.count === 0 ? 0 : this.#histogram.percentile(percent);
      now[quantile] = Math.max(0, nanoseconds / NANOSECONDS - DELAY_STEP_MS / 1000);
      gauge.set({ quantile }, Math.max(now[quantile], this.#before[quantile] ?? 0));
    }
    if (this.#world.monotonicMs() - this.#startedMs < DELAY_WINDOW_MS) return;
    this.#startedMs = this.#world.monotonicMs();
    this.#before = now;
    this.#histogram.reset();
  }
}

/** Numbers that prom-client would refuse count as nothing. */
function finite(value: number): number {
  return value >= 0 && value < Number.POSITIVE_INFINITY ? value : 0;
}
