/**
 * A mesh of an owner and five workers, each a process, under load, while nodes are killed, frozen, cut off, slowed down, drained
 * and started again: nothing acknowledged is lost or changes, nothing unsafe happens twice, and all is at rest 10 s after the last
 * fault. Some rounds are in network namespaces, the others on loopback, with a relay in each line. TROUPE_TEST_FULL=1 makes it 20
 * rounds of 5,000 tasks; TROUPE_TEST_SEED repeats one.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/node-process.ts';
import { loopbackSite } from './loopback-site.ts';
import { MeshCluster, WORKERS } from './mesh-cluster.ts';
import { playRound } from './mesh-round.ts';
import type { MeshSite } from './mesh-site.ts';
import { namespaceLack, namespaceSite } from './namespace-site.ts';

const FULL = process.env['TROUPE_TEST_FULL'] === '1';
const TASKS = FULL ? 5_000 : 1_500;
const FAULTS = FULL ? 24 : 12;
const ROUNDS = FULL ? 20 : 3;
const SEED = process.env['TROUPE_TEST_SEED'];
const CONVERGED_MS_MAX = 10_000;
const RESIDENT_BYTES_MAX = 700 * 1024 * 1024;
const ROUND_MS_MAX = 600_000;

const lack = namespaceLack();
const first = SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(SEED);
const all = Array.from({ length: SEED === undefined ? ROUNDS : 1 }, (_, index) => first + index);
/** Every second one, and all of them where there is no other place. */
const onLoopback = lack === undefined && SEED === undefined ? all.filter((_, index) => index % 2 === 1) : all;
const inNamespaces = SEED === undefined ? all.filter((_, index) => index % 2 === 0) : all;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Plays a round where `siteOf` says, and holds it to all that is promised. Its figures are for people. */
async function hold(seed: number, siteOf: (folder: string) => Promise<MeshSite>): Promise<string> {
  const folder = temporaryFolder('mesh');
  cleanups.push(folder.clear);
  const site = await siteOf(folder.path);
  cleanups.push(() => site.close());
  const cluster = new MeshCluster(site, folder.path);
  cleanups.push(() => cluster.kill());
  const faults: string[] = [];
  const how = (): string =>
    `In ${site.where}, with ${faults.join(', ')}. To repeat it: TROUPE_TEST_SEED=${seed} npx vitest run test/chaos/mesh/mesh.slow.test.ts`;
  const figures = await playRound({ cluster, seed, tasks: TASKS, faults: FAULTS }, faults).catch((error: unknown) => {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${how()}`, { cause: error });
  });
  expect(figures.anomalies, how()).toEqual([]);
  expect(figures.convergedMs, how()).toBeLessThan(CONVERGED_MS_MAX);
  expect(figures.residentBytes, how()).toBeLessThan(RESIDENT_BYTES_MAX);
  return JSON.stringify({ seed, ...figures, faults: faults.length });
}

describe('A mesh under faults, on loopback with a relay in each line,', () => {
  it.for(onLoopback)(
    'loses nothing, repeats nothing unsafe, and comes to rest (seed %i)',
    { timeout: ROUND_MS_MAX },
    async (seed, { annotate }) => void (await annotate(await hold(seed, () => loopbackSite(WORKERS)))),
  );
});

describe.skipIf(lack !== undefined)(
  `A mesh under faults, in network namespaces${lack === undefined ? '' : ` (there can be none here: ${lack})`},`,
  () => {
    it.for(inNamespaces)(
      'loses nothing, repeats nothing unsafe, and comes to rest (seed %i)',
      { timeout: ROUND_MS_MAX },
      async (seed, { annotate }) => void (await annotate(await hold(seed, (folder) => namespaceSite(WORKERS, folder)))),
    );
  },
);
