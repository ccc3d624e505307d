/**
 * The doors of a node: one listener for HTTP and WebSocket. Everything behind it is asked through the front desk and the
 * sessions; the doors know transports, bounds and exposure, and decide nothing about tasks.
 */
import type { AddressInfo } from 'node:net';
import { authenticateAnyone } from './authentication.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { createHttpDoor } from './http-door.ts';
import { SocketDoor } from './socket-door.ts';

export type { GatewayDeps } from './gateway-deps.ts';

/** Where a gateway listens. `url` is for HTTP; the socket is at `/ws` of it. */
export interface Listening {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

/** The doors of one node. */
export interface Gateway {
  /** Errors: INVALID_INPUT where the address cannot be had (it is taken, or not of this machine). */
  listen(): Promise<Listening>;
  /** From here on the node says that it is not ready, tells its clients to go elsewhere, and takes no new connection. */
  drain(): void;
  /** Ends what is open, and stops listening. */
  close(): Promise<void>;
}

/** Makes the doors of a node. Nothing is opened before `listen`. */
export function createGateway(deps: GatewayDeps): Gateway {
  const { settings, world, log, node, sessions } = deps;
  const isFull = (): boolean => deps.desk.isFull;
  const socketDoor = new SocketDoor({ settings, world, log, node, sessions, isFull, authenticate: authenticateAnyone });
  const httpDoor = createHttpDoor({ ...deps, authenticate: authenticateAnyone });
  let closed: Promise<void> | undefined;

  const drain = (): void => {
    httpDoor.drain();
    socketDoor.drain();
    sessions.drain();
  };
  return {
    listen: async () => {
      const { address, family, port } = await httpDoor.listen((request, stream, head) =>
        socketDoor.upgrade(request, stream, head),
      );
      return { host: address, port, url: urlOf(address, family, port) };
    },
    drain,
    close: () => (closed ??= closeAll(socketDoor, httpDoor)),
  };
}

async function closeAll(socketDoor: SocketDoor, httpDoor: { close(): Promise<void> }): Promise<void> {
  await socketDoor.close();
  await httpDoor.close();
}

function urlOf(address: string, family: AddressInfo['family'], port: number): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
