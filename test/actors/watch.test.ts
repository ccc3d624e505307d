import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Watch, type WatchMode, type WatchReader, type WatchSource } from '../../actors/watch.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { TaskEvent, TaskResult } from '../../protocol/tasks.ts';
import { Feed } from '../../runtime/feed.ts';

const RESULT: TaskResult = {
  status: 'completed',
  output: 1,
  usage: { usd: 0, tokensIn: 0, tokensOut: 0, steps: 1 },
  durationMs: 1,
};
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** A task's log that grows by commits, and readers of it. Reads show what was committed when they began. */
class Log {
  readonly feed = new Feed();
  readonly rows: TaskEvent[] = [];
  result: TaskResult | undefined;
  /** Happens in the middle of each read, once for each entry. */
  readonly during: (() => void)[] = [];
  fault: OperatingError | undefined;
  readonly source: WatchSource = {
    feed: this.feed,
    events: async (_task, after, limit) => {
      const rows = this.rows.filter(({ seq }) => seq > after).slice(0, limit);
      await turn();
      this.during.shift()?.();
      if (this.fault !== undefined) throw this.fault;
      return rows;
    },
    end: async () => (this.result === undefined ? undefined : { seq: this.rows.length, result: this.result }),
  };

  /** Commits so many lines; the last is the end, if it says so. */
  commit(lines: number, isEnd = false): void {
    const events = Array.from({ length: lines }, (_, index): TaskEvent => {
      const seq = this.rows.length + 1 + index;
      return { seq, at: seq, kind: isEnd && index === lines - 1 ? 'task.completed' : 'step.started', data: {} };
    });
    this.rows.push(...events);
    if (isEnd) this.result = RESULT;
    const progress = { status: isEnd ? 'completed' : 'working', seq: this.rows.length, updatedAtMs: 0 } as const;
    this.feed.publish({ task: 'T', events, progress: isEnd ? { ...progress, result: RESULT } : progress });
  }

  watch(after = 0, mode: WatchMode = 'events', isNew = false) {
    const lines: string[] = [];
    let ends = 0;
    const reader: WatchReader = {
      event: (_task, { seq }) => void lines.push(String(seq)),
      result: (_task, seq) => void lines.push(`end ${seq}`),
      gap: (_task, from, to) => void lines.push(`gap ${from}-${to}`),
      failed: (_task, { code }) => void lines.push(code),
      ready: turn,
    };
    const watch = new Watch(this.source, reader, 'T', { mode, after, isNew, onEnd: () => void ends++ });
    return { lines, watch, ends: () => ends };
  }
}

const rest = async (): Promise<void> => {
  for (let round = 0; round < 2_000; round++) await turn();
};
const upTo = (from: number, last: number): string[] =>
  Array.from({ length: last - from + 1 }, (_, index) => (from + index === last ? `end ${last}` : String(from + index)));

describe('A watch', () => {
  it('of a new task hands on each line as it is committed, and stops at the end', () => {
    const log = new Log();
    const { lines, ends } = log.watch(0, 'events', true);
    log.commit(2);
    log.commit(1);
    expect(lines).toEqual(['1', '2', '3']);
    log.commit(1, true);
    expect([lines, ends()]).toEqual([['1', '2', '3', 'end 4'], 1]);
  });

  it('has no gap and nothing twice, wherever it begins and whatever is committed while history is read', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(6),
        fc.nat(8),
        fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 }),
        async (before, after, during, later) => {
          const log = new Log();
          log.commit(before + 1);
          for (const lines of during) log.during.push(() => log.commit(lines));
          const from = Math.min(after, before + 1);
          const { lines, ends } = log.watch(from);
          for (const count of later) {
            await turn();
            log.commit(count);
          }
          for (let round = 0; round < 100; round++) await turn();
          while (log.during.length > 0) log.during.shift()?.();
          // Also without another commit that would bring the reader up to date.
          for (let round = 0; round < 100; round++) await turn();
          expect(lines).toEqual(log.rows.slice(from).map(({ seq }) => String(seq)));
          log.commit(1, true);
          for (let round = 0; round < 100; round++) await turn();
          expect(lines).toEqual(upTo(from + 1, log.rows.length));
          expect(ends()).toBe(1);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('reads a long history piece by piece', async () => {
    const log = new Log();
    log.commit(600, true);
    const { lines } = log.watch(10);
    await rest();
    expect(lines).toEqual(upTo(11, 600));
  });

  it('of a task that has ended gives the end again, to a reader who has every line', async () => {
    const log = new Log();
    log.commit(3, true);
    const { lines, ends } = log.watch(3);
    await rest();
    expect([lines, ends()]).toEqual([['end 3'], 1]);
  });

  it('for the end alone tells nothing else, live or from history', async () => {
    const log = new Log();
    const live = log.watch(0, 'result');
    log.commit(3);
    await rest();
    log.commit(1, true);
    const late = log.watch(0, 'result');
    await rest();
    expect([live.lines, late.lines]).toEqual([['end 4'], ['end 4']]);
  });

  it('says which lines cannot be had any more', async () => {
    const log = new Log();
    log.commit(5);
    log.rows.splice(1, 2);
    const { lines } = log.watch(0);
    await rest();
    expect(lines).toEqual(['1', 'gap 2-3', '4', '5']);
  });

  it('that came late for a line, though it was new, reads what it has missed', async () => {
    const log = new Log();
    log.commit(2);
    const { lines } = log.watch(0, 'events', true);
    log.commit(1);
    await rest();
    expect(lines).toEqual(['1', '2', '3']);
  });

  it('whose history cannot be read says so and stops', async () => {
    const log = new Log();
    log.commit(1);
    log.fault = new OperatingError('STORE_CORRUPT', 'damaged');
    const { lines, ends } = log.watch(0);
    await rest();
    expect([lines, ends()]).toEqual([['STORE_CORRUPT'], 1]);
  });

  it('that was stopped hands on nothing more, from the feed or from a read under way', async () => {
    const log = new Log();
    log.commit(3);
    const { lines, watch, ends } = log.watch(0);
    watch.stop();
    watch.stop();
    log.commit(1, true);
    await rest();
    expect([lines, ends()]).toEqual([[], 1]);
  });
});
