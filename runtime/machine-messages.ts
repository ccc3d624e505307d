/**
 * The actors by which every machine may ask an actor of a keyed agent, and publish to a topic: `ask`, `publish`. Like `effect`
 * (runtime/machine-effects.ts) each is one call under a key of its own; what it does is done once, and after a restart the machine
 * waits on for what comes of it.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { ActorEvent } from './host.ts';
import { callLogic } from './machine-calls.ts';

/** What is put in for `ask`: an event for an actor of a keyed agent, whose answer is the output. */
export interface AskInput {
  readonly agent: string;
  readonly key: string;
  readonly event: ActorEvent;
  /** 30 s where none is given. */
  readonly timeoutMs?: number;
}

/** What is put in for `publish`. */
export interface PublishInput {
  readonly topic: string;
  readonly data?: unknown;
}

/** Errors: INVALID_INPUT where a field that must be words is none. */
export function checkWords(actor: string, input: unknown, field: string): void {
  const value = (input as Readonly<Record<string, unknown>> | undefined)?.[field];
  if (typeof value === 'string' && value !== '') return;
  throw new OperatingError(
    'INVALID_INPUT',
    `The input of the actor "${actor}" needs a ${field}: { ${field}: '…', … }.`,
    { details: { actor, field } },
  );
}

/** A question: `{ src: 'ask', input: { agent: 'ledger', key: 'eu', event: { type: 'balance' } } }` asks for the call `ask`. */
export const ask = callLogic<AskInput>((input) => {
  for (const field of ['agent', 'key']) checkWords('ask', input, field);
  checkWords('ask', input.event, 'type');
  return { name: 'ask', kind: 'keyed', input };
}, 'keyed');

/** A message to a topic: asks for the call `publish`. */
export const publish = callLogic<PublishInput>((input) => {
  checkWords('publish', input, 'topic');
  return { name: 'publish', kind: 'keyed', input };
}, 'keyed');
