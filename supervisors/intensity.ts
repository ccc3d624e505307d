/**
 * How many restarts a supervisor may begin: at most `intensity` in any `periodMs`, over all of its children. Pure, over a
 * list that never holds more entries than that. Nothing but time refills it.
 *
 * The time that a child waits before its restart (supervisors/backoff.ts) does not age that child's entries. So a child
 * that crashes again and again at once exceeds the intensity however long its pauses grow.
 */

/** Restarts allowed in a period. OTP counts the period in seconds, this in ms. */
export interface Intensity {
  /** 0 allows none. */
  readonly intensity: number;
  readonly periodMs: number;
}

/** A restart that was begun: of which child, and when its pause ends on the monotonic clock. */
export interface Restart {
  readonly address: string;
  readonly atMs: number;
}

/** The restarts that still count, and perhaps some that no longer do. */
export type RestartWindow = readonly Restart[];

/** Whether the entry counts: up to and including its period's last instant, as in OTP. */
function counts(restart: Restart, periodMs: number, nowMs: number): boolean {
  return nowMs - restart.atMs <= periodMs;
}

/** Those restarts of the window that count at `nowMs`. */
export function recent(window: RestartWindow, { periodMs }: Intensity, nowMs: number): RestartWindow {
  return window.filter((restart) => counts(restart, periodMs, nowMs));
}

/** Whether one more restart is within the intensity. It is *exceeded* by the restart after the last allowed one. */
export function hasRoom(window: RestartWindow, limits: Intensity, nowMs: number): boolean {
  return recent(window, limits, nowMs).length < limits.intensity;
}

/**
 * Books a restart of `address` that begins after `waitMs`. Only where there is room.
 * @returns the new window, at most `intensity` long
 */
export function book(
  window: RestartWindow,
  limits: Intensity,
  nowMs: number,
  address: string,
  waitMs: number,
): RestartWindow {
  const kept = recent(window, limits, nowMs).map((restart) =>
    restart.address === address ? { address, atMs: restart.atMs + waitMs } : restart,
  );
  return [...kept, { address, atMs: nowMs + waitMs }];
}

/** When there is room again, at the latest; undefined with an intensity of 0, where there never is. */
export function roomAtMs(window: RestartWindow, limits: Intensity, nowMs: number): number | undefined {
  if (limits.intensity === 0) return undefined;
  const times = recent(window, limits, nowMs)
    .map((restart) => restart.atMs)
    .toSorted((a, b) => a - b);
  const inTheWay = times[times.length - limits.intensity];
  // The instant after the last one at which it counts.
  return inTheWay === undefined ? nowMs : inTheWay + limits.periodMs + 1;
}
