/**
 * Who offers what: agents by capability, so that a choice looks at those alone that can do the work. What a range of versions gives
 * is remembered until an agent comes or goes.
 */
import type { Strategy } from '../protocol/selection.ts';
import { parseCapability } from '../protocol/capabilities.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { type AgentNames, namesOf } from './agent-names.ts';
import { isInRange, offeredCapability } from './capability.ts';
import { compareVersions } from './version-order.ts';

/** An agent that offers a capability, in this version of it. */
export interface Offer {
  readonly agent: AgentDefinition;
  readonly names: AgentNames;
  readonly version: string;
}

/** All that offer what was asked for, the newest versions first. The same object until an agent comes or goes. */
export interface OfferList {
  readonly all: readonly Offer[];
  readonly agents: readonly AgentDefinition[];
  /** Those that tasks can be given to: not the keyed ones. */
  readonly forTasks: readonly Offer[];
  /** Where the next choice begins to look, so that those that are equally good take turns. */
  turn: number;
  /** The best of the last choice, by what it looked at most. */
  readonly best: Map<Strategy, readonly Offer[]>;
}

/** Ranges whose offers are remembered. */
const RANGES_MAX = 256;
const NOBODY: readonly Offer[] = [];

/** The offers of one node. */
export class Offers {
  readonly #byName = new Map<string, readonly Offer[]>();
  readonly #lists = new Map<string, OfferList>();
  /** The same for `name@range`. */
  readonly #ranges = new Map<string, OfferList>();

  add(agent: AgentDefinition): void {
    for (const said of agent.capabilities) {
      const { name, version } = offeredCapability(said, agent.version);
      const offers = this.#byName.get(name) ?? NOBODY;
      this.#byName.set(name, withOffer(offers, { agent, names: namesOf(agent), version }));
      this.#changed(name);
    }
  }

  remove(agent: AgentDefinition): void {
    for (const said of agent.capabilities) {
      const { name } = offeredCapability(said, agent.version);
      const rest = (this.#byName.get(name) ?? NOBODY).filter((offer) => offer.agent !== agent);
      if (rest.length > 0) this.#byName.set(name, rest);
      else this.#byName.delete(name);
      this.#changed(name);
    }
  }

  /** Those that fit `name` or `name@range`. */
  of(request: string): OfferList {
    const known = this.#lists.get(request) ?? this.#ranges.get(request);
    if (known !== undefined) return known;
    const wanted = parseCapability(request);
    const offers = this.#byName.get(wanted?.name ?? '');
    if (wanted === undefined || offers === undefined) return listOf([]);
    const { range } = wanted;
    if (range === undefined) return keep(this.#lists, request, listOf(offers), Number.POSITIVE_INFINITY);
    const fitting = offers.filter(({ version }) => isInRange(version, range));
    return keep(this.#ranges, request, listOf(fitting), RANGES_MAX);
  }

  /** The names of all capabilities. */
  names(): Iterable<string> {
    return this.#byName.keys();
  }

  /** The versions of a capability that are offered, the newest first. */
  versions(name: string): readonly string[] {
    return [...new Set((this.#byName.get(name) ?? NOBODY).map(({ version }) => version))];
  }

  #changed(name: string): void {
    this.#lists.delete(name);
    this.#ranges.clear();
  }
}

/** An agent that offers several versions of one capability is there once, with the newest. */
function listOf(offers: readonly Offer[]): OfferList {
  const seen = new Set<AgentDefinition>();
  const all = offers.filter(({ agent }) => !seen.has(agent) && seen.add(agent));
  return {
    all,
    agents: all.map(({ agent }) => agent),
    forTasks: all.filter(({ agent }) => !agent.keyed),
    turn: 0,
    best: new Map(),
  };
}

function keep(lists: Map<string, OfferList>, request: string, list: OfferList, most: number): OfferList {
  for (const oldest of lists.keys()) {
    if (lists.size < most) break;
    lists.delete(oldest);
  }
  lists.set(request, list);
  return list;
}

/** In its place by halving: sorting anew for each of a thousand would take seconds. */
function withOffer(offers: readonly Offer[], offer: Offer): readonly Offer[] {
  let low = 0;
  let high = offers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (newestFirst(offers[middle] as Offer, offer) <= 0) low = middle + 1;
    else high = middle;
  }
  return offers.toSpliced(low, 0, offer);
}

function newestFirst(a: Offer, b: Offer): number {
  return compareVersions(b.version, a.version) || compareVersions(b.agent.version, a.agent.version);
}
