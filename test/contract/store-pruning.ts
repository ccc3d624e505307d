/** What a store lets go of. */
import { describe, expect, it } from 'vitest';
import type { EffectRecord, Pruned, Store } from '../../runtime/stores/store.ts';
import { PRUNE_SCAN_MAX } from '../../runtime/stores/prune-rows.ts';
import { bytes } from './epochs.ts';
import { type Bench, type MakeMedium, NOW_MS, openBench } from './store-medium.ts';
import { begun, createdOf, finished, resultOf, went } from './task-writes.ts';

const OLD_MS = NOW_MS - 1_000_000;

/** All steps, from the first to the last. */
async function pruneAll(
  { store, fence }: Pick<Bench, 'store' | 'fence'>,
  endedBeforeMs: number,
): Promise<{ steps: number; found: Pruned }> {
  const found = { tasks: 0, effects: 0, keys: 0 };
  let steps = 0;
  for (let cursor: string | undefined = ''; cursor !== undefined; steps++) {
    const step: Pruned = await store.prune({ endedBeforeMs, ...(cursor !== '' && { cursor }) }, fence);
    found.tasks += step.tasks;
    found.effects += step.effects;
    found.keys += step.keys;
    ({ cursor } = step);
  }
  return { steps, found };
}

async function idsOf(store: Store): Promise<string[]> {
  return (await store.listTasks({ limit: 200 })).tasks.map(({ id }) => id);
}

const old = createdOf({ createdAtMs: OLD_MS });

function effectOf(id: string, changes: Partial<EffectRecord> = {}): EffectRecord {
  return {
    ...{ id, state: 'abandoned', owner: 'step/t/main', entry: 'e', name: 'pay', agent: 'till@1.0.0' },
    ...{ idempotencyKey: 'k', sinceMs: OLD_MS, why: 'the node died' },
    ...changes,
  };
}

/** See the file's first line. */
export function pruningCases(makeMedium: MakeMedium): void {
  describe('pruning', () => {
    it('lets go of tasks that ended before a moment, with their lines and checkpoints, and of no others', async () => {
      const bench = await openBench(makeMedium);
      const at = (id: string, updatedAtMs: number) => {
        const write = finished(id, 'failed', old);
        return { ...write, progress: { ...write.progress, updatedAtMs } };
      };
      await bench.commit({ tasks: [begun('a', 'working', 2, old), begun('b', 'working', 1, old)] });
      const end = {
        ...went('a', 'working', 'canceled', 2, 3),
        progress: { status: 'canceled' as const, seq: 5, updatedAtMs: OLD_MS + 5, result: resultOf('canceled') },
      };
      const kept = { task: 'a', seq: 2, atMs: OLD_MS, cells: [['task/a', bytes('x')]], rows: [] } as const;
      await bench.commit({ tasks: [end, at('c', OLD_MS + 9), at('d', NOW_MS)], checkpoints: [{ ...kept, id: '1' }] });
      await bench.commit({ tasks: [finished('e')] });
      expect((await pruneAll(bench, OLD_MS + 10)).found).toEqual({ tasks: 2, effects: 0, keys: 0 });
      await bench.restart();
      const { store } = bench;
      expect(await idsOf(store)).toEqual(['e', 'd', 'b']);
      expect([await store.readTask('a'), await store.readEvents('a', 0, 10), await store.checkpoints('a')]).toEqual([
        undefined,
        [],
        [],
      ]);
      expect((await store.listTasks({ status: 'canceled', limit: 10 })).tasks).toEqual([]);
      expect((await store.listTasks({ status: 'failed', limit: 10 })).tasks.map(({ id }) => id)).toEqual(['d']);
      expect((await store.listTasks({ status: 'working', limit: 10 })).tasks.map(({ id }) => id)).toEqual(['b']);
      let records = 0;
      for await (const rows of store.records())
        records += rows.filter(([key]) => /^[teuih]\/(?:.*\0)?[ac]\b/.test(key)).length;
      expect(records).toBe(0);
    });

    it('lets go of calls that were closed before it, and of none that waits for a word', async () => {
      const bench = await openBench(makeMedium);
      const decision = { how: 'done', by: 'me', atMs: NOW_MS } as const;
      await bench.commit({
        effects: [
          effectOf('1'),
          effectOf('2', { state: 'unknown' }),
          effectOf('3', { state: 'resolved', decision }),
          effectOf('4', { state: 'late', sinceMs: NOW_MS }),
        ],
      });
      expect((await pruneAll(bench, OLD_MS + 10)).found.effects).toBe(1);
      const { store } = bench;
      const left = await Promise.all(['1', '2', '3', '4'].map((id) => store.readEffect(id)));
      expect(left.map((effect) => effect?.id)).toEqual([undefined, '2', '3', '4']);
    });

    it('lets go of idempotency keys that have expired', async () => {
      const bench = await openBench(makeMedium);
      const key = (name: string, expiresAtMs: number) => ({
        principal: 'me',
        key: name,
        task: 't',
        bodyHash: 'h',
        expiresAtMs,
      });
      await bench.commit({ keys: [key('old', NOW_MS - 1), key('new', NOW_MS + 60_000)] });
      expect((await pruneAll(bench, 0)).found.keys).toBe(1);
      expect(await bench.store.readKey('me', 'new')).toBeDefined();
    });

    it('takes a bounded step at a time, and goes on where it was', async () => {
      const bench = await openBench(makeMedium);
      const count = 2 * PRUNE_SCAN_MAX + 7;
      const id = (index: number): string => `t${String(index).padStart(6, '0')}`;
      const write = (index: number) => {
        const task = finished(id(index), 'completed', old);
        return { ...task, progress: { ...task.progress, updatedAtMs: index % 2 === 0 ? OLD_MS : NOW_MS } };
      };
      await bench.commit({ tasks: Array.from({ length: count }, (_, index) => write(index)) });
      const first = await bench.store.prune({ endedBeforeMs: OLD_MS + 10 }, bench.fence);
      expect(first.tasks).toBe(PRUNE_SCAN_MAX / 2);
      const { found } = await pruneAll(bench, OLD_MS + 10);
      expect(found.tasks).toBe(Math.ceil(count / 2) - PRUNE_SCAN_MAX / 2);
      expect((await pruneAll(bench, OLD_MS + 10)).found.tasks).toBe(0);
      expect(await bench.store.readTask(id(1))).toBeDefined();
    });

    it('is refused to whoever may not write', async () => {
      const bench = await openBench(makeMedium);
      const before = bench.fence;
      await bench.restart();
      await expect(bench.store.prune({ endedBeforeMs: NOW_MS }, before)).rejects.toMatchObject({
        code: 'STATE_CONFLICT',
      });
    });
  });
}
