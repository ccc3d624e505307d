/** What waits for people and what comes at times, by the command: its words, its JSON, its exit codes. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCommand } from '../../cli/program.ts';
import { payments } from '../../examples/approval.ts';
import { type Rig, startRig } from '../gateway/rig.ts';
import { ROOT, temporaryFolder } from '../support/node-process.ts';

let rig: Rig;
const folder = temporaryFolder('cli-people');
beforeAll(async () => {
  rig = await startRig({ agents: [payments] });
});
afterEach(() => void vi.restoreAllMocks());
afterAll(async () => {
  await rig.stop();
  folder.clear();
});

/** Runs a command line in this process. */
async function troupe(...args: readonly string[]) {
  let out = '';
  let err = '';
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
  const code = await runCommand([...args, '--url', rig.url]);
  stdout.mockRestore();
  stderr.mockRestore();
  return { code, out, err };
}

const order = (usd: number): readonly string[] => [
  ...['submit', '--agent', 'payments', '--input', JSON.stringify({ to: 'Ada', usd })],
];

describe('troupe approve', () => {
  it('lets a task go on that waits for a person', async () => {
    const submitted = await troupe(...order(250), '--wait');
    const [task = ''] = submitted.out.split('\n');
    const id = `${task}.main.pay`;
    expect(submitted.code).toBe(3);
    expect(submitted.err).toContain('step main asks for an approval of accountant: Pay 250 USD to Ada?');
    expect(submitted.err).toContain(`troupe approve ${id}`);
    expect(await troupe('status', task)).toMatchObject({ code: 3, out: expect.stringContaining('input-required') });
    expect(await troupe('result', task)).toMatchObject({ code: 3, err: expect.stringContaining(id) });

    const list = await troupe('approvals', '--role', 'accountant', '--json');
    expect(list.code).toBe(3);
    expect(JSON.parse(list.out)).toMatchObject({ approval: id, message: 'Pay 250 USD to Ada?' });
    expect((await troupe('approvals', '--task', task)).out).toMatch(new RegExp(`${id} +accountant`));
    const { out: one, code } = await troupe('approvals', id);
    expect(code).toBe(3);
    for (const words of ['asked of accountant since', 'asked of head of finance from', ': reject', '"usd": 250'])
      expect(one).toContain(words);
    expect(await troupe('approvals', '--role', 'nobody')).toMatchObject({
      code: 0,
      out: 'No approval is waited for.\n',
    });

    const approved = await troupe('approve', id, '--comment', 'It is fine.');
    expect(approved).toEqual({
      code: 0,
      out: `${id}  approved by loopback: It is fine.; task ${task} goes on\n`,
      err: '',
    });
    expect(JSON.parse((await troupe('approve', id, '--json')).out)).toMatchObject({ state: 'resolved' });
    expect(await troupe('reject', id)).toMatchObject({ code: 1, err: expect.stringContaining('decided already') });
    expect((await troupe('watch', task)).code).toBe(0);
    expect((await troupe('result', task)).out).toContain('"paid": true');
    expect((await troupe('approvals', '--state', 'closed')).out).toContain('approved by loopback');
    expect(await troupe('approve', 'nothing')).toMatchObject({ code: 1, err: expect.stringContaining('no approval') });
  });

  it('is not waited for by who submits a task again that was decided since', async () => {
    const again = [...order(9_000), '--key', 'again', '--wait'];
    const first = await troupe(...again);
    expect(first.code).toBe(3);
    const [task = ''] = first.out.split('\n');
    expect((await troupe('reject', `${task}.main.pay`)).out).toContain('rejected by loopback');
    expect(await troupe(...again)).toMatchObject({ code: 0, out: expect.stringContaining('"paid": false') });
  });

  it('is nothing that a small payment waits for', async () => {
    expect(await troupe(...order(5), '--wait')).toMatchObject({
      code: 0,
      out: expect.stringContaining('"paid": true'),
    });
  });
});

describe('troupe schedules', () => {
  it('makes, shows, holds, runs and removes schedules', async () => {
    const task = ['--agent', 'lab.echo', '--input', '{"at":"${schedule.time}"}', '--label', 'team=a'];
    const added = await troupe('schedules', 'add', 'beat', '--every', '1s', '--missed', 'skip', ...task);
    expect(added).toMatchObject({ code: 0, out: expect.stringMatching(/^beat {2}active, next 20/) });
    expect((await troupe('schedules', 'add', 'beat', '--every', '2s', ...task)).code).toBe(1);
    const shown = await vi.waitFor(async () => {
      const { out } = await troupe('schedules', 'show', 'beat');
      expect(out).toMatch(/time +started +01\w+ +completed/);
      return out;
    }, 20_000);
    expect(shown).toContain('beat  active  every 1.0 s\nmissed: skip  overlap: skip\n');
    expect((await troupe('schedules')).out).toMatch(/beat +active +every 1\.0 s +20\S+ +lab\.echo +started/);
    expect(JSON.parse((await troupe('schedules', 'list', '--json')).out)).toMatchObject({ schedule: 'beat' });
    expect((await troupe('schedules', 'pause', 'beat')).out).toContain('paused');
    const triggered = await troupe('schedules', 'trigger', 'beat', '--json');
    expect(JSON.parse(triggered.out)).toMatchObject({ queued: false, run: { by: 'trigger', state: 'started' } });
    expect((await troupe('schedules', 'resume', 'beat')).out).toContain('active');
    expect((await troupe('list', '--label', 'schedule=beat', '--label', 'team=a')).out).toContain('completed');
    expect((await troupe('schedules', 'remove', 'beat')).out).toBe('beat is gone.\n');
    expect(await troupe('schedules', 'show', 'beat')).toMatchObject({
      code: 1,
      err: expect.stringContaining('no schedule'),
    });
    expect((await troupe('schedules')).out).toContain('No schedules');
  });

  it('takes one from a file, and what is given beside it goes before', async () => {
    const file = path.join(ROOT, 'examples/schedule.json');
    const added = await troupe('schedules', 'add', 'report', '--file', file, '--paused', '--json');
    expect(JSON.parse(added.out)).toMatchObject({ schedule: 'report', state: 'paused', timeZone: 'Europe/Berlin' });
    const own = path.join(folder.path, 'own.json');
    writeFileSync(own, '{"everyMs":60000,"task":{"agent":"lab.echo","input":1}}');
    const replaced = await troupe('schedules', 'add', 'report', '--file', own, '--overlap', 'allow', '--replace');
    expect(replaced.code).toBe(0);
    const { out } = await troupe('schedules', 'show', 'report');
    expect(out).toContain('missed: once  overlap: allow\ntask: {"agent":"lab.echo","input":1}\n');
    expect(out).toContain('No run yet.');
  });

  it('says what is wrong with one', async () => {
    const add = ['schedules', 'add', 'x'];
    const wrong = await troupe(...add, '--cron', '99 * * * *', '--agent', 'lab.echo');
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('Invalid value for minute: 99') });
    expect(await troupe(...add, '--cron', '@daily')).toMatchObject({
      code: 2,
      err: expect.stringContaining('Name exactly'),
    });
    expect((await troupe(...add, '--agent', 'lab.echo')).err).toContain('expected exactly one of cron, everyMs, at');
    expect((await troupe(...add, '--agent', 'lab.echo', '--overlap', 'maybe')).code).toBe(2);
    writeFileSync(path.join(folder.path, 'list.json'), '[]');
    const list = await troupe(...add, '--file', path.join(folder.path, 'list.json'));
    expect(list.err).toContain('is not a JSON object');
    const { out, code } = await troupe('schedules', 'add', '--help');
    expect(code).toBe(0);
    expect(out).toContain('--overlap <policy>');
  });
});
