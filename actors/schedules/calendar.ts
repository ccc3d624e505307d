/**
 * The times that a schedule names: which comes next, and which of those that have passed were the latest. Pure: it never looks at
 * a clock. Cron expressions and time zones are croner's; its errors are translated here.
 *
 * Where a clock is put forward, a run with fixed hours and minutes in the gap comes at the first moment behind it; where it is put
 * back, such a run comes at the first of the two. Runs with `*` or a step in hours, minutes or seconds go by the time that really
 * passes: they skip what is not there, and come twice.
 */
import { Cron } from 'croner';
import { OperatingError } from '../../protocol/errors.ts';
import type { ScheduleSpec } from '../../protocol/schedules.ts';

/** The part of a schedule that says when. */
export type Timing = Pick<ScheduleSpec, 'cron' | 'timeZone' | 'everyMs' | 'at' | 'startAt' | 'endAt'>;

/** Times that have passed, ascending; `isMore`: there were earlier ones. */
export interface Passed {
  readonly times: readonly number[];
  readonly isMore: boolean;
}

const UTC = 'UTC';
const FORM = /^\s*(?:@[a-z]+|\S+(?:\s+\S+){4,5})\s*$/i;

/** The times of one schedule. `anchorMs`: when it was made, which intervals are counted from. */
export class Calendar {
  readonly #timing: Timing;
  readonly #cron: Cron | undefined;
  /** Of intervals. */
  readonly #firstMs: number;

  /** Errors: INVALID_INPUT for an expression or a time zone that is none. */
  constructor(timing: Timing, anchorMs: number) {
    this.#timing = timing;
    this.#cron = timing.cron === undefined ? undefined : cronOf(timing.cron, timing.timeZone ?? UTC);
    this.#firstMs = timing.startAt ?? anchorMs + (timing.everyMs ?? 0);
  }

  /** The first time behind a moment; undefined where there is none any more. */
  nextAfter(afterMs: number): number | undefined {
    const { startAt, endAt = Infinity } = this.#timing;
    const next = this.#next(startAt === undefined ? afterMs : Math.max(afterMs, startAt - 1));
    return next === undefined || next >= endAt ? undefined : next;
  }

  /** The latest times from `fromMs` to `untilMs`, both included; at most `max` of them. */
  passed(fromMs: number, untilMs: number, max: number): Passed {
    const { startAt = 0, endAt = Infinity } = this.#timing;
    const from = Math.max(fromMs, startAt);
    const found = this.#latest(Math.min(untilMs, endAt - 1), max + 1).filter((time) => time >= from);
    return { times: found.slice(0, max).toReversed(), isMore: found.length > max };
  }

  #next(afterMs: number): number | undefined {
    const { everyMs, at } = this.#timing;
    if (at !== undefined) return at > afterMs ? at : undefined;
    if (everyMs === undefined) return this.#cron?.nextRun(new Date(afterMs))?.getTime();
    if (afterMs < this.#firstMs) return this.#firstMs;
    return this.#firstMs + (Math.floor((afterMs - this.#firstMs) / everyMs) + 1) * everyMs;
  }

  /** The latest up to a moment, the latest first. */
  #latest(untilMs: number, max: number): readonly number[] {
    const { everyMs, at } = this.#timing;
    if (at !== undefined) return at <= untilMs ? [at] : [];
    if (everyMs === undefined)
      return (this.#cron?.previousRuns(max, new Date(untilMs + 1)) ?? []).map((time) => time.getTime());
    const last = Math.floor((untilMs - this.#firstMs) / everyMs);
    const count = Math.max(0, Math.min(max, last + 1));
    return Array.from({ length: count }, (_, back) => this.#firstMs + (last - back) * everyMs);
  }
}

function cronOf(expression: string, timeZone: string): Cron {
  if (!FORM.test(expression)) throw refusal('cron', `expected five fields, or six with seconds in front`);
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch (cause) {
    throw refusal('timeZone', `${timeZone} is no time zone; expected one such as Europe/Berlin`, cause);
  }
  try {
    // Fixed times in lists and ranges are fixed times too: none of them may get lost in a gap.
    return new Cron(expression, {
      paused: true,
      mode: '5-or-6-parts',
      timezone: timeZone,
      fixedTimeRule: 'no-wildcard',
    });
  } catch (cause) {
    const words = cause instanceof Error ? cause.message.replace(/^CronPattern: /, '') : String(cause);
    throw refusal('cron', words, cause);
  }
}

function refusal(path: string, message: string, cause?: unknown): OperatingError {
  return new OperatingError('INVALID_INPUT', `The schedule is not valid. ${path}: ${message}.`, {
    details: { issues: [{ path, message }] },
    cause,
  });
}
