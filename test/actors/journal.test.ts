import { describe, expect, it } from 'vitest';
import { Journal, type JournalHost, type JournalOptions } from '../../actors/journal.ts';
import type { JournalShelf } from '../../actors/journal-shelf.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { packState, unpackState } from '../../runtime/state-codec.ts';

/** A shelf as the store keeps it; `order` is what happened, commits included. */
function rig() {
  const rows = new Map<string, unknown>();
  const order: string[] = [];
  const ended: string[] = [];
  const paused: number[] = [];
  /** What is said of the calls in doubt, one after the other. */
  const said: object[] = [];
  const shelf: JournalShelf = {
    recorded: () => rows,
    record: (key, value) => {
      order.push(`${key} ${String((value as { readonly state?: string }).state ?? 'due')}`);
      rows.set(key, unpackState(packState(value)));
    },
    committed: async () => void order.push('committed'),
    decided: async ({ entry }, signal) => {
      signal.throwIfAborted();
      order.push(`${entry} in doubt`);
      rows.set(entry, { ...(rows.get(entry) as object), ...said.shift() });
    },
    began: () => undefined,
    repeats: () => void order.push('repeats'),
    ended: ({ entry }, { ok }) => void ended.push(`${entry} ${ok}`),
  };
  const clock = { nowMs: 1_000 };
  const host: JournalHost = {
    owner: 'step/T/s',
    prefix: 'j',
    signal: new AbortController().signal,
    deadlineAtMs: undefined,
    nowMs: () => clock.nowMs,
    random: () => 0,
    pause: async (untilMs) => {
      paused.push(untilMs - clock.nowMs);
      clock.nowMs = untilMs;
    },
    rest: () => {
      order.push('rests');
      return async () => void order.push('back');
    },
  };
  const journal = (more: Partial<JournalHost> = {}) => new Journal(shelf, { ...host, ...more });
  const call = <T>(of: Journal, name: string, fn: (key: string) => T, options: JournalOptions = {}) =>
    of.call(name, (key) => fn(key), options);
  return { rows, order, ended, paused, said, clock, journal, call };
}

describe('A journaled call', () => {
  it('is intended, committed, made, recorded: in this order', async () => {
    const { order, journal, call } = rig();
    expect(await call(journal(), 'pay', () => order.push('made'))).toBe(3);
    expect(order).toEqual(['j/pay#1 intended', 'committed', 'made', 'j/pay#1 done']);
  });

  it('that is pure is made without a word before', async () => {
    const { order, journal, call } = rig();
    await call(journal(), 'look', () => order.push('made'), { kind: 'pure' });
    expect(order).toEqual(['made', 'j/look#1 done']);
  });

  it('is made once: a resumed function is given what was recorded, each occurrence its own', async () => {
    const { journal, call } = rig();
    let made = 0;
    const both = async (): Promise<unknown[]> => {
      const one = journal();
      return [
        await call(one, 'roll', () => ++made),
        await call(one, 'roll', () => ++made),
        await call(one, 'other', () => ++made),
      ];
    };
    expect(await both()).toEqual([1, 2, 3]);
    expect(await both()).toEqual([1, 2, 3]);
    expect(made).toBe(3);
  });

  it('that failed is made again by the next attempt, with the same key, unless it is unsafe', async () => {
    const { journal, call } = rig();
    const keys: string[] = [];
    const fails = (key: string): never => {
      keys.push(key);
      throw new TypeError('no');
    };
    for (let attempt = 0; attempt < 2; attempt++) await expect(call(journal(), 'send', fails)).rejects.toThrow('no');
    expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
    await expect(call(journal(), 'fire', fails, { kind: 'unsafe' })).rejects.toMatchObject({ retryable: false });
    await expect(call(journal(), 'fire', fails, { kind: 'unsafe' })).rejects.toMatchObject({
      message: 'no',
      retryable: false,
    });
    expect(keys).toHaveLength(3);
  });

  it('gets keys that differ by owner, name and occurrence', async () => {
    const { journal, call } = rig();
    const one = journal();
    const keys = [
      await call(one, 'a', (key) => key),
      await call(one, 'a', (key) => key),
      await call(one, 'b', (key) => key),
    ];
    const { journal: elsewhere, call: callElsewhere } = rig();
    keys.push(await callElsewhere(elsewhere({ owner: 'step/T/other' }), 'a', (key) => key));
    expect(new Set(keys).size).toBe(4);
  });

  it.each([
    ['done', { state: 'done', value: 'so it was' }, 'so it was', 0],
    ['to be made again', { state: 'retry' }, 'made', 1],
  ])('that was intended and is unsafe waits for a word, and holds nothing: %s', async (_what, word, value, calls) => {
    const { rows, order, said, journal, call } = rig();
    rows.set('j/fire#1', { kind: 'unsafe', args: undefined, state: 'intended', begun: 1 });
    said.push(word);
    let made = 0;
    const fire = (): string => {
      made++;
      return 'made';
    };
    expect(await call(journal(), 'fire', fire, { kind: 'unsafe' })).toBe(value);
    expect([made, order.slice(0, 3)]).toEqual([calls, ['rests', 'j/fire#1 in doubt', 'back']]);
    expect(await call(journal(), 'fire', fire, { kind: 'unsafe' })).toBe(value);
    expect([made, order.includes('j/fire#1 done')]).toEqual([calls, calls === 1]);
  });

  it('that was intended and is unsafe fails where someone says so, and always from then on', async () => {
    const { rows, said, journal, call } = rig();
    rows.set('j/fire#1', { kind: 'unsafe', args: undefined, state: 'intended', begun: 1 });
    said.push({ state: 'failed', error: { code: 'AGENT_FAILED', message: 'it was not', retryable: false } });
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(call(journal(), 'fire', () => 1, { kind: 'unsafe' })).rejects.toThrow('it was not');
  });

  it('that is unsafe and says itself that it does not know waits for a word', async () => {
    const { order, said, journal, call } = rig();
    said.push({ state: 'done', value: 3 });
    const fire = (): never => {
      throw new OperatingError('EFFECT_UNKNOWN', 'The line went dead.');
    };
    expect(await call(journal(), 'fire', fire, { kind: 'unsafe' })).toBe(3);
    expect(order).toEqual(['j/fire#1 intended', 'committed', 'rests', 'j/fire#1 in doubt', 'back']);
  });

  it('that was intended and is keyed is made again', async () => {
    const { rows, journal, call } = rig();
    rows.set('j/send#1', { kind: 'keyed', args: undefined, state: 'intended' });
    expect(await call(journal(), 'send', () => 'made')).toBe('made');
  });

  it('whose outcome was decided while it was under way does not change it when it comes back', async () => {
    const { rows, ended, journal, call } = rig();
    const fire = (): string => {
      rows.set('j/fire#1', { kind: 'unsafe', args: undefined, state: 'done', value: 'by someone' });
      return 'too late';
    };
    expect(await call(journal(), 'fire', fire, { kind: 'unsafe' })).toBe('by someone');
    expect([rows.get('j/fire#1'), ended]).toMatchObject([{ value: 'by someone' }, []]);
  });

  it('is repeated as it says, each failure on record, with what the error says of waiting', async () => {
    const { rows, order, paused, journal, call } = rig();
    let made = 0;
    const seen: unknown[] = [];
    const send = (): string => {
      seen.push((rows.get('j/send#1') as { failures?: number }).failures);
      if (++made === 1) throw new OperatingError('RATE_LIMITED', 'slowly', { retryAfterMs: 5_000 });
      if (made === 2) throw new OperatingError('UNAVAILABLE', 'away');
      return 'sent';
    };
    expect(await call(journal(), 'send', send, { retry: { attempts: 3, backoffMs: 100 } })).toBe('sent');
    expect([made, paused, seen]).toEqual([3, [5_000, 200], [undefined, 1, 2]]);
    expect(order.filter((line) => line === 'repeats')).toHaveLength(2);
    expect(rows.get('j/send#1')).toMatchObject({ state: 'done', value: 'sent' });
  });

  it.each([
    ['what does not pass', { attempts: 3 }, { retryable: false }],
    ['its last attempt', { attempts: 1 }, {}],
    ['a pause beyond the deadline', { attempts: 3 }, { retryAfterMs: 90_000 }],
  ])('is not repeated after %s', async (_what, retry, more) => {
    const { journal, call } = rig();
    let made = 0;
    const send = (): never => {
      made++;
      throw new OperatingError('UNAVAILABLE', 'away', more);
    };
    const host = { deadlineAtMs: 60_000 };
    await expect(call(journal(host), 'send', send, { retry })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(made).toBe(1);
  });

  it('goes on with the pause, and with the count, that a crash fell into', async () => {
    const { rows, paused, journal, call } = rig();
    rows.set('j/send#1', { kind: 'keyed', args: undefined, state: 'intended', failures: 1, dueAtMs: 1_700 });
    let made = 0;
    const send = (): never => {
      made++;
      throw new OperatingError('UNAVAILABLE', 'away');
    };
    await expect(call(journal(), 'send', send, { retry: { attempts: 2 } })).rejects.toThrow('away');
    expect([made, paused]).toEqual([1, [700]]);
  });

  it('does not begin once its deadline has passed, also where that was while it was committed', async () => {
    const { clock, journal, call } = rig();
    let made = 0;
    const late = call(journal({ deadlineAtMs: 1_000 }), 'send', () => ++made);
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const soon = call(journal({ deadlineAtMs: 2_000 }), 'send', () => ++made);
    clock.nowMs = 2_000;
    await expect(soon).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(made).toBe(0);
  });

  it.each<[string, JournalOptions]>([
    ['other arguments', { args: { to: 'b' } }],
    ['no arguments', {}],
    ['another kind', { args: { to: 'a' }, kind: 'pure' }],
  ])('that is asked for with %s than were recorded is refused with its place', async (_what, options) => {
    const { journal, call } = rig();
    await call(journal(), 'send', () => 1, { args: { to: 'a' } });
    expect(await call(journal(), 'send', () => 2, { args: { to: 'a' } })).toBe(1);
    await expect(call(journal(), 'send', () => 2, options)).rejects.toMatchObject({
      code: 'JOURNAL_MISMATCH',
      details: { entry: 'j/send#1' },
    });
  });

  it('is not made when it is no longer wanted', async () => {
    const { rows, journal } = rig();
    const abort = new AbortController();
    abort.abort(new TypeError('gone'));
    const { signal } = abort;
    let made = 0;
    for (const kind of ['pure', 'keyed', 'unsafe'] as const)
      await expect(journal({ signal }).call(kind, () => ++made, { kind })).rejects.toThrow('gone');
    expect(made).toBe(0);
    // It was not made, so nobody need doubt it.
    expect(rows.get('j/unsafe#1')).toMatchObject({ state: 'retry' });
  });

  it('too many is a loop without end', async () => {
    const { journal } = rig();
    const one = journal();
    for (let n = 0; n < 10_000; n++) one.dueAt(0, 1);
    expect(() => one.dueAt(0, 1)).toThrow(expect.objectContaining({ code: 'LIVELOCK' }));
  });
});

it('A durable wait ends when it would have ended, however often the function resumes', () => {
  const { journal } = rig();
  expect(journal().dueAt(1_000, 500)).toBe(1_500);
  expect(journal().dueAt(1_400, 500)).toBe(1_500);
  const again = journal();
  again.dueAt(9_000, 500);
  expect(again.dueAt(2_000, 500)).toBe(2_500);
});
