import { describe, expect, it } from 'vitest';
import { Journal, type JournalShelf } from '../../actors/journal.ts';
import { packState, unpackState } from '../../runtime/state-codec.ts';

/** A shelf as the store keeps it; `order` is what happened, commits included. */
function rig() {
  const rows = new Map<string, unknown>();
  const order: string[] = [];
  const shelf: JournalShelf = {
    recorded: () => rows,
    record: (key, value) => {
      order.push(`${key} ${String((value as { readonly state?: string }).state ?? 'due')}`);
      rows.set(key, unpackState(packState(value)));
    },
    committed: async () => void order.push('committed'),
  };
  const { signal } = new AbortController();
  const journal = (owner = 'step/T/s') => new Journal(shelf, owner, 'j');
  const call = <T>(of: Journal, name: string, fn: (key: string) => T, options = {}) =>
    of.call(name, (key) => fn(key), options, signal);
  return { rows, order, journal, call };
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
    keys.push(await callElsewhere(elsewhere('step/T/other'), 'a', (key) => key));
    expect(new Set(keys).size).toBe(4);
  });

  it('that was intended and is unsafe is not made again: what came of it is not known', async () => {
    const { rows, journal, call } = rig();
    rows.set('j/fire#1', { kind: 'unsafe', args: undefined, state: 'intended' });
    let made = 0;
    await expect(call(journal(), 'fire', () => ++made, { kind: 'unsafe' })).rejects.toMatchObject({
      code: 'EFFECT_UNKNOWN',
    });
    rows.set('j/send#1', { kind: 'keyed', args: undefined, state: 'intended' });
    expect(await call(journal(), 'send', () => ++made)).toBe(1);
  });

  it.each([
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
    const { journal } = rig();
    const abort = new AbortController();
    abort.abort(new TypeError('gone'));
    let made = 0;
    await expect(journal().call('a', () => ++made, {}, abort.signal)).rejects.toThrow('gone');
    expect(made).toBe(0);
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
