/**
 * The side of the mesh that dials: it keeps a session with one listener for as long as it is not stopped. When a wire is lost the
 * session goes on over the next; when the session is lost, another begins.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { isLoopback } from '../../runtime/loopback.ts';
import type { Cancel } from '../../runtime/world.ts';
import { DialHandshake, type Greeting } from './dial-handshake.ts';
import type { Link } from './link.ts';
import { checkEnd, type MeshEnd } from './mesh-node.ts';
import { Session } from './session.ts';
import { connectSocket, type MeshTls } from './socket-wire.ts';
import type { Connect, Wire } from './wire.ts';

/** How and where to. */
export type DialMeshOptions = MeshEnd & {
  /** `ws://host:port/mesh` or `wss://…`; or another way to make wires, for simulations. */
  readonly to: string | Connect;
  /** The name of the node that is dialed; another one is refused. Default: whoever proves to be of the mesh. */
  readonly expected?: string;
  /** For `wss`. Certificates as proof need all three. */
  readonly tls?: MeshTls;
  /**
   * The listener refuses this node, or this node the listener, for a reason that time alone will not mend (UNAUTHENTICATED,
   * FORBIDDEN, PROTOCOL_VERSION, …). It is dialed again all the same, every LIMITS.meshRefusedRedialMs or so.
   */
  readonly onRefused?: (error: OperatingError) => void;
};

/** A listener that is dialed. */
export interface MeshDial {
  /** The session that stands; undefined where none does. */
  readonly link: Link | undefined;
  /** Ends the session, tells the other side why where it can be reached, and dials no more. */
  stop(reason: OperatingError): void;
}

/**
 * Dials until it is stopped.
 *
 *     const dialing = dialMesh({ world, auth, self, to: 'wss://owner:7431/mesh', tls, onLink, onRefused });
 *
 * Errors: INVALID_INPUT for a secret that is too short, a name that no node can have, and a mode that does not fit the address
 * (`none` off loopback, `certificate` without `wss` and all of `tls`).
 */
export function dialMesh(options: DialMeshOptions): MeshDial {
  checkEnd(options);
  if (typeof options.to === 'string') checkAddress(options.to, options);
  const connect = typeof options.to === 'string' ? connectSocket(options.to, options.tls) : options.to;
  return new Dial(options, connect);
}

/** Attempts in a row that fail before it is worth a word: a listener that is started again is away for a moment. */
const FAILURES_TOLD = 4;

class Dial implements MeshDial {
  readonly #options: DialMeshOptions;
  readonly #connect: Connect;
  #cluster: string | undefined;
  #session: Session | undefined;
  #isStopped = false;
  /** Attempts in a row that did not lead to a link that lasted. */
  #failures = 0;
  /** What is under way, and how it is given up. */
  #giveUp: Cancel = () => undefined;

  constructor(options: DialMeshOptions, connect: Connect) {
    this.#options = options;
    this.#connect = connect;
    this.#cluster = options.self.cluster;
    this.#attempt();
  }

  get link(): Link | undefined {
    return this.#session;
  }

  stop(reason: OperatingError): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#session?.end(reason);
    this.#giveUp();
  }

  #attempt(): void {
    this.#giveUp = this.#connect({
      onOpen: (wire) => this.#greet(wire),
      onFailed: (error) => this.#again(error),
    });
  }

  #greet(wire: Wire): void {
    const { world } = this.#options;
    const old = this.#session;
    const resume = old && { id: old.id, received: old.received };
    const handshake = new DialHandshake(
      this.#options,
      wire,
      { cluster: this.#cluster, node: this.#options.expected },
      resume,
    );
    let session: Session | undefined;
    let failure: OperatingError | undefined;
    let greetedAtMs: number | undefined;
    const fail = (error: OperatingError): void => {
      failure ??= error;
      wire.close(1002, error.message);
    };
    const cancel = world.after(LIMITS.handshakeMaxMs, () => {
      failure ??= new OperatingError('UNAVAILABLE', 'The listener did not answer the handshake in time.');
      wire.cut();
    });
    this.#giveUp = () => wire.close(1000, 'This node is stopping.');
    wire.hear({
      onFrame: (frame) => {
        if (session !== undefined) session.onFrame(wire, frame);
        else if (failure === undefined) {
          try {
            const step = handshake.take(frame);
            if (step === undefined) return;
            if ('answer' in step) wire.send(step.answer);
            else {
              cancel();
              greetedAtMs = world.monotonicMs();
              session = this.#enter(wire, step.greeting, old);
            }
          } catch (error) {
            fail(error instanceof OperatingError ? error : new OperatingError('INTERNAL', String(error)));
          }
        }
      },
      onClose: (why) => {
        cancel();
        session?.detach(wire);
        const hasLasted = greetedAtMs !== undefined && world.monotonicMs() - greetedAtMs >= LIMITS.meshRedialMaxMs;
        if (hasLasted) this.#failures = 0;
        this.#again(failure ?? new OperatingError('UNAVAILABLE', `The connection was closed: ${why}`));
      },
    });
    wire.send(handshake.hello);
  }

  #enter(wire: Wire, { peer, seal, session: id, isResumed, received }: Greeting, old: Session | undefined): Session {
    this.#cluster = peer.cluster;
    if (isResumed) {
      if (old?.id !== id)
        throw new OperatingError('PROTOCOL_MALFORMED', 'The listener goes on with a session of its own.');
      // It may have ended here in the meantime; it closes the wire then.
      old.attach(wire, seal, received);
      return old;
    }
    this.#session?.end(new OperatingError('UNAVAILABLE', `The node ${peer.node} does not know the session any more.`));
    const { world, lostMs = LIMITS.meshLostMs, log, onLink } = this.#options;
    const session = new Session({
      ...{ world, id, peer, lostMs, isDialer: true },
      onEnded: (reason) => {
        if (this.#session === session) this.#session = undefined;
        log?.info('The link to a node has ended.', { node: peer.node, code: reason.code, why: reason.message });
      },
    });
    this.#session = session;
    session.attach(wire, seal, received);
    try {
      onLink(session, (ears) => session.hear(ears));
    } catch (error) {
      session.end(new OperatingError('INTERNAL', 'The link could not be taken on.', { cause: error }));
    }
    return session;
  }

  /** The wire is gone, or was never there. */
  #again(error: OperatingError): void {
    if (this.#isStopped) return;
    const { world, log, onRefused } = this.#options;
    const isRefused = !error.retryable;
    const delayMs = isRefused ? LIMITS.meshRefusedRedialMs : this.#backoffMs();
    this.#failures++;
    this.#giveUp = world.after(delayMs / 2 + (world.random() * delayMs) / 2, () => this.#attempt());
    const fields = { code: error.code, why: error.message, delayMs };
    if (isRefused) onRefused?.(error);
    else if (this.#failures === FAILURES_TOLD)
      log?.warn('No link can be made; it is tried again until there is one.', fields);
    else log?.debug('A listener is dialed again later.', fields);
  }

  #backoffMs(): number {
    return Math.min(LIMITS.meshRedialMaxMs, LIMITS.meshRedialMinMs * 2 ** Math.min(this.#failures, 16));
  }
}

function checkAddress(to: string, { auth, tls }: DialMeshOptions): void {
  const url = URL.parse(to);
  if (url === null || (url.protocol !== 'ws:' && url.protocol !== 'wss:')) {
    throw new OperatingError(
      'INVALID_INPUT',
      `${JSON.stringify(to)} is no address of a mesh, such as wss://host:port/mesh.`,
    );
  }
  if (auth.mode === 'none' && !isLoopback(url.hostname.replace(/^\[|\]$/g, ''))) {
    throw new OperatingError('INVALID_INPUT', `Nodes on other machines must prove who they are: ${to} needs a secret.`);
  }
  const isComplete = tls?.ca !== undefined && tls.cert !== undefined && tls.key !== undefined;
  if (auth.mode === 'certificate' && (url.protocol !== 'wss:' || !isComplete)) {
    throw new OperatingError('INVALID_INPUT', 'Certificates as proof need wss, and a certificate, its key and the CA.');
  }
}
