/** Lanes: calls of one lane (one agent) run at most so many at a time, the others wait by priority, then in order. */

/** How the calls of one lane stand. */
export interface LaneFigures {
  readonly running: number;
  readonly waiting: number;
  readonly resting: number;
}

/** Where a call belongs. */
export interface LanePlace {
  readonly lane: string;
  readonly laneLimit: number;
  readonly priority: number;
}

interface Lane {
  running: number;
  /** Calls that only wait, and hold no slot. */
  resting: number;
  /** One FIFO per priority, index = priority. */
  readonly waiting: (() => void)[][];
  waitingCount: number;
}

const PRIORITIES = 10;
const NO_CALLS: LaneFigures = { running: 0, waiting: 0, resting: 0 };

/** The lanes of one node. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  #held = false;
  /** Calls that wait for a slot, in all lanes. */
  waiting = 0;

  /** How many calls of a lane run, wait for a slot, and rest without one. */
  figures(name: string): LaneFigures {
    const lane = this.#lanes.get(name);
    if (lane === undefined) return NO_CALLS;
    return { running: lane.running, waiting: lane.waitingCount, resting: lane.resting };
  }

  /** Nobody goes in any more. */
  hold(): void {
    this.#held = true;
  }

  /** A lane has room for so many now: those that wait go in. */
  widen(name: string, limit: number): void {
    const lane = this.#lanes.get(name);
    while (lane !== undefined && lane.running < limit && lane.waitingCount > 0 && !this.#held) {
      lane.running++;
      this.leave(name);
    }
  }

  /** Calls `go` when there is a slot, which is `go`'s until `leave`: at once, or later. */
  enter({ lane: name, laneLimit, priority }: LanePlace, go: () => void): void {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { running: 0, resting: 0, waiting: Array.from({ length: PRIORITIES }, () => []), waitingCount: 0 };
      this.#lanes.set(name, lane);
    }
    if (lane.running < laneLimit && !this.#held) {
      lane.running++;
      go();
    } else {
      (lane.waiting[Math.min(Math.max(priority, 0), PRIORITIES - 1)] as (() => void)[]).push(go);
      lane.waitingCount++;
      this.waiting++;
    }
  }

  /** Gives a slot back: the next one that waits has it. */
  leave(name: string): void {
    const lane = this.#lanes.get(name);
    if (lane === undefined) return;
    for (let priority = PRIORITIES - 1; priority >= 0 && lane.waitingCount > 0 && !this.#held; priority--) {
      const next = (lane.waiting[priority] as (() => void)[]).shift();
      if (next === undefined) continue;
      lane.waitingCount--;
      this.waiting--;
      return next();
    }
    lane.running--;
  }

  countResting(name: string, by: number): void {
    const lane = this.#lanes.get(name);
    if (lane !== undefined) lane.resting += by;
  }
}
