/**
 * The network of a mesh: each place where a worker runs has a way to the owner and a way back, and each way loses, delays, repeats and
 * reorders what it carries, or carries nothing. A run has streams, which keep what they carry in order and lose nothing for as long
 * as they stand, or datagrams, which promise nothing.
 */
import type { Connect } from '../../../cluster/link/wire.ts';
import { handshakeKindOf } from '../../../protocol/mesh-handshake.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { Rng } from '../rng.ts';
import { NOBODY, type Owner, type SimulatedWorld } from '../simulated-world.ts';
import { type Carrier, SimulatedWire } from './simulated-wire.ts';

/** What is wrong with a network, as probabilities for each frame. */
export interface NetworkFaults {
  /** Of datagrams. */
  loss: number;
  duplicates: number;
  reorders: number;
  /** One bit turns over: where frames are sealed. */
  flips: number;
  late: number;
}

/** Who takes wires at the owner's address. */
export interface Listener {
  readonly process: Owner;
  accept(wire: SimulatedWire): void;
}

/** To the owner, or from it. */
export type Direction = 'in' | 'out';

interface Way {
  isCut: boolean;
  /** What a stream holds until it goes on. */
  held: (() => void)[];
  heldBytes: number;
}

const DELAY_MS = 12;
const LATE_MS = 9_000;
const CLOSE_MS = 5;
const NOTICED = 0.8;
/** What an operating system takes of a stream that does not go on. */
const SYSTEM_BYTES = 65_536;

/** The network of one run. */
export class SimulatedNetwork implements Carrier {
  readonly faults: NetworkFaults = { loss: 0, duplicates: 0, reorders: 0, flips: 0, late: 0 };
  readonly isReliable: boolean;
  /** Who listens just now. */
  listener: Listener | undefined;
  /** What becomes of the first frame of a connection. */
  onHello: (place: number, hello: Buffer) => Buffer = (_place, hello) => hello;
  readonly #world: SimulatedWorld;
  readonly #rng: Rng;
  readonly #ways = new Map<string, Way>();
  /** Ends that stand, and the way that each sends over. */
  readonly #wires = new Map<SimulatedWire, { readonly place: number; readonly direction: Direction; lastMs: number }>();

  constructor(world: SimulatedWorld, seed: number) {
    this.#world = world;
    this.#rng = new Rng(seed, 'network');
    this.isReliable = this.#rng.chance(0.4);
  }

  /** How the worker of a place reaches the owner. */
  connectFrom(place: number, process: Owner): Connect {
    return ({ onOpen, onFailed }) => {
      let isOver = false;
      const end = (fn: () => void): void => {
        if (!isOver) fn();
        isOver = true;
      };
      const later = (ms: number, fn: () => void): void => void this.#world.at(ms, process, () => end(fn));
      later(LIMITS.handshakeMaxMs, () => onFailed(unreachable()));
      this.#world.at(this.#delayMs(), NOBODY, () => {
        const { listener } = this;
        if (isOver || this.#way(place, 'in').isCut || this.#way(place, 'out').isCut) return;
        if (listener?.process.alive !== true) return later(this.#delayMs(), () => onFailed(unreachable()));
        const [near, far] = this.#pair(place, process, listener.process);
        this.#world.at(0, listener.process, () => {
          listener.accept(far);
          later(this.#delayMs(), () => (near.isOpen ? onOpen(near) : onFailed(unreachable())));
        });
      });
      return () => void (isOver = true);
    };
  }

  /** A way carries nothing until it is healed. */
  cut(place: number, direction: Direction): void {
    this.#way(place, direction).isCut = true;
  }

  heal(place: number): void {
    for (const direction of ['in', 'out'] as const) {
      const way = this.#way(place, direction);
      way.isCut = false;
      way.heldBytes = 0;
      for (const go of way.held.splice(0)) go();
    }
  }

  /** Connections of a place break; most of those who have them notice. */
  break(place: number): void {
    for (const [wire, way] of [...this.#wires])
      if (way.place === place && this.#rng.chance(NOTICED)) this.soon(wire, () => wire.left('1006'));
  }

  /** A process is gone. Its machine says so for it, unless that is gone as well. */
  died(process: Owner, isSilent: boolean): void {
    for (const [wire] of [...this.#wires]) {
      if (wire.process !== process) continue;
      if (!isSilent) this.close(wire, '1006');
      this.#wires.delete(wire);
    }
  }

  frame(from: SimulatedWire, sent: Buffer): void {
    const at = this.#wires.get(from);
    if (at === undefined) return;
    const frame = handshakeKindOf(sent) === 'hello' ? this.onHello(at.place, sent) : sent;
    const way = this.#way(at.place, at.direction);
    const rng = this.#rng;
    if (!this.isReliable) {
      if (way.isCut || rng.chance(this.faults.loss)) return;
      if (rng.chance(this.faults.duplicates)) this.#carry(from, Buffer.from(frame), rng.chance(0.5));
      return this.#carry(from, this.#flipped(frame), rng.chance(this.faults.reorders));
    }
    if (!way.isCut) return this.#carry(from, this.#flipped(frame), false);
    way.heldBytes += frame.length;
    from.bufferedAmount = Math.max(0, way.heldBytes - SYSTEM_BYTES);
    way.held.push(() => {
      from.bufferedAmount = 0;
      this.#carry(from, frame, false);
    });
  }

  close(from: SimulatedWire, why: string): void {
    const at = this.#wires.get(from);
    if (at === undefined) return;
    const way = this.#way(at.place, at.direction);
    const go = (): void => this.#arrive(from, false, () => from.other.left(why));
    if (!way.isCut) go();
    else if (this.isReliable) way.held.push(go);
  }

  soon(at: SimulatedWire, fn: () => void): void {
    this.#world.at(CLOSE_MS * this.#rng.next(), at.process, fn);
  }

  gone(wire: SimulatedWire): void {
    this.#wires.delete(wire);
  }

  #carry(from: SimulatedWire, frame: Buffer, isReordered: boolean): void {
    this.#arrive(from, isReordered, () => from.other.arrive(frame));
  }

  #arrive(from: SimulatedWire, isReordered: boolean, fn: () => void): void {
    const at = this.#wires.get(from);
    let dueMs = this.#world.nowMs + this.#delayMs();
    if (at !== undefined && !isReordered) at.lastMs = dueMs = Math.max(at.lastMs + 1e-6, dueMs);
    this.#world.at(dueMs - this.#world.nowMs, from.other.process, fn);
  }

  #delayMs(): number {
    const rng = this.#rng;
    return rng.chance(this.faults.late) ? rng.skewed(0, LATE_MS) : DELAY_MS * rng.next();
  }

  /** Handshakes are let be: one that was changed is another secret, and that is a person's to mend. */
  #flipped(frame: Buffer): Buffer {
    if (handshakeKindOf(frame) !== undefined || !this.#rng.chance(this.faults.flips)) return frame;
    const at = this.#rng.int(0, frame.length - 1);
    frame[at] = (frame[at] ?? 0) ^ (1 << this.#rng.int(0, 7));
    return frame;
  }

  #pair(place: number, process: Owner, owner: Owner): readonly [SimulatedWire, SimulatedWire] {
    const near = new SimulatedWire(process, 'owner', this.isReliable, this);
    const far = new SimulatedWire(owner, `place${place}`, this.isReliable, this);
    [near.other, far.other] = [far, near];
    this.#wires.set(near, { place, direction: 'in', lastMs: 0 });
    this.#wires.set(far, { place, direction: 'out', lastMs: 0 });
    return [near, far];
  }

  #way(place: number, direction: Direction): Way {
    const key = `${place} ${direction}`;
    let way = this.#ways.get(key);
    if (way === undefined) this.#ways.set(key, (way = { isCut: false, held: [], heldBytes: 0 }));
    return way;
  }
}

function unreachable(): OperatingError {
  return new OperatingError('UNAVAILABLE', 'The owner cannot be reached.');
}
