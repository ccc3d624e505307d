/** The verbs that show a node: its agents, workflows, actors and health; help; and what is said where no node answers. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Command, type Ended, freePort, NodeUnderTest, runTroupe, temporaryFolder } from '../support/node-process.ts';
import { Wire } from '../support/wire.ts';

const folder = temporaryFolder('cli-views');
let node: NodeUnderTest;
let wire: Wire;

beforeAll(async () => {
  node = new NodeUnderTest(folder.path, await freePort());
  await node.start();
  wire = await Wire.open(node.socketUrl);
}, 40_000);

afterAll(async () => {
  await node.kill();
  folder.clear();
});

function troupe(...args: string[]): Promise<Ended> {
  return runTroupe([...args, '--url', node.url], { cwd: folder.path });
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('what a node has', () => {
  it('agents: all, or those with a capability', async () => {
    const people = await troupe('agents');
    expect(people.code).toBe(0);
    expect(people.out).toMatch(/^AGENT +VERSION +STATUS +LOAD +RUNS +OK +P50 +P90 +CAPABILITIES +WHAT IT DOES *\n/);
    expect(people.out).toMatch(/^lab\.echo +1\.0\.0 +ready +0 of 1000 +\d+ .*lab\.echo +Returns its input\./m);
    const names = jsonLines((await troupe('agents', '--json')).out).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['analyst', 'lab.echo', 'lab.counter']));
    const one = jsonLines((await troupe('agents', '--capability', 'lab.echo', '--json')).out);
    expect(one.map(({ name }) => name)).toEqual(['lab.echo']);
    expect((await troupe('agents', '--capability', 'none')).out).toContain('troupe start --agents');
  });

  it('workflows', async () => {
    expect((await troupe('workflows')).out).toMatch(/^analyse-dataset +1\.0\.0 +\d+ +/m);
    expect(jsonLines((await troupe('workflows', '--json')).out)).toMatchObject([{ name: 'analyse-dataset' }]);
  });

  it('what a task waits for, and that it waits for nothing once it has ended', async () => {
    const task = await wire.submit({ agent: 'lab.stall' });
    const people = await troupe('why', task);
    expect(people.code).toBe(0);
    expect(people.out).toContain('The machine waits for an event from outside (stalled).');
    expect(jsonLines((await troupe('why', task, '--json')).out)).toMatchObject([
      { status: 'working', waits: [{ kind: 'signal' }] },
    ]);
    await troupe('cancel', task);
    expect((await troupe('why', task)).out).toContain(`${task} is canceled. It has ended canceled`);
    expect((await troupe('why', 'nobody')).code).toBe(1);
  }, 60_000);

  it('the supervision tree, with the actors that live', async () => {
    const task = await wire.submit({ agent: 'lab.stall' });
    const people = await troupe('tree');
    expect(people.code).toBe(0);
    expect(people.out).toMatch(/^root {2}one-for-one, running/);
    expect(people.out).toContain('agents/lab.stall');
    expect(people.out).toContain(`task/${task}`);
    expect(jsonLines((await troupe('tree', '--json')).out)).toMatchObject([
      { supervisors: [{ strategy: 'one-for-one' }] },
    ]);
  });

  it('the actors of one task', async () => {
    const task = await wire.submit({ agent: 'lab.stall' });
    const people = await troupe('tree', task);
    expect(people.code).toBe(0);
    const lines = people.out.split('\n');
    expect(lines[0]).toContain(`task/${task}`);
    expect(lines[1]).toContain(`└ step/${task}/main`);
    expect(lines[2]).toContain(`└ run/${task}/main/1`);
    expect(lines[2]).toContain('supervisor/agents/lab.stall');
    const [json] = jsonLines((await troupe('tree', task, '--json')).out);
    expect(json).toMatchObject({ actor: { address: `task/${task}`, children: [{ address: `step/${task}/main` }] } });
  });

  it('no actors of a task that has ended', async () => {
    const task = await wire.submit({ agent: 'lab.echo', input: 1 });
    await vi.waitFor(
      async () => expect(jsonLines((await troupe('tree', task, '--json')).out)).toMatchObject([{ actor: null }]),
      {
        timeout: 20_000,
      },
    );
    expect(await troupe('tree', task)).toEqual({
      code: 0,
      out: `${task} has ended: no actor works for it.\n`,
      err: '',
    });
  });

  it.each([[['agents']], [['agents', '--json']], [['--help']]])('without a reader: %j ends quietly', async (args) => {
    const command = new Command([...args, ...(args[0] === '--help' ? [] : ['--url', node.url])]);
    command.child.stdout?.destroy();
    expect(await command.ended()).toEqual({ code: 0, out: '', err: '' });
  });

  it('its health and that of the machine', async () => {
    const people = await troupe('doctor', '--data', folder.path);
    expect(people.code).toBe(0);
    expect(people.out).toMatch(/^✓ node: .*ready/m);
    const checks = jsonLines((await troupe('doctor', '--json')).out);
    expect(checks.map(({ check }) => check)).toEqual([
      'runtime',
      'settings',
      'data folder',
      'disk',
      'durability',
      'node',
      'stored actors',
    ]);
    const wrong = await runTroupe(['doctor', '--json', '--data', '/proc/none', '--url', node.url], {
      env: { TROUPE_PORT: 'x' },
    });
    expect(wrong.code).toBe(1);
    const states = jsonLines(wrong.out).filter(({ state }) => state === 'wrong');
    expect(states.map(({ check }) => check)).toEqual(expect.arrayContaining(['settings', 'disk']));
  });
});

describe('help', () => {
  const verbs = [
    'start',
    'demo',
    'submit',
    'status',
    'result',
    'list',
    'cancel',
    'watch',
    'agents',
    'workflows',
    'tree',
    'cluster',
    'doctor',
  ];

  it('names every verb, and the exit codes', async () => {
    const { code, out } = await runTroupe(['--help']);
    expect(code).toBe(0);
    for (const verb of verbs) expect(out).toMatch(new RegExp(`^  ${verb}\\b`, 'm'));
    expect(out).toContain('Exit codes: 0 done, 1 failed, 2 usage, 3 waiting');
  });

  it.each(verbs.map((verb) => [verb]))('of `%s` says how it is used', async (verb) => {
    const { code, out, err } = await runTroupe([verb, '--help']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`^Usage: troupe ${verb}\\b`));
    expect(out).toContain('--json');
  });

  it('of a verb that is mistyped suggests the right one', async () => {
    const { code, err } = await runTroupe(['sumbit']);
    expect(code).toBe(2);
    expect(err).toContain('submit');
  });

  it('without a verb shows what there is', async () => {
    const { code, out, err } = await runTroupe([]);
    expect(code).toBe(2);
    expect(out + err).toContain('Usage: troupe');
  });
});

describe('where no node answers', () => {
  it.each([
    ['submit', '--agent', 'lab.echo'],
    ['status', 'x'],
    ['result', 'x'],
    ['list'],
    ['cancel', 'x'],
    ['watch', 'x'],
    ['agents'],
    ['workflows'],
    ['tree'],
    ['cluster'],
  ])('`%s` exits 5 and says how to start one', async (...args) => {
    const { code, out, err } = await runTroupe([...args], { env: { TROUPE_URL: 'http://127.0.0.1:9' } });
    expect([code, out]).toEqual([5, '']);
    expect(err).toMatch(/No node answers at http:\/\/127\.0\.0\.1:9 .*`troupe start`.*TROUPE_URL/);
  });

  it('--json says it in a form for programs', async () => {
    const { code, out } = await runTroupe(['list', '--json', '--url', 'http://127.0.0.1:9']);
    expect(code).toBe(5);
    expect(jsonLines(out)).toMatchObject([{ error: { code: 'UNAVAILABLE', retryable: true } }]);
  });

  it('doctor says so, and exits by the rest', async () => {
    const { out } = await runTroupe(['doctor', '--url', 'http://127.0.0.1:9'], { cwd: folder.path });
    expect(out).toMatch(/^[!✗] node: /m);
  });

  it.each([
    ['list', 'nonsense'],
    ['tree', 'nonsense'],
    ['list', 'ftp://nonsense'],
    ['workflows', 'localhost:7600/nonsense'],
  ])('%s with an address that is none is a matter of usage (%s)', async (verb, url) => {
    const { code, err } = await runTroupe([verb, '--url', url]);
    expect(code).toBe(2);
    expect(err).toContain('nonsense');
    expect(err).not.toMatch(/\bat .*\.ts:\d/);
  });
});
