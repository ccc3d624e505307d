/** The results that are kept for the same input: looked at, and dropped. Diagnostic: of now, not of what is committed. */
import { LIMITS } from '../../protocol/limits.ts';
import { CACHE_ANSWERS, CACHE_ASKS } from '../cache-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

/** Adds the routes of kept results. */
export function registerCacheRoutes(app: RestApp, { cache }: Pick<RouteDeps, 'cache'>): void {
  const tags = ['node'];
  const look = {
    tags,
    summary: 'The results that are kept for the same input, by agent, and what they have saved.',
    operationId: 'getCache',
    querystring: CACHE_ASKS.page,
    response: answers({ 200: [CACHE_ANSWERS.page, 'The figures of the cache, with a page of agents.'] }),
  };
  app.get(`${API}/cache`, { schema: look }, async (request) => {
    const { cursor, limit = LIMITS.listDefault } = request.query;
    const rest = cache.shares().filter(({ agent }) => cursor === undefined || agent > cursor);
    const agents = rest.slice(0, limit);
    const next = rest.length > agents.length ? (agents.at(-1)?.agent ?? null) : null;
    return { ...cache.size, sinceStart: cache.totals, agents, cursor: next };
  });

  const clear = {
    tags,
    summary: 'Drop the results that are kept of one agent, or of all.',
    operationId: 'clearCache',
    querystring: CACHE_ASKS.clear,
    response: answers({ 200: [CACHE_ANSWERS.cleared, 'They are dropped, durably.'] }),
  };
  app.delete(`${API}/cache`, { schema: clear }, async (request) => ({
    dropped: await cache.clear(request.query.agent),
  }));
}
