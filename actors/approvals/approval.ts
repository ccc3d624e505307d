/**
 * One question to a person, as a durable actor: may this go on? It belongs to whoever must know, tells the task, and ends with
 * the decision.
 *
 *   pending ──approval.resolve──► decided
 *      └─────timer.expire───────► decided (as `onExpire` says), or expired
 */
import { formatAddress } from '../../protocol/addresses.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';
import { TASKS_SUPERVISOR } from '../task.ts';

/** Everything an approval is made of. */
export interface ApprovalAsk {
  readonly task: string;
  readonly step: string;
  readonly item?: number;
  /** Tells approvals of one step apart where it asks for several. */
  readonly name?: string;
  readonly owner: string;
  readonly priority: number;
  readonly approval: {
    readonly role?: string;
    readonly deadlineMs?: number;
    readonly onExpire?: 'approve' | 'reject' | 'fail';
  };
  readonly message?: string;
  readonly details?: unknown;
  readonly deadlineAtMs?: number;
}

/** How it was decided: the output of an approval. `by`: a principal, or `expiry`. */
export interface ApprovalDecision {
  readonly decision: 'approve' | 'reject';
  readonly by: string;
  readonly comment?: string;
  readonly atMs: number;
}

/** The state of one approval. */
export interface ApprovalState {
  readonly phase: 'pending' | 'decided' | 'expired';
  readonly decision?: ApprovalDecision;
}

/** The name of the logic in the kernel. */
export const APPROVAL_LOGIC = 'approval';

/** The cell of a new approval, for `startChild` of its owner. */
export function approvalSpec(ask: ApprovalAsk): ChildSpec {
  const { owner, priority, deadlineAtMs } = ask;
  return {
    address: formatAddress('approval', ...idOf(ask).split('.')),
    logic: APPROVAL_LOGIC,
    input: ask,
    supervisor: TASKS_SUPERVISOR,
    owner,
    restart: 'transient',
    recovery: 'resume',
    priority,
    durable: true,
    ...(deadlineAtMs !== undefined && { deadlineAtMs }),
  };
}

/** The logic of approvals. */
export const approvalLogic: FlatLogic<ApprovalState, ApprovalAsk> = {
  name: APPROVAL_LOGIC,
  version: LIFECYCLE_VERSIONS.approval,
  initial: (ask, port) => {
    const { task, approval, message = 'An approval is asked for.' } = ask;
    if (approval.deadlineMs !== undefined) port.setTimer('expire', port.nowMs() + approval.deadlineMs);
    const events = [{ kind: 'approval.requested', data: placeOf(ask) }];
    port.send(`task/${task}`, { type: 'task.progress', events, parked: { effect: idOf(ask), message } });
    return { phase: 'pending' };
  },
  table: {
    pending: {
      'approval.resolve': (state, event: ActorEvent, port) => {
        const { decision, by, comment } = event as unknown as ApprovalDecision;
        return decide(state, { decision, by, ...(comment !== undefined && { comment }), atMs: port.nowMs() }, port);
      },
      'timer.expire': (state, _event, port) => {
        const { onExpire = 'fail' } = (port.input as ApprovalAsk).approval;
        if (onExpire !== 'fail') return decide(state, { decision: onExpire, by: 'expiry', atMs: port.nowMs() }, port);
        resolved(port, { decision: 'expired', by: 'expiry' });
        return { ...state, phase: 'expired' };
      },
    },
    decided: {},
    expired: {},
  },
  final: {
    decided: (state) => ({ output: state.decision }),
    expired: () => ({ error: new OperatingError('DEADLINE_EXCEEDED', 'Nobody approved or rejected it in time.') }),
  },
};

function decide(state: ApprovalState, decision: ApprovalDecision, port: CellPort): ApprovalState {
  resolved(port, { ...decision });
  return { ...state, phase: 'decided', decision };
}

function resolved(port: CellPort, said: object): void {
  const ask = port.input as ApprovalAsk;
  const events = [{ kind: 'approval.resolved', data: { ...placeOf(ask), ...said } }];
  port.send(`task/${ask.task}`, { type: 'task.progress', events, unparked: idOf(ask) });
}

function idOf({ task, step, item, name }: ApprovalAsk): string {
  return [task, step, ...(item === undefined ? [] : [item]), ...(name === undefined ? [] : [name])].join('.');
}

function placeOf(ask: ApprovalAsk): object {
  return { approval: idOf(ask), step: ask.step, ...(ask.item !== undefined && { item: ask.item }) };
}
