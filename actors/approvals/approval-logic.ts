/**
 * An approval as a durable actor. It belongs to whoever must know, tells the task, and ends with the decision. It waits as long
 * as it takes, over any number of restarts.
 *
 *   pending ──approval.resolve──► decided
 *      │ └───timer.expire───────► decided (as `onExpire` says), or expired
 *      └─timer.escalate: another role is asked, still pending
 *
 * Its place in the list (a row of the store) changes in the same epoch as it does. One whose owner ends before anyone has decided
 * is withdrawn: it has no word in that, and the kernel calls `withdrawApproval`.
 */
import { OperatingError } from '../../protocol/errors.ts';
import type { CellPort, EventDraft } from '../../runtime/cell-port.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';
import { APPROVAL_LOGIC, type ApprovalDecision, type ApprovalStart } from './approval.ts';
import { type ApprovalPlace, approvalId, type ApprovalView, listingOf } from './approval-view.ts';

/** The state of one approval. */
export interface ApprovalState {
  readonly phase: 'pending' | 'decided' | 'expired';
  /** Its id. */
  readonly approval: string;
  readonly requestedAtMs: number;
  readonly role?: string;
  readonly expiresAtMs?: number;
  /** Escalations that have happened. */
  readonly escalated: number;
  readonly decision?: ApprovalDecision;
}

/** Who decides where nobody came. */
const EXPIRY = 'expiry';

/** The logic of approvals. */
export const approvalLogic: FlatLogic<ApprovalState, ApprovalStart> = {
  name: APPROVAL_LOGIC,
  version: LIFECYCLE_VERSIONS.approval,
  initial: request,
  restored: (state, port) => {
    // One that was forked with its task is in no list yet.
    if (state.phase === 'pending') port.define(listingOf(viewOf(state, port)));
    return state;
  },
  table: {
    pending: {
      'approval.resolve': resolve,
      'timer.expire': expire,
      'timer.escalate': escalate,
    },
    decided: {},
    expired: {},
  },
  final: {
    decided: (state) => ({ output: state.decision }),
    expired: (state) => ({ error: expiryError(state) }),
  },
  waits: ({ phase, approval, role, requestedAtMs: sinceMs, expiresAtMs }) => {
    if (phase !== 'pending') return [];
    const what = role === undefined ? 'An approval is waited for.' : `An approval of ${role} is waited for.`;
    const next = `Look at it: troupe approvals ${approval}. Decide: troupe approve ${approval}, or troupe reject ${approval}.`;
    return [{ kind: 'approval', what, next, sinceMs, ...(expiresAtMs !== undefined && { untilMs: expiresAtMs }) }];
  },
  describe: ({ phase, role }) => (role === undefined ? phase : `${phase}, asked of ${role}`),
};

function request(start: ApprovalStart, port: CellPort): ApprovalState {
  const { role, deadlineMs, escalate: steps = [] } = start.terms;
  const requestedAtMs = port.nowMs();
  const expiresAtMs = deadlineMs === undefined ? undefined : requestedAtMs + deadlineMs;
  const state: ApprovalState = {
    phase: 'pending',
    approval: approvalId(start.place),
    requestedAtMs,
    escalated: 0,
    ...(role !== undefined && { role }),
    ...(expiresAtMs !== undefined && { expiresAtMs }),
  };
  if (expiresAtMs !== undefined) port.setTimer('expire', expiresAtMs);
  const [first] = steps;
  if (first !== undefined) port.setTimer('escalate', requestedAtMs + first.afterMs);
  return announce(state, port);
}

/** The task and the list learn who is asked. */
function announce(state: ApprovalState, port: CellPort): ApprovalState {
  const view = viewOf(state, port);
  const { approval, message, role, expiresAt, escalated } = view;
  const data = {
    ...placeOf(port),
    approval,
    ...(role !== undefined && { role }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(message !== undefined && { message }),
    ...(escalated !== undefined && { escalated }),
  };
  const parked = { effect: approval, message: waitingFor(view) };
  port.define(listingOf(view));
  port.send(taskOf(port), { type: 'task.progress', events: [{ kind: 'approval.requested', data }], parked });
  return state;
}

function waitingFor({ approval, step, role, message }: ApprovalView): string {
  const whom = role === undefined ? '' : ` of ${role}`;
  const what = message === undefined ? '.' : `: ${message}`;
  return `Step ${step} waits for an approval${whom}${what} Decide: troupe approve ${approval}, or troupe reject ${approval}`;
}

/** All escalations that are due by now are one: whom the last of them names is asked. */
function escalate(state: ApprovalState, _event: ActorEvent, port: CellPort): ApprovalState {
  const { escalate: steps = [] } = (port.input as ApprovalStart).terms;
  const nowMs = port.nowMs();
  const due = steps.filter(({ afterMs }) => state.requestedAtMs + afterMs <= nowMs);
  const last = due.at(-1);
  const next = steps[due.length];
  if (next !== undefined) port.setTimer('escalate', state.requestedAtMs + next.afterMs);
  if (last === undefined || due.length <= state.escalated) return state;
  return announce({ ...state, role: last.role, escalated: due.length }, port);
}

function resolve(state: ApprovalState, event: ActorEvent, port: CellPort): ApprovalState {
  const { decision, by, comment, role, replyTo } = event as unknown as ApprovalVerdict;
  if (role !== state.role) {
    // It was escalated between the look at the list and this turn: whoever was asked then may not be the one to ask now.
    port.send(replyTo, { type: 'rejected', error: askedOfAnother(port.address, state.role).toBody() });
    return state;
  }
  const decided = decide(state, { decision, by, ...(comment !== undefined && { comment }), atMs: port.nowMs() }, port);
  port.send(replyTo, { type: 'approval', view: viewOf(decided, port) });
  return decided;
}

function expire(state: ApprovalState, _event: ActorEvent, port: CellPort): ApprovalState {
  const { onExpire = 'fail' } = (port.input as ApprovalStart).terms;
  if (onExpire !== 'fail') return decide(state, { decision: onExpire, by: EXPIRY, atMs: port.nowMs() }, port);
  const expired: ApprovalState = { ...state, phase: 'expired' };
  conclude(viewOf(expired, port), { ...placeOf(port), decision: 'expired', by: EXPIRY }, port);
  return expired;
}

function decide(state: ApprovalState, decision: ApprovalDecision, port: CellPort): ApprovalState {
  const decided: ApprovalState = { ...state, phase: 'decided', decision };
  const { atMs: _at, ...said } = decision;
  conclude(viewOf(decided, port), { ...placeOf(port), ...said }, port);
  return decided;
}

/** What a decision must leave behind, whoever does the writing. */
interface Conclusion {
  define: CellPort['define'];
  send(address: string, event: ActorEvent): void;
}

/** The list and the task learn that nobody is asked any more. */
function conclude(view: ApprovalView, data: EventDraft['data'], to: Conclusion): void {
  const { approval, task } = view;
  to.define({ ...listingOf({ ...view, state: 'pending' }), body: null });
  to.define(listingOf(view));
  const events = [{ kind: 'approval.resolved', data: { approval, ...data } }];
  to.send(`task/${task}`, { type: 'task.progress', events, unparked: approval });
}

/** Its owner has ended before anyone decided. */
export function withdrawApproval(start: ApprovalStart, state: ApprovalState | undefined, to: Conclusion): void {
  if (state?.phase !== 'pending') return;
  const { task: _task, ...place } = start.place;
  conclude({ ...viewAt(start, state), state: 'withdrawn' }, { ...place, decision: 'withdrawn' }, to);
}

/** What decides about an approval: `role` is whom it was asked of when the decision was taken. */
interface ApprovalVerdict {
  readonly decision: 'approve' | 'reject';
  readonly by: string;
  readonly comment?: string;
  readonly role?: string;
  readonly replyTo: string;
}

function askedOfAnother(address: string, role: string | undefined): OperatingError {
  const whom = role ?? 'the owner of the task';
  return new OperatingError('STATE_CONFLICT', `${address} is asked of ${whom} by now. Look at it again.`);
}

function expiryError({ requestedAtMs, expiresAtMs = requestedAtMs }: ApprovalState): OperatingError {
  const message = `Nobody approved or rejected it within ${expiresAtMs - requestedAtMs} ms.`;
  return new OperatingError('DEADLINE_EXCEEDED', message);
}

function taskOf(port: CellPort): string {
  return `task/${(port.input as ApprovalStart).place.task}`;
}

/** Where it stands, as events say it. */
function placeOf(port: CellPort): Omit<ApprovalPlace, 'task'> {
  const { task: _task, ...place } = (port.input as ApprovalStart).place;
  return place;
}

function viewOf(state: ApprovalState, port: CellPort): ApprovalView {
  return viewAt(port.input as ApprovalStart, state);
}

function viewAt({ place, terms, message, details }: ApprovalStart, state: ApprovalState): ApprovalView {
  const { phase, role, requestedAtMs, expiresAtMs, escalated, decision } = state;
  const next = terms.escalate?.[escalated];
  return {
    approval: approvalId(place),
    state: phase === 'decided' ? 'resolved' : phase,
    ...place,
    ...(role !== undefined && { role }),
    ...(message !== undefined && { message }),
    ...(details !== undefined && { details }),
    since: requestedAtMs,
    ...(expiresAtMs !== undefined && { expiresAt: expiresAtMs, onExpire: terms.onExpire ?? 'fail' }),
    ...(escalated > 0 && { escalated }),
    ...(next !== undefined && { next: { role: next.role, at: requestedAtMs + next.afterMs } }),
    ...(decision !== undefined && { decision: decisionView(decision) }),
  };
}

function decisionView({ atMs, ...said }: ApprovalDecision): ApprovalView['decision'] & object {
  return { ...said, at: atMs };
}
