/** What the routes share: the node behind them, the app they are added to, and the words of their answers. */
import type {
  FastifyInstance,
  FastifyBaseLogger,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { EventStreams } from './event-streams.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { ANSWERS } from './rest-schemas.ts';

/** An app whose handlers know the types of what their schemas let through. */
export type RestApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What the routes ask. */
export interface RouteDeps extends GatewayDeps {
  readonly streams: EventStreams;
  /** Aborted when the door closes: nothing may be waited for any more. */
  readonly closing: AbortSignal;
}

/** In front of every route of the API. */
export const API = '/api/v1';

/** The answers of a route as its schema says them: those given, each with what it means, and a problem for all others. */
export function answers(
  given: Readonly<Record<number, readonly [schema: z.ZodType, means: string, contentType?: string]>>,
): Readonly<Record<string, unknown>> {
  const own = Object.entries(given).map(([status, [schema, description, contentType = 'application/json']]) => [
    status,
    { description, content: { [contentType]: { schema } } },
  ]);
  return {
    ...(Object.fromEntries(own) as Readonly<Record<string, unknown>>),
    default: { description: 'An error.', content: { 'application/problem+json': { schema: ANSWERS.problem } } },
  };
}
