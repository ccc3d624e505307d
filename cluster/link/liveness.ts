/**
 * Whether the other side of a link lives, by one's own clock. One who was busy himself has not listened: by as much as the own
 * beat came late, others are given more time. (Lifeguard: a node that judges others is often the slow one.)
 */
import { LIMITS } from '../../protocol/limits.ts';

/** What the silence of the other side means. */
export type Verdict = 'alive' | 'suspect' | 'lost';

const SUSPECT_MS = LIMITS.meshHeartbeatMs * LIMITS.meshHeartbeatMissesMax;

/** One side of one link. Times are those of one monotonic clock, ms. */
export class Liveness {
  readonly #lostMs: number;
  #heardAtMs: number;
  #dueAtMs: number;
  #lateMs = 0;

  constructor(lostMs: number, nowMs: number) {
    this.#lostMs = lostMs;
    this.#heardAtMs = nowMs;
    this.#dueAtMs = nowMs;
  }

  /** How late the own beats were of late, ms. */
  get lateMs(): number {
    return this.#lateMs;
  }

  /** The other side gave a sign of life. */
  heard(nowMs: number): void {
    this.#heardAtMs = Math.max(this.#heardAtMs, nowMs);
  }

  /** The own beat fires. What it was late by counts for it and, less and less, for those after it. */
  beat(nowMs: number): void {
    this.#lateMs = Math.max(nowMs - this.#dueAtMs, this.#lateMs / 2, 0);
  }

  judge(nowMs: number): Verdict {
    const silenceMs = nowMs - this.#heardAtMs - this.#lateMs;
    if (silenceMs >= this.#lostMs) return 'lost';
    return silenceMs >= SUSPECT_MS ? 'suspect' : 'alive';
  }

  /** How long until the next beat, ms: the usual time, or less where the other side would be lost sooner. */
  nextBeatMs(nowMs: number): number {
    const leftMs = this.#heardAtMs + this.#lateMs + this.#lostMs - nowMs;
    const delayMs = Math.min(LIMITS.meshHeartbeatMs, Math.max(1, Math.ceil(leftMs)));
    this.#dueAtMs = nowMs + delayMs;
    return delayMs;
  }
}
