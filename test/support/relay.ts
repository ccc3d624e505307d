/** A relay between a client and a node that can lose connections. */
import { createServer, connect as connectTcp, type AddressInfo, type Server, type Socket } from 'node:net';

/** Bytes pass until it says otherwise. */
export interface Relay {
  readonly url: string;
  readonly connections: number;
  /** Loses all connections, without a word. */
  drop(): void;
  /** From now on loses each connection as soon as the client has sent a frame and the node has read it. */
  loseAnswers(times: number): void;
  close(): Promise<void>;
}

/** One to a port of this machine. */
export async function relayTo(port: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let losses = 0;
  const server: Server = createServer((client) => {
    connections++;
    const node = connectTcp(port, '127.0.0.1');
    let isOpen = false;
    for (const socket of [client, node]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        node.destroy();
      });
    }
    client.on('data', (data) => void node.write(data));
    node.on('data', (data) => {
      // The first answers are the handshake and the hello.
      const isAnswer = isOpen && !data.includes('hello') && !data.includes('HTTP/1.1');
      if (data.includes('hello')) isOpen = true;
      if (isAnswer && losses > 0) {
        losses--;
        client.destroy();
      } else client.write(data);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`,
    get connections() {
      return connections;
    },
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
    loseAnswers: (times) => {
      losses = times;
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
