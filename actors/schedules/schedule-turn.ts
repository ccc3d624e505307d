/**
 * One turn of a schedule: which runs are due, what the policies make of them, which of them begin. A run begins by submitting its
 * task in the turn that moves the schedule on: both are in one epoch, so that no run is lost or doubled, whatever the node dies of.
 */
import { type ErrorBody, OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { SCHEDULE_LABEL, SCHEDULED_AT_LABEL, type ScheduleSpec } from '../../protocol/schedules.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { Admission, Principal, Submission } from '../desk.ts';
import { submissionOf } from '../session-frames.ts';
import { Calendar } from './calendar.ts';
import { fillInput } from './schedule-input.ts';
import { listingOf, listingRow } from './schedule-listing.ts';
import { type DueRun, refusedRun, type RunLine, withRun } from './schedule-run.ts';
import type { ScheduleState } from './schedule-state.ts';

/** What schedules need of the rest of the node. */
export interface ScheduleDeps {
  /** Takes a task on in the turn of the port. Errors: those of the desk. */
  submit(port: CellPort, principal: Principal, submission: Submission): Admission;
  /** Something became of a run. */
  onRun(outcome: RunLine['state']): void;
  random(): number;
}

/** A run that begins later than this after its time was missed. */
const LATE_MS = 60_000;
/** Runs that are made up for where the schedule does not say. */
const MISSED_DEFAULT = 10;
const QUEUE_DEFAULT = 10;
/** While the node has no room for a task. */
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;
const WAITS: ReadonlySet<string> = new Set(['BUSY', 'DRAINING', 'STORE_UNAVAILABLE']);

/** The task of a run. Errors: INVALID_INPUT. */
export function submissionFor(name: string, spec: ScheduleSpec, atMs: number): Submission {
  const { input, options, ...rest } = submissionOf(spec.task);
  const own = { [SCHEDULE_LABEL]: name, [SCHEDULED_AT_LABEL]: new Date(atMs).toISOString() };
  return {
    ...rest,
    input: fillInput(input, { name, atMs }),
    options: { ...options, labels: { ...options.labels, ...own } },
  };
}

/** One turn. */
export class ScheduleTurn {
  readonly #name: string;
  readonly #spec: ScheduleSpec;
  readonly #port: CellPort;
  readonly #deps: ScheduleDeps;
  readonly #calendar: Calendar;
  #state: ScheduleState;
  #triggered: RunLine | undefined;

  constructor(name: string, spec: ScheduleSpec, state: ScheduleState, port: CellPort, deps: ScheduleDeps) {
    this.#name = name;
    this.#spec = spec;
    this.#state = state;
    this.#port = port;
    this.#deps = deps;
    this.#calendar = new Calendar(spec, state.anchorMs);
  }

  /** What became of a run that was asked for in this turn; undefined where it waits. */
  get triggered(): RunLine | undefined {
    return this.#triggered;
  }

  /** Works out the next time behind a moment, and sets the timer for it; none: it is done. Nothing while it is paused. */
  plan(afterMs: number): this {
    const { nextAtMs: _old, ...rest } = this.#state;
    const planned = { ...rest, plannedAtMs: this.#port.nowMs() };
    const next = rest.phase === 'paused' ? undefined : this.#calendar.nextAfter(afterMs);
    if (next === undefined) {
      this.#port.clearTimer('due');
      this.#state = { ...planned, phase: rest.phase === 'paused' ? 'paused' : 'done' };
    } else {
      this.#port.setTimer('due', next + this.#jitterMs());
      this.#state = { ...planned, phase: 'active', nextAtMs: next };
    }
    return this;
  }

  /** Its time has come, or has passed some while ago, perhaps with others. */
  due(): this {
    const { nextAtMs } = this.#state;
    const nowMs = this.#port.nowMs();
    if (nextAtMs === undefined) return this;
    if (nextAtMs > nowMs) return this.plan(nextAtMs - 1);
    const { missed = 'once', missedMax = MISSED_DEFAULT } = this.#spec;
    const passed = this.#calendar.passed(nextAtMs, nowMs, missed === 'all' ? missedMax : 1);
    const runs = passed.times.map((atMs): DueRun => ({ atMs, by: this.#isLate(atMs, nowMs) ? 'missed' : 'time' }));
    const [first] = runs;
    // Of several that were missed, `once` makes one; for the others they are gone.
    if (passed.isMore && first !== undefined && missed !== 'once') this.#skipMissed(nextAtMs, first.atMs - 1);
    const last = runs.at(-1);
    if (missed === 'skip' && last?.by === 'missed') this.#skipMissed(last.atMs, last.atMs);
    else this.#accept(runs);
    return this.plan(nowMs);
  }

  /** Someone asks for a run now. */
  trigger(): this {
    this.#accept([{ atMs: this.#port.nowMs(), by: 'trigger' }]);
    return this;
  }

  /** A task that it has submitted has ended. */
  ended(ref: string): this {
    const run = this.#state.running.find((one) => one.ref === ref);
    if (run === undefined) return this;
    const endedAt = this.#port.nowMs();
    this.#state = {
      ...this.#state,
      running: this.#state.running.filter((one) => one !== run),
      runs: this.#state.runs.map((line) => (line.task === run.task ? { ...line, endedAt } : line)),
    };
    return this;
  }

  /** Begins what can begin. */
  start(): this {
    for (let run = this.#next(); run !== undefined; run = this.#next()) {
      try {
        this.#begin(run);
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        if (WAITS.has(error.code)) return this.#retryLater();
        this.#note(refusedRun(run, error.toBody()));
      }
      this.#state = { ...this.#state, queue: this.#state.queue.filter((one) => one !== run), retries: 0 };
    }
    return this;
  }

  /** The state, with its row in the list. */
  end(): ScheduleState {
    this.#port.define(listingRow(this.#name, listingOf(this.#name, this.#spec, this.#state)));
    return this.#state;
  }

  /** The first that may begin: not beside another where they take turns, and not while it is paused, unless asked for. */
  #next(): DueRun | undefined {
    const { phase, queue, running } = this.#state;
    if (running.length >= LIMITS.scheduleRunningMax) return undefined;
    if (this.#spec.overlap === 'queue' && running.length > 0) return undefined;
    return queue.find(({ by }) => phase !== 'paused' || by === 'trigger');
  }

  #begin({ atMs, by }: DueRun): void {
    const submission = submissionFor(this.#name, this.#spec, atMs);
    const { task } = this.#deps.submit(this.#port, this.#state.principal, submission);
    const ref = this.#port.monitor(`task/${task}`);
    this.#note({ at: atMs, by, state: 'started', task, startedAt: this.#port.nowMs() });
    this.#state = { ...this.#state, running: [...this.#state.running, { task, ref, atMs }] };
  }

  /** The node has no room: the run waits for it, and is tried again, later each time. */
  #retryLater(): this {
    const { retries } = this.#state;
    this.#port.setTimer('retry', this.#port.nowMs() + Math.min(RETRY_FIRST_MS * 2 ** retries, RETRY_MAX_MS));
    this.#state = { ...this.#state, retries: Math.min(retries + 1, RETRY_MAX_MS / RETRY_FIRST_MS) };
    return this;
  }

  /** What the policy for overlaps makes of runs that are due, one after another. */
  #accept(runs: readonly DueRun[]): void {
    const { overlap = 'skip' } = this.#spec;
    // Each would end the one before: the others need not begin.
    if (overlap === 'cancel-previous') return this.#replace(runs);
    for (const run of runs) {
      const { running, queue } = this.#state;
      const busy = running.length + queue.length;
      if (overlap === 'skip' && busy > 0) this.#skip(run, overlapping(running[0]?.task));
      else if (overlap === 'queue' && queue.length >= (this.#spec.queueMax ?? QUEUE_DEFAULT))
        this.#skip(run, tooMany(`${queue.length} runs wait already`));
      else if (overlap === 'allow' && busy >= LIMITS.scheduleRunningMax)
        this.#skip(run, tooMany(`${busy} runs are under way already`));
      else this.#state = { ...this.#state, queue: [...queue, run] };
    }
  }

  /** The last takes the place of all others, those that are under way included. */
  #replace(runs: readonly DueRun[]): void {
    const last = runs.at(-1);
    if (last === undefined) return;
    for (const run of [...this.#state.queue, ...runs.slice(0, -1)]) this.#skip(run, REPLACED);
    const reason = `The next run of the schedule ${this.#name} begins.`;
    for (const { task } of this.#state.running) this.#port.send(`task/${task}`, { type: 'task.cancel', reason });
    this.#state = { ...this.#state, queue: [last] };
  }

  #skip({ atMs, by }: DueRun, { code, message }: ErrorBody): void {
    this.#note({ at: atMs, by, state: 'skipped', count: 1, code, message });
  }

  #skipMissed(fromMs: number, untilMs: number): void {
    const { code, message } = MISSED;
    const until = this.#calendar.passed(fromMs, untilMs, 1).times[0] ?? untilMs;
    this.#note({ at: fromMs, by: 'missed', state: 'skipped', ...(until > fromMs && { until }), code, message });
  }

  #note(line: RunLine): void {
    if (line.by === 'trigger') this.#triggered = line;
    this.#state = { ...this.#state, runs: withRun(this.#state.runs, line) };
    this.#deps.onRun(line.state);
  }

  #isLate(atMs: number, nowMs: number): boolean {
    return nowMs - atMs > LATE_MS + (this.#spec.jitterMs ?? 0);
  }

  #jitterMs(): number {
    return Math.floor((this.#spec.jitterMs ?? 0) * this.#deps.random());
  }
}

const MISSED = new OperatingError('TIMEOUT', 'Its time passed while nobody could start it.').toBody();
const REPLACED = new OperatingError('CANCELED', 'A later run took its place.').toBody();

function overlapping(task: string | undefined): ErrorBody {
  const what = task === undefined ? 'An earlier run has not begun yet.' : 'An earlier run is still under way.';
  return new OperatingError('STATE_CONFLICT', what).toBody();
}

function tooMany(what: string): ErrorBody {
  return new OperatingError('BUSY', `${what}.`).toBody();
}
