/**
 * The rolling restart of docs/cluster.md: the workers of a mesh are stopped and started again, one after the other, while work goes
 * on. A worker that is told to stop ends what it has in hand, so that nothing is lost, and nothing made twice, keyed or not.
 */
import { afterEach, expect, it } from 'vitest';
import { History } from '../../support/history/history.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import { seeded } from '../../support/task-record.ts';
import { until } from '../fault-rig.ts';
import { MixedLoad } from '../mixed-load.ts';
import { loopbackSite } from './loopback-site.ts';
import { MeshCluster, WORKERS } from './mesh-cluster.ts';
import { MeshDesk } from './mesh-desk.ts';
import { untilRest } from './mesh-rest.ts';
import { judge } from './mesh-verdict.ts';
import { soundWish } from './mesh-wishes.ts';

/** Tasks that are taken on before a worker is stopped, and after the last one is there again. */
const TASKS = 100;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

it('loses nothing and repeats nothing when three workers are restarted one after the other', {
  timeout: 180_000,
}, async () => {
  const folder = temporaryFolder('rolling');
  cleanups.push(folder.clear);
  const workers = WORKERS.slice(0, 3);
  const site = await loopbackSite(workers);
  cleanups.push(() => site.close());
  const cluster = new MeshCluster(site, folder.path, workers);
  cleanups.push(() => cluster.kill());
  await cluster.start();
  const desk = new MeshDesk(cluster.url);
  await untilRest(cluster, desk);

  const history = new History();
  const { url, socketUrl } = cluster;
  const load = new MixedLoad({
    ...{ url, socketUrl, history, random: seeded(1), wish: soundWish, messageShare: 0, unfinishedMax: 100 },
  });
  cleanups.push(() => load.stop());
  for (const worker of cluster.workers.values()) {
    await goOn(load);
    await until(() => isBusy(desk, worker.name), `${worker.name} has something in hand`);
    await worker.end('SIGTERM');
    await worker.start();
    await until(() => isActive(desk, worker.name), `${worker.name} is back`);
  }
  await goOn(load);
  await load.stop();
  await untilRest(cluster, desk);

  expect(await desk.doubts()).toEqual([]);
  const { calls, anomalies, givenUp } = await judge(cluster, history);
  expect(anomalies).toEqual([]);
  expect(givenUp).toBe(0);
  expect(new Set(calls.map(({ key }) => key)).size).toBe(calls.length);
  expect(new Set(calls.map(({ node }) => node))).toEqual(new Set(workers));
});

/** A good deal is taken on from here on. */
async function goOn(load: MixedLoad): Promise<void> {
  const before = load.acknowledged;
  await until(() => load.acknowledged >= before + TASKS, `${TASKS} more tasks are taken on`);
}

async function isBusy(desk: MeshDesk, name: string): Promise<boolean> {
  const { nodes } = await desk.cluster();
  return nodes.some(({ node, calls }) => node === name && calls.running > 0);
}

async function isActive(desk: MeshDesk, name: string): Promise<boolean> {
  const { nodes } = await desk.cluster();
  return nodes.some(({ node, status, agents }) => node === name && status === 'active' && agents.length > 0);
}
