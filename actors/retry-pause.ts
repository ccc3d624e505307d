/** How long to wait before work that has failed is done again. */
import type { RetryPolicy } from './agent-definition.ts';

/** How a step is repeated where nothing is said: not at all. */
export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 1,
  backoffMs: 200,
  factor: 2,
  maxBackoffMs: 30_000,
  jitter: true,
};

/** What holds for a step: its own words before those of its agent. */
export function retryPolicy(
  agent: { readonly retry: RetryPolicy } | undefined,
  own: Partial<RetryPolicy> | undefined,
): RetryPolicy {
  return { ...DEFAULT_RETRY, ...agent?.retry, ...own };
}

/** The pause before the attempt after `attempt`. */
export function pauseMs(policy: RetryPolicy, attempt: number, random: () => number): number {
  const fullMs = Math.min(policy.backoffMs * policy.factor ** (attempt - 1), policy.maxBackoffMs);
  return Math.round(policy.jitter ? fullMs * (1 - random() / 2) : fullMs);
}
