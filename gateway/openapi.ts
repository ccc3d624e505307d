/**
 * The OpenAPI document and the pages that show it, made from the routes themselves when someone first asks: a second app
 * with the same routes, which answers nothing but the pages of its documentation. Until then none of it is loaded.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import fastify, { type FastifyInstance } from 'fastify';
import { OperatingError } from '../protocol/errors.ts';
import { sendError } from './http-app.ts';
import { HTTP_LIMITS } from './http-limits.ts';
import { REST_REGISTRY } from './rest-schemas.ts';
import type { RouteDeps } from './route-deps.ts';
import { registerApi } from './routes.ts';

/** Where the pages are. */
export const DOCS_PATH = '/docs';

/** The documentation of one door. */
export interface ApiDocs {
  /** The OpenAPI 3.1 document. */
  document(): Promise<Readonly<Record<string, unknown>>>;
  /** Answers a request for a page below `DOCS_PATH`. */
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>;
  close(): Promise<void>;
}

/** Documents the routes. Nothing is loaded or made before it is asked for. */
export function createApiDocs(deps: RouteDeps): ApiDocs {
  let made:
    | Promise<{ readonly app: FastifyInstance; readonly document: Readonly<Record<string, unknown>> }>
    | undefined;
  const make = () => (made ??= makeDocs(deps));
  return {
    document: async () => (await make()).document,
    answer: async (request, response) => (await make()).app.routing(request, response),
    close: async () => {
      await (await made)?.app.close();
    },
  };
}

async function makeDocs(deps: RouteDeps) {
  const [{ default: swagger }, { default: swaggerUi }, zodProvider] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
    import('fastify-type-provider-zod'),
  ]);
  const app = fastify({ routerOptions: { maxParamLength: HTTP_LIMITS.headerBytesMax } });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => () => '');
  app.setNotFoundHandler((request, reply) =>
    sendError(deps.log, new OperatingError('UNKNOWN_TYPE', 'There is no such page.'), request, reply),
  );
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Troupe',
        version: deps.node.version,
        description: DESCRIPTION,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: TAGS,
    },
    transform: zodProvider.createJsonSchemaTransform({ schemaRegistry: REST_REGISTRY }),
    transformObject: zodProvider.createJsonSchemaTransformObject({ schemaRegistry: REST_REGISTRY }),
  });
  await app.register(swaggerUi, { routePrefix: DOCS_PATH, staticCSP: true, uiConfig: { validatorUrl: null } });
  await app.register(async (scope) => registerApi(scope, deps));
  await app.ready();
  return { app, document: pruned(withOptionalBodies(app.swagger() as unknown as OpenApi)) };
}

const DESCRIPTION =
  'Tasks, agents and workflows of one node over HTTP. Every error is `application/problem+json` with a `code` from docs/errors.md. ' +
  'Live work is better watched over the WebSocket at `/ws`, or as server-sent events.';

const TAGS = [
  { name: 'tasks', description: 'Submit work, look at it, stop it.' },
  { name: 'agents', description: 'Who can work.' },
  { name: 'workflows', description: 'How work is put together.' },
  { name: 'approvals', description: 'Questions to people, and their answers.' },
  { name: 'schedules', description: 'Tasks that are submitted at times.' },
  { name: 'topics', description: 'Messages to whom it may concern, and durable subscriptions to them.' },
  { name: 'groups', description: 'One message to many actors of keyed agents.' },
  { name: 'quarantine', description: 'What was set aside since it took its actor down.' },
  { name: 'node', description: 'How the node is doing.' },
];

/** The operations that can do without a body; the generator calls every body required. */
const BODY_OPTIONAL: ReadonlySet<string> = new Set(['cancelTask', 'signalTask', 'publish']);

interface Operation {
  readonly operationId?: string;
  readonly requestBody?: object;
}

interface OpenApi extends Readonly<Record<string, unknown>> {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

function withOptionalBodies(document: OpenApi): OpenApi {
  const relaxed = (operation: Operation): Operation =>
    BODY_OPTIONAL.has(operation.operationId ?? '')
      ? { ...operation, requestBody: { ...operation.requestBody, required: false } }
      : operation;
  const paths = Object.entries(document.paths ?? {}).map(([path, methods]) => [
    path,
    Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, relaxed(operation)])),
  ]);
  return { ...document, paths: Object.fromEntries(paths) as Required<OpenApi>['paths'] };
}

/**
 * Without the shapes that nothing refers to (each is made once as what is sent and once as what is answered), and without a
 * promise that answers never grow: readers ignore fields that they do not know.
 */
function pruned(document: OpenApi): OpenApi {
  const schemas = document.components?.schemas ?? {};
  const used = new Set<string>();
  const follow = (value: unknown): void => {
    for (const [, name = ''] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name)) continue;
      used.add(name);
      follow(schemas[name] ?? {});
    }
  };
  follow({ ...document, components: {} });
  const kept = Object.entries(schemas)
    .filter(([name]) => used.has(name))
    .map(([name, schema]) => [name, name.endsWith('Input') ? schema : opened(schema)] as const);
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(kept) } };
}

function opened(schema: unknown): unknown {
  const open = (key: string, value: unknown): unknown =>
    (key === 'additionalProperties' && value === false) || key === 'readOnly' ? undefined : value;
  return JSON.parse(JSON.stringify(schema, open)) as unknown;
}
