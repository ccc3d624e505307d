/** The circuit breakers in front of agents: looked at, and closed by hand. Diagnostic: of now, not of what is committed. */
import { LIMITS } from '../../protocol/limits.ts';
import { ANSWERS, ASKS } from '../rest-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

/** Adds the routes of breakers. */
export function registerBreakerRoutes(app: RestApp, { breakers }: Pick<RouteDeps, 'breakers'>): void {
  const tags = ['node'];
  const many = {
    tags,
    summary: 'The circuit breakers, by id.',
    operationId: 'listBreakers',
    querystring: ASKS.page,
    response: answers({ 200: [ANSWERS.breakerPage, 'A page of breakers.'] }),
  };
  app.get(`${API}/breakers`, { schema: many }, async (request) => {
    const { cursor, limit = LIMITS.listDefault } = request.query;
    const rest = breakers.views().filter(({ breaker }) => cursor === undefined || breaker > cursor);
    const page = rest.slice(0, limit);
    return { breakers: page, cursor: rest.length > page.length ? (page.at(-1)?.breaker ?? null) : null };
  });

  const one = {
    tags,
    summary: 'One circuit breaker, by its id or the name of its agent.',
    operationId: 'getBreaker',
    params: ASKS.breaker,
    response: answers({ 200: [ANSWERS.breaker, 'The breaker.'] }),
  };
  app.get(`${API}/breakers/:id`, { schema: one }, async (request) => breakers.view(request.params.id));

  const reset = {
    tags,
    summary: 'Close a circuit breaker by hand, and forget the failures that it counted.',
    operationId: 'resetBreaker',
    params: ASKS.breaker,
    response: answers({ 200: [ANSWERS.breaker, 'It is closed, durably.'] }),
  };
  app.post(`${API}/breakers/:id/reset`, { schema: reset }, async (request) =>
    breakers.reset(request.params.id, request.principal),
  );
}
