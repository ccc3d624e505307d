/** The kinds of values that options take, read from the words of a command line. Errors: InvalidArgumentError, saying what was expected. */
import { InvalidArgumentError } from 'commander';

/** A whole number within bounds. */
export function wholeNumber(text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  return value;
}

/** A number of 0 or more. */
export function decimal(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('Expected a number of 0 or more.');
  return value;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time such as 30s, in ms. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Expected a time such as 500ms, 30s, 5m, 1h or 2d.');
  return Math.round(Number(match[1]) * (UNITS_MS[match[2] ?? ''] ?? 0));
}

/** What `--force` says. */
export const FORCE = 'write over a file that is there';
