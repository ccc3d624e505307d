/** What a session is asked about approvals. */
import type { Requests } from '../session-requests.ts';
import type { ApprovalDesk } from './approval-desk.ts';

/** The requests about approvals. */
export function approvalRequests(approvals: ApprovalDesk): Requests {
  return {
    'approval.resolve': async ({ approval, decision, comment }, { principal }) => {
      await approvals.resolve(principal, approval, { decision, ...(comment !== undefined && { comment }) });
      return { type: 'ok' };
    },
  };
}
