/** What a task waits for. Diagnostic: of now, not of what is committed. */
import { isTerminal } from '../../protocol/tasks.ts';
import { ASKS } from '../rest-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';
import { WHY_ANSWER } from '../why-schemas.ts';

/** Adds the route. */
export function registerWhyRoutes(app: RestApp, { desk, whyOf }: Pick<RouteDeps, 'desk' | 'whyOf'>): void {
  const why = {
    tags: ['tasks'],
    summary:
      'What a task waits for: which step, call, breaker, approval; since when, until when, and what would move it on.',
    operationId: 'explainTask',
    params: ASKS.id,
    response: answers({ 200: [WHY_ANSWER, 'What it waits for; nothing where it has ended.'] }),
  };
  app.get(`${API}/tasks/:id/why`, { schema: why }, async (request) => {
    const { id } = request.params;
    const { status, result } = await desk.get(request.principal, id);
    const found = whyOf(id);
    if (isTerminal(status)) {
      const error = result?.error === undefined ? '' : `: ${result.error.code}, ${result.error.message}`;
      return { task: id, status, summary: `It has ended ${status}${error}.`, waits: [], leftOut: 0 };
    }
    if (found === undefined) {
      const stranded = desk.strandedOf?.(id);
      const why = stranded === undefined ? 'none of its actors is loaded' : stranded.message;
      return { task: id, status, summary: `It rests in the store: ${why}`, waits: [], leftOut: 0 };
    }
    const [first] = found.waits;
    return { ...found, status, summary: first === undefined ? 'It is at work.' : first.what };
  });
}
