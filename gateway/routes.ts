/** All routes of the HTTP door, and what is said of those that do not exist. */
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { OperatingError } from '../protocol/errors.ts';
import { sendError, pathOf } from './http-app.ts';
import type { RouteDeps } from './route-deps.ts';
import { registerAbsentRoutes } from './routes/absent-routes.ts';
import { registerApprovalRoutes } from './routes/approval-routes.ts';
import { registerAgentRoutes } from './routes/agent-routes.ts';
import { registerBreakerRoutes } from './routes/breaker-routes.ts';
import { registerCacheRoutes } from './routes/cache-routes.ts';
import { registerCheckpointRoutes } from './routes/checkpoint-routes.ts';
import { registerEffectRoutes } from './routes/effect-routes.ts';
import { registerEventRoutes } from './routes/event-routes.ts';
import { registerGroupRoutes } from './routes/group-routes.ts';
import { registerHealthRoutes } from './routes/health-routes.ts';
import { registerNodeRoutes } from './routes/node-routes.ts';
import { registerPlanRoutes } from './routes/plan-routes.ts';
import { registerQuarantineRoutes } from './routes/quarantine-routes.ts';
import { registerScheduleRoutes } from './routes/schedule-routes.ts';
import { registerStateRoutes } from './routes/state-routes.ts';
import { registerTaskRoutes } from './routes/task-routes.ts';
import { registerTopicRoutes } from './routes/topic-routes.ts';
import { registerWhyRoutes } from './routes/why-routes.ts';
import { registerWorkflowRoutes } from './routes/workflow-routes.ts';

/** Adds the routes that the OpenAPI document describes, and those that say they are absent. */
export function registerApi(app: FastifyInstance, deps: RouteDeps): void {
  const typed = app.withTypeProvider<ZodTypeProvider>();
  registerTaskRoutes(typed, deps);
  registerWhyRoutes(typed, deps);
  registerEventRoutes(typed, deps);
  registerEffectRoutes(typed, deps);
  registerApprovalRoutes(typed, deps);
  registerScheduleRoutes(typed, deps);
  registerCheckpointRoutes(typed, deps);
  registerAgentRoutes(typed, deps);
  registerWorkflowRoutes(typed, deps);
  registerTopicRoutes(typed, deps);
  registerGroupRoutes(typed, deps);
  registerQuarantineRoutes(typed, deps);
  registerPlanRoutes(typed, deps);
  registerStateRoutes(typed, deps);
  registerNodeRoutes(typed, deps);
  registerBreakerRoutes(typed, deps);
  registerCacheRoutes(typed, deps);
  registerHealthRoutes(typed, deps);
  registerAbsentRoutes(typed);
}

/** Which methods each path takes. */
export class RouteBook {
  readonly #methods = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();

  /** Listens to the routes that are added to an app from here on. */
  watch(app: FastifyInstance): void {
    app.addHook('onRoute', ({ url, method }) => {
      const known = this.#methods.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
      for (const one of [method].flat()) known.methods.add(one);
      this.#methods.set(url, known);
    });
  }

  /** The methods of a path, for an `Allow` header; empty where there is no such path. */
  methodsOf(path: string): readonly string[] {
    const found = [...this.#methods.values()].filter(({ pattern }) => pattern.test(path));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))];
  }
}

/** Answers what no route takes: 405 with `Allow` where another method would do, else 404 UNKNOWN_TYPE. */
export function answerUnknown(app: FastifyInstance, book: RouteBook, deps: Pick<RouteDeps, 'log'>): void {
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request.url);
    const methods = book.methodsOf(path);
    if (methods.length === 0) {
      throw new OperatingError('UNKNOWN_TYPE', 'There is no such route; /openapi.json lists those there are.');
    }
    const message = `This route takes ${methods.join(', ')}, not ${request.method}.`;
    reply.header('Allow', methods.join(', '));
    sendError(deps.log, new OperatingError('UNKNOWN_TYPE', message, { details: { methods } }), request, reply, 405);
  });
}

/** `/tasks/:id` as the paths that it takes. */
function patternOf(url: string): RegExp {
  const source = url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+');
  return new RegExp(`^${source}$`);
}
