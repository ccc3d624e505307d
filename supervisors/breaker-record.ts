/**
 * A breaker as it rests in the store, and back: its times go by the wall clock there, which may have jumped meanwhile.
 * Whatever the clock says, nothing lies in the future but the end of the open time, and no breaker stays open for longer
 * after a start than it was meant to when it opened.
 */
import { z } from 'zod';
import type { World } from '../runtime/world.ts';
import { type BreakerLimits, type BreakerState, NEW_BREAKER } from './breaker.ts';

/** Another shape of the record needs another number. */
const FORMAT = 1;

const time = z.number().min(0);
const count = z.int().min(0);
const recordSchema = z.object({
  format: z.literal(FORMAT),
  phase: z.enum(['closed', 'open', 'half-open']),
  era: count,
  failedAtMs: z.array(time),
  spent: z.array(z.object({ atMs: time, usd: z.number().min(0), tokens: z.number().min(0) })),
  notBeforeMs: time,
  opens: count,
  streak: count,
  openedAtMs: time,
  retryAtMs: time,
  closedAtMs: time,
  probe: z.object({ holder: z.string(), sinceMs: time }).nullable(),
  lastError: z.object({ code: z.string(), message: z.string() }).nullable(),
});

/** What the store keeps of a breaker. */
export type BreakerRecord = z.infer<typeof recordSchema>;

/** The time that breakers go by: begins with the wall clock, and from there goes only forward, whatever that does. */
export interface BreakerClock {
  nowMs(): number;
  /** What is to be added to a time of this clock for the wall clock as it is now. */
  toWallMs(): number;
}

/** Two clocks are read one after the other, and drift: what is less than this is not shown, so that times stand still. */
const DRIFT_MS = 100;

/** The clock of one run of the process. */
export function createBreakerClock(world: Pick<World, 'nowMs' | 'monotonicMs'>): BreakerClock {
  const baseMs = world.nowMs() - world.monotonicMs();
  const nowMs = (): number => Math.round(baseMs + world.monotonicMs());
  let shiftMs = 0;
  const toWallMs = (): number => {
    const offMs = world.nowMs() - nowMs();
    if (Math.abs(offMs - shiftMs) > DRIFT_MS) shiftMs = offMs;
    return shiftMs;
  };
  return { nowMs, toWallMs };
}

/** The record of a state; `shiftMs` turns its times into those of the wall clock. */
export function recordOf(state: BreakerState, shiftMs: number): BreakerRecord {
  const wall = (ms: number): number => (ms === 0 ? 0 : Math.max(0, ms + shiftMs));
  const { probe, lastError } = state;
  return {
    ...state,
    format: FORMAT,
    failedAtMs: state.failedAtMs.map(wall),
    spent: state.spent.map((one) => ({ ...one, atMs: wall(one.atMs) })),
    notBeforeMs: wall(state.notBeforeMs),
    openedAtMs: wall(state.openedAtMs),
    retryAtMs: wall(state.retryAtMs),
    closedAtMs: wall(state.closedAtMs),
    probe: probe === undefined ? null : { ...probe, sinceMs: wall(probe.sinceMs) },
    lastError: lastError ?? null,
  };
}

/** The state of a record, at `nowMs` of the wall clock, by the limits of now; undefined for what is no record of this format. */
export function stateOf(record: unknown, limits: BreakerLimits, nowMs: number): BreakerState | undefined {
  const parsed = recordSchema.safeParse(record);
  if (!parsed.success) return undefined;
  const { format: _format, probe, lastError, ...fields } = parsed.data;
  const past = (ms: number): number => Math.min(ms, nowMs);
  const ahead = (ms: number, mostMs: number): number => (ms === 0 ? 0 : nowMs + clamp(ms - nowMs, mostMs));
  const failedAtMs = limits.failures === 0 ? [] : fields.failedAtMs.map(past).slice(-limits.failures);
  return {
    ...NEW_BREAKER,
    ...fields,
    failedAtMs,
    spent: fields.spent.map((one) => ({ ...one, atMs: past(one.atMs) })),
    notBeforeMs: ahead(fields.notBeforeMs, limits.openMaxMs),
    openedAtMs: past(fields.openedAtMs),
    retryAtMs: ahead(fields.retryAtMs, Math.max(0, fields.retryAtMs - fields.openedAtMs)),
    closedAtMs: past(fields.closedAtMs),
    probe: probe === null ? undefined : { ...probe, sinceMs: past(probe.sinceMs) },
    lastError: lastError ?? undefined,
  };
}

function clamp(ms: number, mostMs: number): number {
  return Math.min(Math.max(ms, 0), mostMs);
}
