/** How a message between actors becomes mail, and what is said where it cannot. */
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { ActorEvent } from './host.ts';
import type { Delivery, Envelope } from './mailbox.ts';

/** What a message weighs where nobody says otherwise. */
export const ENVELOPE_BYTES = 64;

/** The turn that a message is sent in. */
export interface MailCause {
  readonly hops: number;
  /** What it handles, where someone waits for what comes of it. */
  readonly cause: Envelope | undefined;
}

/** The envelope of a message. A question that is handed on takes those along who wait for its answer. */
export function mailOf(event: ActorEvent, { hops, cause }: MailCause, how?: Delivery): Envelope {
  const mail: Envelope = { kind: 'event', event, deliveries: 0, bytes: how?.bytes ?? ENVELOPE_BYTES };
  const asked = how?.asked ?? (cause !== undefined && isHandedOn(cause, event) ? cause.asked : undefined);
  const bounce = how?.bounce;
  if (hops === 0 && asked === undefined && bounce === undefined) return mail;
  return { ...mail, ...(hops > 0 && { hops }), ...(asked && { asked }), ...(bounce && { bounce }) };
}

/** BUSY. */
export function mailboxFull(address: string): OperatingError {
  return new OperatingError(
    'BUSY',
    `The mailbox of ${address} is full (${LIMITS.mailboxMessagesMax} messages). Send again later.`,
    { retryAfterMs: 200 },
  );
}

/** NOT_FOUND. */
export function noActor(address: string): OperatingError {
  return new OperatingError('NOT_FOUND', `There is no actor ${address}.`);
}

/** A message that its actor does not handle goes back, where someone hears of that; otherwise it is a dead letter. */
export function returnMail(
  desk: { readonly deadLetters: DeadLetters; post(to: string, event: ActorEvent): void },
  to: string,
  envelope: Envelope,
  why: { readonly reason: string; readonly error: ErrorBody },
): void {
  const { bounce } = envelope;
  const { error, reason } = why;
  const event = envelope.kind === 'event' ? envelope.event : undefined;
  const replyTo = event?.['replyTo'];
  if (bounce !== undefined) desk.post(bounce.to, { type: 'bounced', ref: bounce.ref, event, error });
  else if (typeof replyTo === 'string') desk.post(replyTo, { type: 'rejected', error });
  else desk.deadLetters.add({ reason, to, event });
}

function isHandedOn(cause: Envelope, event: ActorEvent): boolean {
  const replyTo = cause.kind === 'event' ? cause.event['replyTo'] : undefined;
  return typeof replyTo === 'string' && event['replyTo'] === replyTo;
}
