import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../protocol/limits.ts';
import { scheduleSchema } from '../../../protocol/schedules.ts';
import { settled } from '../../support/indoor-node.ts';
import { createScheduleNode, ME, MINUTE_MS, START_MS } from './schedule-rig.ts';

const ECHO = { agent: 'lab.echo', input: 'hi' };
const BEAT = { everyMs: MINUTE_MS, task: ECHO };

describe('The shape of a schedule', () => {
  it.each<readonly [string, object]>([
    ['expected exactly one of cron, everyMs, at', { task: ECHO }],
    ['expected exactly one of cron, everyMs, at', { ...BEAT, cron: '* * * * *' }],
    ['means nothing without cron', { ...BEAT, timeZone: 'UTC' }],
    ['expected a time behind startAt', { ...BEAT, startAt: 5, endAt: 5 }],
    ['expected less than everyMs', { ...BEAT, jitterMs: MINUTE_MS }],
    ['means nothing without missed: all', { ...BEAT, missedMax: 3 }],
    ['means nothing without overlap: queue', { ...BEAT, queueMax: 3 }],
    ['expected ms since the epoch, or a time with an offset', { at: 'tomorrow', task: ECHO }],
    ['expected ms since the epoch, or a time with an offset', { at: '2026-08-01T09:00:00', task: ECHO }],
    ['each run is a task of its own', { ...BEAT, task: { ...ECHO, key: 'k' } }],
    ['are set by the schedule', { ...BEAT, task: { ...ECHO, options: { labels: { schedule: 'x' } } } }],
    [
      'at most 14 labels',
      {
        ...BEAT,
        task: { ...ECHO, options: { labels: Object.fromEntries(Array.from({ length: 15 }, (_, n) => [`l${n}`, ''])) } },
      },
    ],
    ['found none', { everyMs: MINUTE_MS, task: { input: 1 } }],
    ['Unrecognized key', { cron: '* * * * *', timezone: 'UTC', task: ECHO }],
    ['>=1000', { everyMs: 999, task: ECHO }],
  ])('says what is wrong: %s', (words, spec) => {
    expect(() => scheduleSchema.parse(spec)).toThrow(words);
  });

  it('takes moments as texts and as numbers', () => {
    const at = Date.UTC(2026, 7, 1, 7);
    expect(scheduleSchema.parse({ at: '2026-08-01T09:00:00+02:00', task: ECHO }).at).toBe(at);
    expect(scheduleSchema.parse({ at, task: ECHO }).at).toBe(at);
  });
});

describe('The desk for schedules', () => {
  it.each<readonly [string, string, object]>([
    ['INVALID_INPUT', 'cron: Invalid value for minute: 99', { cron: '99 * * * *', task: ECHO }],
    ['INVALID_INPUT', 'no time zone', { cron: '* * * * *', timeZone: 'Europe/Nowhere', task: ECHO }],
    ['INVALID_INPUT', 'No time of it is to come', { at: START_MS - 1, task: ECHO }],
    ['INVALID_INPUT', 'No time of it is to come', { cron: '0 0 31 2 *', task: ECHO }],
    ['INVALID_INPUT', 'No time of it is to come', { ...BEAT, endAt: START_MS + 1_000 }],
    ['INVALID_INPUT', 'there are at, time and name', { ...BEAT, task: { ...ECHO, input: '${schedule.day}' } }],
    ['NO_AGENT', 'lab.ecko', { ...BEAT, task: { agent: 'lab.ecko' } }],
    ['INVALID_INPUT', 'lab.delay', { ...BEAT, task: { agent: 'lab.delay', input: { ms: 'long' } } }],
    ['NOT_FOUND', 'No workflow nowhere', { ...BEAT, task: { workflow: 'nowhere' } }],
    ['WORKFLOW_INVALID', 'lab.ecko', { ...BEAT, task: { graph: { steps: [{ id: 'a', agent: 'lab.ecko' }] } } }],
    ['INVALID_INPUT', 'No plan template fits', { ...BEAT, task: { goal: 'make it so' } }],
    ['PROTOCOL_TOO_BIG', '65536 bytes', { ...BEAT, task: { ...ECHO, input: 'x'.repeat(65_536) } }],
  ])('refuses with %s what could never run: %s', async (code, words, spec) => {
    const node = await createScheduleNode();
    const made = node.put('beat', spec);
    await expect(made).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    await expect(node.show('beat')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(node.kernel.cells.has('schedule/beat')).toBe(false);
  });

  it('judges an input as a run will have it', async () => {
    const node = await createScheduleNode();
    // As a text it would not fit: the agent wants a number.
    await node.put('delay', { ...BEAT, task: { agent: 'lab.delay', input: { ms: 1, value: '${schedule.at}' } } });
    await node.world.elapse(2 * MINUTE_MS);
    expect((await node.tasksOf('delay'))[0]?.result?.output).toBe(START_MS + MINUTE_MS);
  });

  it('makes a schedule once: the same again is there already, another of that name is a conflict', async () => {
    const node = await createScheduleNode();
    const make = async (spec: object, who = ME) => {
      const made = node.schedules.put(who, 'beat', scheduleSchema.parse(spec), 'create');
      return (await settled(node.world, made)).created;
    };
    expect([await make(BEAT), await make(BEAT)]).toEqual([true, false]);
    await expect(make({ ...BEAT, everyMs: 5_000 })).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    await expect(make(BEAT, 'another')).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    await expect(node.put('no name!', BEAT)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect((await node.show('beat')).everyMs).toBe(MINUTE_MS);
  });

  it('replaces one, which keeps its history and its runs under way', async () => {
    const node = await createScheduleNode();
    await node.put('beat', {
      everyMs: MINUTE_MS,
      overlap: 'allow',
      task: { agent: 'lab.delay', input: { ms: 600_000 } },
    });
    await node.world.elapse(1.5 * MINUTE_MS);
    const before = await node.show('beat');
    const after = await node.put('beat', { everyMs: 10 * MINUTE_MS, task: ECHO }, 'replace');
    expect(after).toMatchObject({ everyMs: 600_000, runs: before.runs, running: before.running, createdAt: START_MS });
    expect(after.nextAt).toBe(START_MS + 11.5 * MINUTE_MS);
    expect(after).not.toHaveProperty('overlap');
    await node.world.elapse(10 * MINUTE_MS);
    expect((await node.tasksOf('beat')).map(({ result }) => result?.output)).toEqual([null, 'hi']);
  });

  it('shows and obeys whoever made a schedule, and nobody else', async () => {
    const node = await createScheduleNode();
    await node.put('beat', BEAT);
    const { schedules, world } = node;
    const asked: readonly (() => Promise<unknown>)[] = [
      () => schedules.get('eve', 'beat'),
      () => schedules.pause('eve', 'beat'),
      () => schedules.resume('eve', 'beat'),
      () => schedules.trigger('eve', 'beat'),
      () => schedules.remove('eve', 'beat'),
      () => schedules.get(ME, 'nothing'),
      () => schedules.remove(ME, 'no name!'),
    ];
    for (const ask of asked) await expect(settled(world, ask())).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await settled(world, schedules.list('eve', 10))).toEqual({ schedules: [] });
  });

  it('removes one; its tasks go on, and the name is free', async () => {
    const node = await createScheduleNode();
    await node.put('beat', { everyMs: MINUTE_MS, task: { agent: 'lab.delay', input: { ms: 90_000 } } });
    await node.world.elapse(MINUTE_MS);
    await settled(node.world, node.schedules.remove(ME, 'beat'));
    await expect(node.show('beat')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await node.world.elapse(5 * MINUTE_MS);
    expect((await node.tasksOf('beat')).map(({ status }) => status)).toEqual(['completed']);
    expect(node.kernel.cells.has('schedule/beat')).toBe(false);
    expect((await node.put('beat', BEAT)).runs).toEqual([]);
  });

  it('lists them by name, in pages', async () => {
    const node = await createScheduleNode();
    for (const name of ['c', 'a', 'b']) await node.put(name, BEAT);
    const { schedules, world } = node;
    const first = await settled(world, schedules.list(ME, 2));
    const second = await settled(world, schedules.list(ME, 2, first.cursor));
    expect([first, second].flatMap((page) => page.schedules.map(({ schedule }) => schedule))).toEqual(['a', 'b', 'c']);
    expect([first.cursor, second.cursor]).toEqual(['b', undefined]);
    expect(first.schedules[0]).not.toHaveProperty('principal');
  });

  it('takes on as many as a node may have, and not one more', async () => {
    const node = await createScheduleNode();
    const { schedules, world } = node;
    const spec = scheduleSchema.parse({ ...BEAT, paused: true });
    const made: Promise<unknown>[] = [];
    for (let n = 0; n < LIMITS.schedulesMax + 2; n++)
      made.push(
        schedules.put(ME, `s${n}`, spec, 'create').then(
          () => 'made',
          ({ code }: { readonly code: string }) => code,
        ),
      );
    await world.settle();
    const outcomes = await settled(world, Promise.all(made));
    expect(outcomes.filter((outcome) => outcome === 'made')).toHaveLength(LIMITS.schedulesMax);
    expect(outcomes.filter((outcome) => outcome === 'BUSY')).toHaveLength(2);
    await settled(world, schedules.remove(ME, `s${outcomes.indexOf('made')}`));
    expect(await node.put('late', BEAT)).toMatchObject({ schedule: 'late' });
    await expect(node.put('later', BEAT)).rejects.toMatchObject({ code: 'BUSY', retryable: false });
  });
});
