/** `troupe agents` against a node in a process of its own that is killed: what was registered from a module is there again. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Ended, freePort, NodeUnderTest, runTroupe, temporaryFolder } from '../support/node-process.ts';

const folder = temporaryFolder('cli-agents');
const modules = path.join(folder.path, 'modules');
let node: NodeUnderTest;

beforeAll(async () => {
  mkdirSync(modules);
  writeModule('1.0.0');
  node = new NodeUnderTest(folder.path, await freePort(), ['--lab', '--module-roots', modules]);
  await node.start();
}, 40_000);

afterAll(async () => {
  await node.kill();
  folder.clear();
});

const latch = path.join(folder.path, 'latch');

/** Its greeter works until there is the latch, where it is told to wait. */
function writeModule(version: string): void {
  writeFileSync(
    path.join(modules, 'greeter.ts'),
    `import { existsSync } from 'node:fs';
import { defineAgent } from 'troupe';
export const greeter = defineAgent({
  name: 'greeter', version: '${version}', capabilities: ['greet'], description: 'Greets.',
  run: async ({ input }: { input: unknown }) => {
    while (input === 'wait' && !existsSync(${JSON.stringify(latch)})) await new Promise((resolve) => setTimeout(resolve, 20));
    return 'hello from ${version}';
  },
});`,
  );
}

function troupe(...args: string[]): Promise<Ended> {
  return runTroupe([...args, '--url', node.url], { cwd: folder.path });
}

async function rest(at: string, body?: object): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json' };
  const init = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) };
  return (await (await fetch(`${node.url}/api/v1/${at}`, init)).json()) as Record<string, unknown>;
}

describe('troupe agents', () => {
  it('registers from a module; a new version of the file beside the old one', async () => {
    expect(await troupe('agents', 'register', 'greeter.ts')).toMatchObject({
      code: 0,
      out: 'greeter@1.0.0 is registered.\n',
    });
    writeModule('1.1.0');
    expect(await rest('agents', { module: 'greeter.ts' })).toMatchObject({ agents: [{ version: '1.1.0' }] });
    const refused = await troupe('agents', 'register', '/etc/hostname');
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('moduleRoots')]);
    const done = await troupe('submit', '--capability', 'greet@~1.1', '--select', 'fastest', '--wait');
    expect([done.code, done.out]).toEqual([0, expect.stringContaining('hello from 1.1.0')]);
  });

  it('shows what each is, how it stands and what its runs were like', async () => {
    const { out } = await troupe('agents', '--capability', 'greet');
    expect(out).toMatch(/^AGENT +VERSION +STATUS +LOAD +RUNS +OK +P50 +P90 +CAPABILITIES +WHAT IT DOES\n/);
    expect(out).toMatch(/^greeter +1\.1\.0 +ready +0 of 16 +1 +100 % +\d+ ms +\d+ ms +greet +Greets\.$/m);
    const one = await troupe('agents', 'show', 'greeter');
    expect(one.out).toMatch(/^greeter@1\.1\.0: ready\nGreets\.\ncapabilities: greet\nfrom: module, on /);
    const json = await troupe('agents', '--for-version', '^1.1', '--json');
    expect(JSON.parse(json.out)).toMatchObject({ name: 'greeter', version: '1.1.0', source: 'module' });
    const help = await troupe('agents', '--help');
    for (const word of ['degraded', 'draining', 'troupe agents unregister']) expect(help.out).toContain(word);
  });

  it('that were registered, and one that drains, are as they were after a kill', async () => {
    const { task } = await rest('tasks', { agent: 'greeter@1.0.0', input: 'wait' });
    await vi.waitFor(async () => expect(await rest('agents/greeter@1.0.0')).toMatchObject({ load: { running: 1 } }));
    expect(await troupe('agents', 'unregister', 'greeter@1.0.0')).toMatchObject({
      code: 0,
      out: 'greeter@1.0.0 is draining, with 1 in hand.\n',
    });
    await node.kill();
    await node.start();
    // The file has the newer version alone: the older one cannot be had, and its work rests.
    expect(await rest('agents?capability=greet')).toMatchObject({
      agents: [{ version: '1.1.0', source: 'module', status: 'ready' }],
    });
    expect(await rest(`tasks/${String(task)}`)).toMatchObject({ status: 'working' });
    writeModule('1.0.0');
    await node.kill();
    await node.start();
    expect(await rest('agents/greeter@1.0.0')).toMatchObject({ status: 'draining' });
    expect(await rest('tasks', { agent: 'greeter@1.0.0' })).toMatchObject({
      code: 'NO_AGENT',
      detail: expect.stringContaining('is being unregistered') as string,
    });
    writeFileSync(latch, '');
    await vi.waitFor(async () => expect(await rest('agents/greeter@1.0.0')).toMatchObject({ status: 'gone' }), {
      timeout: 10_000,
      interval: 50,
    });
    expect(await rest(`tasks/${String(task)}`)).toMatchObject({
      status: 'completed',
      result: { output: 'hello from 1.0.0' },
    });
    await node.kill();
    await node.start();
    expect(await rest('agents?capability=greet')).toMatchObject({ agents: [] });
  }, 90_000);
});
