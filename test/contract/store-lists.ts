/** Lists of tasks. */
import { describe, expect, it } from 'vitest';
import { TASK_STATUSES } from '../../protocol/tasks.ts';
import { listAll } from './store-answers.ts';
import { type MakeMedium, openBench } from './store-medium.ts';
import { begun, createdOf, finished, went } from './task-writes.ts';

const idOf = (i: number): string => `01K${String(i).padStart(6, '0')}`;

/** See the file's first line. */
export function listCases(makeMedium: MakeMedium): void {
  describe('a list of tasks', () => {
    it('is empty in an empty store, and has no cursor', async () => {
      const { store } = await openBench(makeMedium);
      expect(await store.listTasks({ limit: 10 })).toEqual({ tasks: [] });
      expect(await store.listTasks({ limit: 10, status: 'working' })).toEqual({ tasks: [] });
    });

    it('has the newest first, with the last progress of each', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({ tasks: [begun('1'), finished('2'), begun('3', 'working')] });
      await bench.commit({ tasks: [went('1', 'submitted', 'completed', 1), finished('4', 'failed')] });
      const { tasks } = await bench.store.listTasks({ limit: 10 });
      expect(tasks.map(({ id, status, seq }) => [id, status, seq])).toEqual([
        ['4', 'failed', 4],
        ['3', 'working', 1],
        ['2', 'completed', 4],
        ['1', 'completed', 2],
      ]);
      expect(tasks[3]).toEqual(await bench.store.readTask('1'));
    });

    it('has each task under its status of now alone', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({ tasks: TASK_STATUSES.map((status) => begun(`is-${status}`, status)) });
      await bench.commit({ tasks: [...TASK_STATUSES].map((status) => begun(`was-working-${status}`, 'working')) });
      await bench.commit({
        tasks: [...TASK_STATUSES].map((status) => went(`was-working-${status}`, 'working', status, 1)),
      });
      for (const status of TASK_STATUSES) {
        expect((await listAll(bench.store, { status, limit: 3 })).ids).toEqual([
          `was-working-${status}`,
          `is-${status}`,
        ]);
      }
    });

    it('goes on from a cursor without a gap or a repeat, whatever the page size', async () => {
      const bench = await openBench(makeMedium);
      const ids = Array.from({ length: 57 }, (_, i) => idOf(i));
      await bench.commit({ tasks: ids.map((id, i) => (i % 3 === 0 ? begun(id, 'working') : finished(id))) });
      for (const limit of [1, 2, 7, 57, 200]) {
        expect((await listAll(bench.store, { limit })).ids).toEqual(ids.toReversed());
        expect((await listAll(bench.store, { limit, status: 'working' })).ids).toEqual(
          ids.filter((_, i) => i % 3 === 0).toReversed(),
        );
        expect((await listAll(bench.store, { limit, status: 'completed' })).ids).toEqual(
          ids.filter((_, i) => i % 3 !== 0).toReversed(),
        );
      }
    });

    it('does not show again what came after a page was read', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({ tasks: Array.from({ length: 10 }, (_, i) => finished(idOf(i))) });
      const page = await bench.store.listTasks({ limit: 4 });
      await bench.commit({ tasks: [finished(idOf(99))] });
      const next = await bench.store.listTasks({ limit: 4, cursor: page.cursor ?? '' });
      expect(next.tasks.map(({ id }) => id)).toEqual([5, 4, 3, 2].map(idOf));
    });

    it('filters by principal and by all labels', async () => {
      const bench = await openBench(makeMedium);
      const of = (principal: string, labels?: Record<string, string>) =>
        createdOf({ principal, options: labels === undefined ? {} : { labels } });
      await bench.commit({
        tasks: [
          finished('1', 'completed', of('me', { a: 'x', b: 'y' })),
          finished('2', 'completed', of('you', { a: 'x', b: 'y' })),
          finished('3', 'failed', of('me', { a: 'x' })),
          finished('4', 'completed', of('me')),
        ],
      });
      const ids = async (query: object) => (await listAll(bench.store, { limit: 10, ...query })).ids;
      expect(await ids({ principal: 'me' })).toEqual(['4', '3', '1']);
      expect(await ids({ labels: { a: 'x' } })).toEqual(['3', '2', '1']);
      expect(await ids({ labels: { a: 'x', b: 'y' }, principal: 'me' })).toEqual(['1']);
      expect(await ids({ labels: { a: 'x' }, status: 'failed' })).toEqual(['3']);
      expect(await ids({ labels: { a: 'z' } })).toEqual([]);
      expect(await ids({ principal: 'nobody', status: 'failed' })).toEqual([]);
    });

    it('looks at two thousand tasks a call, and leaves a cursor to go on from', async () => {
      const bench = await openBench(makeMedium);
      const others = Array.from({ length: 4_500 }, (_, i) => finished(idOf(i + 1)));
      await bench.commit({ tasks: [finished(idOf(0), 'completed', createdOf({ principal: 'rare' })), ...others] });
      const first = await bench.store.listTasks({ principal: 'rare', limit: 10 });
      expect(first.tasks).toEqual([]);
      expect(first.cursor).toBeDefined();
      expect(await listAll(bench.store, { principal: 'rare', limit: 10 })).toEqual({ ids: [idOf(0)], pages: 3 });
    });

    it('takes any text for a cursor', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({ tasks: [begun('m', 'working')] });
      for (const cursor of ['', 'zzz', '%', '\0', '\ud800', 'i/working', 'ü'.repeat(100)]) {
        for (const status of [undefined, 'working' as const]) {
          const { tasks } = await bench.store.listTasks({ limit: 5, cursor, ...(status !== undefined && { status }) });
          expect(tasks.length).toBeLessThanOrEqual(1);
        }
      }
    });
  });
}
