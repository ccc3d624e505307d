/**
 * The key space, shared by all drivers that keep ordered keys. A key is a prefix and its parts, divided by NUL; parts are
 * escaped to printable ASCII, so that no two lists of parts give the same key, whatever is in them (lone surrogates, NUL,
 * `/`), and so that the order of JavaScript strings is the order of bytes.
 *
 *   t/ID                  a task: all of it, where it ended in the epoch it began in; else its start
 *   u/ID                  its later progress
 *   e/ID·SEQ              its later events, one row an epoch, by the seq of the last of them
 *   i/STATUS·ID           tasks by status, for every status but `completed`
 *   c/ADDRESS  r/ADDRESS  the head of a cell that is awake, that is resting
 *   a/ADDRESS·KEY         its attachments
 *   w/DUE·ADDRESS         when a cell that may rest must be woken: its earliest timer
 *   k/PRINCIPAL·KEY       idempotency keys
 *   d/KIND·NAME·VERSION   definitions, breakers, and what lists the actors of the node's services
 *   q/ID                  quarantined messages
 *   h/TASK·ID             what a commit changed of the actors of a task, where that is kept
 *   x/STATE·ID            calls with an unknown outcome; STATE is `unknown` or `closed`
 *   m/NAME                the store's own
 */
import type { TaskStatus } from '../../protocol/tasks.ts';
import type { Range } from './key-space.ts';

const DIVIDER = '\0';
const AFTER_DIVIDER = '\x01';
const AFTER_PREFIX = '0'; // the character after '/'
/** Seqs are written with as many digits, so that they sort. */
const SEQ_DIGITS = 12;
const SEQ_MAX = 10 ** SEQ_DIGITS - 1;

const ESCAPED = /[^\x20-\x24\x26-\x7e]/g;
const NEEDS_ESCAPE = /[^\x20-\x24\x26-\x7e]/;

/** Prefixes of rows. */
export type Prefix = 't' | 'u' | 'e' | 'i' | 'c' | 'r' | 'a' | 'w' | 'k' | 'd' | 'q' | 'x' | 'h' | 'm';

/** The key of one row. */
export function keyOf(prefix: Prefix, first: string, second?: string, third?: string): string {
  const head = `${prefix}/${escapePart(first)}`;
  if (second === undefined) return head;
  return third === undefined
    ? `${head}${DIVIDER}${escapePart(second)}`
    : `${head}${DIVIDER}${escapePart(second)}${DIVIDER}${escapePart(third)}`;
}

/** The parts of a key. */
export function partsOf(key: string): readonly string[] {
  return key.slice(2).split(DIVIDER).map(unescapePart);
}

/** The key of a chunk of events. */
export function eventsKey(task: string, lastSeq: number): string {
  return `${keyOf('e', task)}${DIVIDER}${String(lastSeq).padStart(SEQ_DIGITS, '0')}`;
}

/** The chunks of a task that hold events after a seq. */
export function eventsAfter(task: string, after: number): Range {
  return {
    gte: eventsKey(task, Math.min(Math.max(0, after), SEQ_MAX)) + DIVIDER,
    lt: `${keyOf('e', task)}${AFTER_DIVIDER}`,
  };
}

/** All rows of a prefix. */
export function rangeOf(prefix: Prefix): Range {
  return { gte: `${prefix}/`, lt: prefix + AFTER_PREFIX };
}

/** All rows of a prefix whose first part is `first`, and the second `second` where that is given, and that have more parts. */
export function rangeUnder(prefix: Prefix, first: string, second?: string): Range {
  const head = keyOf(prefix, first, second);
  return { gte: head + DIVIDER, lt: head + AFTER_DIVIDER };
}

/** Tasks, or index rows of a status, from the newest that is older than `cursor`. */
export function tasksBefore(status: TaskStatus | undefined, cursor: string | undefined): Range {
  const { gte, lt } = status === undefined ? rangeOf('t') : rangeUnder('i', status);
  return { gte, lt: cursor === undefined ? lt : gte + escapePart(cursor), reverse: true };
}

function escapePart(part: string): string {
  if (!NEEDS_ESCAPE.test(part)) return part;
  return part.replace(ESCAPED, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function unescapePart(part: string): string {
  if (!part.includes('%')) return part;
  return part.replace(/%([0-9a-f]{4})/g, (_, unit: string) => String.fromCharCode(Number.parseInt(unit, 16)));
}
