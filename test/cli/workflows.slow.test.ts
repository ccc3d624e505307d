/** `troupe workflows`, from a file with a workflow to a running task that goes on by another version, over a kill of the node. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, freePort, NodeUnderTest, runTroupe, temporaryFolder } from '../support/node-process.ts';

const folder = temporaryFolder('cli-workflows');
let node: NodeUnderTest;

beforeAll(async () => {
  node = new NodeUnderTest(folder.path, await freePort());
  await node.start();
}, 40_000);

afterAll(async () => {
  await node.kill();
  folder.clear();
});

function troupe(...args: string[]): Promise<Ended> {
  return runTroupe([...args, '--url', node.url], { cwd: folder.path });
}

function file(version: string, more: object, steps: readonly object[] = []): string {
  const name = `brief-${version}.json`;
  const wait = { id: 'w', signal: { name: 'go' } };
  writeFileSync(
    path.join(folder.path, name),
    JSON.stringify({ name: 'brief', version, steps: [wait, ...steps], ...more }),
  );
  return name;
}

describe('troupe workflows', () => {
  it('registers versions, lists them with what runs, moves a task, and takes them away', async () => {
    expect(await troupe('workflows', 'add', file('1.0.0', {}))).toMatchObject({
      code: 0,
      out: 'brief@1.0.0 is registered.\n',
    });
    const task = (await troupe('submit', '--workflow', 'brief')).out.trim();
    const b = { id: 'b', agent: 'lab.echo', input: 'moved', needs: ['w'] };
    await troupe('workflows', 'add', file('2.0.0', { onNewVersion: 'drain' }, [b]));
    expect((await troupe('workflows')).out).toMatch(/^brief +1\.0\.0 +1 +draining for brief@2\.0\.0 +1\b/m);
    expect(await troupe('workflows', 'migrate', task, '--to', 'brief@9.0.0')).toMatchObject({ code: 1 });
    expect(await troupe('workflows', 'migrate', task, '--to', 'brief@2.0.0')).toMatchObject({
      code: 0,
      out: `${task} has gone from brief@1.0.0 to brief@2.0.0.\n`,
    });
    await node.kill();
    await node.start();
    const again = await troupe('workflows', 'migrate', task, '--to', 'brief', '--json');
    expect(JSON.parse(again.out)).toEqual({ task, from: 'brief@2.0.0', to: 'brief@2.0.0' });
    await fetch(`${node.url}/api/v1/tasks/${task}/signals/go`, { method: 'POST' });
    expect((await troupe('watch', task)).code).toBe(0);
    expect((await troupe('result', task)).out).toContain('moved');

    expect(await troupe('workflows', 'remove', 'brief@1.0.0')).toMatchObject({
      code: 0,
      out: 'brief@1.0.0 is not registered any more.\n',
    });
    expect(await troupe('workflows', 'remove', 'brief')).toMatchObject({ code: 2 });
    expect((await troupe('workflows', '--json')).out).not.toContain('"1.0.0","steps":["w"]');
    expect(await troupe('workflows', 'remove', 'brief@1.0.0')).toMatchObject({ code: 1 });
  }, 120_000);

  it('teaches itself', async () => {
    const { out } = await runTroupe(['workflows', '--help']);
    expect(out).toContain('troupe workflows migrate 01J…');
    expect((await runTroupe(['workflows', 'migrate', 'x'])).code).toBe(2);
  });
});
