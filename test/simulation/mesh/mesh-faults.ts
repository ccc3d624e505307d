/** What goes wrong between nodes, and with those that are no owners: decided by the seed. Each run has some kinds and not others. */
import { Rng } from '../rng.ts';
import { NOBODY, type SimulatedWorld } from '../simulated-world.ts';
import type { Fleet, Place } from './fleet.ts';

/** What these faults are done to. */
export interface MeshFaultParts {
  readonly seed: number;
  readonly world: SimulatedWorld;
  readonly fleet: Fleet;
  readonly trace: (line: string) => void;
}

/** Past the time after which a node is lost, now and then. */
const FROZEN_MS = 14_000;
const CUT_MS = 16_000;
const TWIN_MS = 8_000;
const DRAIN_MS = 3_000;

/** The faults of one run. */
export class MeshFaults {
  readonly #parts: MeshFaultParts;
  readonly #rng: Rng;
  readonly kinds: {
    readonly [Kind in
      | 'kills'
      | 'freezes'
      | 'owner'
      | 'twins'
      | 'ill'
      | 'drains'
      | 'cuts'
      | 'breaks'
      | 'lossy'
      | 'late']: boolean;
  };
  #on = true;

  constructor(parts: MeshFaultParts) {
    this.#parts = parts;
    const rng = new Rng(parts.seed, 'mesh faults');
    this.#rng = rng;
    this.kinds = {
      kills: rng.chance(0.6),
      freezes: rng.chance(0.4),
      drains: rng.chance(0.3),
      cuts: rng.chance(0.5),
      breaks: rng.chance(0.4),
      lossy: rng.chance(0.6),
      late: rng.chance(0.3),
      owner: rng.chance(0.3),
      twins: rng.chance(0.15),
      ill: rng.chance(0.2),
    };
    this.#begin();
  }

  #begin(): void {
    const { fleet, world } = this.#parts;
    const rng = this.#rng;
    const { network } = fleet;
    if (this.kinds.lossy)
      Object.assign(network.faults, {
        ...{ loss: 0.25 * rng.next(), duplicates: 0.3 * rng.next(), reorders: 0.3 * rng.next() },
        flips: fleet.auth.mode === 'secret' && rng.chance(0.5) ? 0.01 : 0,
      });
    if (this.kinds.late) network.faults.late = 0.05 * rng.next();
    if (this.kinds.kills) this.#often(6_000, (place) => fleet.kill(place, rng.chance(0.5)));
    if (this.kinds.drains) this.#often(8_000, (place) => fleet.drain(place, rng.int(0, DRAIN_MS)));
    if (this.kinds.breaks) this.#often(4_000, ({ number }) => network.break(number));
    if (this.kinds.freezes)
      this.#often(7_000, (place) => {
        fleet.freeze(place);
        world.at(rng.skewed(0, FROZEN_MS), NOBODY, () => fleet.thaw(place));
      });
    if (this.kinds.ill) fleet.illness = 0.6;
    if (this.kinds.twins) this.#often(10_000, (place) => fleet.double(place, rng.skewed(0, TWIN_MS)));
    if (this.kinds.owner) this.#often(9_000, () => fleet.freezeOwner(rng.skewed(0, FROZEN_MS)));
    if (this.kinds.cuts)
      this.#often(7_000, ({ number, name }) => {
        const directions = rng.pick([['in'], ['out'], ['in', 'out']] as const);
        for (const direction of directions) network.cut(number, direction);
        this.#parts.trace(`${name} is cut off: ${directions.join()}`);
        world.at(rng.skewed(0, CUT_MS), NOBODY, () => {
          network.heal(number);
          this.#parts.trace(`${name} can be reached`);
        });
      });
  }

  /** A worker makes a call of an outside service: it may die over it, or not go on. */
  atCall(place: Place): void {
    if (!this.#on) return;
    const { fleet, world } = this.#parts;
    if (this.kinds.kills && this.#rng.chance(0.08)) fleet.kill(place, this.#rng.chance(0.5));
    else if (this.kinds.freezes && this.#rng.chance(0.06)) {
      fleet.freeze(place);
      world.at(this.#rng.skewed(0, FROZEN_MS), NOBODY, () => fleet.thaw(place));
    }
  }

  /** From here on nothing goes wrong. */
  off(): void {
    this.#on = false;
    this.#parts.fleet.mend();
  }

  #often(aboutMs: number, fn: (place: Place) => void): void {
    this.#parts.world.at(2 * aboutMs * this.#rng.next(), NOBODY, () => {
      if (!this.#on) return;
      fn(this.#rng.pick(this.#parts.fleet.places));
      this.#often(aboutMs, fn);
    });
  }
}
