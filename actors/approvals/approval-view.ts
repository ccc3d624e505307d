/** How approvals are named and listed: the rows of the store, which people and desks read. */
import type { DefinitionWrite } from '../../runtime/stores/store.ts';

/** Where an approval stands. */
export interface ApprovalPlace {
  readonly task: string;
  readonly step: string;
  /** The index of the item, in a fan-out. */
  readonly item?: number;
  /** Tells approvals of one step apart where it asks for several; it does not begin with a digit. */
  readonly name?: string;
}

/** An approval as it is shown. Times in ms since the epoch. */
export interface ApprovalView extends ApprovalPlace {
  readonly approval: string;
  /** `withdrawn`: what asked for it ended first. */
  readonly state: 'pending' | 'resolved' | 'expired' | 'withdrawn';
  readonly role?: string;
  readonly message?: string;
  readonly details?: unknown;
  readonly since: number;
  readonly expiresAt?: number;
  readonly onExpire?: 'approve' | 'reject' | 'fail';
  /** How often it was escalated, where it was. */
  readonly escalated?: number;
  /** Whom it is asked of next, and when. */
  readonly next?: { readonly role: string; readonly at: number };
  readonly decision?: {
    readonly decision: 'approve' | 'reject';
    readonly by: string;
    readonly comment?: string;
    readonly at: number;
  };
}

/** The name under which those are listed that wait: a list of their own, by id. */
export const PENDING = 'pending';
/** The name of all others. */
export const CLOSED = 'closed';

/** `TASK.STEP`, `TASK.STEP.ITEM`, `TASK.STEP.NAME`, `TASK.STEP.ITEM.NAME`. */
export function approvalId({ task, step, item, name }: ApprovalPlace): string {
  return [task, step, ...(item === undefined ? [] : [item]), ...(name === undefined ? [] : [name])].join('.');
}

/** The row that lists it as it is. */
export function listingOf(view: ApprovalView): DefinitionWrite {
  return { kind: 'approval', name: view.state === 'pending' ? PENDING : CLOSED, version: view.approval, body: view };
}
