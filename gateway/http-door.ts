/** The HTTP door: the app with its routes, listening. It hands upgrades on, and ends what is open when the node stops. */
import { setMaxListeners } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { OperatingError } from '../protocol/errors.ts';
import type { Authenticate } from './authentication.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { createHttpApp } from './http-app.ts';
import { EventStreams } from './event-streams.ts';
import { createApiDocs } from './openapi.ts';
import type { RouteDeps } from './route-deps.ts';
import { answerUnknown, registerApi, RouteBook } from './routes.ts';
import { registerPages } from './routes/page-routes.ts';

/** What the door is made with. */
export interface HttpDoorDeps extends GatewayDeps {
  readonly authenticate: Authenticate;
}

/** Takes an upgrade over. */
export type UpgradeHandler = (request: IncomingMessage, stream: Duplex, head: Buffer) => void;

/** The door of one listener. */
export interface HttpDoor {
  /** Errors: INVALID_INPUT where the address cannot be had. */
  listen(onUpgrade: UpgradeHandler): Promise<AddressInfo>;
  /** From here on the node says that it is not ready. */
  drain(): void;
  /** Stops listening; what is being answered gets a moment to end. */
  close(): Promise<void>;
}

/** How long requests that are being answered hold up a stop. */
const STOP_MS_MAX = 1_000;

/** Makes the door, with all routes. */
export function createHttpDoor(deps: HttpDoorDeps): HttpDoor {
  const { settings, world } = deps;
  const { heartbeatMs, connectionsMax } = settings;
  const closing = new AbortController();
  // Every request that waits for a result listens; their number is bounded by that of connections.
  setMaxListeners(0, closing.signal);
  const streams = new EventStreams(world, { heartbeatMs, streamsMax: connectionsMax });
  let draining = false;
  const routeDeps: RouteDeps = {
    ...deps,
    streams,
    closing: closing.signal,
    isReady: () => !draining && deps.isReady(),
  };
  const docs = createApiDocs(routeDeps);
  const app = createHttpApp(deps);
  const book = new RouteBook();
  book.watch(app);
  answerUnknown(app, book, deps);
  registerApi(app, routeDeps);
  registerPages(app, { node: deps.node, docs });

  return {
    listen: async (onUpgrade) => {
      app.server.on('upgrade', onUpgrade);
      try {
        await app.listen({ host: settings.host, port: settings.port });
      } catch (error) {
        throw unlistenable(settings.host, settings.port, error);
      }
      const [address] = app.addresses();
      return address as AddressInfo;
    },
    drain: () => {
      draining = true;
      streams.end();
    },
    close: async () => {
      draining = true;
      streams.end();
      closing.abort();
      const cancel = world.after(STOP_MS_MAX, () => app.server.closeAllConnections());
      await Promise.all([app.close(), docs.close()]);
      cancel();
    },
  };
}

/** INVALID_INPUT, with what to do. */
export function unlistenable(host: string, port: number, cause: unknown): OperatingError {
  const { code } = cause as { readonly code?: string };
  const why = code === undefined ? String(cause) : (REASONS[code] ?? code);
  return new OperatingError('INVALID_INPUT', `The node cannot listen on ${host}:${port}: ${why}.`, {
    cause,
    details: { host, port, reason: code },
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already. Stop it, or choose another port (0 takes any free one)',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'this user may not listen on that port',
  ENOTFOUND: 'that name is not known',
};
