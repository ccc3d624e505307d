/** Calls to the outside whose outcome was not known: which there are, and what came of them. */
import { LIMITS } from '../../protocol/limits.ts';
import { pageThatFits } from '../../protocol/page-fit.ts';
import { HTTP_REPLY } from '../http-limits.ts';
import type { EffectRecord } from '../../runtime/stores/store.ts';
import { ANSWERS, ASKS } from '../rest-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

const tags = ['effects'];

/** Adds the routes of effects. */
export function registerEffectRoutes(app: RestApp, { effects }: RouteDeps): void {
  const many = {
    tags,
    summary:
      'Calls to the outside of which nobody knows whether they happened; or those that were decided about, or given up.',
    description: 'Those that wait for a word come from the oldest on, all others from the newest.',
    operationId: 'listEffects',
    querystring: ASKS.effects,
    response: answers({ 200: [ANSWERS.effectPage, 'A page of effects.'] }),
  };
  app.get(`${API}/effects`, { schema: many }, async (request) => {
    const { state, cursor, limit = LIMITS.listDefault } = request.query;
    const query = { ...(state !== undefined && { state }), ...(cursor !== undefined && { cursor }) };
    const list = async (size: number) => {
      const page = await effects.list(request.principal, { ...query, limit: size });
      return { effects: page.effects.map(viewOf), cursor: page.cursor ?? null };
    };
    return await pageThatFits(limit, list, HTTP_REPLY);
  });

  const one = {
    tags,
    summary: 'One such call, with what was said of it.',
    operationId: 'getEffect',
    params: ASKS.id,
    response: answers({ 200: [ANSWERS.effect, 'The effect as it stands.'] }),
  };
  app.get(`${API}/effects/:id`, { schema: one }, async (request) =>
    viewOf(await effects.get(request.principal, request.params.id)),
  );

  const resolve = {
    tags,
    summary: 'Say what came of a call: it is done, with its output; it failed; or it is to be made again.',
    description:
      'The answer comes when the decision is durable, and the work goes on from there. A second decision is STATE_CONFLICT.',
    operationId: 'resolveEffect',
    params: ASKS.id,
    body: ASKS.effectDecision,
    response: answers({ 200: [ANSWERS.effect, 'The effect, decided.'] }),
  };
  app.post(`${API}/effects/:id`, { schema: resolve }, async (request) =>
    viewOf(await effects.resolve(request.principal, request.params.id, request.body)),
  );
}

function viewOf({ id, owner: _owner, entry: _entry, sinceMs, decision, ...shown }: EffectRecord): object {
  if (decision === undefined) return { effect: id, ...shown, since: sinceMs };
  const { how, atMs, ...said } = decision;
  return { effect: id, ...shown, since: sinceMs, decision: { decision: how, at: atMs, ...said } };
}
