/** The dates of one column: range, days that occur, and stretches without any. */
import { writeDate } from './dates.ts';
import { roundFigure } from './figures.ts';
import { LIMITS } from './limits.ts';
import type { DateProfile } from './profile-schema.ts';
import { ValueCounter } from './value-counter.ts';

const DAY_MS = 86_400_000;
/** A stretch counts as a gap when it is longer than so many usual steps. */
const GAP_STEPS = 3;
const GAPS_SHOWN = 5;

/** Add every date (ms since the epoch), then ask. */
export class DateColumn {
  readonly counter: ValueCounter;
  count = 0;
  private first = Number.POSITIVE_INFINITY;
  private last = Number.NEGATIVE_INFINITY;
  private readonly days = new Set<number>();

  /** `capacity` distinct points in time are counted exactly. */
  constructor(capacity: number) {
    this.counter = new ValueCounter(capacity);
  }

  add(ms: number): void {
    this.count += 1;
    this.counter.add(ms);
    if (ms < this.first) this.first = ms;
    if (ms > this.last) this.last = ms;
    if (this.days.size <= LIMITS.distinctDaysMax) this.days.add(Math.floor(ms / DAY_MS));
  }

  /** Whether all days fitted: gaps are not looked for otherwise. */
  get daysExact(): boolean {
    return this.days.size <= LIMITS.distinctDaysMax;
  }

  /** The summary. There must be at least one date. */
  summarise(timed: boolean): DateProfile {
    const days = Float64Array.from(this.days).sort();
    const steps = days.slice(1).map((day, index) => day - (days[index] as number));
    const typical = steps.slice().sort()[Math.floor(steps.length / 2)];
    const gaps: { at: number; days: number }[] = [];
    if (typical !== undefined && this.daysExact) {
      steps.forEach((step, at) => {
        if (step > typical * GAP_STEPS) gaps.push({ at, days: step });
      });
    }
    gaps.sort((a, b) => b.days - a.days || a.at - b.at);
    return {
      count: this.count,
      first: writeDate(this.first, timed),
      last: writeDate(this.last, timed),
      days: days.length,
      typicalStepDays: typical === undefined ? null : roundFigure(typical),
      gapCount: gaps.length,
      gaps: gaps.slice(0, GAPS_SHOWN).map(({ at, days: length }) => ({
        after: writeDate((days[at] as number) * DAY_MS),
        before: writeDate((days[at + 1] as number) * DAY_MS),
        days: length,
      })),
    };
  }
}
