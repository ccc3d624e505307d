/** Opening, fencing, committing, closing. */
import { describe, expect, it } from 'vitest';
import type { Store } from '../../runtime/stores/store.ts';
import { bytes, epochOf } from './epochs.ts';
import { collect, failureOf } from './store-answers.ts';
import { type MakeMedium, NOW_MS, openBench } from './store-medium.ts';
import { begun, finished, went } from './task-writes.ts';

/** All that may be asked of an open store. */
const READS: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  readCell: (store) => store.readCell('task/a'),
  awakeCells: (store) => collect(store.awakeCells(() => undefined)),
  readTask: (store) => store.readTask('a'),
  readEvents: (store) => store.readEvents('a', 0, 10),
  listTasks: (store) => store.listTasks({ limit: 10 }),
  readKey: (store) => store.readKey('local', 'k'),
  definitions: (store) => store.definitions('agent'),
  quarantined: (store) => store.quarantined(),
  readQuarantined: (store) => store.readQuarantined('q1'),
};

/** See the file's first line. */
export function commitCases(makeMedium: MakeMedium): void {
  describe('opening and closing', () => {
    it('counts a boot each time it is opened, also after nothing was written', async () => {
      const bench = await openBench(makeMedium);
      const first = bench.fence;
      await bench.restart();
      await bench.restart();
      expect(bench.fence.epoch).toBe(first.epoch + 2);
      expect(bench.fence.shard).toBe(first.shard);
      expect(bench.fence.owner).not.toBe(first.owner);
    });

    it('says its status at each stage, and can be opened again once closed', async () => {
      const { store } = await openBench(makeMedium);
      expect(store.status).toBe('open');
      const closing = store.close();
      await Promise.resolve();
      expect(store.status).toBe('closing');
      await closing;
      expect(store.status).toBe('closed');
      const opening = store.open();
      expect(store.status).toBe('opening');
      await opening;
      expect(store.status).toBe('open');
    });

    it('refuses to be opened twice', async () => {
      const { store } = await openBench(makeMedium);
      expect(await failureOf(store.open())).toEqual({ code: 'STATE_CONFLICT' });
      expect(store.status).toBe('open');
    });

    it('may be closed twice, and when it was never opened', async () => {
      const { store, medium } = await openBench(makeMedium);
      await Promise.all([store.close(), store.close()]);
      expect(store.status).toBe('closed');
      const other = medium.store();
      await other.close();
      expect(other.status).toBe('closed');
    });

    it.each(Object.keys(READS))('answers %s with STORE_UNAVAILABLE while it is closed', async (name) => {
      const { store } = await openBench(makeMedium);
      await store.close();
      expect(await failureOf(READS[name]?.(store) ?? Promise.resolve())).toEqual({ code: 'STORE_UNAVAILABLE' });
    });

    it('answers commit and reopen with STORE_UNAVAILABLE while it is closed', async () => {
      const { store, fence } = await openBench(makeMedium);
      await store.close();
      expect(await failureOf(store.commit(epochOf({}), fence))).toEqual({ code: 'STORE_UNAVAILABLE' });
      expect(await failureOf(store.reopen())).toEqual({ code: 'STORE_UNAVAILABLE' });
      expect(store.status).toBe('closed');
    });

    it('gives figures in every status', async () => {
      const { store, commit } = await openBench(makeMedium);
      await commit({ tasks: [finished('a')] });
      expect(await store.figures()).toMatchObject({ commits: 1, corruptRecords: 0 });
      await store.close();
      expect(await store.figures()).toMatchObject({ commits: 1 });
    });
  });

  describe('the fence', () => {
    it('refuses an epoch of an earlier boot, and writes nothing of it', async () => {
      const bench = await openBench(makeMedium);
      const stale = bench.fence;
      await bench.restart();
      const zombie = bench.store.commit(epochOf({ tasks: [finished('a')] }), stale);
      expect(await failureOf(zombie)).toEqual({ code: 'STATE_CONFLICT' });
      expect(bench.store.status).toBe('open');
      expect(await bench.store.readTask('a')).toBeUndefined();
    });

    it.each([
      { what: 'shard', change: { shard: 'other' } },
      { what: 'owner', change: { owner: 'other' } },
      { what: 'epoch', change: { epoch: 9_999 } },
    ])('refuses a fence with another $what', async ({ change }) => {
      const { store, fence } = await openBench(makeMedium);
      expect(await failureOf(store.commit(epochOf({}), { ...fence, ...change }))).toEqual({ code: 'STATE_CONFLICT' });
    });

    it('stays the same through a reopening', async () => {
      const { store, fence } = await openBench(makeMedium);
      await store.reopen();
      expect(store.status).toBe('open');
      await store.commit(epochOf({ tasks: [finished('a')] }), fence);
      expect(await store.readTask('a')).toBeDefined();
    });
  });

  describe('a commit', () => {
    it('holds everything of its epoch after a restart', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({
        cells: [{ address: 'task/a', head: bytes('head'), awake: true }],
        attachments: [{ address: 'task/a', key: 'step-1', value: bytes('result') }],
        tasks: [begun('a')],
        keys: [{ principal: 'local', key: 'k', task: 'a', bodyHash: 'h', expiresAtMs: NOW_MS + 1 }],
        definitions: [{ kind: 'workflow', name: 'brief', version: '1.0.0', body: { steps: [] } }],
        quarantine: [{ id: 'q1', body: { cause: 'why' } }],
      });
      await bench.restart();
      const { store } = bench;
      expect((await store.readCell('task/a'))?.attachments.get('step-1')).toEqual(bytes('result'));
      expect(await store.readTask('a')).toMatchObject({ id: 'a', status: 'submitted' });
      expect(await store.readKey('local', 'k')).toMatchObject({ task: 'a' });
      expect(await store.definitions('workflow')).toHaveLength(1);
      expect(await store.quarantined()).toEqual([{ id: 'q1', body: { cause: 'why' } }]);
    });

    it('writes nothing of an epoch that holds one thing it cannot write', async () => {
      const bench = await openBench(makeMedium);
      let deep: unknown = 'end';
      for (let i = 0; i < 300; i++) deep = [deep];
      const refused = bench.commit({
        cells: [{ address: 'task/a', head: bytes('head'), awake: true }],
        tasks: [finished('a'), { ...finished('b'), created: { ...begun('b').created, input: deep } } as never],
      });
      expect(await failureOf(refused)).toMatchObject({ code: 'PROTOCOL_TOO_BIG' });
      expect(bench.store.status).toBe('open');
      await bench.restart();
      expect(await bench.store.readTask('a')).toBeUndefined();
      expect(await bench.store.readCell('task/a')).toBeUndefined();
      await bench.commit({ tasks: [finished('a')] });
      expect(await bench.store.readTask('a')).toBeDefined();
    });

    it('may be made again with the same epoch, any number of times', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({
        tasks: [begun('a'), begun('b', 'working', 3)],
        cells: [{ address: 'task/a', head: bytes('1'), awake: true }],
      });
      const epoch = {
        tasks: [
          went('a', 'submitted', 'completed', 1, 2),
          finished('c', 'failed'),
          went('b', 'working', 'input-required', 3),
        ],
        cells: [{ address: 'task/a', head: null, awake: false }],
        attachments: [{ address: 'task/b', key: 'x', value: bytes('x') }],
      };
      const state = async () => ({
        tasks: await bench.store.listTasks({ limit: 10 }),
        working: await bench.store.listTasks({ limit: 10, status: 'working' }),
        asking: await bench.store.listTasks({ limit: 10, status: 'input-required' }),
        events: await bench.store.readEvents('a', 0, 100),
        cell: await bench.store.readCell('task/a'),
      });
      await bench.commit(epoch);
      const once = await state();
      await bench.commit(epoch);
      await bench.restart();
      await bench.commit(epoch);
      expect(await state()).toEqual(once);
      expect(once.asking.tasks.map(({ id }) => id)).toEqual(['b']);
      expect(once.working.tasks).toEqual([]);
    });

    it('keeps the order of overlapping calls: the last one wins', async () => {
      const bench = await openBench(makeMedium);
      const commits = Array.from({ length: 50 }, (_, i) =>
        bench.commit({ cells: [{ address: 'agent/x', head: bytes(String(i)), awake: i % 2 === 0 }] }),
      );
      await Promise.all(commits);
      expect((await bench.store.readCell('agent/x'))?.head).toEqual(bytes('49'));
      await bench.restart();
      expect((await bench.store.readCell('agent/x'))?.head).toEqual(bytes('49'));
      expect(await collect(bench.store.awakeCells(() => undefined))).toEqual([]);
    });

    it('is finished by a close that comes meanwhile', async () => {
      const bench = await openBench(makeMedium);
      const committing = bench.commit({ tasks: [finished('a')] });
      const closing = bench.store.close();
      expect((await Promise.allSettled([committing, closing]))[1]?.status).toBe('fulfilled');
      const accepted = (await Promise.allSettled([committing]))[0]?.status === 'fulfilled';
      await bench.restart();
      expect((await bench.store.readTask('a')) !== undefined).toBe(accepted);
    });

    it.each([
      {
        what: 'events that leave a seq out',
        write: { ...begun('a', 'working', 3), events: begun('a', 'working', 3).events.filter(({ seq }) => seq !== 2) },
      },
      {
        what: 'a last event that is not at the seq',
        write: { ...begun('a', 'working', 3), progress: { status: 'working' as const, seq: 4, updatedAtMs: NOW_MS } },
      },
      {
        what: 'neither a creation nor an earlier status',
        write: { id: 'a', progress: begun('a').progress, events: begun('a').events },
      },
      { what: 'both a creation and an earlier status', write: { ...begun('a'), was: 'submitted' as const } },
      { what: 'an earlier status that was an end', write: went('a', 'completed', 'working', 4) },
    ])('refuses a task with $what', async ({ write }) => {
      const bench = await openBench(makeMedium);
      expect(await failureOf(bench.commit({ tasks: [write] }))).toMatchObject({ code: 'INTERNAL' });
      expect(bench.store.status).toBe('open');
    });
  });
}
