/**
 * What waits for a keyed actor that has ended by itself: it was sent to an address, and the address lives on. The next actor of
 * it handles the rest. One that ends in the turn that starts it handles nothing, and nor would its heirs: its mail goes back.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { Cell } from './cell.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { ActorEvent } from './host.ts';
import { returnMail } from './mail.ts';

/** What inheriting needs of the kernel. */
export interface HeirDesk {
  readonly deadLetters: DeadLetters;
  /** A cell in memory, or one that is on its way there. */
  find(address: string): Cell | undefined;
  post(to: string, event: ActorEvent): void;
  mailArrived(cell: Cell): void;
}

/** Hands on what waited in the bounded lane of a cell that has ended. `first`: in the turn that started its actor. */
export function inheritMail(desk: HeirDesk, cell: Cell, first: boolean): void {
  if (!cell.keyed || cell.phase !== 'ended' || cell.mailbox.size === 0) return;
  const { address } = cell;
  const { user } = cell.mailbox.waiting();
  const heir = first || user.length === 0 ? undefined : desk.find(address);
  if (heir !== undefined) {
    for (const envelope of user) heir.mailbox.readmit(envelope);
    return desk.mailArrived(heir);
  }
  const error = new OperatingError('UNAVAILABLE', `${address} ended before it handled the message.`).toBody();
  for (const envelope of user) returnMail(desk, address, envelope, { reason: 'ended', error });
}
