/**
 * A node whose disk is filled and freed again and again, under load: from the first write that fails nothing is
 * acknowledged, whoever asks is told so, and once there is room it goes on by itself with all that it had acknowledged.
 * TROUPE_TEST_FULL=1 makes it 200 rounds.
 */
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { anomaliesOf } from '../support/history/checker.ts';
import { History } from '../support/history/history.ts';
import { freePort } from '../support/node-process.ts';
import { seeded } from '../support/task-record.ts';
import { FaultNode, pass, until } from './fault-rig.ts';
import { readAtRest } from './final-reading.ts';
import { MixedLoad } from './mixed-load.ts';
import { SmallDisk } from './small-disk.ts';

const FULL = process.env['TROUPE_TEST_FULL'] === '1';
const ROUNDS = FULL ? 200 : 5;
const DISK_MIB = 64;
const KIB = 1024;
/** Refusals in a row, 20 ms apart, after which there is no room left to go on with. */
const AWAY_LOOKS = 10;

const disk = SmallDisk.mount(DISK_MIB);

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly retryAfter: string | null;
}

async function look(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const { code } = (await response.json()) as { code?: string };
  return { status: response.status, code, retryAfter: response.headers.get('retry-after') };
}

const submit = (node: FaultNode): Promise<Answer> => {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ agent: 'lab.echo', input: 'full', options: { labels: { mark: 'full' } } });
  return look(`${node.url}/api/v1/tasks`, { method: 'POST', headers, body });
};

/** The node gives its ballast up for going on: that room is taken as well, until it has none. */
async function fillUntilAway(node: FaultNode, small: SmallDisk, leaveBytes: number): Promise<void> {
  let refusals = 0;
  const isAway = async (): Promise<boolean> => {
    await small.fill(leaveBytes);
    refusals = (await look(`${node.url}/readyz`)).status === 503 ? refusals + 1 : 0;
    return refusals >= AWAY_LOOKS;
  };
  await until(isAway, 'the node says that it is not ready, and stays so');
}

describe.skipIf(disk === undefined)(
  'a disk that is full (skipped where no tmpfs can be mounted: it takes root)',
  () => {
    afterAll(() => disk?.unmount());

    it(`stops what is acknowledged ${ROUNDS} times, and costs nothing of it`, {
      timeout: 60_000 + ROUNDS * 20_000,
    }, async () => {
      const small = disk as SmallDisk;
      const served = new FaultNode(path.join(small.path, 'node'), await freePort());
      const history = new History();
      const random = seeded(Math.floor(Math.random() * 2 ** 31));
      try {
        await served.start();
        const load = new MixedLoad({
          url: served.url,
          socketUrl: served.socketUrl,
          history,
          random,
        });
        for (let round = 0; round < ROUNDS; round++) {
          const before = load.acknowledged;
          await until(() => load.acknowledged > before + 50, 'work is taken on');
          await fillUntilAway(served, small, Math.floor(random() * 64 * KIB));
          const refusal = await submit(served);
          expect(refusal).toMatchObject({ status: 503, code: 'STORE_UNAVAILABLE', retryAfter: expect.any(String) });
          expect((await look(`${served.url}/healthz`)).status).toBe(200);
          await pass(300 * random());
          const whileFull = load.acknowledged;
          await pass(200);
          expect(load.acknowledged - whileFull).toBe(0);
          await small.free();
          await until(async () => (await look(`${served.url}/readyz`)).status === 200, 'the node is ready again');
        }
        await load.stop();
        expect(load.refused).toBeGreaterThan(0);
        expect(anomaliesOf(history.entries, await readAtRest(served, history))).toEqual([]);
      } finally {
        await served.kill();
      }
    });
  },
);
