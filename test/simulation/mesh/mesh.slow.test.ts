/**
 * An owner and its workers on a simulated world, seed after seed (docs/simulation.md). TROUPE_TEST_FULL=1 makes it 2,000 seeds. What
 * fails says how to see it.
 */
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { runSeeds } from '../child-run.ts';
import { KNOWN_MESH_SEEDS } from '../known-seeds.ts';

const FULL = process.env['TROUPE_TEST_FULL'] === '1';
const SEEDS = FULL ? 2_000 : 300;
const LIMIT_MS = FULL ? 3_600_000 : 600_000;

describe('A mesh on a simulated world', () => {
  it('keeps its promises in the seeds that once broke them', { timeout: LIMIT_MS }, async () => {
    const { code, lines } = await runSeeds('--mesh', '--list', KNOWN_MESH_SEEDS.map(({ seed }) => seed).join(','));
    expect(lines.slice(0, -1)).toEqual([]);
    expect(code).toBe(0);
  });

  it(`keeps its promises while nodes and the network between them fail, and ends all work afterwards: ${SEEDS} seeds`, {
    timeout: LIMIT_MS,
  }, async () => {
    const parts = Math.max(2, availableParallelism());
    const size = Math.ceil(SEEDS / parts);
    const runs = await Promise.all(
      Array.from({ length: parts }, (_, part) =>
        runSeeds('--mesh', '--seeds', `${part * size + 1}-${Math.min(SEEDS, (part + 1) * size)}`),
      ),
    );
    expect(runs.flatMap(({ lines }) => lines.slice(0, -1))).toEqual([]);
    expect(runs.map(({ code }) => code)).toEqual(runs.map(() => 0));
  });
});
