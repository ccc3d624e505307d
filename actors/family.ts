/**
 * Kinds of durable actors that the node itself offers beside agents: one actor per address, made by the first message that is
 * sent to it, resting in the store while it has nothing to do. What the node keeps for its users (a piece of shared state, a
 * topic, a schedule) is such an actor, so that it is durable, supervised and bounded like everything else.
 */
import { parseAddress } from '../protocol/addresses.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import { type FlatLogic, type FlatState, flatFactory } from '../runtime/flat-logic.ts';
import type { InstalledLogic } from '../runtime/cell.ts';

/** One kind. */
export interface Family {
  /** The first part of the addresses of its actors, the name of its logic, and its label in `troupe_actors{kind}`. */
  readonly kind: string;
  readonly logic: InstalledLogic;
  /** How many parts an address has behind the kind. */
  readonly parts: number;
}

/** What a member of a family is started with. */
export interface FamilyStart {
  /** The parts of its address behind the kind, decoded. */
  readonly parts: readonly string[];
}

/** A family whose actors are of a flat logic that is named like it. */
export function flatFamily<S extends FlatState>(logic: FlatLogic<S, FamilyStart>, parts: number): Family {
  const { name } = logic;
  const installed = { name, factory: flatFactory(logic), kind: name, lane: name, laneLimit: 1 };
  return { kind: name, logic: installed, parts };
}

/** The supervisor of a family's actors. */
export function familySupervisor(kind: string): string {
  return `supervisor/services/${kind}`;
}

/** The families of one node. */
export class Families {
  readonly #families: ReadonlyMap<string, Family>;

  constructor(families: readonly Family[]) {
    this.#families = new Map(families.map((family) => [family.kind, family]));
  }

  get kinds(): readonly string[] {
    return [...this.#families.keys()];
  }

  get logics(): readonly InstalledLogic[] {
    return [...this.#families.values()].map(({ logic }) => logic);
  }

  /** The spec of a family's actor, from its address; undefined for any other address. */
  specOf(address: string): ChildSpec | undefined {
    const family = this.#families.get(address.slice(0, address.indexOf('/')));
    if (family === undefined) return undefined;
    const parsed = parseAddress(address);
    if (parsed === undefined || parsed.parts.length !== family.parts) return undefined;
    return {
      address,
      logic: family.logic.name,
      input: { parts: parsed.parts } satisfies FamilyStart,
      supervisor: familySupervisor(family.kind),
      restart: 'permanent',
      recovery: 'resume',
      priority: 5,
      durable: true,
    };
  }
}
