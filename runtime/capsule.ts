/**
 * Crash capsules: all that is kept of a message that took its actor down, so that people can look into it, give it again, and
 * replay it offline. A capsule is plain data of a bounded size (runtime/capsule-making.ts); what did not fit is named in it.
 */
import type { ErrorBody } from '../protocol/errors.ts';
import type { Envelope } from './mailbox.ts';
import type { TrailEntry } from './trail.ts';

/** The number of the shape below. */
export const CAPSULE_FORMAT = 1;

/**
 * Why something was set aside. `crash`: it crashed its actor three times. `node`: the process ended three times while it was
 * handled. `load`: the stored state cannot be read. `livelock`: it went round in a circle.
 */
export type CapsuleCause = 'crash' | 'node' | 'load' | 'livelock';

/** What was handled. `call` is the outside call of a function; the rest are messages. */
export type CapsuleMessage =
  | { readonly kind: 'start' }
  | { readonly kind: 'event'; readonly event: { readonly type: string; readonly [field: string]: unknown } }
  | { readonly kind: 'relay'; readonly reentry: Extract<Envelope, { readonly kind: 'relay' }>['reentry'] }
  | {
      readonly kind: 'settle';
      readonly key: string;
      readonly outcome: Extract<Envelope, { readonly kind: 'settle' }>['outcome'];
    }
  | { readonly kind: 'timer'; readonly id: string; readonly dueAtMs: number }
  | { readonly kind: 'call'; readonly key: string };

/** The work that the actor did, where it worked for a task. */
export interface CapsuleWork {
  readonly task: string;
  readonly step?: string;
  readonly item?: number;
  readonly attempt?: number;
}

/** One thing that was done with a capsule since it was made. */
interface CapsuleAct {
  readonly atMs: number;
  readonly act: 'edited' | 'replayed';
  readonly by: string;
}

/** All that is kept. */
export interface Capsule {
  readonly format: typeof CAPSULE_FORMAT;
  readonly id: string;
  readonly atMs: number;
  readonly cause: CapsuleCause;
  /** Of the actor. */
  readonly address: string;
  readonly work?: CapsuleWork;
  /** The actor's supervisor, that one's own, and so on, up to the root. */
  readonly supervisors: readonly string[];
  readonly owner?: string;
  /** Goes on without the message; otherwise it has ended with it. */
  readonly permanent: boolean;
  readonly logic: string;
  readonly logicVersion: string;
  readonly structureHash: string;
  /** What the actor was started with. */
  readonly input: unknown;
  readonly message: CapsuleMessage;
  readonly deliveries: number;
  readonly error: ErrorBody;
  readonly stack?: string;
  /** The logic's own bytes of the state before the message; absent where there was none yet. */
  readonly snapshot?: Uint8Array;
  /** What the actor handled before, the oldest first. */
  readonly trail: readonly TrailEntry[];
  /** Parts that did not fit. */
  readonly leftOut: readonly CapsulePart[];
  /** The input that a replay submits, where it was edited. */
  readonly edited?: { readonly input: unknown };
  readonly history: readonly CapsuleAct[];
}

/** A part that a capsule can do without. */
export type CapsulePart = 'trail' | 'stack' | 'input' | 'snapshot' | 'message';

/** The message in a few words, for lists and logs: `event pay`, `timer x:3`, `call run`. */
export function wordsOf(message: CapsuleMessage): string {
  switch (message.kind) {
    case 'start':
      return 'start';
    case 'event':
      return `event ${String(message.event.type)}`;
    case 'relay':
      return `relay ${String(message.reentry.event.type)}`;
    case 'timer':
      return `timer ${message.id}`;
    default:
      return `${message.kind} ${message.key}`;
  }
}

/** The message of an envelope, without what belongs to its delivery. */
export function messageOf(envelope: Envelope): CapsuleMessage {
  const { deliveries: _deliveries, bytes: _bytes, hops: _hops, ...message } = envelope;
  return message;
}
