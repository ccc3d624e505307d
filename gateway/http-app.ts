/**
 * The HTTP framework with every bound set: sizes, times, headers, our own reading of JSON and writing of it, and errors that
 * are problems (problem.ts) whoever raises them. Routes come from elsewhere.
 */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Principal } from '../actors/desk.ts';
import { jsonCodec } from '../protocol/codec.ts';
import { type ErrorBody, OperatingError, toErrorBody } from '../protocol/errors.ts';
import { issuesOf, summaryOf } from '../protocol/issues.ts';
import { writeJson } from '../protocol/json-writer.ts';
import { type FrameBounds, HTTP_BODY, LIMITS } from '../protocol/limits.ts';
import { HTTP_LIMITS, HTTP_REPLY } from './http-limits.ts';
import type { Log } from '../runtime/log.ts';
import type { Settings } from '../runtime/settings.ts';
import type { Authenticate } from './authentication.ts';
import { refusalOfHeaders } from './exposure.ts';
import { PROBLEM_TYPE, problemOf, rawProblem, retryHeaders } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks. */
    principal: Principal;
  }
}

/** On every answer. Pages that need more than nothing say so themselves. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
});

/** What the app needs of the node. */
export interface HttpAppDeps {
  readonly settings: Settings;
  readonly log: Log;
  readonly authenticate: Authenticate;
}

/** Makes the app, without routes. */
export function createHttpApp(deps: HttpAppDeps): FastifyInstance {
  const { settings } = deps;
  const bodyBytesMax = Math.max(HTTP_BODY.bytesMax, settings.frameBytesMax);
  const app = fastify({
    bodyLimit: bodyBytesMax,
    requestTimeout: HTTP_LIMITS.requestMaxMs,
    connectionTimeout: HTTP_LIMITS.silenceMaxMs,
    keepAliveTimeout: HTTP_LIMITS.keepAliveMs,
    handlerTimeout: HTTP_LIMITS.handlerMaxMs,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestIdHeader: false,
    routerOptions: { maxParamLength: HTTP_LIMITS.headerBytesMax },
    http: {
      maxHeaderSize: HTTP_LIMITS.headerBytesMax,
      headersTimeout: HTTP_LIMITS.headersMaxMs,
      connectionsCheckingInterval: HTTP_LIMITS.lookMs,
      // A client that offers HTTP/2 by the way wants its request answered all the same.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    frameworkErrors: (error, request, reply) => sendError(deps.log, error, request, reply as unknown as FastifyReply),
    clientErrorHandler: answerClientError,
  });
  app.server.maxHeadersCount = HTTP_LIMITS.headersMax;
  // Those of the WebSocket are counted by their own door; beyond these nobody is even heard.
  app.server.maxConnections = LIMITS.connectionsMax + settings.connectionsMax;
  app.decorateRequest('principal', '');
  app.addHook('onRequest', async (request, reply) => admit(deps, request, reply));
  readBodies(app, { ...HTTP_BODY, bytesMax: bodyBytesMax });
  app.setValidatorCompiler<z.ZodType>(({ schema, httpPart }) => validatorOf(schema, httpPart));
  // Answers are made by this node: the schemas in routes are there to be read. They are written as messages are.
  app.setSerializerCompiler(() => writeReply);
  app.setReplySerializer(writeReply);
  app.setErrorHandler<FastifyError>((error, request, reply) => sendError(deps.log, error, request, reply));
  return app;
}

/** Answers with an error, in the words of the table. `status`: where HTTP has a more fitting one. */
export function sendError(
  log: Log,
  error: unknown,
  request: { readonly url: string },
  reply: FastifyReply,
  status?: number,
): void {
  const body = bodyOf(error);
  if (body.code === 'INTERNAL') {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.error('A request failed.', { url: pathOf(request.url), error: stack });
  }
  const problem = problemOf(body, pathOf(request.url), status);
  reply.code(problem.status).headers(retryHeaders(body)).type(PROBLEM_TYPE).send(problem);
}

/** The path of a URL, without what was asked of it. */
export function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

async function admit(deps: HttpAppDeps, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.headers(SECURITY_HEADERS);
  const refusal = refusalOfHeaders(request.headers, deps.settings);
  if (refusal !== undefined) throw refusal;
  const identity = deps.authenticate(request.raw);
  if ('refusal' in identity) throw identity.refusal;
  request.principal = identity.principal;
}

function readBodies(app: FastifyInstance, bounds: FrameBounds): void {
  app.removeAllContentTypeParsers();
  const type = /^application\/(?:[\w.-]+\+)?json(?:\s*;|$)/i;
  app.addContentTypeParser<Buffer>(type, { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) =>
    readBody(body, bounds),
  );
}

function readBody(body: Buffer, bounds: FrameBounds): unknown {
  if (body.length === 0) return undefined;
  try {
    return jsonCodec.decode(body, bounds);
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    const message = error.message.replace(/^The frame/, 'The body');
    throw OperatingError.fromBody({ ...error.toBody(), message });
  }
}

function writeReply(payload: unknown): string {
  return writeJson(payload, HTTP_REPLY);
}

const PARTS: Readonly<Record<string, string>> = {
  body: 'The body',
  querystring: 'The query',
  params: 'The path',
  headers: 'A header',
};

/** Fastify takes both outcomes as they are; the error keeps its code. */
function validatorOf(schema: z.ZodType, part = ''): (value: unknown) => { value: unknown } | { error: Error } {
  return (value) => {
    // The framework says null where there is no body.
    const parsed = schema.safeParse(value ?? undefined);
    if (parsed.success) return { value: parsed.data };
    const issues = issuesOf(parsed.error);
    const message = `${PARTS[part] ?? 'The request'} is not valid: ${summaryOf(issues)}.`;
    return { error: new OperatingError('INVALID_INPUT', message, { details: { issues } }) };
  };
}

/** Errors of the framework, by its codes; every other foreign error is a fault of this node, and only its log says more. */
function bodyOf(error: unknown): ErrorBody {
  if (error instanceof OperatingError) return error.toBody();
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  const known = code === undefined ? undefined : FRAMEWORK_ERRORS[code];
  if (known !== undefined) return known(message ?? '').toBody();
  return toErrorBody(new OperatingError('INTERNAL', 'The node made a mistake; its log has more.'));
}

const malformed = (why: string) => (): OperatingError => new OperatingError('PROTOCOL_MALFORMED', why);

const FRAMEWORK_ERRORS: Readonly<Record<string, (message: string) => OperatingError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    new OperatingError('PROTOCOL_TOO_BIG', 'The body is over its limit.', { details: { limit: 'bytes' } }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: malformed('The body must be JSON: send Content-Type: application/json.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: malformed('The body is not as long as its Content-Length says.'),
  FST_ERR_BAD_URL: malformed('The path cannot be read: a % in it is not followed by what it should be.'),
  FST_ERR_ASYNC_CONSTRAINT: malformed('The request cannot be routed.'),
  FST_ERR_MAX_LIMIT: malformed('A part of the path is too long.'),
  FST_ERR_HANDLER_TIMEOUT: () =>
    new OperatingError('TIMEOUT', 'The node did not answer in time; what it was asked for may still happen.'),
};

/** What is wrong below requests: headers over their bounds, bytes that are no HTTP, a request that never ends. */
function answerClientError(error: { readonly code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [code, status] = CLIENT_ERRORS[error.code ?? ''] ?? (['PROTOCOL_MALFORMED', 400] as const);
  const message = STATUS_CODES[status] ?? 'Bad request';
  socket.end(rawProblem(problemOf(new OperatingError(code, `${message}.`).toBody(), undefined, status)), () =>
    socket.destroy(),
  );
}

const CLIENT_ERRORS: Readonly<Record<string, readonly ['PROTOCOL_TOO_BIG' | 'TIMEOUT', number]>> = {
  HPE_HEADER_OVERFLOW: ['PROTOCOL_TOO_BIG', 431],
  ERR_HTTP_REQUEST_TIMEOUT: ['TIMEOUT', 408],
};
