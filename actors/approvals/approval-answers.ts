/** What a step keeps of the approvals that its run asks for: entries of the journal, the answers among them. */
import type { ErrorBody } from '../../protocol/errors.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import type { ApprovalDecision } from './approval.ts';

/** What the journal has of one. */
export interface ApprovalEntry {
  readonly kind: 'approval';
  /** Where it is asked. */
  readonly address: string;
  readonly state: 'intended' | 'done' | 'failed';
  readonly value?: ApprovalDecision;
  readonly error?: ErrorBody;
}

/** Whether a step hears from an approval that its run has asked for, and not from the run. */
export function isOfApproval(event: ActorEvent): boolean {
  return String(event['address']).startsWith('approval/');
}

/** The id of an approval, from what is heard of it. */
export function approvalOf(event: ActorEvent): string {
  return String(event['address']).split('/').slice(1).map(decodeURIComponent).join('.');
}

/** A step's turn: puts down what was answered. @returns the entry that it belongs to */
export function recordAnswer(event: ActorEvent, port: CellPort): string | undefined {
  const address = String(event['address']);
  const { output, error } = event as { readonly output?: ApprovalDecision; readonly error?: ErrorBody };
  for (const [entry, value] of port.attached()) {
    const known = value as Partial<ApprovalEntry> | undefined;
    if (known?.kind !== 'approval' || known.state !== 'intended' || known.address !== address) continue;
    const answer = { kind: 'approval', address } as const;
    const answered: ApprovalEntry =
      error === undefined
        ? { ...answer, state: 'done', value: output as ApprovalDecision }
        : { ...answer, state: 'failed', error };
    port.attach(entry, answered);
    return entry;
  }
  return undefined;
}
