/**
 * A line of TCP between a worker and its owner on one machine, which can be cut and slow. As where packets are lost, nobody is
 * told: what is sent waits, connections stay open, new ones are not answered; what has come too late for both ends is closed when
 * the line is whole again.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Cut } from './mesh-site.ts';

const DELAY_MS = 200;
const SPREAD_MS = 100;
const LOSS = 0.05;
/** What a lost packet costs those behind it: they wait until it was sent again. */
const AGAIN_MS = 300;

/** One direction of one connection. */
class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #isSlow: () => boolean;
  readonly #waiting: (Buffer | 'end')[] = [];
  #isCut: boolean;
  #freeAtMs = 0;

  constructor(from: Socket, to: Socket, isCut: boolean, isSlow: () => boolean) {
    this.#from = from;
    this.#to = to;
    this.#isCut = isCut;
    this.#isSlow = isSlow;
    from.on('data', (data) => this.#come(data));
    from.on('error', () => undefined);
    from.on('close', () => this.#come('end'));
  }

  cut(isCut: boolean): void {
    this.#isCut = isCut;
    if (isCut) return;
    for (const what of this.#waiting.splice(0)) this.#send(what);
  }

  #come(what: Buffer | 'end'): void {
    if (this.#isCut) {
      this.#waiting.push(what);
      // Its sender is not read either: what it has sent is not acknowledged.
      this.#from.pause();
    } else this.#send(what);
  }

  /** In the order of its coming, however long any of it takes. */
  #send(what: Buffer | 'end'): void {
    this.#from.resume();
    const nowMs = performance.now();
    if (!this.#isSlow() && this.#freeAtMs <= nowMs) return this.#arrive(what);
    const delayMs = this.#isSlow() ? DELAY_MS + SPREAD_MS * (2 * Math.random() - 1) : 0;
    const lostMs = this.#isSlow() && Math.random() < LOSS ? AGAIN_MS : 0;
    this.#freeAtMs = Math.max(this.#freeAtMs + 0.01, nowMs + delayMs + lostMs);
    setTimeout(() => this.#arrive(what), this.#freeAtMs - nowMs);
  }

  #arrive(what: Buffer | 'end'): void {
    // Cut while it was on its way.
    if (this.#isCut) this.#waiting.push(what);
    else if (what === 'end') this.#to.destroy();
    else if (!this.#to.destroyed) this.#to.write(what);
  }
}

/** The line of one worker. */
export class LineRelay {
  readonly #server: Server;
  readonly #flows = new Set<{ readonly up: Flow; readonly down: Flow }>();
  readonly #sockets = new Set<Socket>();
  #cut: Cut | undefined;
  #isSlow = false;

  private constructor(target: number) {
    this.#server = createServer((worker) => this.#connected(worker, connect(target, '127.0.0.1')));
  }

  /** A line to a port of this machine. */
  static async to(target: number): Promise<LineRelay> {
    const relay = new LineRelay(target);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  cut(cut: Cut): void {
    this.#turn(cut, false);
  }

  slow(): void {
    this.#turn(undefined, true);
  }

  heal(): void {
    this.#turn(undefined, false);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #turn(cut: Cut | undefined, isSlow: boolean): void {
    this.#cut = cut;
    this.#isSlow = isSlow;
    for (const { up, down } of this.#flows) {
      up.cut(this.#isLost('from the owner'));
      down.cut(this.#isLost('to the owner'));
    }
  }

  /** Whether all is lost but for what goes the other way. */
  #isLost(other: Cut): boolean {
    return this.#cut !== undefined && this.#cut !== other;
  }

  #connected(worker: Socket, owner: Socket): void {
    const slow = (): boolean => this.#isSlow;
    const flows = {
      up: new Flow(worker, owner, this.#isLost('from the owner'), slow),
      down: new Flow(owner, worker, this.#isLost('to the owner'), slow),
    };
    this.#flows.add(flows);
    for (const socket of [worker, owner]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        if (worker.destroyed && owner.destroyed) this.#flows.delete(flows);
      });
    }
  }
}
