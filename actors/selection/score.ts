/**
 * How good a candidate is for the next piece of work. Pure, over plain data: nothing here knows an agent, a clock or a queue.
 *
 * A score has two parts. The *standing* comes first, whatever the strategy: one that is free goes before one at its capacity, that
 * before one that is degraded, that before one whose breaker is open. Among those of one standing the *quality* decides: the mean
 * of seven parts, each from 0 to 1, by the weights of the strategy. Among those at their capacity it is divided by how many wait
 * for each place, so that no queue grows for ever because its agent is cheap; among those that are open, whoever comes back first
 * is best.
 *
 * Nothing that is bad for a candidate ever raises its score: more load, a longer queue, slower, dearer, more failures, an older
 * version, a longer wait (test/actors/selection/score.test.ts).
 */
import type { ScorePart } from '../../protocol/selection.ts';
import { type Candidate, type Standing, STANDINGS, standingOf } from './candidate.ts';

/** The best among the candidates, which others are measured against. */
export interface Bests {
  readonly p50Ms: number;
  readonly usd: number;
}

/** The seven parts, each 0 (bad) to 1 (good). */
export type Parts = Readonly<Record<ScorePart, number>>;
export type Weights = Parts;

/** Runs that an agent is thought to have had, as fast as the fastest: what is unknown or long ago is worth a try. */
const PRIOR_TIMED = 2;
/** And such that went well. */
const PRIOR_GOOD = 4;
/** Durations below this are equally short: logs know no finer time. */
const SHORT_MS = 1;
/** Costs are compared as if each were dearer by this, so that free and nearly free are near each other. */
const SMALL_USD = 0.0001;
const SECOND_MS = 1_000;

/** The best of what they are measured against. */
export function bestsOf(candidates: readonly Candidate[]): Bests {
  let p50Ms = Number.POSITIVE_INFINITY;
  let usd = Number.POSITIVE_INFINITY;
  for (const one of candidates) {
    if (one.timed > 0 && one.p50Ms < p50Ms) ({ p50Ms } = one);
    if (one.usd < usd) ({ usd } = one);
  }
  return {
    p50Ms: p50Ms === Number.POSITIVE_INFINITY ? SHORT_MS : p50Ms,
    usd: usd === Number.POSITIVE_INFINITY ? 0 : usd,
  };
}

/** The parts of a score. */
export function partsOf(one: Candidate, bests: Bests): Parts {
  const fastestMs = Math.max(SHORT_MS, bests.p50Ms);
  const ownMs = Math.max(SHORT_MS, one.p50Ms);
  const likelyMs = (one.timed * ownMs + PRIOR_TIMED * fastestMs) / (one.timed + PRIOR_TIMED);
  return {
    match: one.match,
    load: Math.max(0, 1 - one.taken / one.capacity),
    queue: 1 / (1 + one.waiting / one.capacity),
    latency: Math.min(1, fastestMs / likelyMs),
    cost: Math.min(1, (bests.usd + SMALL_USD) / (one.usd + SMALL_USD)),
    reliability: (one.good + PRIOR_GOOD) / (one.good + one.bad + PRIOR_GOOD),
    affinity: one.affinity,
  };
}

/** 0 to 1: the standing in quarters, and within them the quality. */
export function scoreOf(one: Candidate, bests: Bests, weights: Weights): number {
  const standing = standingOf(one);
  return (
    (STANDINGS.length - 1 - STANDINGS.indexOf(standing) + qualityOf(one, standing, bests, weights)) / STANDINGS.length
  );
}

/** 0 to just below 1. */
function qualityOf(one: Candidate, standing: Standing, bests: Bests, weights: Weights): number {
  if (standing === 'open') return BELOW_ONE / (1 + one.waitMs / SECOND_MS);
  const mean = meanOf(partsOf(one, bests), weights) * BELOW_ONE;
  return standing === 'busy' ? mean / (1 + one.waiting / one.capacity) : mean;
}

const BELOW_ONE = 0.999_999;

function meanOf(parts: Parts, weights: Weights): number {
  const { match, load, queue, latency, cost, reliability, affinity } = weights;
  const all = match + load + queue + latency + cost + reliability + affinity;
  if (all === 0) return 0;
  const sum =
    match * parts.match +
    load * parts.load +
    queue * parts.queue +
    latency * parts.latency +
    cost * parts.cost +
    reliability * parts.reliability +
    affinity * parts.affinity;
  return sum / all;
}
