/** The HTTP door of a worker: how it is, and what it counts. Whoever wants work done asks the owner. */
import type { AddressInfo } from 'node:net';
import { OperatingError } from '../protocol/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Settings } from '../runtime/settings.ts';
import { authenticateAnyone } from './authentication.ts';
import { createHttpApp } from './http-app.ts';
import { unlistenable } from './http-door.ts';
import { registerHealthRoutes } from './routes/health-routes.ts';

/** What the door is made with. */
export interface WorkerDoorDeps {
  readonly settings: Settings;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly node: { readonly id: string; readonly version: string };
  /** Whether it has joined its owner, and takes new calls. */
  readonly isReady: () => boolean;
}

/** The door of one worker. */
export interface WorkerDoor {
  /** Errors: INVALID_INPUT where the address cannot be had. */
  listen(): Promise<{ readonly host: string; readonly port: number }>;
  close(): Promise<void>;
}

/** Makes it. */
export function createWorkerDoor(deps: WorkerDoorDeps): WorkerDoor {
  const { host, port } = deps.settings;
  const app = createHttpApp({ ...deps, authenticate: authenticateAnyone });
  registerHealthRoutes(app, deps);
  app.setNotFoundHandler(({ url }) => {
    const message = `A worker has /healthz, /readyz and /metrics; ${url} is asked of its owner.`;
    throw new OperatingError('NOT_FOUND', message);
  });
  return {
    listen: async () => {
      try {
        await app.listen({ host, port });
      } catch (error) {
        throw unlistenable(host, port, error);
      }
      const { address, port: taken } = app.addresses()[0] as AddressInfo;
      return { host: address, port: taken };
    },
    close: () => app.close(),
  };
}
