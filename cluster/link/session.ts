/**
 * One session of a link, the same on both sides and over whatever wires it gets: what is sent arrives once and in order, or the
 * session ends. Pieces that do not arrive are sent again, after a while or over the next wire (go-back-N); beats say that one
 * lives. A session has one wire at a time, or none, and then it is kept for as long as it may be (`lostMs`).
 */
import { OperatingError } from '../../protocol/errors.ts';
import { type Beat, readBeat, writeBeat } from '../../protocol/mesh-beat.ts';
import { readBatch } from '../../protocol/mesh-batch.ts';
import { LINK_FRAME } from '../../protocol/mesh-frames.ts';
import { handshakeKindOf } from '../../protocol/mesh-handshake.ts';
import type { MeshMessage } from '../../protocol/mesh-messages.ts';
import type { Cancel, World } from '../../runtime/world.ts';
import { Arrival } from './arrival.ts';
import { Batching } from './batching.ts';
import { readFarewell, writeFarewell } from './farewell.ts';
import { type Arrived, Inflow } from './inflow.ts';
import { type Counts, Line, type Opened } from './line.ts';
import type { Link, LinkEars, LinkFigures, LinkState, Peer } from './link.ts';
import { Liveness } from './liveness.ts';
import { Outflow } from './outflow.ts';
import type { Seal } from './seal.ts';
import type { Wire } from './wire.ts';

/** What a session is made with. */
export interface SessionParts {
  readonly world: World;
  readonly id: string;
  readonly peer: Peer;
  readonly lostMs: number;
  /** Whether this side can make another wire: then one over which nothing comes is given up early. */
  readonly isDialer: boolean;
  /** It has ended, and its ears have heard it. */
  readonly onEnded: (reason: OperatingError) => void;
}

/** One session. */
export class Session implements Link {
  readonly id: string;
  readonly peer: Peer;
  readonly #parts: SessionParts;
  readonly #line: Line;
  readonly #batching: Batching;
  readonly #outflow: Outflow;
  readonly #inflow: Inflow;
  readonly #arrival: Arrival;
  readonly #liveness: Liveness;
  #state: LinkState = 'suspect';
  #ears: LinkEars | undefined;
  /** What came before there were ears. */
  #held: Arrived[] = [];
  #endedWith: OperatingError | undefined;
  #lastBeat: { readonly sentAtMs: number; readonly atMs: number } | undefined;
  #stopBeats: Cancel;
  #sockets = 0;
  #roundTripMs: number | undefined;
  #peerLives = false;
  /** The last wire was closed by the other side. */
  #isCutOff = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.peer = parts.peer;
    const counts = (): Counts => {
      const { received, done, doneBytes } = this.#inflow;
      return { received, done, doneBytes };
    };
    this.#line = new Line(parts.id, counts);
    this.#batching = new Batching(parts.world, this.#line, () => this.#arrival.watch());
    this.#outflow = new Outflow((piece) => this.#batching.add(piece));
    this.#inflow = new Inflow(parts.peer.role, () => this.#arrival.tellSoon());
    this.#arrival = new Arrival({
      ...{ world: parts.world, line: this.#line, outflow: this.#outflow, batching: this.#batching, counts },
      tell: () => this.#sendBeat(),
    });
    this.#liveness = new Liveness(parts.lostMs, parts.world.monotonicMs());
    this.#stopBeats = this.#nextBeat();
  }

  // ---- for those who use it

  get state(): LinkState {
    return this.#state;
  }

  get hasCredit(): boolean {
    return this.#state !== 'ended' && this.#outflow.hasCredit;
  }

  get figures(): LinkFigures {
    const { waiting, waitingBytes, sent } = this.#outflow;
    const { resent } = this.#arrival;
    const received = this.#inflow.messages;
    return { waiting, waitingBytes, sent, received, sockets: this.#sockets, resent, roundTripMs: this.#roundTripMs };
  }

  send(message: MeshMessage): void {
    if (this.#endedWith !== undefined) {
      throw new OperatingError('UNAVAILABLE', `The link to ${this.peer.node} has ended: ${this.#endedWith.message}`);
    }
    this.#outflow.send(message);
  }

  get peerLives(): boolean {
    return this.#peerLives;
  }

  end(reason: OperatingError, peerLives = false): void {
    if (this.#endedWith !== undefined) return;
    this.#peerLives = peerLives;
    this.#batching.flush();
    this.#line.send(LINK_FRAME.end, this.#outflow.lastSeq, writeFarewell(reason));
    this.#finish(reason);
  }

  /** Who hears from now on; what came before is heard first. The first that is given stays. */
  hear(ears: LinkEars): void {
    if (this.#ears !== undefined) return;
    this.#ears = ears;
    const ended = this.#endedWith;
    if (ended !== undefined) this.#parts.world.defer(() => ears.onEnd(ended));
    for (const arrived of this.#held.splice(0)) this.#deliver(arrived);
  }

  // ---- for those who bring wires

  /** Pieces that have arrived here. */
  get received(): number {
    return this.#inflow.received;
  }

  /** Goes on over this wire, on which the other side has just proved itself and has so many pieces. */
  attach(wire: Wire, seal: Seal, received: number): void {
    if (this.#endedWith !== undefined) {
      wire.close(1000, this.#endedWith.message);
      return;
    }
    this.#line.attach(wire, seal);
    this.#isCutOff = false;
    this.#sockets++;
    this.#arrival.progress();
    this.#alive();
    this.#guard(() => this.#credit(received, 0, 0));
    this.#sendBeat();
    this.#arrival.resend();
  }

  /** This wire is gone. */
  detach(wire: Wire): void {
    if (!this.#line.detach(wire)) return;
    this.#isCutOff = true;
    this.#to('suspect');
  }

  /** A frame has come over this wire. */
  onFrame(wire: Wire, frame: Buffer): void {
    // What comes twice may be of the handshake.
    if (this.#line.wire !== wire || handshakeKindOf(frame) !== undefined) return;
    const opened = this.#line.open(frame);
    if (opened === undefined) this.#to('suspect');
    else this.#guard(() => this.#take(opened));
  }

  // ---- in

  #take({ head, body, isNew }: Opened): void {
    if (isNew) this.#alive();
    this.#credit(head.received, head.done, head.doneBytes);
    if (this.#endedWith !== undefined) return;
    if (head.kind === LINK_FRAME.data) this.#takePiece(head.seq, head.isLast, body);
    else if (head.kind === LINK_FRAME.batch) this.#takeBatch(head.seq, body);
    else if (head.kind === LINK_FRAME.beat && isNew) this.#takeBeat(readBeat(body));
    else if (head.kind === LINK_FRAME.end) {
      this.#peerLives = true;
      this.#finish(readFarewell(body));
    }
  }

  #takeBatch(first: number, body: Buffer): void {
    for (const [at, piece] of readBatch(body).entries()) {
      if (this.#endedWith !== undefined) return;
      this.#takePiece(first + at, piece.isLast, piece.body);
    }
  }

  #takePiece(seq: number, isLast: boolean, body: Uint8Array): void {
    const outcome = this.#inflow.take(seq, isLast, body);
    if (outcome === undefined) return;
    this.#arrival.tellSoon();
    if (outcome !== 'more') this.#deliver(outcome);
  }

  #deliver(arrived: Arrived): void {
    if (this.#endedWith !== undefined) return;
    if (this.#ears === undefined) {
      this.#held.push(arrived);
      return;
    }
    try {
      this.#ears.onMessage(arrived.message, arrived.done);
    } catch (error) {
      const message = `A message of the link could not be dealt with (${arrived.message.type}): ${String(error)}`;
      this.end(error instanceof OperatingError ? error : new OperatingError('INTERNAL', message, { cause: error }));
    }
  }

  #takeBeat({ sentAtMs, echoMs, heldMs }: Beat): void {
    const nowMs = this.#parts.world.monotonicMs();
    this.#lastBeat = { sentAtMs, atMs: nowMs };
    if (echoMs > 0) this.#roundTripMs = Math.max(0, nowMs - echoMs - heldMs);
  }

  #credit(received: number, done: number, doneBytes: number): void {
    const before = this.#outflow.received;
    const hasMore = this.#outflow.heard(received, done, doneBytes);
    if (this.#outflow.received > before) this.#arrival.progress();
    if (hasMore) this.#ears?.onCredit?.();
  }

  /** What the other side does wrong ends the session; what comes after it could not be read. */
  #guard(take: () => void): void {
    try {
      take();
    } catch (error) {
      const message = `The link to ${this.peer.node} failed: ${String(error)}`;
      this.end(error instanceof OperatingError ? error : new OperatingError('INTERNAL', message, { cause: error }));
    }
  }

  // ---- life

  #nextBeat(): Cancel {
    const { world } = this.#parts;
    return world.after(this.#liveness.nextBeatMs(world.monotonicMs()), () => this.#beat());
  }

  #beat(): void {
    const nowMs = this.#parts.world.monotonicMs();
    this.#liveness.beat(nowMs);
    const verdict = this.#liveness.judge(nowMs);
    if (verdict === 'lost') {
      const message = `Nothing was heard of the node ${this.peer.node} for ${this.#parts.lostMs} ms.`;
      // One whose process ends closes its wire; one that is frozen, or cut off by the network, does not.
      this.end(new OperatingError('UNAVAILABLE', message), !this.#isCutOff);
      return;
    }
    this.#stopBeats = this.#nextBeat();
    this.#sendBeat();
    if (verdict === 'alive') return;
    if (this.#parts.isDialer) this.#line.cut();
    this.#to('suspect');
  }

  #sendBeat(): void {
    const nowMs = this.#parts.world.monotonicMs();
    const echoMs = this.#lastBeat?.sentAtMs ?? 0;
    const heldMs = this.#lastBeat === undefined ? 0 : nowMs - this.#lastBeat.atMs;
    this.#line.send(LINK_FRAME.beat, this.#outflow.lastSeq, writeBeat({ sentAtMs: nowMs, echoMs, heldMs }));
  }

  #alive(): void {
    this.#liveness.heard(this.#parts.world.monotonicMs());
    this.#to('up');
  }

  #to(state: LinkState): void {
    if (this.#state === state || this.#endedWith !== undefined) return;
    this.#state = state;
    this.#ears?.onState?.(state);
  }

  #finish(reason: OperatingError): void {
    this.#endedWith = reason;
    this.#state = 'ended';
    this.#stopBeats();
    this.#arrival.stop();
    this.#outflow.end();
    this.#held = [];
    this.#line.drop(1000, reason.message);
    this.#ears?.onState?.('ended');
    this.#ears?.onEnd(reason);
    this.#parts.onEnded(reason);
  }
}
