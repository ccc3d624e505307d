/**
 * The side of the mesh that listens: it takes wires, however they were made, asks who is there, and has one session for each
 * node. Whoever has not proved who they are within LIMITS.handshakeMaxMs is put out, and so is whoever says anything wrong. Where too
 * many from one address could not prove it, nobody from there is heard until the minute is over.
 */
import { CODES, type CodeEntry, OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { DoorHandshake, type Guest, writeRefusal, writeWelcome } from './door-handshake.ts';
import { FailedProofs } from './failed-proofs.ts';
import type { Peer } from './link.ts';
import { checkEnd, type MeshEnd } from './mesh-node.ts';
import { Session } from './session.ts';
import type { Wire } from './wire.ts';

/** Of a wire that is closed for a reason whose code has no close code of its own. */
const CLOSE_CODE = 4400;

/** What the door is made with: it knows the name of its cluster. */
export type MeshDoorOptions = MeshEnd & {
  readonly self: MeshEnd['self'] & { readonly cluster: string };
  /** Failures of one address to prove who is there, in a minute. Default: LIMITS.meshFailedProofsPerMinuteMax. */
  readonly failedProofsMax?: number;
};

/** Incarnations of one name that are told apart from a node that was started again. */
const REPLACED_MAX = 100;

/** The door of one node. */
export class MeshDoor {
  readonly #options: MeshDoorOptions;
  readonly #sessions = new Map<string, Session>();
  /** Of nodes that have a session: the incarnations that were let go for a later one, the last of them. */
  readonly #replaced = new Map<string, readonly string[]>();
  readonly #failures: FailedProofs;
  #isDraining = false;

  /** Errors: INVALID_INPUT for a secret that is too short, a name that no node can have. */
  constructor(options: MeshDoorOptions) {
    checkEnd(options);
    this.#options = options;
    this.#failures = new FailedProofs(options.world, options.failedProofsMax);
  }

  /** Nodes that have a session. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Whether nobody from this address is heard at present. */
  isBarred(address: string): boolean {
    return this.#failures.waitMs(address) > 0;
  }

  /** Someone from this address could not prove who they are. */
  unproven(address: string): void {
    if (!this.#failures.add(address)) return;
    this.#options.log?.warn(
      'Too many at this address could not prove who they are: nobody from there is heard for a while.',
      {
        address,
        waitMs: this.#failures.waitMs(address),
      },
    );
  }

  /** Takes a wire. `onIn` is called once the other side has proved who it is. */
  accept(wire: Wire, onIn?: () => void): void {
    if (this.isBarred(wire.remoteAddress)) return this.#turnAway(wire);
    const { world, self, log } = this.#options;
    const handshake = new DoorHandshake(this.#options, self.cluster, wire);
    let session: Session | undefined;
    let isClosed = false;
    const refuse = (error: OperatingError): void => {
      isClosed = true;
      cancel();
      log?.warn('A node was not let into the mesh.', {
        address: wire.remoteAddress,
        code: error.code,
        why: error.message,
      });
      putOut(wire, error);
      if (error.code === 'UNAUTHENTICATED') this.unproven(wire.remoteAddress);
    };
    const cancel = world.after(LIMITS.handshakeMaxMs, () => {
      refuse(new OperatingError('TIMEOUT', `The handshake took longer than ${LIMITS.handshakeMaxMs} ms.`));
    });
    wire.hear({
      onFrame: (frame) => {
        if (session !== undefined) session.onFrame(wire, frame);
        else if (!isClosed) {
          try {
            const step = handshake.take(frame);
            if (step === undefined) return;
            if ('answer' in step) wire.send(step.answer);
            else {
              session = this.#welcome(wire, step.guest);
              cancel();
              onIn?.();
            }
          } catch (error) {
            refuse(error instanceof OperatingError ? error : new OperatingError('INTERNAL', String(error)));
          }
        }
      },
      onClose: () => {
        isClosed = true;
        cancel();
        session?.detach(wire);
      },
    });
  }

  /** At once, and without a line for each: that is what there would be too many of. */
  #turnAway(wire: Wire): void {
    wire.hear({ onFrame: () => undefined, onClose: () => undefined });
    const seconds = Math.ceil(this.#failures.waitMs(wire.remoteAddress) / 1_000);
    const message = `Too many at your address could not prove who they are: nobody from there is heard for ${seconds} s.`;
    putOut(wire, new OperatingError('RATE_LIMITED', message));
  }

  /** No new session from here on; those that stand go on, over new wires too. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Ends all sessions, with this reason. */
  close(reason: OperatingError): void {
    this.drain();
    for (const session of this.#sessions.values()) session.end(reason);
  }

  /** The session of one who has proved who they are. Errors: DRAINING, BUSY; FORBIDDEN where a later one of its name is there. */
  #welcome(wire: Wire, { peer, seal, resume }: Guest): Session {
    const old = this.#sessions.get(peer.node);
    if (old !== undefined && old.id === resume?.id && old.peer.incarnation === peer.incarnation) {
      wire.send(writeWelcome(seal, old.id, true, old.received));
      old.attach(wire, seal, resume.received);
      return old;
    }
    const replaced = this.#replacedBy(peer, old);
    const anew = new OperatingError('UNAVAILABLE', `The node ${peer.node} has begun anew.`);
    old?.end(anew, old.peer.incarnation === peer.incarnation);
    if (this.#isDraining) throw new OperatingError('DRAINING', 'This node is stopping; connect later.');
    if (this.#sessions.size >= LIMITS.meshWorkersMax) {
      throw new OperatingError('BUSY', `${LIMITS.meshWorkersMax} nodes are in this mesh already.`);
    }
    const { world, lostMs = LIMITS.meshLostMs, log, onLink } = this.#options;
    const session = new Session({
      ...{ world, id: world.id(), peer, lostMs, isDialer: false },
      onEnded: (reason) => {
        if (this.#sessions.get(peer.node) === session) {
          this.#sessions.delete(peer.node);
          this.#replaced.delete(peer.node);
        }
        log?.debug('The link to a node has ended.', { node: peer.node, code: reason.code, why: reason.message });
      },
    });
    this.#sessions.set(peer.node, session);
    if (replaced.length > 0) this.#replaced.set(peer.node, replaced);
    log?.debug('A node has joined the mesh.', { node: peer.node, role: peer.role, address: peer.remoteAddress });
    wire.send(writeWelcome(seal, session.id, false, 0));
    session.attach(wire, seal, 0);
    try {
      onLink(session, (ears) => session.hear(ears));
    } catch (error) {
      session.end(new OperatingError('INTERNAL', 'The link could not be taken on.', { cause: error }));
    }
    return session;
  }

  /**
   * Those that this one is there instead of. Two processes of one name would put each other out for ever. Errors: FORBIDDEN;
   * UNAVAILABLE for one that was started before the one that is there: what it said may have been under way since, and the process
   * be gone. If it is not, it is let in once the other is.
   */
  #replacedBy({ node, incarnation }: Peer, old: Session | undefined): readonly string[] {
    const before = this.#replaced.get(node) ?? [];
    if (old === undefined || old.peer.incarnation === incarnation) return before;
    if (before.includes(incarnation)) {
      const message = `Another process has joined as ${node} since this one did: give each node a name of its own.`;
      throw new OperatingError('FORBIDDEN', message);
    }
    // Names of processes grow with the time of their start.
    if (incarnation < old.peer.incarnation) {
      const message = `A process that was started later has joined as ${node}: give each node a name of its own.`;
      throw new OperatingError('UNAVAILABLE', message, { retryable: true });
    }
    return [...before, old.peer.incarnation].slice(-REPLACED_MAX);
  }
}

function putOut(wire: Wire, error: OperatingError): void {
  wire.send(writeRefusal(error));
  wire.close(closeCodeOf(error), error.message);
}

function closeCodeOf({ code }: OperatingError): number {
  const entry: CodeEntry = CODES[code];
  return entry.closeCode ?? CLOSE_CODE;
}
