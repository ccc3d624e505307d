/** Kills of one node under load, one after another: at a place, or at a random moment. */
import type { History } from '../support/history/history.ts';
import type { FailpointName } from './failpoints.ts';
import { type FaultNode, pass } from './fault-rig.ts';

/** What is killed, by whose dice, and where it is written down. */
export interface Killing {
  readonly node: FaultNode;
  readonly history: History;
  /** Numbers from 0 to 1. */
  readonly random: () => number;
}

/** How often a place is passed, at most, before the node dies there. */
const HITS_MAX: Partial<Record<FailpointName, number>> = {
  'boot-counter': 1,
  recovery: 4,
  'mail-stored': 2,
  'before-commit': 60,
  'after-commit': 60,
};
const HITS_MAX_ELSE = 12;
/** The longest life of a node that is killed at random, once it is ready. */
const LIFE_MS_MAX = 700;
/** A node that has not come to its place by then is killed where it is, and starts once more with an easier one. */
const PATIENCE_MS = 10_000;
const TRIES = 4;

/**
 * Starts the node once for each place, to die there, and at last to stay. Answers where it died, kill by kill; one at a
 * place that was never reached counts as random.
 */
export async function killAtPoints(
  killing: Killing,
  points: readonly (FailpointName | 'random')[],
): Promise<(FailpointName | 'random')[]> {
  const died: (FailpointName | 'random')[] = [];
  for (const point of points) {
    for (let left = point === 'random' ? 1 : TRIES; left > 0; left--) {
      const at = point === 'random' ? await killAtRandom(killing) : await killAt(killing, point, left < TRIES);
      died.push(at);
      killing.history.note({ type: 'kill', atMs: performance.now() });
      if (at === point) break;
    }
  }
  await killing.node.start();
  return died;
}

async function killAtRandom({ node, random }: Killing): Promise<'random'> {
  await node.start();
  await pass(LIFE_MS_MAX * random());
  await node.kill();
  return 'random';
}

async function killAt(
  { node, random }: Killing,
  point: FailpointName,
  easy: boolean,
): Promise<FailpointName | 'random'> {
  const hit = easy ? 1 : 1 + Math.floor(random() * (HITS_MAX[point] ?? HITS_MAX_ELSE));
  if (!(await node.start({ point, hit }))) return point;
  const late = Symbol('late');
  if ((await Promise.race([node.died(), pass(PATIENCE_MS).then(() => late)])) !== late) return point;
  await node.kill();
  return 'random';
}
