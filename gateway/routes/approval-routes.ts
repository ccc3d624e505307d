/** Approvals: which wait for a person, and what the person says. */
import { LIMITS } from '../../protocol/limits.ts';
import { APPROVAL_ANSWERS, APPROVAL_ASKS } from '../approval-schemas.ts';
import { ASKS } from '../rest-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

const tags = ['approvals'];

/** Adds the routes of approvals. */
export function registerApprovalRoutes(app: RestApp, { approvals }: Pick<RouteDeps, 'approvals'>): void {
  const many = {
    tags,
    summary: 'Approvals that wait for a person, by task, the oldest first; or those that do not any more.',
    operationId: 'listApprovals',
    querystring: APPROVAL_ASKS.list,
    response: answers({ 200: [APPROVAL_ANSWERS.page, 'A page of approvals.'] }),
  };
  app.get(`${API}/approvals`, { schema: many }, async (request) => {
    const { state, limit = LIMITS.listDefault, ...given } = request.query;
    const page = await approvals.list(request.principal, { ...given, limit, closed: state === 'closed' });
    // What may be looked into is with the one; a page of them would be too large.
    const shown = page.approvals.map(({ details: _details, ...view }) => view);
    return { approvals: shown, cursor: page.cursor ?? null };
  });

  const one = {
    tags,
    summary: 'One approval, with all that its person may look into, and what was decided.',
    operationId: 'getApproval',
    params: ASKS.id,
    response: answers({ 200: [APPROVAL_ANSWERS.approval, 'The approval as it stands.'] }),
  };
  app.get(`${API}/approvals/:id`, { schema: one }, async (request) =>
    approvals.get(request.principal, request.params.id),
  );

  const resolve = {
    tags,
    summary: 'Approve or reject.',
    description:
      'The answer comes when the decision is durable. The same decision again is answered like the first; another one is STATE_CONFLICT.',
    operationId: 'resolveApproval',
    params: ASKS.id,
    body: APPROVAL_ASKS.resolution,
    response: answers({ 200: [APPROVAL_ANSWERS.approval, 'It is decided, durably.'] }),
  };
  app.post(`${API}/approvals/:id`, { schema: resolve }, async (request) =>
    approvals.resolve(request.principal, request.params.id, request.body),
  );
}
