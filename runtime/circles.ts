/**
 * The loop breaker: actors that keep each other, or themselves, busy without getting anywhere. Every message that is caused by
 * another counts one hop more than that; what comes from outside (clients, outcomes of calls, timers of some length) counts
 * none. Nothing is looked at before a chain is long. From there on each actor's states and inputs are remembered by their
 * fingerprints, and one that meets nothing but those it has just had, again and again, goes round in a circle.
 */
import { crc32 } from 'node:zlib';
import { OperatingError } from '../protocol/errors.ts';
import type { Cell } from './cell.ts';
import type { Envelope } from './mailbox.ts';
import { packState } from './state-codec.ts';

/** Hops that nobody looks at. */
export const HOPS_FREE = 1_000;
/** Turns in a row, beyond those, that bring nothing new. */
export const REPEATS_MAX = 100;
/** States with inputs that are remembered of one actor: the longest circle that is found. */
const REMEMBERED_MAX = 16;
/** A timer that is set for less does not end a chain: nothing outside changes in that time. */
export const SPIN_MS = 20;

/** What is remembered of an actor in a long chain. */
export interface Circle {
  readonly seen: string[];
  repeats: number;
}

/** Notes the turn that is about to be. The error where it would be one too many of the same. */
export function circling(cell: Cell, envelope: Envelope): OperatingError | undefined {
  const state = cell.checkpoint === undefined ? undefined : cell.logic.factory.fingerprint?.(cell.checkpoint);
  const input = inputOf(envelope);
  if (state === undefined || input === undefined) return undefined;
  const circle = (cell.circle ??= { seen: [], repeats: 0 });
  const now = `${state} ${input}`;
  if (!circle.seen.includes(now)) {
    if (circle.seen.length >= REMEMBERED_MAX) circle.seen.shift();
    circle.seen.push(now);
    circle.repeats = 0;
    return undefined;
  }
  if (++circle.repeats < REPEATS_MAX) return undefined;
  cell.circle = undefined;
  const { hops = 0 } = envelope;
  return new OperatingError(
    'LIVELOCK',
    `${cell.address} went round in a circle: the same ${circle.seen.length} of its states and inputs came again and again, ` +
      `${hops} messages after the last one from outside.`,
    { details: { actor: cell.address, hops, states: circle.seen.length } },
  );
}

/** Undefined for what cannot be compared: it counts as new. */
function inputOf(envelope: Envelope): string | undefined {
  // A timer has another id each time.
  if (envelope.kind === 'timer' || envelope.kind === 'start') return envelope.kind;
  try {
    if (envelope.kind === 'event') return `event ${crc32(packState(envelope.event))}`;
    if (envelope.kind === 'relay') return `relay ${crc32(packState(envelope.reentry.event))}`;
    return undefined;
  } catch {
    return undefined;
  }
}
