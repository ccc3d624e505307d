/**
 * How the health of an agent is looked after, and what the outcomes of its checks mean. Pure: the checks themselves are made by
 * actors/roster/health.ts.
 */

/** A health check as a developer gives it. */
export interface HealthCheck {
  /** Throws, or answers false, when the agent cannot work now. */
  readonly check: () => boolean | Promise<boolean>;
  /** From the end of one check to the next. */
  readonly intervalMs?: number;
  /** A check that takes longer has failed. */
  readonly timeoutMs?: number;
  /** So many failures in a row make the agent `degraded`. */
  readonly failures?: number;
  /** So many passes in a row make it `ready` again. */
  readonly passes?: number;
}

/** The same, complete. */
export type HealthPlan = Required<HealthCheck>;

const DEFAULTS = { intervalMs: 30_000, timeoutMs: 5_000, failures: 3, passes: 1 } as const;
const INTERVAL_MIN_MS = 100;
const TIME_MAX_MS = 86_400_000;
const COUNT_MAX = 1_000;

/** A check alone goes by the defaults. */
export function healthPlan(given: HealthCheck['check'] | HealthCheck): HealthPlan {
  return typeof given === 'function' ? { ...DEFAULTS, check: given } : { ...DEFAULTS, ...given };
}

/** What is wrong with it. */
export function healthFaults(given: unknown): readonly string[] {
  if (typeof given === 'function') return [];
  if (typeof given !== 'object' || given === null) return ['`health` must be a function, or an object with a `check`'];
  const plan: Partial<Readonly<Record<string, unknown>>> = { ...DEFAULTS, ...given };
  const faults: string[] = [];
  if (typeof plan['check'] !== 'function') faults.push('`health.check` must be a function');
  const bounds = { intervalMs: INTERVAL_MIN_MS, timeoutMs: 1, failures: 1, passes: 1 } as const;
  for (const [field, min] of Object.entries(bounds)) {
    const value = plan[field];
    const max = field.endsWith('Ms') ? TIME_MAX_MS : COUNT_MAX;
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) continue;
    faults.push(`\`health.${field}\` must be a whole number from ${min} to ${max}`);
  }
  return faults;
}

/** How the checks went so far. Never changed in place. */
export interface Health {
  readonly isFailing: boolean;
  /** In a row, up to the last check. */
  readonly failures: number;
  readonly passes: number;
  /** ms since the epoch; 0 before the first. */
  readonly checkedAtMs: number;
  /** Why the last check failed, where it did. */
  readonly error?: string;
}

/** Before the first check: nothing is known against the agent. */
export const UNCHECKED: Health = { isFailing: false, failures: 0, passes: 0, checkedAtMs: 0 };

const ERROR_CHARACTERS_MAX = 500;

/** After a check that passed, or failed with `error`. */
export function afterCheck(
  before: Health,
  plan: Pick<HealthPlan, 'failures' | 'passes'>,
  nowMs: number,
  error: string | undefined,
): Health {
  if (error === undefined) {
    const passes = before.passes + 1;
    return { isFailing: before.isFailing && passes < plan.passes, failures: 0, passes, checkedAtMs: nowMs };
  }
  const failures = before.failures + 1;
  const isFailing = before.isFailing || failures >= plan.failures;
  return { isFailing, failures, passes: 0, checkedAtMs: nowMs, error: error.slice(0, ERROR_CHARACTERS_MAX) };
}
