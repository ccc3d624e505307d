/** What the strategies look at: the weights of the parts of a score. */
import { SCORE_PARTS, type Select, type Strategy } from '../../protocol/selection.ts';
import type { Weights } from './score.ts';

/** The weights of each strategy. `round-robin` looks at nothing but how a candidate stands. */
export const WEIGHTS: Readonly<Record<Strategy, Weights>> = {
  balanced: { match: 1, load: 2, queue: 2, latency: 1, cost: 1, reliability: 2, affinity: 1 },
  cheapest: { match: 0.5, load: 0.5, queue: 0.5, latency: 0.5, cost: 20, reliability: 2, affinity: 0.5 },
  fastest: { match: 0.5, load: 2, queue: 2, latency: 20, cost: 0.5, reliability: 2, affinity: 0.5 },
  reliable: { match: 0.5, load: 1, queue: 1, latency: 0.5, cost: 0.5, reliability: 20, affinity: 0.5 },
  'round-robin': { match: 0, load: 0, queue: 0, latency: 0, cost: 0, reliability: 0, affinity: 0 },
};

/** What affinity weighs where somebody has asked for it by a key or by labels, to what it weighs otherwise. */
const WISHED = 4;

/** Those of a strategy, as the wishes of a choice change them: weights that are given stand in their place. */
export function weightsOf(strategy: Strategy, { weights: given = {}, prefer, key }: Select = {}): Weights {
  const own = WEIGHTS[strategy];
  if (prefer === undefined && key === undefined && Object.keys(given).length === 0) return own;
  const isWished = prefer !== undefined || key !== undefined;
  const weights = { ...own, affinity: own.affinity * (isWished ? WISHED : 1) };
  for (const part of SCORE_PARTS) weights[part] = given[part] ?? weights[part];
  return weights;
}
