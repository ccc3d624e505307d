/**
 * How long a child waits before its restart: longer with each restart of that child that still counts in its supervisor's
 * window, so that a crash that comes back costs little, and with jitter, so that children that crashed together do not come
 * back together. Pure.
 */

/** The first pause, how it grows, where it ends. `jitter` 0 to 1: the part of a pause that chance may take away. */
export interface Backoff {
  readonly firstMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly jitter: number;
}

/**
 * The pause before the next restart, whole ms, at most `maxMs`.
 * @param earlier restarts of the same child that still count
 * @param random uniform in [0, 1)
 */
export function restartDelayMs(backoff: Backoff, earlier: number, random: () => number): number {
  const { firstMs, factor, maxMs, jitter } = backoff;
  if (firstMs === 0) return 0;
  const fullMs = Math.min(firstMs * factor ** earlier, maxMs);
  return Math.round(fullMs * (1 - jitter * random()));
}
