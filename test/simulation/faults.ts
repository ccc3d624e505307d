/** What goes wrong in a run, and when: decided by the seed. Each run has some kinds of faults and not others. */
import { Rng } from './rng.ts';
import type { Outside } from './outside.ts';
import type { SimulatedDisk, WritePoint } from './simulated-disk.ts';
import { NOBODY, type SimulatedWorld } from './simulated-world.ts';

/** How a process ends. */
export type Death = 'kill' | 'power cut';

/** What faults are done to. */
export interface FaultParts {
  readonly seed: number;
  readonly world: SimulatedWorld;
  readonly disk: SimulatedDisk;
  readonly outside: Outside;
  readonly trace: (line: string) => void;
  /** The process dies now, in the middle of whatever it does. */
  crash(how: Death): void;
  /** The node is asked to stop, and started again afterwards. */
  stop(): void;
  /** A client's connection is cut. */
  cut(): void;
  /** A bit turns over at rest. */
  rot(): void;
}

const CRASHES_MAX = 7;
const JUMPS_MS = [1_000, 60_000, 3_600_000, 10 * 3_600_000] as const;
/** Idempotency keys are kept for a day of the wall clock: jumps stay below. */
const OFFSET_MAX_MS = 11 * 3_600_000;
const AT_WRITE: Readonly<Record<WritePoint, number>> = { asked: 0.02, 'in-file': 0.04, synced: 0.04, told: 0.04 };
const FULL_MS = 20_000;

/** The faults of one run. */
export class Faults {
  readonly #parts: FaultParts;
  readonly #rng: Rng;
  readonly kinds: {
    readonly [Kind in 'crashes' | 'stops' | 'disk' | 'full' | 'slow' | 'clock' | 'outside' | 'wire' | 'rot']: boolean;
  };
  readonly #crashRate: number;
  #crashes = 0;
  #offsetMs = 0;
  #on = true;

  constructor(parts: FaultParts) {
    this.#parts = parts;
    const rng = new Rng(parts.seed, 'faults');
    this.#rng = rng;
    this.kinds = {
      crashes: rng.chance(0.75),
      stops: rng.chance(0.3),
      disk: rng.chance(0.3),
      full: rng.chance(0.15),
      slow: rng.chance(0.3),
      clock: rng.chance(0.3),
      outside: rng.chance(0.6),
      wire: rng.chance(0.5),
      rot: rng.chance(0.2),
    };
    this.#crashRate = this.kinds.crashes ? 0.5 + rng.next() * 1.5 : 0;
    this.#begin();
  }

  get crashes(): number {
    return this.#crashes;
  }

  #begin(): void {
    const { disk, outside, world } = this.#parts;
    const rng = this.#rng;
    if (this.kinds.disk) {
      disk.faults.writeFails = 0.02 + 0.1 * rng.next();
      disk.faults.openFails = 0.2;
    }
    if (this.kinds.slow) disk.faults.slow = 0.1;
    if (this.kinds.outside) Object.assign(outside.faults, { fails: 0.2, hangs: 0.04, late: 0.1 });
    if (this.kinds.full)
      this.#often(8_000, () => {
        disk.faults.full = true;
        this.#parts.trace('disk full');
        world.at(FULL_MS * rng.next(), NOBODY, () => {
          disk.faults.full = false;
          this.#parts.trace('disk has room');
        });
      });
    if (this.kinds.clock) this.#often(6_000, () => this.#jump());
    if (this.kinds.wire) this.#often(3_000, () => this.#parts.cut());
    if (this.kinds.crashes) this.#often(8_000, () => this.#maybe(1));
    if (this.kinds.stops) this.#often(10_000, () => this.#parts.stop());
    if (this.kinds.rot) this.#often(10_000, () => this.#parts.rot());
  }

  /** A moment of a write. */
  atWrite(point: WritePoint): void {
    this.#maybe(AT_WRITE[point]);
  }

  /** A frame is on its way. */
  atFrame(): void {
    this.#maybe(0.006);
  }

  /** An outside call is being made. */
  atCall(): void {
    this.#maybe(0.1);
  }

  /** From here on nothing goes wrong. */
  off(): void {
    this.#on = false;
    const { disk, outside, world } = this.#parts;
    Object.assign(disk.faults, { writeFails: 0, slow: 0, openFails: 0, full: false });
    Object.assign(outside.faults, { fails: 0, hangs: 0, late: 0 });
    world.settleWall();
  }

  #maybe(probability: number): void {
    if (!this.#on || this.#crashes >= CRASHES_MAX || !this.#rng.chance(probability * this.#crashRate)) return;
    this.#crashes++;
    this.#parts.crash(this.#rng.chance(0.5) ? 'kill' : 'power cut');
  }

  #jump(): void {
    const byMs = this.#rng.pick(JUMPS_MS) * this.#rng.next() * (this.#rng.chance(0.5) ? 1 : -1);
    if (Math.abs(this.#offsetMs + byMs) > OFFSET_MAX_MS / 2) return;
    this.#offsetMs += byMs;
    this.#parts.trace(`wall clock ${Math.round(byMs)}`);
    this.#parts.world.jump(Math.round(byMs));
  }

  /** Does it again and again while faults are on, about every so many ms. */
  #often(aboutMs: number, fn: () => void): void {
    this.#parts.world.at(2 * aboutMs * this.#rng.next(), NOBODY, () => {
      if (!this.#on) return;
      fn();
      this.#often(aboutMs, fn);
    });
  }
}
