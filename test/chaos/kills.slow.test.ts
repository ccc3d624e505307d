/**
 * A node under mixed load that is killed again and again, at every failpoint and at random moments, and judged by the
 * checker of histories: nothing acknowledged is lost, nothing ends twice, nothing that was recorded is done again.
 * TROUPE_TEST_FULL=1 makes it 200 kills; TROUPE_TEST_SEED repeats one run.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { anomaliesOf } from '../support/history/checker.ts';
import { History } from '../support/history/history.ts';
import { freePort, temporaryFolder } from '../support/node-process.ts';
import { seeded } from '../support/task-record.ts';
import { FAILPOINTS, type FailpointName } from './failpoints.ts';
import { FaultNode } from './fault-rig.ts';
import { readAtRest } from './final-reading.ts';
import { killAtPoints } from './kill-rounds.ts';
import { MixedLoad } from './mixed-load.ts';

const FULL = process.env['TROUPE_TEST_FULL'] === '1';
const KILLS = FULL ? 200 : 50;
const NODES = FULL ? 8 : 2;
const SEED = Number(process.env['TROUPE_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Fewer than the load has, so that they leave memory and come back all the time. */
const OPTIONS = { residentActorsMax: 2 };

describe(`a node that is killed ${KILLS} times under load`, () => {
  const died = new Map<string, number>();
  const runs = Array.from({ length: NODES }, (_, index) => SEED + index);

  it.each(runs)('loses nothing, repeats nothing, changes nothing (seed %i)', { timeout: 1_200_000 }, async (seed) => {
    const random = seeded(seed);
    const folder = temporaryFolder('kills');
    const node = new FaultNode(folder.path, await freePort(), OPTIONS);
    cleanups.push(folder.clear, () => node.kill());
    const history = new History();
    const load = new MixedLoad({ ...urlsOf(node), history, random });
    const kills = Math.round(KILLS / NODES);
    const points = Array.from({ length: kills }, (_, index) => pointOf(index + seed * kills));
    for (const point of await killAtPoints({ node, history, random }, points))
      died.set(point, (died.get(point) ?? 0) + 1);
    await load.stop();
    const findings = await readAtRest(node, history);
    expect(anomaliesOf(history.entries, findings)).toEqual([]);
    expect(load.acknowledged).toBeGreaterThan(kills);
    expect(history.entries.filter(({ type }) => type === 'kill').length).toBeGreaterThanOrEqual(kills);
  });

  it('has died at every place, and at random', () => {
    expect([...died.keys()].sort()).toEqual([...FAILPOINTS, 'random'].sort());
  });
});

/** Every third kill comes at a random moment, the others go round the places. */
function pointOf(index: number): FailpointName | 'random' {
  return index % 3 === 2
    ? 'random'
    : (FAILPOINTS[(index - Math.floor(index / 3)) % FAILPOINTS.length] as FailpointName);
}

function urlsOf({ url, socketUrl }: FaultNode): { readonly url: string; readonly socketUrl: string } {
  return { url, socketUrl };
}
