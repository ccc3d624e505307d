/** Whether the node lives, whether it takes work, and what it counts: for whatever watches over it. */
import { z } from 'zod';
import { OperatingError } from '../../protocol/errors.ts';
import { ANSWERS } from '../rest-schemas.ts';
import { answers, type RestApp, type RouteDeps } from '../route-deps.ts';

/** Adds `/healthz`, `/readyz` and `/metrics`. */
export function registerHealthRoutes(app: RestApp, deps: Pick<RouteDeps, 'metrics' | 'node' | 'isReady'>): void {
  const { metrics, node } = deps;
  const tags = ['node'];
  const health = {
    tags,
    summary: 'Whether the node lives.',
    operationId: 'getHealth',
    response: answers({ 200: [ANSWERS.health, 'It does.'] }),
  };
  app.get('/healthz', { schema: health }, async () => ({ status: 'ok', node: node.id, version: node.version }));

  const readiness = {
    tags,
    summary: 'Whether the node takes new work.',
    operationId: 'getReadiness',
    response: answers({ 200: [ANSWERS.health, 'It does.'] }),
  };
  app.get('/readyz', { schema: readiness }, async () => {
    if (deps.isReady()) return { status: 'ready', node: node.id, version: node.version };
    const message = 'The node takes no new work: it is stopping, or its store is away.';
    throw new OperatingError('UNAVAILABLE', message, { retryAfterMs: 1_000 });
  });

  const figures = {
    tags,
    summary: 'What the node counts, in the Prometheus text format.',
    operationId: 'getMetrics',
    response: answers({ 200: [z.string(), 'Metrics.', 'text/plain'] }),
  };
  app.get('/metrics', { schema: figures }, async (_request, reply) => {
    reply.type(metrics.contentType);
    return await metrics.render();
  });
}
