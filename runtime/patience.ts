/**
 * Messages that can wait: news for the record, which nothing else waits for. They are handled right before the next cut, and
 * what has come by then is one message: a task whose steps begin and end within one epoch hears of all of it in one turn.
 */
import type { ActorEvent } from './host.ts';
import type { Envelope, Mailbox } from './mailbox.ts';

/** What an actor says of the messages that it can wait for. */
export interface Patience {
  /** Whether this one can wait. */
  allows(event: ActorEvent): boolean;
  /** Two that can wait as one, in their order; undefined where each is to be handled by itself. They are not changed. */
  join(first: ActorEvent, second: ActorEvent): ActorEvent | undefined;
}

/** Puts mail into the control lane; into the message before it where the two can be one. */
export function pushJoined(mailbox: Mailbox, mail: Envelope, patience: Patience): void {
  const last = mailbox.lastPushed;
  const canJoin = isPlain(last) && isPlain(mail) && patience.allows(last.event);
  const joined = canJoin ? patience.join(last.event, mail.event) : undefined;
  if (last === undefined || joined === undefined) mailbox.push(mail);
  else mailbox.replaceLast({ ...last, event: joined } as Envelope);
}

/** It says nothing beside its message, and has not been handled in vain. */
function isPlain(mail: Envelope | undefined): mail is Envelope & { readonly kind: 'event' } {
  return (
    mail?.kind === 'event' &&
    mail.deliveries === 0 &&
    mail.hops === undefined &&
    mail.asked === undefined &&
    mail.bounce === undefined
  );
}
