/**
 * Chooses the agent for a step. By name there is one; by capability the best of those that offer it, by the score of score.ts. The
 * choice says why, with the scores of the best candidates part by part.
 *
 * A choice looks once at each agent that offers the capability, and at no others. Where very many do, it looks at some of them,
 * others each time, and again at the best of the choice before it: what is best of all is found within a few choices, and not
 * lost again (the power of so many choices, with memory; Shah and Prabhakar 2002).
 */
import type { Select, Strategy } from '../../protocol/selection.ts';
import type { AgentDefinition } from '../agent-definition.ts';
import { namesOf } from '../agent-names.ts';
import type { Offer, OfferList } from '../offers.ts';
import type { Registry } from '../registry.ts';
import { Affinity } from './affinity.ts';
import { candidateLine, type Choice, reasonOf, type Scored, type SelectRequest, TRIAL } from './choice.ts';
import { allExcluded, allTooDear, unknownAgent, unknownCapability } from './no-agent.ts';
import { costOf, type Readings } from './readings.ts';
import { type Candidate, isUnknown, matchOf } from './candidate.ts';
import { bestsOf, scoreOf } from './score.ts';
import { weightsOf } from './strategies.ts';

/** What a choice asks of the rest of the node. */
export interface SelectorDeps {
  readonly registry: Registry;
  readonly readings: Readings;
  /** Where a request names no strategy. */
  readonly strategy: Strategy;
  /** From 0 to below 1. */
  random(): number;
}

/** Candidates that one choice looks at, beside the best of the one before. A prime, so that no part of a list is left out. */
export const LOOKS_MAX = 127;
/** Candidates that a choice names with their figures: the best ones. */
const SHOWN_MAX = 5;
/**
 * Of the choices for `fastest`, the part that goes to an agent that has never run, where there is one. It is thought to be as fast as
 * the fastest, but where that one is of a newer version, or cheaper, nobody would ever know.
 */
const TRIALS_SHARE = 0.05;

/** The selector of one node. */
export class Selector {
  readonly #deps: SelectorDeps;
  readonly #affinity = new Affinity();

  constructor(deps: SelectorDeps) {
    this.#deps = deps;
  }

  /** Errors: NO_AGENT, with the nearest names where there are some; BUDGET_EXCEEDED where all cost more than is left. */
  choose(request: SelectRequest): Choice {
    if (request.agent !== undefined) return this.#named(request.agent);
    const { capability = '' } = request;
    const { list, offered, ranked, unknown, bests, strategy } = this.#rank(request);
    const [first] = ranked as [Scored];
    const trial = strategy === 'fastest' ? this.#trial(first, unknown) : undefined;
    const best = trial ?? first;
    const { agent, names } = best.offer;
    // One after the other where that is what is wished for, or all are looked at; else on to those that were not.
    const isInTurn = strategy === 'round-robin' || offered <= LOOKS_MAX;
    list.turn = isInTurn ? list.forTasks.indexOf(best.offer) + 1 : list.turn + LOOKS_MAX;
    if (!isInTurn)
      list.best.set(
        strategy,
        ranked.map(({ offer }) => offer),
      );
    const work = workOf(request);
    if (work !== undefined && list.forTasks.length > 1) this.#affinity.served(work, names.reference);
    const data = {
      agent: names.reference,
      capability,
      strategy,
      why: trial ? TRIAL : reasonOf(best, { offered, all: list.forTasks.length }, request, strategy),
    };
    if (offered === 1) return { agent, data };
    const shown = ranked.includes(best) ? ranked : [...ranked.slice(0, SHOWN_MAX - 1), best];
    return { agent, data: { ...data, candidates: shown.map((one) => candidateLine(one, bests)), offered } };
  }

  /** Now and then, one that has never run. Not where the best one has what was wished for: it knows the work, or has the labels. */
  #trial({ candidate }: Scored, unknown: readonly Scored[]): Scored | undefined {
    if (unknown.length === 0 || isUnknown(candidate) || candidate.affinity > 0) return undefined;
    if (this.#deps.random() >= TRIALS_SHARE) return undefined;
    return unknown.reduce((first, one) => (one.score > first.score ? one : first));
  }

  /** Who would be chosen, without choosing: nobody's turn passes. Errors: as `choose`. */
  peek(request: SelectRequest): AgentDefinition {
    if (request.agent !== undefined) return this.#named(request.agent).agent;
    return (this.#rank(request).ranked[0] as Scored).offer.agent;
  }

  #named(reference: string): Choice {
    const { registry } = this.#deps;
    const agent = registry.agent(reference);
    if (agent === undefined) throw unknownAgent(reference, registry);
    return { agent, data: { agent: namesOf(agent).reference, why: 'named' } };
  }

  /** The best of those that may be chosen, the best first; equals take turns. */
  #rank(request: SelectRequest) {
    const { select = {}, capability = '' } = request;
    const { registry } = this.#deps;
    const list = registry.offersOf(capability);
    const [first] = list.forTasks;
    if (first === undefined) throw unknownCapability(capability, registry);
    const strategy = select.strategy ?? this.#deps.strategy;
    const weights = weightsOf(strategy, select);
    const { offers, offered } = eligible(list, request, strategy);
    const work = workOf(request);
    const server = work === undefined ? undefined : this.#affinity.of(work);
    const candidates = offers.map((offer) => this.#candidate(offer, first.version, server, select.prefer));
    const bests = bestsOf(candidates);
    const ranked: Scored[] = [];
    const unknown: Scored[] = [];
    for (const [at, candidate] of candidates.entries()) {
      const score = scoreOf(candidate, bests, weights);
      const one = { offer: offers[at] as Offer, candidate, score };
      if (isUnknown(candidate)) unknown.push(one);
      if (ranked.length === SHOWN_MAX && score <= (ranked[SHOWN_MAX - 1] as Scored).score) continue;
      let place = ranked.length;
      while (place > 0 && (ranked[place - 1] as Scored).score < score) place--;
      ranked.splice(place, 0, one);
      if (ranked.length > SHOWN_MAX) ranked.pop();
    }
    return { list, offered, ranked, unknown, bests, strategy };
  }

  #candidate(offer: Offer, newest: string, server: string | undefined, prefer: Select['prefer']): Candidate {
    const { agent, names, version } = offer;
    const match = version === newest ? 1 : matchOf(version, newest);
    return this.#deps.readings.of(agent, names, match, affinityOf(agent, names.reference, server, prefer));
  }
}

/** Those that may be chosen, from the one whose turn it is, and how many there are; at least one. Errors: NO_AGENT, BUDGET_EXCEEDED. */
function eligible(
  list: OfferList,
  request: SelectRequest,
  strategy: Strategy,
): { readonly offers: readonly Offer[]; readonly offered: number } {
  const { capability = '', select, not: others = [], tried = [], budgetLeftUsd } = request;
  const { forTasks: all, turn } = list;
  const at = turn % all.length;
  let offers: readonly Offer[] = at === 0 ? all : all.slice(at).concat(all.slice(0, at));
  const not = [...(select?.not ?? []), ...others];
  if (not.length > 0) {
    offers = offers.filter(({ agent, names }) => !not.includes(agent.name) && !not.includes(names.reference));
    if (offers.length === 0) throw allExcluded(capability, not);
  }
  if (budgetLeftUsd !== undefined) {
    const least = Math.min(...offers.map(({ agent }) => costOf(agent)));
    offers = offers.filter(({ agent }) => costOf(agent) <= budgetLeftUsd);
    if (offers.length === 0) throw allTooDear(capability, budgetLeftUsd, least);
  }
  if (tried.length > 0) {
    const untried = offers.filter(({ names }) => !tried.includes(names.reference));
    offers = untried.length > 0 ? untried : [leastRecent(offers, tried)];
  }
  if (offers.length <= LOOKS_MAX) return { offers, offered: offers.length };
  const looked = offers.slice(0, LOOKS_MAX);
  const best = (list.best.get(strategy) ?? []).filter((offer) => !looked.includes(offer) && offers.includes(offer));
  return { offers: [...looked, ...best], offered: offers.length };
}

/** Under what name this work is remembered. */
function workOf({ select, task, capability = '' }: SelectRequest): string | undefined {
  if (select?.key !== undefined) return `key:${select.key}\0${capability}`;
  return task === undefined ? undefined : `${task}\0${capability}`;
}

/** Of those that have all failed, the one whose failure is longest ago. */
function leastRecent(offers: readonly Offer[], tried: readonly string[]): Offer {
  const when = ({ names }: Offer): number => tried.indexOf(names.reference);
  return offers.reduce((least, one) => (when(one) < when(least) ? one : least));
}

/** The part of the wishes that it fits: that it has served the work before, where anyone has, and has the labels. */
function affinityOf(
  agent: AgentDefinition,
  reference: string,
  server: string | undefined,
  prefer: Select['prefer'],
): number {
  if (server === undefined && prefer === undefined) return 0;
  const served = server === reference ? 1 : 0;
  if (prefer === undefined) return served;
  const wanted = Object.entries(prefer);
  const fits = wanted.filter(([label, value]) => agent.labels?.[label] === value).length;
  const share = wanted.length === 0 ? 0 : fits / wanted.length;
  return server === undefined ? share : (served + share) / 2;
}
