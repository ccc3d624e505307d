/** The HTTP door: the app with its routes, listening. It hands upgrades on, and ends what is open when the node stops. */
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { OperatingError } from '../protocol/errors.ts';
import type { Authenticate } from './authentication.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { createHttpApp } from './http-app.ts';
import { registerHealthRoutes } from './routes/health-routes.ts';

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
  const app = createHttpApp(deps);
  let draining = false;
  registerHealthRoutes(app, { ...deps, isReady: () => !draining && deps.isReady() });

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
    drain: () => void (draining = true),
    close: async () => {
      draining = true;
      const cancel = world.after(STOP_MS_MAX, () => app.server.closeAllConnections());
      await app.close();
      cancel();
    },
  };
}

function unlistenable(host: string, port: number, cause: unknown): OperatingError {
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
