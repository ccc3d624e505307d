/**
 * The last messages that an actor with code of users in its turns has handled: for the crash capsule, should the next one be its
 * last. Only their outlines are kept, so that a trail holds no large values alive; flat lifecycles of the product keep none.
 */
import type { Envelope } from './mailbox.ts';

/** Messages in a trail. */
export const TRAIL_MAX = 8;
const FIELDS_MAX = 8;
const TEXT_CHARACTERS_MAX = 64;

/** One message that was handled. */
export interface TrailEntry {
  /** `start`, `event`, `relay`, `settle` or `timer`. */
  readonly kind: string;
  /** The type of an event, the key of a call, the id of a timer. */
  readonly what: string;
  /** Of an event: those fields that are short. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Adds a message; the oldest makes room. `trail` is changed in place. */
export function leaveTrail(trail: TrailEntry[], entry: TrailEntry): void {
  if (trail.length >= TRAIL_MAX) trail.shift();
  trail.push(entry);
}

/** The entry in one line, which the same message has again after a restart. */
export function lineOf({ kind, what, fields }: TrailEntry): string {
  let line = what === '' ? kind : `${kind} ${what}`;
  for (const key in fields) line += ` ${key}=${String(fields[key])}`;
  return line;
}

/** The outline of a message. */
export function entryOf(envelope: Envelope): TrailEntry {
  const { kind } = envelope;
  if (kind === 'start') return { kind, what: '' };
  if (kind === 'timer') return { kind, what: envelope.id };
  if (kind === 'settle') return { kind, what: envelope.key, fields: { ok: envelope.outcome.ok } };
  if (kind === 'relay') return { kind, what: String(envelope.reentry.event.type) };
  return { kind, what: String(envelope.event.type), fields: outline(envelope.event) };
}

function outline(event: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const fields: Record<string, unknown> = {};
  let count = 0;
  for (const key in event) {
    // Where an answer goes is another address each time.
    if (key === 'type' || key === 'replyTo' || key === '__proto__') continue;
    if (++count > FIELDS_MAX) break;
    const value = event[key];
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) fields[key] = value;
    else if (typeof value === 'string')
      fields[key] = value.length <= TEXT_CHARACTERS_MAX ? value : `(${value.length} characters)`;
    else fields[key] = `(${typeof value})`;
  }
  return fields;
}
