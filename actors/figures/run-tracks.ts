/**
 * Reads from the committed logs of tasks which runs are over, and how they went: attempts of agents, steps of workflows, workflows.
 * What is counted is thus what everyone can see, and no actor does anything for it. What is cut off by the end of the process (an
 * attempt, a workflow and its steps) is not counted: how long it took would say more of the node than of the agent. Attempts that
 * begin after it are, whenever their task began.
 */
import type { TaskEvent } from '../../protocol/tasks.ts';
import { ChurnMap } from '../../runtime/churn-map.ts';
import type { FeedItem } from '../../runtime/feed.ts';
import type { NodeFigures } from './node-figures.ts';
import type { Run } from './run-figure.ts';

/** What is asked of the rest of the node. */
export interface TrackDeps {
  /** `name@version` of a registered workflow; undefined where there is none. */
  workflow(reference: string): string | undefined;
  /** What one run of an agent is said to cost, in US dollars: taken where nobody tells what it did cost. */
  costOf(reference: string): number;
}

/** An attempt that has begun. */
interface Attempt {
  readonly agent: string;
  readonly atMs: number;
  /** A person was waited for: that is not the agent's time. */
  wasParked: boolean;
}

/** A step of a workflow that has begun, and what its attempts have used. */
interface StepTrack {
  readonly atMs: number;
  usd: number;
  tokens: number;
}

interface Track {
  readonly workflow: string | undefined;
  /** By step and item. Most tasks have one at a time. */
  readonly attempts: Map<string, Attempt>;
  readonly steps: Map<string, StepTrack> | undefined;
}

/** Errors that say nothing of the agent: somebody else wanted it so, or gave it the wrong work. */
const BLAMELESS: ReadonlySet<unknown> = new Set([
  ...['INVALID_INPUT', 'CANCELED', 'BUSY', 'DRAINING', 'STORE_UNAVAILABLE'],
  ...['NO_AGENT', 'NOT_AVAILABLE', 'VERSION_MISMATCH', 'EFFECT_UNKNOWN', 'BUDGET_EXCEEDED'],
]);

/** The tasks of one node that are under way. */
export class RunTracks {
  readonly #figures: NodeFigures;
  readonly #deps: TrackDeps;
  readonly #tracks = new ChurnMap<string, Track>();

  constructor(figures: NodeFigures, deps: TrackDeps) {
    this.#figures = figures;
    this.#deps = deps;
  }

  /** Hears of each commit of a task's log. */
  heard({ task, events, progress }: FeedItem): void {
    let track = this.#tracks.get(task);
    const isNew = track === undefined;
    const [first] = events;
    const isWhole = isNew && first?.kind === 'task.submitted';
    track ??= isWhole ? this.#begun(first) : { workflow: undefined, attempts: new Map(), steps: undefined };
    for (const event of events) this.#read(track, event);
    const { result, updatedAtMs } = progress;
    if (result === undefined) {
      if (isWhole || (isNew && track.attempts.size > 0)) this.#tracks.set(task, track);
      return;
    }
    if (!isNew) this.#tracks.delete(task);
    if (track.workflow === undefined || result.status === 'canceled') return;
    const { usage, durationMs, error } = result;
    const run = { durationMs, usd: usage.usd, tokens: usage.tokensIn + usage.tokensOut, ...codeOf(error?.code) };
    this.#figures.workflowRan(track.workflow, run, updatedAtMs);
  }

  #begun({ data }: TaskEvent): Track {
    const named = (data['target'] as { readonly workflow?: unknown } | undefined)?.workflow;
    const workflow = typeof named === 'string' ? this.#deps.workflow(named) : undefined;
    return { workflow, attempts: new Map(), steps: workflow === undefined ? undefined : new Map() };
  }

  #read(track: Track, event: TaskEvent): void {
    switch (event.kind) {
      case 'step.started':
        return started(track, event);
      case 'effect.unknown': {
        const attempt = track.attempts.get(placeOf(event));
        if (attempt !== undefined) attempt.wasParked = true;
        return;
      }
      case 'step.completed':
        return this.#ended(track, event, undefined, true);
      case 'step.retried':
        return this.#ended(track, event, event.data['code'], false);
      case 'step.failed':
        return this.#ended(track, event, event.data['code'], true);
      case 'task.quarantined':
        return this.#ended(track, event, 'QUARANTINED', true);
      default:
    }
  }

  /** An attempt is over, and with it perhaps its step. */
  #ended(track: Track, event: TaskEvent, code: unknown, isLast: boolean): void {
    const { at, data } = event;
    const place = placeOf(event);
    const attempt = track.attempts.get(place);
    const step = track.steps?.get(String(data['step']));
    if (attempt !== undefined) {
      track.attempts.delete(place);
      const used = usageOf(data['usage']) ?? { usd: this.#deps.costOf(attempt.agent), tokens: 0 };
      if (step !== undefined) {
        step.usd += used.usd;
        step.tokens += used.tokens;
      }
      if (!BLAMELESS.has(code))
        this.#figures.agentRan(attempt.agent, { ...used, ...tookOf(attempt, at), ...codeOf(code) }, at);
    }
    // Items of a fan-out are parts of their step.
    if (step === undefined || !isLast || data['item'] !== undefined) return;
    track.steps?.delete(String(data['step']));
    const { usd, tokens } = step;
    if (!BLAMELESS.has(code)) {
      const run = { usd, tokens, durationMs: Math.max(0, at - step.atMs), ...codeOf(code) };
      this.#figures.stepRan(track.workflow ?? '', String(data['step']), run, at);
    }
  }
}

function started({ attempts, steps }: Track, event: TaskEvent): void {
  const { data, at } = event;
  const step = String(data['step']);
  if (steps !== undefined && !steps.has(step)) steps.set(step, { atMs: at, usd: 0, tokens: 0 });
  const { agent } = data;
  // A fan-out begins as a whole before its items do.
  if (typeof agent === 'string') attempts.set(placeOf(event), { agent, atMs: at, wasParked: false });
}

function placeOf({ data }: TaskEvent): string {
  const { step, item } = data;
  return item === undefined ? String(step) : `${String(step)}/${Number(item)}`;
}

function tookOf({ atMs, wasParked }: Attempt, nowMs: number): Pick<Run, 'durationMs'> {
  return wasParked ? {} : { durationMs: Math.max(0, nowMs - atMs) };
}

function codeOf(code: unknown): Pick<Run, 'code'> {
  return typeof code === 'string' ? { code } : {};
}

/** What an attempt has used, where its line says so, in the words of a task's result. */
function usageOf(usage: unknown): { readonly usd: number; readonly tokens: number } | undefined {
  if (typeof usage !== 'object' || usage === null) return undefined;
  const { usd, tokensIn, tokensOut } = usage as Readonly<Record<string, unknown>>;
  const amount = (value: unknown): number => (typeof value === 'number' && value > 0 ? value : 0);
  return { usd: amount(usd), tokens: amount(tokensIn) + amount(tokensOut) };
}
