/** A disk in memory whose process dies with one of its next writes. */
import fc from 'fast-check';
import { MemoryDisk, type WriteOutcome } from '../../runtime/stores/memory-store.ts';

/** When the process dies: with the write after so many others; and whether that one is kept. */
export interface Death {
  readonly after: number;
  readonly outcome: WriteOutcome;
}

/** One disk, for as many processes as one likes, one after the other. */
export class DyingDisk {
  #left = Number.POSITIVE_INFINITY;
  #last: WriteOutcome = 'done';
  /** Whether the process has died. */
  isDead = false;
  readonly disk: MemoryDisk = new MemoryDisk({
    onWrite: () => {
      if (this.isDead) return 'lost';
      if (--this.#left > 0) return 'done';
      this.isDead = true;
      return this.#last;
    },
  });

  /** The process dies with one of its next writes. */
  arm({ after, outcome }: Death): void {
    this.#left = after;
    this.#last = outcome;
  }

  /** From here on a process lives. */
  heal(): void {
    this.isDead = false;
    this.#left = Number.POSITIVE_INFINITY;
  }
}

/** Deaths with one of the next few writes. */
export function deaths(afterMax: number, max: number): fc.Arbitrary<readonly Death[]> {
  const death = fc.record({
    after: fc.integer({ min: 1, max: afterMax }),
    outcome: fc.constantFrom<WriteOutcome>('lost', 'kept'),
  });
  return fc.array(death, { minLength: 1, maxLength: max });
}
