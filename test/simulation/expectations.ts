/** What may come of a job: in the words that jobs are made with. */
import type { Job, JobParts } from './workload.ts';

/** Alike, as JSON. */
export const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Completed with this output. */
export function gives(output: unknown): Job['judge'] {
  return (end) =>
    end.status === 'completed' && same(end.output, output)
      ? undefined
      : `expected the output ${JSON.stringify(output)}`;
}

/** Completed with what `fits`, or failed with one of the codes. */
export function givesOr(fits: (output: unknown) => boolean, codes: readonly string[]): Job['judge'] {
  return ({ status, output, error }) => {
    if (status === 'completed') return fits(output) ? undefined : 'an output that was not given to it';
    return status === 'failed' && error !== undefined && codes.includes(error.code)
      ? undefined
      : `expected one of ${codes.join(', ')}`;
  };
}

/** What calls of an outside service may fail with, once all attempts are used up. */
export const CALL_CODES = ['AGENT_FAILED', 'TIMEOUT', 'EFFECT_UNKNOWN', 'AGENT_CRASHED'] as const;

/** Names of calls: as many as it likes, up to a number. */
export function tokens({ rng, name }: Pick<JobParts, 'rng' | 'name'>, most: number): string[] {
  return Array.from({ length: rng.int(1, most) }, (_, index) => `${name}-${rng.word(4)}-${index}`);
}

/** Whether it is what the service gives for a call of this name. */
export const isReceiptOf =
  (token: string) =>
  (receipt: unknown): boolean =>
    String(receipt).endsWith(`-${token}`);

/** The same of several. */
export function areReceipts(wanted: readonly string[], got: unknown): boolean {
  return Array.isArray(got) && got.length === wanted.length && wanted.every((token, at) => isReceiptOf(token)(got[at]));
}
