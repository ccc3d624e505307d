/** Routes that the surface names and this version does not have: they say so, instead of not being there. */
import type { HTTPMethods } from 'fastify';
import { OperatingError } from '../../protocol/errors.ts';
import type { RestApp } from '../route-deps.ts';

const ABSENT: readonly (readonly [HTTPMethods, string])[] = [['GET', '/asyncapi.json']];

/** Adds them. They answer NOT_AVAILABLE. */
export function registerAbsentRoutes(app: RestApp): void {
  for (const [method, url] of ABSENT) {
    const handler = async (): Promise<never> => {
      throw new OperatingError('NOT_AVAILABLE', `${method} ${url} is not part of this version.`);
    };
    app.route({ method, url, schema: { hide: true }, handler });
  }
}
