/** Messages that were set aside: list, look, change, give again, let go. */
import { LIMITS } from '../../protocol/limits.ts';
import { capsuleLine, capsuleView } from '../capsule-view.ts';
import { ANSWERS, ASKS } from '../rest-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

const tags = ['quarantine'];

/** Adds the routes of the quarantine. */
export function registerQuarantineRoutes(app: RestApp, deps: RouteDeps): void {
  registerLooks(app, deps);
  registerOrders(app, deps);
}

function registerLooks(app: RestApp, { quarantine }: RouteDeps): void {
  const many = {
    tags,
    summary: 'Messages that were set aside, the newest first.',
    operationId: 'listQuarantine',
    querystring: ASKS.page,
    response: answers({ 200: [ANSWERS.capsulePage, 'A page of capsules.'] }),
  };
  app.get(`${API}/quarantine`, { schema: many }, async (request) => {
    const { cursor, limit = LIMITS.listDefault } = request.query;
    const page = quarantine.list(limit, cursor);
    return { quarantine: page.rows.map(capsuleLine), cursor: page.cursor };
  });

  const one = {
    tags,
    summary: 'One crash capsule: the state before, the message, the error, whose it was.',
    operationId: 'getCapsule',
    params: ASKS.id,
    response: answers({ 200: [ANSWERS.capsule, 'The capsule; `packed` is what `troupe replay` reads.'] }),
  };
  app.get(`${API}/quarantine/:id`, { schema: one }, async (request) =>
    capsuleView(await quarantine.get(request.params.id)),
  );
}

function registerOrders(app: RestApp, { quarantine }: RouteDeps): void {
  const edit = {
    tags,
    summary: 'Change what a replay gives: the event, or the input of the task.',
    operationId: 'editCapsule',
    params: ASKS.id,
    body: ASKS.capsuleEdit,
    response: answers({ 200: [ANSWERS.capsule, 'The capsule as it is now, durably.'] }),
  };
  app.put(`${API}/quarantine/:id`, { schema: edit }, async (request) =>
    capsuleView(await quarantine.edit(request.principal, request.params.id, request.body)),
  );

  const replay = {
    tags,
    summary: 'Give the message again: to its actor, or, where its task failed with it, as a new task.',
    operationId: 'replayCapsule',
    params: ASKS.id,
    response: answers({ 200: [ANSWERS.replayed, 'What was done, durably. The capsule is gone.'] }),
  };
  app.post(`${API}/quarantine/:id/replay`, { schema: replay }, async (request) =>
    quarantine.replay(request.principal, request.params.id),
  );

  const discard = {
    tags,
    summary: 'Let a message go for good.',
    operationId: 'discardCapsule',
    params: ASKS.id,
    response: answers({ 200: [ANSWERS.discarded, 'It is gone, durably.'] }),
  };
  app.delete(`${API}/quarantine/:id`, { schema: discard }, async (request) => {
    const { id } = request.params;
    await quarantine.discard(request.principal, id);
    return { id, discarded: true };
  });
}
