/**
 * The place that one dispatch has on its node: held while its code works, and given to others while all of it only waits, for a time or
 * for a person. It may wait for several things at once.
 */
import type { Member } from './member.ts';
import type { Places } from './places.ts';

/** One. */
export class TakenPlace {
  readonly #places: Places;
  readonly #member: Member;
  readonly #reference: string;
  #rests = 0;
  #isOver = false;

  constructor(places: Places, member: Member, reference: string) {
    this.#places = places;
    this.#member = member;
    this.#reference = reference;
  }

  /** Its code begins to wait for something, or goes on. What goes on after the dispatch has ended holds no place any more. */
  resting(isResting: boolean): void {
    if (this.#isOver) return;
    const before = this.#rests;
    this.#rests += isResting ? 1 : -1;
    if ((before === 0) !== (this.#rests === 0)) this.#places.resting(this.#member, this.#reference, isResting);
  }

  /** The dispatch has ended. */
  free(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#rests > 0) this.#places.resting(this.#member, this.#reference, false);
    this.#places.free(this.#member, this.#reference);
  }
}
