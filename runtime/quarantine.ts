/** What is kept of a message that was set aside, and what those who wait for it are told. */
import { type ErrorBody, OperatingError, toErrorBody } from '../protocol/errors.ts';
import type { Cell } from './cell.ts';
import type { Envelope } from './mailbox.ts';
import type { QuarantineWrite } from './stores/store.ts';

/** The answer to the asker, and the error of the task: QUARANTINED, or the logic's own refusal where it cannot be kept at all. */
export function refusalOf(cell: Cell, error: unknown, deliveries: number): ErrorBody {
  const cause = toErrorBody(error, 'AGENT_CRASHED');
  if (cause.code === 'UNSUPPORTED_LOGIC') return cause;
  const message = `A message crashed ${cell.address} ${deliveries} times and was set aside: ${cause.message}`;
  return new OperatingError('QUARANTINED', message, { details: { cause } }).toBody();
}

/** The crash capsule: the state before the message, the message, the error, and whose it was. */
export function capsuleOf(cell: Cell, envelope: Envelope, error: unknown, stamp: { readonly id: string; readonly atMs: number }): QuarantineWrite {
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
