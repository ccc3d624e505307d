/** A client that keeps so many tasks in flight over several sockets, and measures. Speaks the product's protocol in MessagePack. */
import { performance } from 'node:perf_hooks';
import { Packr } from 'msgpackr';
import WebSocket from 'ws';

/** What to send: `tasks` in all, `inFlight` at a time. */
export interface LoadPlan {
  readonly tasks: number;
  readonly inFlight: number;
  readonly watch: 'result' | 'events';
  /** The target and input of each task. */
  readonly body: (index: number) => object;
}

/** What came of it. */
export interface LoadFigures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const SOCKETS_MAX = 8;
const wire = new Packr({ useRecords: false });

/** Opens the sockets. The node's `hello`, if it sends one, is waited for by the first answer. */
export async function openSockets(url: string, inFlight: number): Promise<readonly WebSocket[]> {
  const count = Math.min(SOCKETS_MAX, inFlight);
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = new WebSocket(url, 'troupe.v1.msgpack', { perMessageDeflate: false });
      await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
      return socket;
    }),
  );
}

/** Runs one round on open sockets; rejects when any task ends otherwise than completed. */
export async function runLoad(sockets: readonly WebSocket[], plan: LoadPlan): Promise<LoadFigures> {
  const { tasks, inFlight, watch, body } = plan;
  const latencyMs: number[] = [];
  const sentAt = new Map<string, number>();
  const byTask = new Map<string, number>();
  let sent = 0;
  const from = performance.now();
  await new Promise<void>((resolve, reject) => {
    const send = (socket: WebSocket): void => {
      if (sent === tasks) return;
      const id = String(sent);
      sentAt.set(id, performance.now());
      socket.send(wire.pack({ type: 'task.submit', id, watch, ...body(sent++) }));
    };
    const receive = (socket: WebSocket, frame: Buffer): void => {
      const message = wire.unpack(frame) as { type: string; task: string; re?: string; status?: string };
      if (message.type === 'task.accepted') {
        byTask.set(message.task, sentAt.get(message.re ?? '') ?? 0);
        sentAt.delete(message.re ?? '');
      } else if (message.type === 'task.result') {
        if (message.status !== 'completed') return reject(new TypeError(`A task ended ${message.status}.`));
        latencyMs.push(performance.now() - (byTask.get(message.task) ?? 0));
        byTask.delete(message.task);
        if (latencyMs.length === tasks) resolve();
        else send(socket);
      } else if (message.type === 'error') reject(new TypeError(JSON.stringify(message)));
    };
    for (const socket of sockets) {
      socket.removeAllListeners('message');
      socket.on('message', (frame: Buffer) => receive(socket, frame));
    }
    for (let index = 0; index < Math.min(inFlight, tasks); index++) send(sockets[index % sockets.length] as WebSocket);
  });
  const seconds = (performance.now() - from) / 1000;
  latencyMs.sort((a, b) => a - b);
  const at = (share: number): number => latencyMs[Math.min(tasks - 1, Math.floor(tasks * share))] ?? 0;
  return { perSecond: tasks / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}
