import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Calendar, type Timing } from '../../../actors/schedules/calendar.ts';

const ms = (iso: string): number => Date.parse(iso);
const iso = (time: number | undefined): string | undefined =>
  time === undefined ? time : new Date(time).toISOString();

/** The next times behind a moment. */
function times(timing: Timing, after: string, count: number, anchor = after): readonly (string | undefined)[] {
  const calendar = new Calendar(timing, ms(anchor));
  const found: number[] = [];
  let next = calendar.nextAfter(ms(after));
  while (next !== undefined && found.length < count) {
    found.push(next);
    next = calendar.nextAfter(next);
  }
  return found.map(iso);
}

describe('A calendar of a cron expression', () => {
  it('goes by UTC where no time zone is given, whatever the machine says', () => {
    expect(times({ cron: '0 9 * * 1-5' }, '2026-01-02T00:00:00Z', 3)).toEqual([
      ...['2026-01-02T09:00:00.000Z', '2026-01-05T09:00:00.000Z', '2026-01-06T09:00:00.000Z'],
    ]);
  });

  it('goes by its time zone, in winter and in summer', () => {
    const timing = { cron: '0 9 1 1,7 *', timeZone: 'Europe/Berlin' };
    expect(times(timing, '2026-01-01T00:00:00Z', 2)).toEqual(['2026-01-01T08:00:00.000Z', '2026-07-01T07:00:00.000Z']);
  });

  it('knows seconds, names of days and months, the last day, and nicknames', () => {
    const from = '2026-01-01T00:00:00Z';
    expect(times({ cron: '30 0 0 * * *' }, from, 1)).toEqual(['2026-01-01T00:00:30.000Z']);
    expect(times({ cron: '0 0 * FEB SUN' }, from, 1)).toEqual(['2026-02-01T00:00:00.000Z']);
    expect(times({ cron: '0 0 L * *' }, from, 2)).toEqual(['2026-01-31T00:00:00.000Z', '2026-02-28T00:00:00.000Z']);
    expect(times({ cron: '@daily' }, from, 1)).toEqual(['2026-01-02T00:00:00.000Z']);
  });

  it.each<readonly [string, string, string, readonly string[]]>([
    // At 2:00 the clocks in Berlin go to 3:00.
    [
      'a fixed time in a gap comes at the first moment behind it',
      '30 2 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'],
    ],
    [
      'several fixed times in a gap are one',
      '0,30 2 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T01:00:00.000Z', '2026-03-30T00:00:00.000Z'],
    ],
    [
      'a step goes on over a gap',
      '*/30 * * * *',
      '2026-03-29T00:10:00Z',
      ['2026-03-29T00:30:00.000Z', '2026-03-29T01:00:00.000Z', '2026-03-29T01:30:00.000Z'],
    ],
    // At 3:00 the clocks go back to 2:00.
    [
      'a fixed time that comes twice is run once',
      '30 2 * * *',
      '2026-10-24T12:00:00Z',
      ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'],
    ],
    [
      'a step goes by the time that passes where an hour comes twice',
      '*/30 * * * *',
      '2026-10-25T00:10:00Z',
      ['2026-10-25T00:30:00.000Z', '2026-10-25T01:00:00.000Z', '2026-10-25T01:30:00.000Z', '2026-10-25T02:00:00.000Z'],
    ],
  ])('where clocks change: %s', (_what, cron, after, expected) => {
    const timing = { cron, timeZone: 'Europe/Berlin' };
    expect(times(timing, after, expected.length)).toEqual(expected);
    const last = expected.at(-1) as string;
    expect(new Calendar(timing, 0).passed(ms(after), ms(last), 10).times.map(iso)).toEqual(expected);
  });

  it.each([
    ['* * *', undefined, 'cron: expected five fields'],
    ['2026-01-01T00:00:00', undefined, 'cron: expected five fields'],
    ['0 0 0 1 1 * 2030', undefined, 'cron: expected five fields'],
    ['61 * * * *', undefined, 'cron: Invalid value for minute: 61'],
    ['@reboot', undefined, 'cron: @reboot is not supported'],
    ['0 0 * * *', 'Mars/Olympus', 'timeZone: Mars/Olympus is no time zone'],
  ])('refuses %s in %s, saying why', (cron, timeZone, words) => {
    const timing = { cron, ...(timeZone !== undefined && { timeZone }) };
    const make = (): unknown => new Calendar(timing, 0);
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining(words) }));
  });

  it('has no next time for a day that never comes, and finds that out soon', () => {
    expect(times({ cron: '0 0 31 2 *', timeZone: 'Europe/Berlin' }, '2026-01-01T00:00:00Z', 1)).toEqual([]);
  });
});

describe('A calendar of intervals', () => {
  it('counts from its anchor, and does not drift, however late it is asked', () => {
    const timing = { everyMs: 60_000 };
    const anchor = '2026-01-01T00:00:10Z';
    expect(times(timing, anchor, 2)).toEqual(['2026-01-01T00:01:10.000Z', '2026-01-01T00:02:10.000Z']);
    expect(times(timing, '2026-01-01T05:00:59.999Z', 1, anchor)).toEqual(['2026-01-01T05:01:10.000Z']);
  });

  it('begins at startAt, and ends before endAt', () => {
    const timing = { everyMs: 60_000, startAt: ms('2026-01-02T00:00:00Z'), endAt: ms('2026-01-02T00:02:00Z') };
    expect(times(timing, '2026-01-01T00:00:00Z', 5)).toEqual(['2026-01-02T00:00:00.000Z', '2026-01-02T00:01:00.000Z']);
  });
});

describe('A calendar of one moment', () => {
  it('has it once', () => {
    const at = ms('2026-01-02T00:00:00Z');
    expect(times({ at }, '2026-01-01T00:00:00Z', 5)).toEqual(['2026-01-02T00:00:00.000Z']);
    expect(new Calendar({ at }, 0).nextAfter(at)).toBeUndefined();
    expect(new Calendar({ at }, 0).passed(at - 1, at + 1, 5)).toEqual({ times: [at], isMore: false });
    expect(new Calendar({ at, endAt: at }, 0).nextAfter(0)).toBeUndefined();
  });
});

const timings = fc.oneof(
  fc.record({ everyMs: fc.integer({ min: 1_000, max: 10_000_000 }) }),
  fc.record({ at: fc.integer({ min: ms('2026-03-01T00:00:00Z'), max: ms('2026-04-30T00:00:00Z') }) }),
  fc.record({
    cron: fc.constantFrom(
      '30 2 * * *',
      '*/20 * * * *',
      '0 0,12 * * 1-5',
      '0 4 29 3 *',
      '15 10 */2 * * *',
      '5 1-3 * * 0',
    ),
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'),
  }),
);

describe('What has passed', () => {
  it('is what came one after another: the latest of it, in order', () => {
    const from = ms('2026-03-05T00:00:00Z');
    const bounds = fc.record({
      fromMs: fc.integer({ min: from, max: from + 30 * 86_400_000 }),
      lengthMs: fc.integer({ min: 0, max: 4 * 86_400_000 }),
      max: fc.integer({ min: 1, max: 8 }),
      startMs: fc.option(fc.integer({ min: -86_400_000, max: 86_400_000 }), { nil: undefined }),
      endMs: fc.option(fc.integer({ min: 1, max: 4 * 86_400_000 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(timings, bounds, (when, { fromMs, lengthMs, max, startMs, endMs }) => {
        const timing: Timing = {
          ...when,
          ...(startMs !== undefined && { startAt: fromMs + startMs }),
          ...(endMs !== undefined && { endAt: fromMs + Math.max(startMs ?? 0, 0) + endMs }),
        };
        const calendar = new Calendar(timing, from);
        const untilMs = fromMs + lengthMs;
        const all: number[] = [];
        let next = calendar.nextAfter(fromMs - 1);
        // Of a fast interval the walk would be long: what it has to show is the end.
        for (let steps = 0; next !== undefined && next <= untilMs && steps < 20_000; steps++) {
          all.push(next);
          next = calendar.nextAfter(next);
        }
        fc.pre(next === undefined || next > untilMs);
        expect(calendar.passed(fromMs, untilMs, max)).toEqual({ times: all.slice(-max), isMore: all.length > max });
      }),
      { numRuns: 150 },
    );
  });
});
