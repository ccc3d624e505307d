/** One that could do a piece of work, as plain data, and how it stands. Pure. */

/** How a candidate stands, the best first. */
export const STANDINGS = ['ready', 'busy', 'degraded', 'open'] as const;
export type Standing = (typeof STANDINGS)[number];

/** One that could do the work. */
export interface Candidate {
  /** Its version against the newest that is offered: 1 for that one (`matchOf`). */
  readonly match: number;
  /** Work in hand, and calls that wait for a place. */
  readonly taken: number;
  readonly waiting: number;
  /** Calls that may be under way at once. */
  readonly capacity: number;
  /** Until its breaker lets a call in; 0 where it does. */
  readonly waitMs: number;
  /** Its health check fails. */
  readonly isFailing: boolean;
  /** The middle of its durations, and so many runs that stands on, which are fewer the longer ago they were. */
  readonly p50Ms: number;
  readonly timed: number;
  /** What a run costs, in US dollars. */
  readonly usd: number;
  /** Runs that went well and that failed; fewer the longer ago they were. */
  readonly good: number;
  readonly bad: number;
  /** 0 to 1: it has served the same work before, and has the labels that are preferred. */
  readonly affinity: number;
}

/** Failures of at least so many recent runs, and of this part of them, make an agent degraded. */
const BAD_RUNS_MIN = 5;
const BAD_SHARE_MIN = 0.5;
/** How a candidate stands. */
export function standingOf(
  one: Pick<Candidate, 'waitMs' | 'isFailing' | 'good' | 'bad' | 'taken' | 'capacity'>,
): Standing {
  if (one.waitMs > 0) return 'open';
  if (one.isFailing || failsOften(one)) return 'degraded';
  return one.taken < one.capacity ? 'ready' : 'busy';
}

/** Whether so much of what it did of late failed that others are tried first. It comes to an end by itself, with time. */
function failsOften({ good, bad }: Pick<Candidate, 'good' | 'bad'>): boolean {
  return good + bad >= BAD_RUNS_MIN && bad >= BAD_SHARE_MIN * (good + bad);
}

/** Whether it would begin at once, and nothing is known of how fast it is, since it has never run, or not for very long. */
export function isUnknown(one: Candidate): boolean {
  return one.timed + one.good + one.bad === 0 && one.taken === 0 && standingOf(one) === 'ready';
}

const MATCHES = { same: 1, patch: 0.95, minor: 0.85, major: 0.6, prerelease: 0.25 } as const;

/** How near a version is to the newest one that is offered. */
export function matchOf(version: string, newest: string): number {
  if (version === newest) return MATCHES.same;
  if (version.includes('-')) return MATCHES.prerelease;
  const [major, minor] = version.split('.');
  const [newestMajor, newestMinor] = newest.split('.');
  if (major !== newestMajor) return MATCHES.major;
  return minor === newestMinor ? MATCHES.patch : MATCHES.minor;
}
