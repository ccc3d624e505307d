import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import type { TaskStatus } from '../../protocol/tasks.ts';
import { Committer, type Dirty } from '../../runtime/committer.ts';
import { createMemoryStore, MemoryDisk, type WriteOutcome } from '../../runtime/stores/memory-store.ts';
import { createManualWorld } from '../support/manual-world.ts';

/** A committer on a disk whose writes end as `next` says; `cuts` are the heads of its one cell, in order. */
async function rig(next: (write: number) => WriteOutcome | Promise<WriteOutcome> = () => 'done', epochBy = 0) {
  let writes = -1;
  const world = createManualWorld();
  const disk = new MemoryDisk({ onWrite: () => (writes < 0 ? 'done' : next(writes++)) });
  const store = createMemoryStore({ world, disk });
  const opened = await store.open();
  const fence = { ...opened, epoch: opened.epoch + epochBy };
  writes = 0;
  const order: string[] = [];
  const fatal: OperatingError[] = [];
  const errors: string[] = [];
  const commits: number[] = [];
  const committer = new Committer(store, fence, world, {
    drain: () => false,
    onPause: (paused) => void order.push(paused ? 'paused' : 'goes on'),
    onCommit: (_seconds, count) => void commits.push(count),
    onFatal: (error) => void fatal.push(error),
    log: { warn: () => undefined, error: (message) => void errors.push(message) },
  });
  let value = 0;
  const cell: Dirty = { cut: () => ({ address: 'c', head: Uint8Array.of(value), awake: true }) };
  /** Changes the cell, and says so after its commit. */
  const change = (to: number): void => {
    value = to;
    committer.touch(cell);
    committer.release(() => void order.push(`released ${to}`));
  };
  const stored = async (): Promise<number | undefined> => (await store.readCell('c'))?.head[0];
  return {
    world,
    disk,
    store,
    fence,
    committer,
    cell,
    change,
    stored,
    order,
    fatal,
    errors,
    commits,
    writes: () => writes,
  };
}

function held(): { readonly outcome: Promise<WriteOutcome>; end(outcome: WriteOutcome): void } {
  const { promise, resolve } = Promise.withResolvers<WriteOutcome>();
  return { outcome: promise, end: resolve };
}

describe('A commit', () => {
  it('holds all that was touched before its cut; what is touched while it is written waits for the next', async () => {
    const first = held();
    const second = held();
    const { world, change, order, stored } = await rig((write) => (write === 0 ? first : second).outcome);
    change(1);
    change(2);
    await world.settle();
    change(3);
    await world.settle();
    expect(order).toEqual([]);
    first.end('done');
    await world.settle();
    expect([order, await stored()]).toEqual([['released 1', 'released 2'], 2]);
    second.end('done');
    await world.settle();
    expect([order, await stored()]).toEqual([['released 1', 'released 2', 'released 3'], 3]);
  });

  it.each<WriteOutcome>(['lost', 'kept'])(
    'that fails, its write %s, is written again as it was cut; what it holds is released once, in order, before later work',
    async (outcome) => {
      const { world, change, order, stored, fatal } = await rig((write) => (write < 3 ? outcome : 'done'));
      change(1);
      await world.settle();
      change(2);
      await world.settle();
      expect(order).toEqual(['paused']);
      await world.elapse(10_000);
      expect(order).toEqual(['paused', 'goes on', 'released 1', 'released 2']);
      expect([await stored(), fatal]).toEqual([2, []]);
    },
  );

  it('that fails for too long ends the node, and releases nothing', async () => {
    const { world, change, order, fatal, committer } = await rig(() => 'lost');
    change(1);
    await world.elapse(29_000);
    expect(fatal).toEqual([]);
    await world.elapse(5_000);
    expect(fatal).toMatchObject([{ code: 'STORE_UNAVAILABLE' }]);
    change(2);
    await world.elapse(60_000);
    expect(order).toEqual(['paused']);
    expect(fatal).toHaveLength(1);
    await committer.flush();
  });

  it('of a node that is stopped while the store is away is given up, and the node is not told to end', async () => {
    const { world, committer, change, order, fatal, writes } = await rig(() => 'lost');
    change(1);
    await world.settle();
    committer.stop();
    await world.elapse(60_000);
    expect([order, fatal]).toEqual([['paused'], []]);
    expect(writes()).toBeLessThanOrEqual(2);
  });

  it('under a fence that another owner has taken ends the node at once, and writes nothing', async () => {
    const { world, change, order, fatal, stored, writes } = await rig(undefined, -1);
    change(1);
    await world.elapse(100);
    expect([order, fatal]).toMatchObject([
      ['paused'],
      [{ code: 'STORE_UNAVAILABLE', cause: { code: 'STATE_CONFLICT' } }],
    ]);
    expect([await stored(), writes()]).toEqual([undefined, 0]);
  });

  it('is not made of nothing: what waits without a change is released without a write', async () => {
    const { world, committer, order, writes } = await rig();
    committer.release(() => void order.push('released'));
    await world.settle();
    expect([order, writes()]).toEqual([['released'], 0]);
  });

  it('that is done tells all who waited, though one of them throws', async () => {
    const { world, committer, change, order, errors } = await rig();
    committer.release(() => {
      throw new OperatingError('INTERNAL', 'fault');
    });
    change(1);
    await world.settle();
    expect([order, errors]).toEqual([['released 1'], ['Something that waited for a commit failed.']]);
  });

  it('writes a cell that was touched many times once', async () => {
    const { world, change, commits } = await rig();
    for (let n = 0; n < 50; n++) change(n);
    await world.settle();
    expect(commits).toEqual([1]);
  });

  it('waits for what is quick, and not for what goes on for long', async () => {
    for (const [roundMs, rounds] of [
      [0, 16],
      [1, 16],
      [5, 5],
      [30, 4],
    ] as const) {
      const world = createManualWorld();
      const store = createMemoryStore({ world, disk: new MemoryDisk() });
      let drained = 0;
      const committer = new Committer(store, await store.open(), world, {
        // Twice in a round; there is always more.
        drain: () => {
          if (drained++ % 2 === 0) world.advance(roundMs);
          return true;
        },
        onPause: () => undefined,
        onCommit: () => undefined,
        onFatal: () => undefined,
        log: { warn: () => undefined, error: () => undefined },
      });
      let seen = 0;
      committer.touch({ cut: () => ((seen ||= drained), { address: 'c', head: Uint8Array.of(1), awake: true }) });
      await world.settle();
      expect([roundMs, seen / 2]).toEqual([roundMs, rounds]);
      committer.stop();
    }
  });

  it('gathers what is said of a task: one write, all its events, and the status that was committed before', async () => {
    const { world, committer, store } = await rig();
    const created = { target: {}, input: 1, options: {}, principal: 'p', createdAtMs: 0 };
    const log = (seq: number, status: TaskStatus, more: object = {}): void =>
      committer.logTask({
        id: 'T',
        progress: { status, seq, updatedAtMs: seq },
        events: [{ seq, at: seq, kind: 'task.started', data: {} }],
        ...more,
      });
    log(1, 'submitted', { created });
    log(2, 'working');
    await world.settle();
    log(3, 'input-required');
    await world.settle();
    expect(await store.readTask('T')).toMatchObject({ status: 'input-required', seq: 3 });
    expect((await store.readEvents('T', 0, 10)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
    const byStatus = async (status: TaskStatus) => (await store.listTasks({ status, limit: 10 })).tasks.length;
    expect([await byStatus('submitted'), await byStatus('working'), await byStatus('input-required')]).toEqual([
      0, 0, 1,
    ]);
  });

  it('that was adopted by a restart leaves the index of its status with the next change', async () => {
    const { world, committer, store, fence } = await rig();
    const progress = { status: 'working', seq: 1, updatedAtMs: 0 } as const;
    const events = [{ seq: 1, at: 0, kind: 'task.started', data: {} }] as const;
    const created = { target: {}, input: 1, options: {}, principal: 'p', createdAtMs: 0 };
    await store.commit(
      {
        cells: [],
        attachments: [],
        keys: [],
        definitions: [],
        quarantine: [],
        tasks: [{ id: 'T', created, progress, events }],
      },
      fence,
    );
    committer.adoptTask('T', 'working');
    committer.logTask({
      id: 'T',
      progress: { ...progress, status: 'input-required', seq: 2 },
      events: [{ ...events[0], seq: 2 }],
    });
    await world.settle();
    expect((await store.listTasks({ status: 'working', limit: 10 })).tasks).toEqual([]);
    expect((await store.listTasks({ status: 'input-required', limit: 10 })).tasks).toHaveLength(1);
  });

  it('is pressed when more waits for the disk than it should, and not any more when the disk has caught up', async () => {
    const write = held();
    const { world, committer, change } = await rig(() => write.outcome);
    change(1);
    await world.settle();
    for (let n = 0; n <= 50_000; n++) committer.touch({ cut: () => undefined });
    expect(committer.pressed).toBe(true);
    write.end('done');
    await world.settle();
    expect(committer.pressed).toBe(false);
    for (let n = 0; n <= 200_000; n++) committer.release(() => undefined);
    expect(committer.pressed).toBe(true);
    await world.settle();
    expect(committer.pressed).toBe(false);
  });
});

describe('The rows of a cell', () => {
  const keys = ['a', 'b', 'c'];
  const operation = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), key: fc.constantFrom(...keys) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), key: fc.constantFrom(...keys) }) },
    // The cell ends, and another begins under its address.
    fc.record({ kind: fc.constant('end' as const), key: fc.constant('') }),
    fc.record({ kind: fc.constant('commit' as const), key: fc.constant('') }),
  );

  it('are stored as they stand, whenever they came and went', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 40 }), async (operations) => {
        const { world, committer, cell, store } = await rig();
        const rows = new Map<string, number>();
        const remove = (key: string): void => {
          if (rows.delete(key)) committer.attach({ address: 'c', key, value: null });
        };
        for (const [at, { kind, key }] of [...operations, { kind: 'commit', key: '' } as const].entries()) {
          if (kind === 'put') {
            const isNew = !rows.has(key);
            rows.set(key, at);
            committer.attach({ address: 'c', key, value: Uint8Array.of(at) }, isNew);
          } else if (kind === 'remove') remove(key);
          else if (kind === 'end') keys.forEach(remove);
          else {
            committer.touch(cell);
            await world.settle();
            const stored = [...((await store.readCell('c'))?.attachments ?? [])].map(([name, [value]]) => [
              name,
              value,
            ]);
            expect(Object.fromEntries(stored)).toEqual(Object.fromEntries(rows));
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('are not written where they came and went between two commits', async () => {
    const { world, committer, commits } = await rig();
    committer.attach({ address: 'c', key: 'kept', value: Uint8Array.of(1) }, true);
    committer.attach({ address: 'c', key: 'gone', value: Uint8Array.of(1) }, true);
    committer.attach({ address: 'c', key: 'gone', value: Uint8Array.of(2) });
    committer.attach({ address: 'c', key: 'gone', value: null });
    await world.settle();
    committer.attach({ address: 'c', key: 'kept', value: null });
    await world.settle();
    expect(commits).toEqual([1, 1]);
  });
});
