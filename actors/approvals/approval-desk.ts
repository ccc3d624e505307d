/**
 * What anyone may ask about approvals, whatever door they came through: which wait, one of them, and the decision about it.
 * Everything it answers is committed. Whoever neither holds the role that is asked nor owns the task is told of none.
 */
import { OperatingError } from '../../protocol/errors.ts';
import type { InstalledLogic } from '../../runtime/cell.ts';
import { flatFactory } from '../../runtime/flat-logic.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import type { DefinitionWrite, Store } from '../../runtime/stores/store.ts';
import type { Asks } from '../asks.ts';
import type { Principal } from '../desk.ts';
import { APPROVAL_LOGIC, approvalAddress, type ApprovalStart } from './approval.ts';
import { approvalLogic, type ApprovalState, withdrawApproval } from './approval-logic.ts';
import { type ApprovalView, CLOSED, PENDING } from './approval-view.ts';
import type { HoldsRole } from './roles.ts';

/** What it needs of its node. */
export interface ApprovalDeskDeps {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly asks: Asks;
  readonly holdsRole: HoldsRole;
}

/** Which approvals; all that is given must fit. Those that wait come by task, the oldest first. */
export interface ApprovalQuery {
  /** Default: those that wait. */
  readonly closed?: boolean;
  readonly role?: string;
  readonly task?: string;
  /** As given by an earlier page. */
  readonly cursor?: string;
  /** 1 to 200. */
  readonly limit: number;
}

/** A page may be shorter than its limit and still have a cursor: the scan of one call is bounded. */
export interface ApprovalPage {
  readonly approvals: readonly ApprovalView[];
  readonly cursor?: string;
}

/** A decision as it is asked for. */
export interface Resolution {
  readonly decision: 'approve' | 'reject';
  readonly comment?: string;
}

/** Rows that one call looks at, and that it reads at a time. */
const SCAN_ROWS_MAX = 2_000;
const STEP_ROWS = 200;
const ANSWER_MS = 10_000;

/** The logic of approvals as a node has it: one whose owner ends takes itself out of the list. */
export function approvalActors(kernel: Kernel): InstalledLogic {
  const to = {
    define: (write: DefinitionWrite) => kernel.define(write),
    send: (address: string, event: { readonly type: string }) => {
      const task = kernel.cells.get(address);
      if (task !== undefined && task.phase !== 'ended') kernel.post(address, event);
    },
  };
  return {
    name: APPROVAL_LOGIC,
    factory: flatFactory(approvalLogic),
    ...{ kind: APPROVAL_LOGIC, lane: APPROVAL_LOGIC, laneLimit: 1 },
    cutShort: ({ spec, checkpoint }) =>
      withdrawApproval(spec.input as ApprovalStart, checkpoint as ApprovalState | undefined, to),
  };
}

/** The desk for approvals of one node. */
export class ApprovalDesk {
  readonly #deps: ApprovalDeskDeps;

  constructor(deps: ApprovalDeskDeps) {
    this.#deps = deps;
  }

  /** Errors: STORE_UNAVAILABLE. */
  async list(principal: Principal, query: ApprovalQuery): Promise<ApprovalPage> {
    const { closed = false, role, task, limit } = query;
    const name = closed ? CLOSED : PENDING;
    // The id begins with the task: those of one are next to each other.
    let version = query.cursor ?? task ?? '';
    const approvals: ApprovalView[] = [];
    for (let seen = 0; seen < SCAN_ROWS_MAX; seen += STEP_ROWS) {
      const rows = await this.#deps.store.definitions('approval', { after: { name, version }, limit: STEP_ROWS });
      for (const row of rows) {
        if (row.name !== name || (task !== undefined && !row.version.startsWith(`${task}.`))) return { approvals };
        const view = row.body as ApprovalView;
        const fits = role === undefined || view.role === role;
        if (fits && (await this.#mayKnow(principal, view))) {
          // One more than asked for says that there is another page.
          if (approvals.length === limit) return { approvals, cursor: version };
          approvals.push(view);
        }
        ({ version } = row);
      }
      if (rows.length < STEP_ROWS) return { approvals };
    }
    return { approvals, cursor: version };
  }

  /** Errors: NOT_FOUND, STORE_UNAVAILABLE, STORE_CORRUPT. */
  async get(principal: Principal, id: string): Promise<ApprovalView> {
    const view = await this.#read(id);
    if (view === undefined || !(await this.#mayKnow(principal, view)))
      throw new OperatingError('NOT_FOUND', `There is no approval ${id}. List those that wait: troupe approvals`);
    return view;
  }

  /**
   * Decides; resolves once that is committed, with the approval as it stands then. The same decision of the same principal again
   * is as good as the first.
   * Errors: NOT_FOUND, FORBIDDEN, STATE_CONFLICT (it was decided otherwise, has expired, or was withdrawn), UNAVAILABLE (what
   * waits for it is not loaded), BUSY, TIMEOUT.
   */
  async resolve(principal: Principal, id: string, resolution: Resolution): Promise<ApprovalView> {
    const view = await this.get(principal, id);
    if (view.state !== 'pending') return settled(view, principal, resolution);
    if (!(await this.#mayDecide(principal, view)))
      throw new OperatingError('FORBIDDEN', `${id} is asked of ${view.role ?? 'the owner of the task'}.`);
    const { decision, comment } = resolution;
    const event = {
      ...{ type: 'approval.resolve', decision, by: principal },
      ...(comment !== undefined && { comment }),
      ...(view.role !== undefined && { role: view.role }),
    };
    try {
      const answer = await this.#deps.asks.ask({
        ...{ address: approvalAddress(id), event, timeoutMs: ANSWER_MS },
        who: `The approval ${id}`,
      });
      return answer['view'] as ApprovalView;
    } catch (error) {
      if (!(error instanceof OperatingError) || !GONE.has(error.code)) throw error;
      return await this.#afterEnd(principal, id, resolution);
    }
  }

  /** Its actor has ended while it was written to: what came of it is on its way to the store, if it is not there. */
  async #afterEnd(principal: Principal, id: string, resolution: Resolution): Promise<ApprovalView> {
    await this.#deps.kernel.committer.committed();
    const view = await this.get(principal, id);
    if (view.state !== 'pending') return settled(view, principal, resolution);
    throw new OperatingError('UNAVAILABLE', `What waits for ${id} is not loaded on this node; its log says why.`);
  }

  async #read(id: string): Promise<ApprovalView | undefined> {
    const { store } = this.#deps;
    const row =
      (await store.readDefinition('approval', PENDING, id)) ?? (await store.readDefinition('approval', CLOSED, id));
    return row?.body as ApprovalView | undefined;
  }

  async #mayDecide(principal: Principal, { role, task }: ApprovalView): Promise<boolean> {
    return role === undefined ? await this.#owns(principal, task) : this.#deps.holdsRole(principal, role);
  }

  async #mayKnow(principal: Principal, view: ApprovalView): Promise<boolean> {
    const { role, task } = view;
    if (role !== undefined && this.#deps.holdsRole(principal, role)) return true;
    return await this.#owns(principal, task);
  }

  async #owns(principal: Principal, task: string): Promise<boolean> {
    return (await this.#deps.store.readTask(task))?.principal === principal;
  }
}

/** What is answered where its actor is not there, or ended before it came to the message. */
const GONE: ReadonlySet<string> = new Set(['NOT_FOUND', 'UNAVAILABLE']);

/** The answer to a decision about what is decided already. */
function settled(view: ApprovalView, principal: Principal, { decision }: Resolution): ApprovalView {
  const { approval, state, decision: made } = view;
  if (made?.decision === decision && made.by === principal) return view;
  const how = made === undefined ? `has ${state === 'expired' ? 'expired' : 'been withdrawn'}` : `was decided already`;
  const said = made === undefined ? '' : `: ${made.decision}, by ${made.by}`;
  throw new OperatingError('STATE_CONFLICT', `The approval ${approval} ${how}${said}.`, {
    details: { approval, state, ...(made !== undefined && { decision: made }) },
  });
}
