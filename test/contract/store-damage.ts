/** Records that are not as they were written. */
import { describe, expect, it } from 'vitest';
import type { OperatingError } from '../../protocol/errors.ts';
import type { Store } from '../../runtime/stores/store.ts';
import { bytes } from './epochs.ts';
import { collect, failureOf, listAll } from './store-answers.ts';
import { type MakeMedium, NOW_MS, openBench, type StoredThing } from './store-medium.ts';
import { begun, finished, went } from './task-writes.ts';

const THINGS: Readonly<
  Record<string, { readonly thing: StoredThing; readonly read: (store: Store) => Promise<unknown> }>
> = {
  'a task': { thing: { task: 'b' }, read: (store) => store.readTask('b') },
  'the events of its first row': { thing: { task: 'b' }, read: (store) => store.readEvents('b', 0, 10) },
  'its progress': { thing: { progressOf: 'b' }, read: (store) => store.readTask('b') },
  'its later events': { thing: { eventsOf: 'b', lastSeq: 2 }, read: (store) => store.readEvents('b', 0, 10) },
  'a cell that is awake': { thing: { cell: 'task/b', awake: true }, read: (store) => store.readCell('task/b') },
  'a cell that rests': { thing: { cell: 'agent/b', awake: false }, read: (store) => store.readCell('agent/b') },
  'an attachment': { thing: { attachmentOf: 'task/b', key: 'k' }, read: (store) => store.readCell('task/b') },
  'an idempotency key': { thing: { idempotencyKey: 'b', principal: 'me' }, read: (store) => store.readKey('me', 'b') },
};

/** See the file's first line. */
export function damageCases(makeMedium: MakeMedium): void {
  const filled = async () => {
    const bench = await openBench(makeMedium);
    const ids = ['a', 'b', 'c'];
    await bench.commit({
      tasks: ids.map((id) => begun(id, 'submitted')),
      cells: ids.flatMap((id) => [
        { address: `task/${id}`, head: bytes(id), awake: true },
        { address: `agent/${id}`, head: bytes(id), awake: false },
      ]),
      attachments: ids.map((id) => ({ address: `task/${id}`, key: 'k', value: bytes(id) })),
      keys: ids.map((key) => ({ principal: 'me', key, task: key, bodyHash: '', expiresAtMs: NOW_MS + 1 })),
      definitions: ids.map((name) => ({ kind: 'agent', name, version: '1', body: { name } })),
      quarantine: ids.map((id) => ({ id, body: { id } })),
    });
    await bench.commit({ tasks: ids.map((id) => went(id, 'submitted', 'working', 1)) });
    const damage = async (thing: StoredThing, bit: number) => {
      await bench.store.close();
      await bench.medium.flipBit(thing, bit);
      await bench.store.open();
    };
    return { ...bench, store: bench.store, damage };
  };

  describe('a damaged record', () => {
    it.each(Object.keys(THINGS))(
      'that holds %s is never returned: the read says STORE_CORRUPT and its key',
      async (name) => {
        const { damage, store } = await filled();
        const { thing, read } = THINGS[name] as (typeof THINGS)[string];
        expect(await read(store)).toBeDefined();
        for (const bit of [0, 17, 33, 70, 8 * 40 + 1]) {
          await damage(thing, bit);
          const failure = await failureOf(read(store));
          expect(failure, `bit ${bit}`).toEqual({ code: 'STORE_CORRUPT', key: expect.any(String) });
          expect(String(failure.key)).toContain('b');
          await damage(thing, bit);
          expect(await read(store)).toBeDefined();
        }
      },
    );

    it('does not hide the others', async () => {
      const { damage, store } = await filled();
      await damage({ task: 'b' }, 100);
      expect(await store.readTask('a')).toMatchObject({ status: 'working' });
      expect(await store.readEvents('c', 0, 10)).toHaveLength(2);
      expect(store.status).toBe('open');
    });

    it.each<{ what: string; thing: StoredThing }>([
      { what: 'first row', thing: { task: 'b' } },
      { what: 'progress', thing: { progressOf: 'b' } },
    ])('is left out of lists of tasks ($what), and counted', async ({ thing }) => {
      const { damage, store } = await filled();
      await damage(thing, 99);
      expect((await listAll(store, { limit: 1 })).ids).toEqual(['c', 'a']);
      expect((await listAll(store, { limit: 10, status: 'working' })).ids).toEqual(['c', 'a']);
      expect((await store.figures())['corruptRecords']).toBeGreaterThanOrEqual(2);
    });

    it('is left out of lists when it is of the index', async () => {
      const { damage, store } = await filled();
      await damage({ indexed: 'b', status: 'working' }, 3);
      expect((await listAll(store, { limit: 10, status: 'working' })).ids).toEqual(['c', 'a']);
      expect((await listAll(store, { limit: 10 })).ids).toEqual(['c', 'b', 'a']);
    });

    it('is left out of definitions and quarantined messages', async () => {
      const { damage, store } = await filled();
      await damage({ definition: 'b', version: '1' }, 50);
      await damage({ quarantined: 'b' }, 50);
      expect((await store.definitions('agent')).map(({ name }) => name)).toEqual(['a', 'c']);
      expect((await store.quarantined()).map(({ id }) => id)).toEqual(['a', 'c']);
      expect((await store.quarantined({ limit: 2 })).map(({ id }) => id)).toEqual(['a', 'c']);
      expect(await store.figures()).toMatchObject({ corruptRecords: 3 });
    });

    it('is an error where it is the one that was asked for: a quarantined message', async () => {
      const { damage, store } = await filled();
      await damage({ quarantined: 'b' }, 50);
      expect(await failureOf(store.readQuarantined('b'))).toMatchObject({ code: 'STORE_CORRUPT', key: 'q/b' });
      expect(await store.readQuarantined('a')).toEqual({ id: 'a', body: { id: 'a' } });
    });

    it.each<{ what: string; thing: StoredThing }>([
      { what: 'head', thing: { cell: 'task/b', awake: true } },
      { what: 'attachment', thing: { attachmentOf: 'task/b', key: 'k' } },
    ])('of an awake cell ($what) is reported, and the others come', async ({ thing }) => {
      const { damage, store } = await filled();
      await damage(thing, 80);
      const reported: OperatingError[] = [];
      const cells = await collect(store.awakeCells((error) => void reported.push(error)));
      expect(cells.map(({ address }) => address)).toEqual(['task/a', 'task/c']);
      expect(reported.map(({ code }) => code)).toEqual(['STORE_CORRUPT']);
    });

    it('can be written anew', async () => {
      const { damage, store, fence } = await filled();
      await damage({ cell: 'task/b', awake: true }, 80);
      await store.close();
      const again = await store.open();
      expect(again.epoch).toBeGreaterThan(fence.epoch);
      await store.commit(
        {
          cells: [{ address: 'task/b', head: bytes('new'), awake: true }],
          attachments: [],
          tasks: [finished('z')],
          keys: [],
          definitions: [],
          quarantine: [],
        },
        again,
      );
      expect((await store.readCell('task/b'))?.head).toEqual(bytes('new'));
    });
  });
}
