/**
 * Where the next call of an agent is made: on the node with the most room for it, this one or another. A call that finds no room
 * waits, in order, until there is some.
 */
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import type { RefusableCall } from '../../runtime/effects.ts';
import type { Cancel, World } from '../../runtime/world.ts';
import type { Member } from './member.ts';
import type { NodeBreakers } from './node-breakers.ts';
import { isRemote } from './remote-agent.ts';
import { CALLS, type Room } from './room.ts';

/** A place for one call: on this node, or on a member. */
export type Place = Member | 'here';

interface Waiter {
  readonly definition: AgentDefinition;
  readonly prefer: Readonly<Record<string, string>> | undefined;
  take(place: Place): void;
}

/** What is known of a call that looks for a place. */
export interface PlaceWish {
  readonly definition: AgentDefinition;
  readonly reference: string;
  /** Labels that its node rather has. */
  readonly prefer?: Readonly<Record<string, string>>;
  readonly call: Pick<RefusableCall, 'refusal' | 'onRefused' | 'unbegun'>;
}

/** The places of one mesh for one kind of work. */
export class Places {
  readonly #members: () => Iterable<Member>;
  readonly #breakers: NodeBreakers;
  readonly #world: Pick<World, 'after'>;
  readonly #room: Room;
  readonly #here = new Map<string, number>();
  readonly #waiting = new Map<string, Set<Waiter>>();
  #turn = 0;
  #stopLooking: Cancel | undefined;

  constructor(
    members: () => Iterable<Member>,
    breakers: NodeBreakers,
    world: Pick<World, 'after'>,
    room: Room = CALLS,
  ) {
    this.#room = room;
    this.#members = members;
    this.#breakers = breakers;
    this.#world = world;
  }

  /** Calls that wait for a place. */
  get waiting(): number {
    let sum = 0;
    for (const { size } of this.#waiting.values()) sum += size;
    return sum;
  }

  /** Takes a place, to be given back with `free`. Rejects with why, where the call is no longer wanted. */
  async take({ definition, reference, prefer, call }: PlaceWish): Promise<Place> {
    if (call.refusal !== undefined) throw call.refusal;
    const place =
      (this.#waiting.get(reference)?.size ?? 0) > 0 ? undefined : this.#choose(definition, reference, prefer);
    if (place !== undefined) {
      this.#count(place, reference, 1);
      return place;
    }
    // What waits for a node has not begun: its time limit is for those that are made.
    const begin = call.unbegun();
    return await new Promise((resolve, reject) => {
      let queue = this.#waiting.get(reference);
      if (queue === undefined) this.#waiting.set(reference, (queue = new Set()));
      const waiter: Waiter = {
        definition,
        prefer,
        take: (found) => {
          call.onRefused(undefined);
          begin();
          resolve(found);
        },
      };
      queue.add(waiter);
      this.#lookAgain();
      call.onRefused((refusal) => {
        queue.delete(waiter);
        reject(refusal);
      });
    });
  }

  /** A place that was joined, and not taken. */
  joined(place: Place, reference: string): void {
    this.#count(place, reference, 1);
  }

  free(place: Place, reference: string): void {
    this.#count(place, reference, -1);
    this.#serve(reference);
  }

  /** A call rests, and holds no place meanwhile; or it goes on, also where there is no room: it is there already. */
  resting(place: Place, reference: string, isResting: boolean): void {
    this.#count(place, reference, isResting ? -1 : 1);
    if (isResting) this.#serve(reference);
  }

  /** There may be room again: a node has come, is well again, or has credit. */
  look(): void {
    for (const reference of [...this.#waiting.keys()]) this.#serve(reference);
    this.#lookAgain();
  }

  /** Those who wait are not looked after any more. */
  stop(): void {
    this.#stopLooking?.();
  }

  /** Nobody says that the time of a breaker is over: then those who wait are looked after. */
  #lookAgain(): void {
    if (this.#waiting.size === 0 || this.#stopLooking !== undefined) return;
    let waitMs = Infinity;
    for (const { node } of this.#members()) {
      const ms = this.#breakers.waitMs(node);
      if (ms > 0) waitMs = Math.min(waitMs, ms);
    }
    if (waitMs === Infinity) return;
    this.#stopLooking = this.#world.after(waitMs, () => {
      this.#stopLooking = undefined;
      this.look();
    });
  }

  #serve(reference: string): void {
    const queue = this.#waiting.get(reference);
    for (const waiter of queue ?? []) {
      const place = this.#choose(waiter.definition, reference, waiter.prefer);
      if (place === undefined) break;
      queue?.delete(waiter);
      this.#count(place, reference, 1);
      waiter.take(place);
    }
    if (queue?.size === 0) this.#waiting.delete(reference);
  }

  #choose(definition: AgentDefinition, reference: string, prefer: Waiter['prefer']): Place | undefined {
    let best: Place | undefined;
    let bestRank = -1;
    const consider = (place: Place, free: number, liking: number): void => {
      // Labels first, then room; equals take turns.
      const rank = liking * 2 + free;
      if (rank > bestRank) [best, bestRank] = [place, rank];
    };
    const here = isRemote(definition) ? 0 : definition.concurrency;
    const running = this.#here.get(reference) ?? 0;
    if (running < here) consider('here', 1 - running / here, 0);
    const members = [...this.#members()];
    const first = members.length === 0 ? 0 : ++this.#turn % members.length;
    for (let at = 0; at < members.length; at++) {
      const member = members[(first + at) % members.length] as Member;
      const capacity = this.#room.capacity(member, reference);
      const taken = member.running(this.#room.counted(reference));
      if (taken >= capacity || !this.#isOpen(member, reference)) continue;
      consider(member, 1 - taken / capacity, likingOf(member, reference, prefer));
    }
    return best;
  }

  #isOpen(member: Member, reference: string): boolean {
    const { status, link, node } = member;
    if (status !== 'active' || !link.hasCredit) return false;
    return member.offers.get(reference)?.isHealthy === true && this.#breakers.waitMs(node) === 0;
  }

  #count(place: Place, reference: string, by: number): void {
    if (place !== 'here') return place.count(this.#room.counted(reference), by);
    this.#here.set(reference, (this.#here.get(reference) ?? 0) + by);
  }
}

/** The part of the labels that are preferred which a node has, 0 to 1. */
function likingOf(member: Member, reference: string, prefer: Waiter['prefer']): number {
  const wanted = Object.entries(prefer ?? {});
  if (wanted.length === 0) return 0;
  const labels = { ...member.labels, ...member.offers.get(reference)?.labels };
  return wanted.filter(([name, value]) => labels[name] === value).length / wanted.length;
}
