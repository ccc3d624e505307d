/** The quarantine from the command line, on a real node; and the replay of a capsule without one. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { replayCapsule } from '../../index.ts';
import { CAPSULE_FORMAT } from '../../runtime/capsule.ts';
import { packCapsule, unpackCapsule } from '../../runtime/capsule-making.ts';
import { type Rig, startRig } from '../gateway/rig.ts';
import { type Ended, ROOT, runTroupe, temporaryFolder } from '../support/node-process.ts';
import { drawerAgent, tillAgent } from '../support/tills.ts';

const CASE_MS = 90_000;
const folder = temporaryFolder('capsules');
const agents = path.join(folder.path, 'agents.ts');
const file = path.join(folder.path, 'pay.capsule.json');

/** The till of the environment: as it was, fixed, another version, or one that never comes back or ends its process. */
const AGENTS = `
import { defineAgent } from '${ROOT}/index.ts';
import { tillAgent } from '${ROOT}/test/support/tills.ts';
import { setup } from '${ROOT}/node_modules/xstate/dist/xstate.esm.js';
const which = process.env['TILL'];
const other = (act, version = '1.0.0') => defineAgent({ name: 'till', version, machine: setup({}).createMachine({
  id: 'till', initial: 'open', states: { open: {} }, on: { pay: { actions: act } } }) });
export default which === 'other' ? other(() => {}) : tillAgent(which === 'fixed');
`;

let rig: Rig;
let task = '';
let id = '';
beforeAll(async () => {
  writeFileSync(agents, AGENTS);
  rig = await startRig({ agents: [tillAgent(), drawerAgent()] });
  task = await rig.submit({ agent: 'till', input: { start: 1 } });
  await rig.send('POST', `/api/v1/tasks/${task}/signals/pay`, { amount: 5 });
  await rig.send('POST', `/api/v1/tasks/${task}/signals/pay`, { amount: 13 });
  await vi.waitFor(
    async () => {
      const { quarantine } = (await rig.get('/api/v1/quarantine')).json as { quarantine: { id: string }[] };
      id = quarantine[0]?.id ?? '';
      if (id === '') throw new TypeError('Nothing is set aside yet.');
    },
    { timeout: 15_000, interval: 20 },
  );
});
afterAll(async () => {
  await rig.stop();
  folder.clear();
});

const quarantine = async (...args: readonly string[]): Promise<Ended> =>
  await runTroupe(['quarantine', ...args, '--url', rig.url]);
const replay = async (till: string, ...args: readonly string[]): Promise<Ended> =>
  await runTroupe(['replay', file, ...args], { env: { TILL: till } });

describe('troupe quarantine', () => {
  it(
    'lists, shows and exports, for people and for programs',
    async () => {
      const list = await quarantine();
      expect(list.out).toContain('CAPSULE');
      expect(list.out).toMatch(new RegExp(`${id}  crash  run/${task}/main/1  event pay`));
      expect(JSON.parse((await quarantine('list', '--json')).out)).toMatchObject({ id, message: 'event pay' });
      const shown = await quarantine('show', id);
      expect(shown.out).toContain('13 brings bad luck');
      expect(shown.out).not.toContain('packed');
      expect(JSON.parse((await quarantine('show', id, '--json')).out)).toMatchObject({
        state: { context: { total: 6 } },
      });
      expect((await quarantine('export', id, file)).code).toBe(0);
      expect(existsSync(file)).toBe(true);
      expect((await quarantine('export', id, file)).err).toContain('is there already');
      const nowhere = await quarantine('export', id, path.join(file, 'x'));
      expect(nowhere).toMatchObject({
        code: 2,
        err: expect.stringMatching(/^troupe: .*x cannot be written: .*\n$/) as unknown,
      });
    },
    CASE_MS,
  );

  it(
    'edits and replays, and then it is gone; says so of what is not there',
    async () => {
      expect((await quarantine('edit', id, '--event', '{"type":')).code).toBe(2);
      for (const args of [[], ['--event', '{"type":"pay"}', '--input', '1']]) {
        const said = 'troupe: Give --event (an object with a `type`) or --input, one of them.\n';
        expect(await quarantine('edit', id, ...args)).toEqual({ code: 2, out: '', err: said });
      }
      const untyped = await quarantine('edit', id, '--event', '{"amount":1}');
      expect([untyped.code, untyped.err]).toEqual([2, expect.stringContaining('event.type: give `event`')]);
      expect((await quarantine('edit', id, '--input', '{"start":3}')).code).toBe(0);
      const replayed = JSON.parse((await quarantine('replay', id, '--json')).out) as { task: string };
      expect(replayed).toMatchObject({ id, did: 'submitted', replayOf: task });
      await rig.send('POST', `/api/v1/tasks/${replayed.task}/signals/close`);
      await vi.waitFor(async () => {
        const { json } = await rig.get(`/api/v1/tasks/${replayed.task}`);
        expect(json).toMatchObject({ status: 'completed', result: { output: { total: 3 } } });
      });
      expect((await quarantine()).out).toContain('Nothing is set aside.');
      expect(await quarantine('discard', id)).toMatchObject({
        code: 1,
        err: expect.stringContaining('no such capsule') as unknown,
      });
    },
    CASE_MS,
  );
});

describe('troupe replay', () => {
  it(
    'fails with the same error as long as the agent is as it was, and tells step by step what happens',
    async () => {
      const ended = await replay('as it was', '--agents', agents);
      expect(ended.code).toBe(1);
      expect(ended.out).toContain('Still failing, with the same error.');
      expect(ended.out).toContain('RangeError: 13 brings bad luck');
      expect(ended.out).toContain('from the state before the message');
      expect(ended.out).toContain('event pay');
    },
    CASE_MS,
  );

  it(
    'is done once the agent is fixed',
    async () => {
      const ended = await replay('fixed', '--agents', agents, '--json');
      expect(ended.code).toBe(0);
      expect(JSON.parse(ended.out.trim().split('\n').at(-1) ?? '')).toMatchObject({ ok: true, agent: 'till@1.0.0' });
    },
    CASE_MS,
  );

  it(
    'says what is missing where the capsule cannot be used',
    async () => {
      const none = await replay('fixed');
      expect([none.code, none.err]).toEqual([2, expect.stringContaining('Name its file with --agents')]);
      const other = await replay('other', '--agents', agents);
      expect([other.code, other.err]).toEqual([2, expect.stringContaining('of another shape')]);
      const missing = await runTroupe(['replay', path.join(folder.path, 'nothing.json')]);
      expect([missing.code, missing.err]).toEqual([2, expect.stringContaining('cannot be read as a crash capsule')]);
    },
    CASE_MS,
  );

  it(
    'calls it a failure when the code ends the process, or does not come back',
    async () => {
      const { packed } = JSON.parse(readFileSync(file, 'utf8')) as { packed: string };
      const capsule = unpackCapsule(Buffer.from(packed, 'base64'));
      const writeCall = (name: string, run: string): readonly string[] => {
        const code = path.join(folder.path, `${name}.ts`);
        const to = path.join(folder.path, `${name}.json`);
        writeFileSync(
          code,
          `import { defineAgent } from '${ROOT}/index.ts';
         export default defineAgent({ name: '${name}', version: '1.0.0', run: async ({ ctx }) => { ${run} } });`,
        );
        const { snapshot: _none, ...rest } = capsule;
        const call = {
          ...rest,
          format: CAPSULE_FORMAT,
          logic: `agent:${name}@1.0.0`,
          message: { kind: 'call', key: 'run' },
        } as const;
        writeFileSync(to, JSON.stringify({ packed: Buffer.from(packCapsule(call)).toString('base64') }));
        return ['replay', to, '--agents', code];
      };
      const quits = await runTroupe(writeCall('quits', 'process.exit(0)'));
      expect([quits.code, quits.out]).toEqual([1, expect.stringContaining('It ended its process, with the code 0.')]);
      const loops = await runTroupe([...writeCall('loops', 'for (;;);'), '--timeout', '4s']);
      expect([loops.code, loops.out]).toEqual([1, expect.stringContaining('It did not come back within')]);
      const fine = await runTroupe(writeCall('fine', 'await ctx.sleep(3_600_000); return 1'));
      expect([fine.code, fine.out]).toEqual([0, expect.stringContaining('It no longer fails.')]);
      const asks = await runTroupe(writeCall('asks', "await ctx.ask('till', 'x', { type: 'read' })"));
      expect([asks.code, asks.err]).toEqual([2, expect.stringContaining('cannot be reached offline')]);
    },
    CASE_MS,
  );
});

describe('replayCapsule, in a test suite', () => {
  it('rejects with the error of the agent until that is fixed', async () => {
    await expect(replayCapsule(file, { agents: [tillAgent()] })).rejects.toThrow('13 brings bad luck');
    const report = await replayCapsule(file, { agents: [tillAgent(true)] });
    expect(report).toMatchObject({ capsule: id, agent: 'till@1.0.0', status: 'active' });
    expect(report.steps).toContain('event pay');
  });

  it('refuses what it cannot use', async () => {
    await expect(replayCapsule(file, { agents: [] })).rejects.toMatchObject({ code: 'VERSION_MISMATCH' });
    const broken = path.join(folder.path, 'broken.json');
    for (const [text, code] of [
      ['{}', 'INVALID_INPUT'],
      ['not json', 'INVALID_INPUT'],
      ['{"packed":"AAAA"}', 'INVALID_INPUT'],
    ] as const) {
      writeFileSync(broken, text);
      await expect(replayCapsule(broken, { agents: [tillAgent()] })).rejects.toMatchObject({ code });
    }
  });
});
