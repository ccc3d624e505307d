/** Whether the node lives, whether it takes work, and what it counts: for whatever watches over it. */
import type { FastifyInstance } from 'fastify';
import { OperatingError } from '../../protocol/errors.ts';
import type { Metrics } from '../../runtime/metrics.ts';

/** What the routes ask. */
export interface HealthDeps {
  readonly metrics: Metrics;
  readonly node: { readonly id: string; readonly version: string };
  isReady(): boolean;
}

/** Adds `/healthz`, `/readyz` and `/metrics`. */
export function registerHealthRoutes(app: FastifyInstance, deps: HealthDeps): void {
  const { metrics, node } = deps;
  app.get('/healthz', async () => ({ status: 'ok', node: node.id, version: node.version }));
  app.get('/readyz', async () => {
    if (deps.isReady()) return { status: 'ready', node: node.id, version: node.version };
    throw new OperatingError('UNAVAILABLE', 'The node takes no new work: it is stopping, or its store is away.', {
      retryAfterMs: 1_000,
    });
  });
  app.get('/metrics', async (_request, reply) => {
    reply.type(metrics.contentType);
    return await metrics.render();
  });
}
