/**
 * One question to a person: may this go on? What it is asked with, what comes of it, and the cell that asks it. Whoever must know
 * (a step, a workflow's step, an account) owns that cell; how it lives is in approval-logic.ts.
 */
import { formatAddress } from '../../protocol/addresses.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import { packState } from '../../runtime/state-codec.ts';
import { TASKS_SUPERVISOR } from '../task.ts';
import { type ApprovalPlace, approvalId } from './approval-view.ts';

/** How long an approval waits, for whom, and what happens when nobody comes. */
export interface ApprovalTerms {
  /** Who may decide. Without one: whoever the task belongs to. */
  readonly role?: string;
  /** From the request on. Without one it waits as long as its task. */
  readonly deadlineMs?: number;
  /** What the passing of the deadline means. Default: `fail`. */
  readonly onExpire?: 'approve' | 'reject' | 'fail';
  /** From when on whom else to ask: ascending, counted from the request. */
  readonly escalate?: readonly { readonly afterMs: number; readonly role: string }[];
}

/** Everything an approval is made of. */
export interface ApprovalAsk extends ApprovalPlace {
  /** The actor that hears of its end: `child.done` with the decision, `child.failed` where it expired. */
  readonly owner: string;
  /** 0 to 9. */
  readonly priority: number;
  readonly approval: ApprovalTerms;
  /** What the person reads. */
  readonly message?: string;
  /** What the person may look into; left out beyond `approvalDetailsBytesMax`. */
  readonly details?: unknown;
  /** Of the task, in ms since the epoch. */
  readonly deadlineAtMs?: number;
}

/** What an approval's cell is started with. */
export interface ApprovalStart {
  readonly place: ApprovalPlace;
  readonly terms: ApprovalTerms;
  readonly message?: string;
  readonly details?: unknown;
}

/** How it was decided: the output of an approval. `by`: a principal, or `expiry`. */
export interface ApprovalDecision {
  readonly decision: 'approve' | 'reject';
  readonly by: string;
  readonly comment?: string;
  /** ms since the epoch. */
  readonly atMs: number;
}

/** The name of the logic in the kernel. */
export const APPROVAL_LOGIC = 'approval';

/** The address of an approval: its id, in other signs. */
export function approvalAddress(id: string): string {
  return formatAddress('approval', ...id.split('.'));
}

/** The cell of a new approval, for `startChild` of its owner. */
export function approvalSpec(ask: ApprovalAsk): ChildSpec {
  const { task, step, item, name, owner, priority, approval, message, details, deadlineAtMs } = ask;
  const place = { task, step, ...(item !== undefined && { item }), ...(name !== undefined && { name }) };
  const start: ApprovalStart = {
    place,
    terms: termsOf(approval),
    ...(message !== undefined && { message: message.slice(0, LIMITS.commentCharactersMax) }),
    ...(details !== undefined && { details: shown(details) }),
  };
  return {
    address: approvalAddress(approvalId(place)),
    logic: APPROVAL_LOGIC,
    input: start,
    supervisor: TASKS_SUPERVISOR,
    owner,
    restart: 'transient',
    recovery: 'resume',
    priority,
    durable: true,
    ...(deadlineAtMs !== undefined && { deadlineAtMs }),
  };
}

function termsOf({ role, deadlineMs, onExpire, escalate: steps }: ApprovalTerms): ApprovalTerms {
  return {
    ...(role !== undefined && { role }),
    ...(deadlineMs !== undefined && { deadlineMs }),
    ...(onExpire !== undefined && { onExpire }),
    ...(steps !== undefined && { escalate: steps }),
  };
}

function shown(details: unknown): unknown {
  const { approvalDetailsBytesMax: bytesMax } = LIMITS;
  return packState(details).length <= bytesMax ? details : { leftOut: `more than ${bytesMax} bytes` };
}
