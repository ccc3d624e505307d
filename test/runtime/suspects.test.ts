/** Who is suspected of having ended the process, from what one process leaves to the next. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cell } from '../../runtime/cell.ts';
import { NODE_ENDS_MAX, Suspects } from '../../runtime/suspects.ts';
import { UserCode, type UserCodeDesk } from '../../runtime/user-code.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'troupe-suspects-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const open = (): Suspects => new Suspects(dir, quiet);
const stored =
  (seq: number | undefined): ((address: string) => Promise<number | undefined>) =>
  () =>
    Promise.resolve(seq);

/** A process that dies while this runs; the one before it left what it left. */
async function dieIn(address: string, what: string, seq: number, storedSeq: number | undefined = seq): Promise<void> {
  const suspects = open();
  await suspects.judge(stored(storedSeq));
  suspects.enter(address, what, seq);
}

const A = { address: 'run/a', what: 'call run', seq: 1 };
const B = { address: 'run/b', what: 'call run', seq: 1 };
const C = { address: 'run/c', what: 'call run', seq: 1 };

describe('A suspect', () => {
  it('is counted once for each end of the process in the middle of the same thing', async () => {
    for (let time = 1; time <= NODE_ENDS_MAX; time++) {
      await dieIn('run/a', 'event pay amount=13', 5);
      const next = open();
      await next.judge(stored(5));
      expect(next.endsOver('run/a', 'event pay amount=13')).toBe(time);
      expect(next.endsOver('run/a', 'event pay amount=12')).toBe(0);
      expect(next.endsOver('run/b', 'event pay amount=13')).toBe(0);
    }
  });

  it('is counted before anything else can happen: a process that dies right after has not forgotten', async () => {
    await dieIn('run/a', 'timer x:1', 5);
    await open().judge(stored(5));
    const next = open();
    await next.judge(stored(5));
    expect(next.endsOver('run/a', 'timer x:1')).toBe(1);
  });

  it('is none whose marked turn was committed after all', async () => {
    await dieIn('run/a', 'timer x:1', 5);
    const next = open();
    await next.judge(stored(6));
    expect(next.endsOver('run/a', 'timer x:1')).toBe(0);
    expect(next.suspicion('run/a')).toBeUndefined();
  });

  it('is none that has ended, but one that was never stored stays one', async () => {
    for (const [address, seq, suspicion] of [
      ['run/a', 3, undefined],
      ['agent/x/k', 0, 'event pay'],
    ] as const) {
      open().enter(address, 'event pay', seq);
      const next = open();
      await next.judge(stored(undefined));
      expect(next.suspicion(address)).toBe(suspicion);
    }
  });

  it('begins anew with another message of the same actor', async () => {
    await dieIn('run/a', 'event one', 5);
    await dieIn('run/a', 'event one', 5);
    await dieIn('run/a', 'event two', 5);
    const next = open();
    await next.judge(stored(5));
    expect([next.endsOver('run/a', 'event one'), next.endsOver('run/a', 'event two')]).toEqual([0, 1]);
  });

  it('that got on is none any more, also for the next process', async () => {
    await dieIn('run/a', 'event one', 5);
    const next = open();
    await next.judge(stored(5));
    next.clearOf('run/a');
    expect(open().suspicion('run/a')).toBeUndefined();
  });

  it('is nobody when nothing ran, or the node stopped in order', async () => {
    const first = open();
    first.enter('run/a', 'event one', 5);
    first.leave();
    const second = open();
    await second.judge(stored(5));
    second.enter('run/a', 'event one', 5);
    second.close();
    const third = open();
    await third.judge(stored(5));
    expect(third.suspicion('run/a')).toBeUndefined();
  });

  it('is nobody for what calls do behind their first await: they can no longer be told apart', async () => {
    const first = open();
    expect(first.enterCalls([A, B])).toBe(2);
    await Promise.resolve();
    const second = open();
    await second.judge(stored(1));
    expect([second.suspicion('run/a'), second.suspicion('run/b')]).toEqual([undefined, undefined]);
    second.enterCalls([B]);
    const third = open();
    await third.judge(stored(1));
    expect(third.suspicion('run/b')).toBe('call run');
  });

  it('is each of those that began together, and from then on each begins alone', async () => {
    open().enterCalls([A, B, C]);
    const second = open();
    await second.judge(stored(1));
    expect([A, B, C].map(({ address, what }) => second.endsOver(address, what))).toEqual([1, 1, 1]);
    second.clearOf('run/b');
    expect(second.enterCalls([A, B, C])).toBe(1);
    expect(second.enterCalls([B, C])).toBe(1);
    second.enterCalls([C]);
    const third = open();
    await third.judge(stored(1));
    expect([A, B, C].map(({ address, what }) => third.endsOver(address, what))).toEqual([1, 0, 2]);
  });

  it('is none of those that began together whose call was committed after all', async () => {
    open().enterCalls([A, B]);
    const next = open();
    await next.judge((address) => Promise.resolve(address === 'run/a' ? 2 : 1));
    expect([next.suspicion('run/a'), next.suspicion('run/b')]).toEqual([undefined, 'call run']);
  });

  it('is one of so many at most, however many begin together, and however long their names are', async () => {
    const many = Array.from({ length: 200 }, (_, n) => ({ ...A, address: `run/${n}` }));
    expect(open().enterCalls(many)).toBe(32);
    const long = many.map((mark) => ({ ...mark, what: 'ü'.repeat(5_000) }));
    const marked = open().enterCalls(long);
    expect(marked).toBeGreaterThan(1);
    expect(marked).toBeLessThan(32);
    const next = open();
    await next.judge(stored(1));
    const suspected = many.filter(({ address }) => next.suspicion(address) !== undefined);
    expect(suspected).toEqual(many.slice(0, marked));
  });

  it('is remembered however long its message is, and as one of few', async () => {
    const long = `event ${'ü'.repeat(5_000)}`;
    await dieIn('run/a', long, 5);
    const next = open();
    await next.judge(stored(5));
    expect(next.endsOver('run/a', long)).toBe(1);
    for (let index = 0; index < 100; index++) await dieIn(`run/${index}`, 'start', 5);
    const last = open();
    await last.judge(stored(5));
    const kept = JSON.parse(readFileSync(path.join(dir, 'suspects.json'), 'utf8')) as readonly unknown[];
    expect(kept).toHaveLength(64);
    expect([last.suspicion('run/a'), last.suspicion('run/99')]).toEqual([undefined, 'start']);
  });

  it('is nobody where the files are damaged', async () => {
    for (const bytes of ['', 'x', '\u0005', '\u0005\0abc', '\u0003\0a\nb', '{"not":"a list"}', '[1,{"address":5}]']) {
      writeFileSync(path.join(dir, 'running'), bytes);
      writeFileSync(path.join(dir, 'suspects.json'), bytes);
      const next = open();
      await next.judge(stored(0));
      expect(next.suspicion('a')).toBeUndefined();
      next.enter('a', 'start', 0);
      next.close();
    }
  });
});

describe('An exit that an actor calls', () => {
  const cell = { address: 'run/a', seq: 5, logic: {} } as Cell;
  const start = { kind: 'start', deliveries: 0, bytes: 0 } as const;
  const watch = (): UserCode => {
    const code = new UserCode({ cells: new Map([[cell.address, cell]]), release: () => {} } as unknown as UserCodeDesk);
    code.suspects = open();
    return code;
  };
  const suspected = async (): Promise<string | undefined> => {
    const next = open();
    await next.judge(stored(5));
    return next.suspicion('run/a');
  };

  it('is what its turn handles, wherever in the turn that is: as it is made again, or packed', async () => {
    const code = watch();
    code.entering(cell, start);
    code.exiting();
    expect(await suspected()).toBe('start');
  });

  it('is nobody’s behind the turn, where no actor is known', async () => {
    const code = watch();
    code.entering(cell, start);
    code.passed(cell, start);
    code.exiting();
    expect(await suspected()).toBeUndefined();
  });
});
