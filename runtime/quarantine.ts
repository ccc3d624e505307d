/** Messages that crash their actor again and again: what is kept of them, and what those who wait for them are told. */
import { type ErrorBody, OperatingError, toErrorBody } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Cell } from './cell.ts';
import type { Committer } from './committer.ts';
import type { Effects } from './effects.ts';
import type { ActorEvent } from './host.ts';
import type { Envelope } from './mailbox.ts';
import type { QuarantineWrite } from './stores/store.ts';
import type { World } from './world.ts';

/** The deliveries of one message that may crash its actor. */
export const DELIVERIES_MAX = LIMITS.deliveriesMax;

/** What setting aside needs of the kernel. */
interface QuarantineDesk {
  readonly world: World;
  readonly committer: Committer;
  readonly effects: Effects;
  post(to: string, event: ActorEvent): void;
}

/**
 * Keeps a message with all that is needed to look into it (of a cell that is stored: others hold what cannot be), and tells
 * its asker and the actor's owner.
 * @returns what they were told
 */
export function setAside(desk: QuarantineDesk, cell: Cell, envelope: Envelope, error: unknown): ErrorBody {
  const { world, committer, effects } = desk;
  const refusal = refusalOf(cell, error);
  if (cell.spec.durable) committer.setAside(capsuleOf(cell, envelope, error, { id: world.id(), atMs: world.nowMs() }));
  if (envelope.kind === 'settle') effects.consumed(cell.address, envelope.key);
  const replyTo = envelope.kind === 'event' ? envelope.event['replyTo'] : undefined;
  if (typeof replyTo === 'string') desk.post(replyTo, { type: 'rejected', error: refusal });
  const { owner, address } = cell.spec;
  if (owner !== undefined) desk.post(owner, { type: 'child.quarantined', address, error: refusal });
  return refusal;
}

/** An outcome that nobody handled is the actor's own failure, not a crash: handling it again would end the same way. */
export function reportsFailure(envelope: Envelope): boolean {
  if (envelope.kind === 'settle') return !envelope.outcome.ok;
  if (envelope.kind !== 'relay') return false;
  const { type } = envelope.reentry.event;
  return type === 'xstate.promise.reject' || type.startsWith('xstate.error.');
}

/** The answer to the asker, and the error of the task: QUARANTINED, or the logic's own refusal where it cannot be kept at all. */
function refusalOf(cell: Cell, error: unknown): ErrorBody {
  const cause = toErrorBody(error, 'AGENT_CRASHED');
  if (cause.code === 'UNSUPPORTED_LOGIC') return cause;
  const message = `A message crashed ${cell.address} ${DELIVERIES_MAX} times and was set aside: ${cause.message}`;
  return new OperatingError('QUARANTINED', message, { details: { cause } }).toBody();
}

/** The crash capsule: the state before the message, the message, the error, and whose it was. */
function capsuleOf(
  cell: Cell,
  envelope: Envelope,
  error: unknown,
  stamp: { readonly id: string; readonly atMs: number },
): QuarantineWrite {
  const { spec, logic, checkpoint } = cell;
  return {
    id: stamp.id,
    body: {
      ...stamp,
      address: spec.address,
      supervisor: spec.supervisor,
      logic: spec.logic,
      logicVersion: logic.factory.logicVersion,
      structureHash: logic.factory.structureHash,
      input: spec.input,
      envelope,
      error: toErrorBody(error, 'AGENT_CRASHED'),
      stack: error instanceof Error ? error.stack : undefined,
      snapshot: checkpoint === undefined ? undefined : logic.factory.encode(checkpoint),
    },
  };
}
