/** Agents as clients meet them: listed with how they stand, registered and unregistered, seen over the socket and in the metrics. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { type Answer, type Rig, startRig } from './rig.ts';

const AGENTS = '/api/v1/agents';
const DEFINITION = path.resolve(import.meta.dirname, '../../actors/agent-definition.ts');

const reviewer = (version: string) =>
  defineAgent({ name: 'reviewer', version, capabilities: ['text.review'], run: () => version });
const checker = defineAgent({
  name: 'checker',
  version: '3.0.0',
  capabilities: ['text.review@1.5.0'],
  health: { check: () => false, failures: 1 },
  run: () => 'checked',
});

let rig: Rig;
let inside: string;
let outside: string;
beforeAll(async () => {
  inside = mkdtempSync(path.join(tmpdir(), 'troupe-modules-'));
  outside = mkdtempSync(path.join(tmpdir(), 'troupe-outside-'));
  rig = await startRig({ agents: [reviewer('1.2.0'), reviewer('2.0.0'), checker], moduleRoots: [inside] });
});
afterAll(async () => {
  await rig.stop();
  for (const folder of [inside, outside]) rmSync(folder, { recursive: true, force: true });
});

/** Writes a module that exports agents, and gives its path. */
function moduleOf(folder: string, file: string, ...agents: readonly object[]): string {
  const lines = agents.map(
    (agent, n) => `export const a${n} = defineAgent({ ...${JSON.stringify(agent)}, run: () => 'from ${file}' });`,
  );
  const at = path.join(folder, file);
  writeFileSync(at, [`import { defineAgent } from ${JSON.stringify(DEFINITION)};`, ...lines].join('\n'));
  return at;
}

type Listed = { name: string; version: string; status: string }[];
const listed = async (query: string): Promise<string[]> => {
  const { json } = await rig.get(`${AGENTS}?limit=200&${query}`);
  return (json['agents'] as Listed).map(({ name, version }) => `${name}@${version}`);
};
const register = (module: string): Promise<Answer> => rig.send('POST', AGENTS, { module });

describe('Agents over REST', () => {
  it('are found by capability, in versions that will do', async () => {
    expect(await listed('capability=text.review')).toEqual(['checker@3.0.0', 'reviewer@1.2.0', 'reviewer@2.0.0']);
    expect(await listed('capability=text.review@^1.2')).toEqual(['checker@3.0.0', 'reviewer@1.2.0']);
    expect(await listed('capability=text.review&version=^1.3')).toEqual(['checker@3.0.0']);
    expect(await listed('version=^3')).toEqual(['checker@3.0.0']);
    expect(await listed('capability=text.review@^9')).toEqual([]);
    expect((await rig.get(`${AGENTS}?version=newest`)).status).toBe(422);
    expect((await rig.get(`${AGENTS}?capability=text.review@newest`)).status).toBe(422);
  });

  it('are shown one by one with their source, their load, their health and their past runs', async () => {
    await vi.waitFor(async () => expect((await rig.get(`${AGENTS}/checker`)).json['status']).toBe('degraded'));
    const { json } = await rig.get(`${AGENTS}/checker`);
    expect(json).toMatchObject({
      version: '3.0.0',
      source: 'program',
      node: rig.node.id,
      nodes: [rig.node.id],
      load: { running: 0, waiting: 0, inHand: 0, capacity: 16 },
      health: { state: 'failing', failures: 1, error: 'It says that it cannot work now.' },
    });
    expect(json['figures']).toBeUndefined();
    await rig.send('POST', '/api/v1/tasks?wait=10', { agent: 'reviewer@1.2.0' });
    const after = await rig.get(`${AGENTS}/reviewer@1.2.0`);
    expect(after.json).toMatchObject({
      status: 'ready',
      figures: { runs: 1, failures: 0, durationMs: { samples: 1 } },
    });
    expect(await listed('status=degraded')).toEqual(['checker@3.0.0']);
  });

  it('are listed over the socket as well', async () => {
    const wire = await rig.open();
    const page = await wire.request({ type: 'agent.list', capability: 'text.review@^1.2' });
    expect((page['agents'] as Listed).map(({ name, status }) => [name, status])).toEqual([
      ['checker', 'degraded'],
      ['reviewer', 'ready'],
    ]);
    expect(await wire.request({ type: 'agent.list', version: 'newest' })).toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('are counted in the metrics by how they stand, with how long they take and how often they fail', async () => {
    await rig.send('POST', '/api/v1/tasks?wait=10', { agent: 'lab.echo', input: 1 });
    const { text } = await rig.get('/metrics');
    expect(text).toMatch(/^troupe_agents\{status="degraded"\} 1$/m);
    expect(text).toMatch(/^troupe_agents\{status="ready"\} [1-9]\d*$/m);
    expect(text).toMatch(/^troupe_agent_duration_seconds\{agent="lab\.echo@1\.0\.0",quantile="0\.9"\} \d/m);
    expect(text).toMatch(/^troupe_agent_failure_ratio\{agent="lab\.echo@1\.0\.0"\} 0$/m);
  });

  it('are chosen by the wishes of a task, and the choice is told', async () => {
    const body = { capability: 'text.review', options: { select: { strategy: 'reliable', not: ['reviewer@2.0.0'] } } };
    const { json } = await rig.send('POST', '/api/v1/tasks?wait=10', body);
    expect(json['output']).toBe('1.2.0');
    const wire = await rig.open();
    const task = await wire.submit({
      capability: 'text.review@>=1.5',
      options: { select: { strategy: 'round-robin' } },
    });
    expect((await wire.result(task)).output).toBe('2.0.0');
    const [line] = wire.events(task).filter(({ kind }) => kind === 'agent.selected');
    expect(line?.data).toMatchObject({
      agent: 'reviewer@2.0.0',
      capability: 'text.review@>=1.5',
      strategy: 'round-robin',
      candidates: [{ agent: 'reviewer@2.0.0' }, { agent: 'checker@3.0.0', status: 'degraded' }],
    });
    const wrong = { capability: 'text.review', options: { select: { strategy: 'prettiest' } } };
    expect((await rig.send('POST', '/api/v1/tasks', wrong)).json).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('Registering from a module', () => {
  it('takes the agents in, all of them, until they are unregistered', async () => {
    const file = moduleOf(inside, 'pair.mjs', { name: 'left', version: '1.0.0' }, { name: 'right', version: '1.0.0' });
    const { status, json, headers } = await register(file);
    expect([status, headers.get('location')]).toEqual([201, `${AGENTS}/left@1.0.0`]);
    expect(json['agents']).toMatchObject([
      { name: 'left', source: 'module', status: 'ready' },
      { name: 'right', source: 'module' },
    ]);
    const done = await rig.send('POST', '/api/v1/tasks?wait=10', { agent: 'left' });
    expect(done.json['output']).toBe('from pair.mjs');
    const gone = await rig.send('DELETE', `${AGENTS}/left`);
    expect([gone.status, gone.json['status']]).toEqual([202, 'gone']);
    expect((await rig.get(`${AGENTS}/left`)).status).toBe(404);
    expect((await rig.get(`${AGENTS}/left@1.0.0`)).json['status']).toBe('gone');
    expect((await rig.send('POST', '/api/v1/tasks', { agent: 'left' })).json['code']).toBe('NO_AGENT');
    expect((await rig.send('DELETE', `${AGENTS}/left`)).status).toBe(404);
  });

  it('takes a path relative to the folder, and the file as it is now', async () => {
    moduleOf(inside, 'grows.mjs', { name: 'grows', version: '1.0.0' });
    expect((await register('grows.mjs')).status).toBe(201);
    expect((await register('./grows.mjs')).json).toMatchObject({ code: 'STATE_CONFLICT' });
    moduleOf(inside, 'grows.mjs', { name: 'grows', version: '1.1.0' });
    expect((await register('grows.mjs')).json['agents']).toMatchObject([{ version: '1.1.0' }]);
    expect(await listed('version=^1.1')).toContain('grows@1.1.0');
  });

  it('takes none of them where one cannot be', async () => {
    moduleOf(inside, 'half.mjs', { name: 'whole', version: '1.0.0' }, { name: 'reviewer', version: '2.0.0' });
    expect((await register('half.mjs')).json).toMatchObject({ code: 'STATE_CONFLICT' });
    expect((await rig.get(`${AGENTS}/whole`)).status).toBe(404);
  });

  it('takes nothing from elsewhere, however the way there is put', async () => {
    const file = moduleOf(outside, 'evil.mjs', { name: 'evil', version: '1.0.0' });
    symlinkSync(file, path.join(inside, 'link.mjs'));
    symlinkSync(outside, path.join(inside, 'way'));
    for (const module of [
      file,
      `../${path.basename(outside)}/evil.mjs`,
      'link.mjs',
      'way/evil.mjs',
      '/etc/hostname',
      '..',
      '.',
    ]) {
      const { status, json } = await register(module);
      expect([module, status, json['code']]).toEqual([module, 403, 'FORBIDDEN']);
    }
    expect((await rig.get(`${AGENTS}/evil`)).status).toBe(404);
  });

  it('says what is wrong with what is no module', async () => {
    writeFileSync(path.join(inside, 'notes.txt'), 'x');
    writeFileSync(path.join(inside, 'empty.mjs'), 'export const n = 1;');
    writeFileSync(path.join(inside, 'broken.mjs'), 'throw new TypeError("no luck");');
    expect((await register('missing.mjs')).json).toMatchObject({ code: 'NOT_FOUND' });
    expect((await register('notes.txt')).json).toMatchObject({ code: 'INVALID_INPUT' });
    expect((await register('empty.mjs')).json).toMatchObject({ code: 'INVALID_INPUT' });
    expect((await register('broken.mjs')).json['detail']).toContain('no luck');
    expect((await rig.send('POST', AGENTS, {})).json).toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('is forbidden where the settings name no folder, and says which to set', async () => {
    const closed = await startRig();
    try {
      const { status, json } = await closed.send('POST', AGENTS, {
        module: moduleOf(inside, 'x.mjs', { name: 'x', version: '1.0.0' }),
      });
      expect([status, json['code']]).toEqual([403, 'FORBIDDEN']);
      expect(json['detail']).toContain('moduleRoots (TROUPE_MODULE_ROOTS)');
    } finally {
      await closed.stop();
    }
  });
});

describe('The library', () => {
  it('registers and unregisters on the running node', async () => {
    const { node } = rig;
    let end = (): void => undefined;
    const run = (): Promise<string> => new Promise((resolve) => (end = () => resolve('over')));
    node.register(defineAgent({ name: 'visitor', version: '1.0.0', kind: 'pure', run }));
    expect(() => node.register(reviewer('2.0.0'))).toThrow(expect.objectContaining({ code: 'STATE_CONFLICT' }));
    const task = await rig.submit({ agent: 'visitor' });
    await vi.waitFor(async () =>
      expect((await rig.get(`${AGENTS}/visitor`)).json['load']).toMatchObject({ running: 1 }),
    );
    let isGone = false;
    const leaving = node.unregister('visitor').then(() => (isGone = true));
    await vi.waitFor(async () => expect((await rig.get(`${AGENTS}/visitor`)).json['status']).toBe('draining'));
    expect(isGone).toBe(false);
    end();
    await leaving;
    expect((await rig.get(`/api/v1/tasks/${task}`)).json).toMatchObject({
      status: 'completed',
      result: { output: 'over' },
    });
    await expect(node.unregister('visitor')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
