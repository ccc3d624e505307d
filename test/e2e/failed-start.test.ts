/** A start that fails leaves nothing behind in a process that lives: the next one finds the store free, and goes on with the work. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { connect, startNode } from '../../index.ts';
import { freePort, temporaryFolder } from '../support/node-process.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function takenPort(): Promise<number> {
  const port = await freePort();
  const other = createServer().listen(port, '127.0.0.1');
  cleanups.push(() => other.close());
  await once(other, 'listening');
  return port;
}

it.each([
  ['address is taken', 'INVALID_INPUT', async () => ({ port: await takenPort() })],
  ['workflow is not valid', 'WORKFLOW_INVALID', async () => ({ workflows: [{ name: 'empty', steps: [] }] })],
])('A node whose %s lets go of its folder', async (_what, code, fault) => {
  const folder = temporaryFolder('failed-start');
  cleanups.push(folder.clear);
  const options = { dataDir: folder.path, port: 0, lab: true, logLevel: 'error' } as const;
  const first = await startNode(options);
  const client = await connect(`ws://127.0.0.1:${first.port}/ws`);
  const { task } = await client.submit({ agent: 'lab.delay', input: { ms: 300, value: 'done' } }).accepted;
  await client.close();
  await first.stop();

  await expect(startNode({ ...options, ...(await fault()) })).rejects.toMatchObject({ code });

  const next = await startNode(options);
  cleanups.push(() => next.stop());
  expect(next.recovery.resumed).toBeGreaterThan(0);
  const again = await connect(`ws://127.0.0.1:${next.port}/ws`);
  cleanups.push(() => again.close());
  expect(await again.watch(task).result()).toMatchObject({ status: 'completed', output: 'done' });
});
