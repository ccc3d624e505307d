/** What a supervisor is told to do, as plain data, and the bounds of what it may be told. */
import { OperatingError } from '../protocol/errors.ts';
import type { Backoff } from './backoff.ts';
import type { Intensity } from './intensity.ts';
import type { AutoShutdown } from './significance.ts';
import type { Strategy } from './strategy.ts';

/** How a supervisor supervises. */
export interface SupervisorPolicy extends Intensity {
  readonly strategy: Strategy;
  readonly backoff: Backoff;
  /**
   * When its intensity is exceeded: `abandon` gives up the child that crashed and goes on with the others, for `dynamic`
   * alone; `escalate` stops all listed children and leaves the rest to its own supervisor, as in OTP; `open` opens the
   * breaker in front of its children, behind which those that crashed wait, for `dynamic` alone too.
   */
  readonly onExcess: 'abandon' | 'escalate' | 'open';
  /** Whether it ends with its significant children. Default: `never`. */
  readonly autoShutdown?: AutoShutdown;
}

const INTENSITY_MAX = 10_000;
const PERIOD_MAX_MS = 86_400_000;
const DELAY_MAX_MS = 3_600_000;
const FACTOR_MAX = 10;

/** Refuses a policy out of bounds, naming the field. Errors: INVALID_INPUT. */
export function assertPolicy(policy: SupervisorPolicy): void {
  const { intensity, periodMs, backoff, strategy, onExcess } = policy;
  const check = (field: string, value: number, min: number, max: number): void => {
    if (value >= min && value <= max) return;
    throw refusal(field, `a number from ${min} to ${max}`, value);
  };
  check('intensity', intensity, 0, INTENSITY_MAX);
  if (!Number.isInteger(intensity)) throw refusal('intensity', 'a whole number', intensity);
  check('periodMs', periodMs, 1, PERIOD_MAX_MS);
  check('backoff.firstMs', backoff.firstMs, 0, DELAY_MAX_MS);
  check('backoff.maxMs', backoff.maxMs, backoff.firstMs, DELAY_MAX_MS);
  check('backoff.factor', backoff.factor, 1, FACTOR_MAX);
  check('backoff.jitter', backoff.jitter, 0, 1);
  if (onExcess !== 'escalate' && strategy !== 'dynamic') {
    throw refusal('onExcess', `"escalate" with the strategy ${strategy}, whose children are there for good`, onExcess);
  }
}

function refusal(field: string, wanted: string, value: unknown): OperatingError {
  return new OperatingError('INVALID_INPUT', `A supervisor's ${field} must be ${wanted}, not ${String(value)}.`, {
    details: { field },
  });
}
