/** Bugs that are known are found, by the seeds of every change and by the checker that is there for it. */
import { describe, expect, it } from 'vitest';
import { runSeeds } from './child-run.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { placesOf } from './planting.ts';
import type { Verdict } from './simulation.ts';

const SEEDS = '1-300';
const LIMIT_MS = 600_000;

describe('A simulation', () => {
  it.each(PLANTED_BUGS)('knows where to plant $name', (bug) => {
    expect(placesOf(bug)).toHaveLength(1);
  });

  it.concurrent.each(PLANTED_BUGS)('finds $name: $what', { timeout: LIMIT_MS }, async ({ name, foundBy, hasMesh }) => {
    const mesh = hasMesh === true ? ['--mesh'] : [];
    const { code, lines } = await runSeeds(...mesh, '--plant', name, '--seeds', SEEDS, '--until-found', '--json');
    expect(code).toBe(1);
    const { violations } = JSON.parse(lines.at(-1) ?? '{}') as Verdict;
    expect(foundBy).toContain(violations[0]?.checker);
  });
});
