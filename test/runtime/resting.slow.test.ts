/**
 * Many stored counters on one node, of which few are in memory: 50,000, or with TROUPE_TEST_FULL=1 a million, on LevelDB, with
 * a restart in between.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countUp, counterAddress, heapBytes, openResting, type RestingNode, totalOf } from '../../bench/resting.ts';
import { temporaryFolder } from '../support/node-process.ts';
import { seeded } from '../support/task-record.ts';

const FULL = process.env['TROUPE_TEST_FULL'] === '1';
const COUNT = FULL ? 1_000_000 : 50_000;
const RESIDENT_MAX = 1_000;
/** Of one counter in memory, with all that the node keeps of it. Measured: about 6 KiB. */
const RESIDENT_BYTES = 12 * 1024;
/** What the heap of a node may differ by between two moments with the same actors: caches, compiled code. */
const SLACK_BYTES = 12 * 1024 * 1024;
const SAMPLES = 300;
const TIME_MS = FULL ? 1_800_000 : 240_000;

const folder = temporaryFolder('resting');
let node: RestingNode;

beforeAll(async () => {
  node = await openResting(folder.path, { residentActorsMax: RESIDENT_MAX });
  await countUp(node, 0, RESIDENT_MAX);
}, TIME_MS);

afterAll(async () => {
  await node.close();
  folder.clear();
});

const sample = (seed: number): number[] => {
  const random = seeded(seed);
  return Array.from({ length: SAMPLES }, () => Math.floor(random() * COUNT));
};

describe(`${COUNT} stored counters`, () => {
  it(
    'leave few in memory, and take no more of it the more of them there are',
    async () => {
      const before = heapBytes();
      await countUp(node, RESIDENT_MAX, COUNT / 2);
      const half = heapBytes();
      await countUp(node, COUNT / 2, COUNT);
      const all = heapBytes();
      expect(node.keeper.figures.residents).toBeLessThanOrEqual(RESIDENT_MAX);
      expect(node.core.kernel.census.get('agent')).toBeLessThanOrEqual(RESIDENT_MAX);
      expect(half - before).toBeLessThan(SLACK_BYTES);
      expect(all - half).toBeLessThan(SLACK_BYTES);
      expect(all - before).toBeLessThan(RESIDENT_MAX * RESIDENT_BYTES + SLACK_BYTES);
    },
    TIME_MS,
  );

  it(
    'wake with what they had counted',
    async () => {
      for (const index of sample(1)) expect(await totalOf(node, index)).toBe(index + 1);
    },
    TIME_MS,
  );

  it(
    'are not loaded by a start, and wake then as well',
    async () => {
      await node.close();
      node = await openResting(folder.path, { residentActorsMax: RESIDENT_MAX });
      expect(node.recovery).toMatchObject({ resumed: 0, stranded: [] });
      expect(node.keeper.figures.residents).toBe(0);
      const indices = sample(2);
      for (const index of indices) expect(await totalOf(node, index)).toBe(index + 1);
      expect(node.core.kernel.cells.has(counterAddress(indices.at(-1) as number))).toBe(true);
    },
    TIME_MS,
  );
});
