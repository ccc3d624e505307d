import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Answer, type Rig, startRig } from './rig.ts';

const SCHEDULES = '/api/v1/schedules';
const TASK = { agent: 'lab.echo', input: { for: '${schedule.time}' } };
const HOUR_MS = 3_600_000;

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.stop());

async function expectCode(answer: Promise<Answer>, status: number, code: string): Promise<void> {
  const { status: given, json } = await answer;
  expect([given, json['code']]).toEqual([status, code]);
}

describe('Schedules over REST', () => {
  it('are made, shown, replaced and removed', async () => {
    const body = { name: 'nightly', cron: '30 2 * * *', timeZone: 'Europe/Berlin', task: TASK };
    const made = await rig.send('POST', SCHEDULES, body);
    expect(made).toMatchObject({ status: 201, json: { schedule: 'nightly', state: 'active', task: TASK, runs: [] } });
    expect(made.headers.get('location')).toBe(`${SCHEDULES}/nightly`);
    expect((await rig.send('POST', SCHEDULES, body)).status).toBe(200);
    await expectCode(rig.send('POST', SCHEDULES, { ...body, cron: '0 3 * * *' }), 409, 'STATE_CONFLICT');

    const { json } = await rig.get(`${SCHEDULES}/nightly`);
    expect(json['upcoming']).toHaveLength(5);
    expect(new Date(json['nextAt'] as number).toISOString()).toMatch(/T0[01]:30:00\.000Z$/);

    const { name: _name, ...spec } = body;
    const replaced = await rig.send('PUT', `${SCHEDULES}/nightly`, { ...spec, cron: '@daily', overlap: 'queue' });
    expect(replaced).toMatchObject({ status: 200, json: { cron: '@daily', overlap: 'queue' } });
    expect((await rig.send('PUT', `${SCHEDULES}/other`, { ...spec, at: undefined })).status).toBe(201);
    const { json: page } = await rig.get(`${SCHEDULES}?limit=1`);
    expect(page).toMatchObject({
      schedules: [{ schedule: 'nightly', target: { agent: 'lab.echo' } }],
      cursor: 'nightly',
    });
    expect((page['schedules'] as object[])[0]).not.toHaveProperty('task');
    const { json: rest } = await rig.get(`${SCHEDULES}?cursor=nightly`);
    expect(rest).toMatchObject({ schedules: [{ schedule: 'other' }], cursor: null });

    for (const name of ['nightly', 'other'])
      expect((await rig.send('DELETE', `${SCHEDULES}/${name}`)).json).toEqual({ schedule: name, removed: true });
    await expectCode(rig.get(`${SCHEDULES}/nightly`), 404, 'NOT_FOUND');
    expect((await rig.get(SCHEDULES)).json).toEqual({ schedules: [], cursor: null });
  });

  it('run by themselves, and when someone asks, and show how their tasks ended', async () => {
    await rig.send('POST', SCHEDULES, { name: 'beat', everyMs: 1_000, task: TASK });
    const runs = await vi.waitFor(
      async () => {
        const { json } = await rig.get(`${SCHEDULES}/beat`);
        const [run] = json['runs'] as { at: number; task: string; status: string }[];
        expect(run).toMatchObject({ by: 'time', state: 'started', status: 'completed' });
        return run;
      },
      { timeout: 10_000, interval: 20 },
    );
    const { json: task } = await rig.get(`/api/v1/tasks/${runs?.task}`);
    expect(task['result']).toMatchObject({ output: { for: new Date(runs?.at ?? 0).toISOString() } });
    expect((await rig.send('POST', `${SCHEDULES}/beat/pause`)).json).toMatchObject({ state: 'paused' });
    const triggered = await rig.send('POST', `${SCHEDULES}/beat/trigger`);
    expect(triggered).toMatchObject({
      status: 202,
      json: { schedule: 'beat', queued: false, run: { by: 'trigger', state: 'started' } },
    });
    expect((await rig.send('POST', `${SCHEDULES}/beat/resume`)).json).toMatchObject({ state: 'active' });
    const { json } = await rig.get('/api/v1/tasks?label=schedule:beat');
    expect((json['tasks'] as object[]).length).toBeGreaterThanOrEqual(2);
    expect((await rig.get('/metrics')).text).toMatch(/^troupe_schedule_runs_total\{outcome="started"\} [2-9]/m);
    expect((await rig.get('/api/v1/supervisors')).text).toContain('services/schedule');
    await rig.send('DELETE', `${SCHEDULES}/beat`);
  });

  it('are refused with every fault and its place', async () => {
    const { status, json } = await rig.send('POST', SCHEDULES, {
      ...{ name: 'no name', cron: 7, missed: 'never', jitterMs: -1 },
      task: { agent: 'lab.echo', capability: 'lab.echo' },
    });
    expect(status).toBe(422);
    const { issues } = json['details'] as { issues: { path: string }[] };
    expect(new Set(issues.map(({ path }) => path))).toEqual(new Set(['name', 'cron', 'missed', 'jitterMs', 'task']));
    const never = { name: 'never', cron: '0 0 31 2 *', task: TASK };
    await expectCode(rig.send('POST', SCHEDULES, never), 422, 'INVALID_INPUT');
    await expectCode(rig.send('POST', SCHEDULES, { ...never, cron: '@daily', task: { agent: 'x' } }), 422, 'NO_AGENT');
    for (const what of ['pause', 'resume', 'trigger'])
      await expectCode(rig.send('POST', `${SCHEDULES}/nothing/${what}`), 404, 'NOT_FOUND');
    await expectCode(rig.send('DELETE', `${SCHEDULES}/nothing`), 404, 'NOT_FOUND');
    await expectCode(rig.get(`${SCHEDULES}/no%20name`), 422, 'INVALID_INPUT');
  });

  it('take moments as ISO texts', async () => {
    const at = new Date(Date.now() + HOUR_MS).toISOString();
    const { json } = await rig.send('POST', SCHEDULES, { name: 'once', at, task: TASK });
    expect(json).toMatchObject({ at: Date.parse(at), nextAt: Date.parse(at), upcoming: [Date.parse(at)] });
    await rig.send('DELETE', `${SCHEDULES}/once`);
  });
});
