/** A node as users run it, killed while it waits for a person, and while it has a schedule. */
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Ended, freePort, NodeUnderTest, ROOT, runTroupe, temporaryFolder } from '../support/node-process.ts';

const folder = temporaryFolder('cli-people');
let node: NodeUnderTest;

beforeAll(async () => {
  node = new NodeUnderTest(folder.path, await freePort(), ['--agents', path.join(ROOT, 'examples/approval.ts')]);
  await node.start();
}, 40_000);

afterAll(async () => {
  await node.kill();
  folder.clear();
});

function troupe(...args: string[]): Promise<Ended> {
  return runTroupe([...args, '--url', node.url], { cwd: folder.path });
}

it('What waits for a person waits on, and what comes at times comes on, over a kill of the node', async () => {
  const beat = ['--every', '1s', '--agent', 'payments', '--input', '{"to":"Eve","usd":1}', '--overlap', 'queue'];
  expect((await troupe('schedules', 'add', 'beat', ...beat)).code).toBe(0);
  const submitted = await troupe('submit', '--agent', 'payments', '--input', '{"to":"Ada","usd":250}', '--wait');
  const [task = ''] = submitted.out.split('\n');
  expect(submitted).toMatchObject({ code: 3, err: expect.stringContaining(`troupe approve ${task}.main.pay`) });
  await node.kill();
  const killedMs = Date.now();
  await node.start();
  expect((await troupe('approvals', '--task', task)).code).toBe(3);
  expect((await troupe('approve', `${task}.main.pay`)).code).toBe(0);
  const ended = await troupe('watch', task);
  expect(ended).toMatchObject({ code: 0, out: expect.stringContaining('"paid": true') });
  await vi.waitFor(
    async () => {
      const response = await fetch(`${node.url}/api/v1/schedules/beat`);
      const { runs } = (await response.json()) as { runs: { at: number; state: string; status?: string }[] };
      expect(runs[0]?.at).toBeGreaterThan(killedMs);
      expect(runs.some(({ state, status }) => state === 'started' && status === 'completed')).toBe(true);
      // Each time was for one run at most.
      expect(new Set(runs.map(({ at }) => at)).size).toBe(runs.length);
    },
    { timeout: 10_000, interval: 50 },
  );
}, 90_000);
