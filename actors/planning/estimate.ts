/**
 * How long a plan takes and what it costs, as P50 and P90: the plan is played through many times with durations and costs drawn from
 * what is expected of its steps. The same plan and expectations give the same estimate. Pure.
 */
import type { GraphPlan, PlannedStep } from '../workflow/graph-plan.ts';
import type { Range, StepExpectation } from './step-expectation.ts';

/** What a plan is expected to take. `usd` and `tokens` are of all its steps together. */
export interface Estimate {
  readonly durationMs: Range;
  readonly usd: Range;
  readonly tokens: Range;
  /** Runs of agents, with those of all items. */
  readonly runs: number;
  /** The share of plays in which a step that is not optional failed in all its attempts. */
  readonly failureShare: number;
}

/** A step with what is expected of it. `items`: how often it is done. */
export interface ExpectedStep {
  readonly step: PlannedStep;
  readonly expectation: StepExpectation;
  readonly items: number;
  readonly attempts: number;
}

const PLAYS = 200;
/** Draws of one play: beyond it, items stand for several. */
const DRAWS_MAX = 5_000;
const CONCURRENCY_DEFAULT = 16;
/** How far P90 is from P50, in standard deviations of a normal distribution. */
const P90_DEVIATIONS = 1.281_551_6;
/** What is skewed more than this is no longer a distribution, but two things under one name. */
const DEVIATION_MAX = 5;
const SEED = 0x9e37_79b9;

/** Plays a plan through. */
export function estimatePlan(plan: GraphPlan, expected: ReadonlyMap<string, ExpectedStep>): Estimate {
  const random = randomFrom(SEED);
  const durations: number[] = [];
  const costs: number[] = [];
  const tokens: number[] = [];
  let failures = 0;
  const share = Math.min(1, DRAWS_MAX / Math.max(1, runsOf(expected)));
  for (let play = 0; play < PLAYS; play++) {
    const played = playOnce(plan, expected, random, share);
    durations.push(played.durationMs);
    costs.push(played.usd);
    tokens.push(played.tokens);
    if (played.hasFailed) failures++;
  }
  return {
    durationMs: rangeOf(durations),
    usd: rangeOf(costs),
    tokens: rangeOf(tokens),
    runs: runsOf(expected),
    failureShare: failures / PLAYS,
  };
}

interface Play {
  durationMs: number;
  usd: number;
  tokens: number;
  hasFailed: boolean;
}

function playOnce(
  plan: GraphPlan,
  expected: ReadonlyMap<string, ExpectedStep>,
  random: () => number,
  share: number,
): Play {
  const play: Play = { durationMs: 0, usd: 0, tokens: 0, hasFailed: false };
  const ends = new Map<string, number>();
  for (const step of plan.steps) {
    const start = step.needs.reduce((latest, need) => Math.max(latest, ends.get(need) ?? 0), 0);
    const one = expected.get(step.id);
    const end = start + (one === undefined ? 0 : playStep(one, play, random, share));
    ends.set(step.id, end);
    play.durationMs = Math.max(play.durationMs, end);
  }
  return play;
}

/** Items go to the lane that is free first; gives how long all of them take. */
function playStep(
  { step, expectation, items, attempts }: ExpectedStep,
  play: Play,
  random: () => number,
  share: number,
): number {
  const drawn = items === 0 ? 0 : Math.max(1, Math.round(items * share));
  const weight = drawn === 0 ? 0 : items / drawn;
  const lanes = new Array<number>(Math.min(drawn, step.step.concurrency ?? CONCURRENCY_DEFAULT)).fill(0);
  for (let item = 0; item < drawn; item++) {
    let lane = 0;
    for (let other = 1; other < lanes.length; other++) if ((lanes[other] ?? 0) < (lanes[lane] ?? 0)) lane = other;
    let isDone = false;
    for (let attempt = 0; attempt < attempts && !isDone; attempt++) {
      lanes[lane] = (lanes[lane] ?? 0) + drawFrom(expectation.durationMs, random) * weight;
      play.usd += drawFrom(expectation.usd, random) * weight;
      play.tokens += drawFrom(expectation.tokens, random) * weight;
      isDone = random() >= expectation.failureShare;
    }
    if (!isDone && step.step.optional !== true) play.hasFailed = true;
  }
  return (step.step.delayMs ?? 0) + lanes.reduce((longest, lane) => Math.max(longest, lane), 0);
}

/** Times and costs are skewed: many small, few large. A log-normal distribution has its P50 and P90 where they are known to be. */
function drawFrom({ p50, p90 }: Range, random: () => number): number {
  if (p90 <= 0) return 0;
  if (p50 <= 0) return random() < 0.5 ? 0 : p90 * random();
  const deviation = Math.min(DEVIATION_MAX, Math.log(Math.max(p90, p50) / p50) / P90_DEVIATIONS);
  return p50 * Math.exp(deviation * normal(random));
}

/** Box and Muller's. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function rangeOf(values: readonly number[]): Range {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p90: at(0.9) };
}

function runsOf(expected: ReadonlyMap<string, ExpectedStep>): number {
  let runs = 0;
  for (const { items } of expected.values()) runs += items;
  return runs;
}

/** Mulberry32: the same numbers each time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };
}
