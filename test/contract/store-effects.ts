/** Calls whose outcome was not known. */
import { describe, expect, it } from 'vitest';
import type { EffectQuery, EffectRecord, Store } from '../../runtime/stores/store.ts';
import { failureOf } from './store-answers.ts';
import { type MakeMedium, openBench } from './store-medium.ts';

const effectOf = (id: string, state: EffectRecord['state'] = 'unknown'): EffectRecord => ({
  ...{ id, state, owner: `step/${id}/s`, entry: 'journal/a/pay#1', name: 'pay', agent: 'a@1.0.0' },
  ...{ idempotencyKey: `key-${id}`, sinceMs: 5, why: 'The node stopped.', input: { of: id } },
});

async function idsOf(
  store: Store,
  query: Partial<EffectQuery> & { readonly limit: number },
): Promise<readonly string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.listEffects({ ...query, ...(cursor !== undefined && { cursor }) });
    expect(page.effects.length).toBeLessThanOrEqual(query.limit);
    ids.push(...page.effects.map(({ id }) => id));
    ({ cursor } = page);
  } while (cursor !== undefined);
  return ids;
}

/** See the file's first line. */
export function effectCases(makeMedium: MakeMedium): void {
  describe('an effect', () => {
    it('is not there before it is written, and comes back as it was, also after a restart', async () => {
      const bench = await openBench(makeMedium);
      expect(await bench.store.readEffect('1')).toBeUndefined();
      expect(await bench.store.listEffects({ limit: 10 })).toEqual({ effects: [] });
      await bench.commit({ effects: [effectOf('1')] });
      await bench.restart();
      expect(await bench.store.readEffect('1')).toEqual(effectOf('1'));
      expect((await bench.store.listEffects({ limit: 10 })).effects).toEqual([effectOf('1')]);
    });

    it('is in the list of its state of now alone', async () => {
      const bench = await openBench(makeMedium);
      const states = ['unknown', 'resolved', 'abandoned', 'late'] as const;
      await bench.commit({ effects: states.map((state) => effectOf(state)) });
      const decision = { how: 'done', by: 'me', atMs: 7, output: { ok: true } } as const;
      await bench.commit({ effects: states.map((state) => ({ ...effectOf(state, state), decision })) });
      for (const state of states) expect(await idsOf(bench.store, { state, limit: 10 })).toEqual([state]);
      expect(await bench.store.readEffect('resolved')).toEqual({ ...effectOf('resolved', 'resolved'), decision });
    });

    it('is listed without a gap or a repeat: those that wait from the oldest, the others from the newest', async () => {
      const bench = await openBench(makeMedium);
      const ids = Array.from({ length: 23 }, (_, i) => `e${String(i).padStart(3, '0')}`);
      await bench.commit({
        effects: ids.flatMap((id, i) => [effectOf(`u${id}`), effectOf(id, i % 2 === 0 ? 'resolved' : 'late')]),
      });
      for (const limit of [1, 3, 200]) {
        expect(await idsOf(bench.store, { limit })).toEqual(ids.map((id) => `u${id}`));
        expect(await idsOf(bench.store, { limit, state: 'late' })).toEqual(
          ids.filter((_, i) => i % 2 === 1).toReversed(),
        );
      }
    });

    it('looks at two thousand of them a call, and leaves a cursor to go on from', async () => {
      const bench = await openBench(makeMedium);
      const many = Array.from({ length: 2_100 }, (_, i) => effectOf(`r${String(i).padStart(5, '0')}`, 'resolved'));
      await bench.commit({ effects: [effectOf('a', 'late'), ...many] });
      const page = await bench.store.listEffects({ state: 'late', limit: 10 });
      expect(page.effects).toEqual([]);
      expect(page.cursor).toBeDefined();
      expect(await idsOf(bench.store, { state: 'late', limit: 10 })).toEqual(['a']);
    });

    it('that is damaged is an error where it is asked for, and left out of lists', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({ effects: ['a', 'b', 'c'].map((id) => effectOf(id)) });
      await bench.store.close();
      await bench.medium.flipBit({ effect: 'b' }, 90);
      await bench.restart();
      expect(await failureOf(bench.store.readEffect('b'))).toMatchObject({ code: 'STORE_CORRUPT' });
      expect(await idsOf(bench.store, { limit: 10 })).toEqual(['a', 'c']);
      expect(await bench.store.figures()).toMatchObject({ corruptRecords: 1 });
    });
  });
}
