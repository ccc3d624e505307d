/** `troupe state`: over a node that is killed in between. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Command, type Ended, freePort, NodeUnderTest, runTroupe, temporaryFolder } from '../support/node-process.ts';

const folder = temporaryFolder('cli-state');
let node: NodeUnderTest;

beforeAll(async () => {
  node = new NodeUnderTest(folder.path, await freePort());
  await node.start();
}, 40_000);

afterAll(async () => {
  await node.kill();
  folder.clear();
});

const state = (...args: string[]): Promise<Ended> =>
  runTroupe(['state', ...args, '--url', node.url], { cwd: folder.path });

describe('troupe state', { timeout: 90_000 }, () => {
  it('writes, compares, shows and removes values, which a kill of the node does not touch', async () => {
    expect(await state('set', 'global', 'limits', '{"perDay":20}')).toMatchObject({
      code: 0,
      out: 'global/limits is at version 1.\n',
    });
    expect(await state('set', 'global', 'limits', '1', '--if-version', '0')).toMatchObject({ code: 1 });
    await node.kill();
    await node.start();
    expect(await state('set', 'global', 'limits', '{"perDay":30}', '--if-version', '1')).toMatchObject({ code: 0 });
    expect(JSON.parse((await state('get', 'global', 'limits')).out)).toEqual({ perDay: 30 });
    expect(JSON.parse((await state('get', 'global', 'limits', '--json')).out)).toMatchObject({ version: 2 });
    expect((await state('list', 'global')).out).toMatch(/^limits +2 +\d+ /m);
    expect((await state('history', 'global', 'limits')).out).toMatch(/^2 .*30[^]*^1 .*20/m);
    expect((await state('delete', 'global', 'limits')).code).toBe(0);
    expect((await state('get', 'global', 'limits')).code).toBe(1);
    expect((await state('get', 'nowhere', 'limits')).code).toBe(2);
  });

  it('takes leases, and lets go of them', async () => {
    const { code, out } = await state('lock', 'global', 'report', '--holder', 'me', '--ttl', '60s');
    expect(code).toBe(0);
    const token = out.trim();
    expect((await state('set', 'global', 'report', '1')).err).toContain('is leased to me');
    expect((await state('set', 'global', 'report', '1', '--lease', token)).code).toBe(0);
    expect((await state('unlock', 'global', 'report')).code).toBe(2);
    expect((await state('unlock', 'global', 'report', '--lease', token)).code).toBe(0);
    expect((await state('set', 'global', 'report', '2')).code).toBe(0);
  });

  it('shows each later value to who watches', async () => {
    const args = ['state', 'watch', 'global', 'seen', '--json', '--url', node.url];
    const watching = new Command(args, { cwd: folder.path });
    const says = (line: string): Promise<void> =>
      vi.waitFor(() => expect(watching.out).toContain(line), { timeout: 20_000, interval: 10 });
    await says('"version":0');
    await state('set', 'global', 'seen', '"yes"');
    await says('"version":1,"value":"yes"');
    watching.child.kill('SIGINT');
    expect((await watching.ended()).code).toBe(0);
  });
});
