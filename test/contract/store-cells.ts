/** Cells and their attachments. */
import { describe, expect, it } from 'vitest';
import type { Alarm, CellWrite, StoredCell } from '../../runtime/stores/store.ts';
import { bytes } from './epochs.ts';
import { collect } from './store-answers.ts';
import { type Bench, type MakeMedium, openBench } from './store-medium.ts';

const ADDRESSES = [
  'task/01K',
  'task/01K/',
  'task/01K/step',
  'agent/lab.counter/user 42?',
  'agent/lab.counter/user 42',
  'agent/ä/ö',
  'agent/%0041',
  'agent/A',
  'agent/\0',
  'agent/\0key',
  'agent/\ud83d\ude00',
  'agent/\ud83d',
  'agent/\ud83e',
  'agent/\n',
  '',
  '/',
  '%',
];

const awakeAddresses = async ({ store }: Bench): Promise<string[]> =>
  (await collect(store.awakeCells(failOnDamage))).map(({ address }) => address);

function failOnDamage(error: unknown): never {
  throw error;
}

const texts = (cell: StoredCell | undefined): unknown =>
  cell && {
    head: Buffer.from(cell.head).toString(),
    attachments: Object.fromEntries([...cell.attachments].map(([key, value]) => [key, Buffer.from(value).toString()])),
  };

/** See the file's first line. */
export function cellCases(makeMedium: MakeMedium): void {
  describe('a cell', () => {
    it('that is not there is undefined', async () => {
      const { store } = await openBench(makeMedium);
      expect(await store.readCell('task/nobody')).toBeUndefined();
    });

    it('comes back with its last head and all its attachments', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({
        cells: [{ address: 'task/a', head: bytes('one'), awake: true }],
        attachments: [
          { address: 'task/a', key: 'x', value: bytes('1') },
          { address: 'task/a', key: '', value: bytes('') },
        ],
      });
      await bench.commit({
        cells: [{ address: 'task/a', head: bytes('two'), awake: true }],
        attachments: [
          { address: 'task/a', key: 'y/z', value: bytes('2') },
          { address: 'task/a', key: 'x', value: null },
        ],
      });
      await bench.restart();
      expect(texts(await bench.store.readCell('task/a'))).toEqual({ head: 'two', attachments: { '': '', 'y/z': '2' } });
    });

    it('keeps its attachments from those of others, however alike the addresses are', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({
        cells: ADDRESSES.map((address) => ({ address, head: bytes(`head of ${address}`), awake: true })),
        attachments: ADDRESSES.map((address) => ({ address, key: 'key', value: bytes(`row of ${address}`) })),
      });
      for (const address of ADDRESSES) {
        const utf8 = (text: string): string => Buffer.from(text).toString();
        expect(texts(await bench.store.readCell(address)), JSON.stringify(address)).toEqual({
          head: utf8(`head of ${address}`),
          attachments: { key: utf8(`row of ${address}`) },
        });
      }
      expect((await awakeAddresses(bench)).toSorted()).toEqual(ADDRESSES.toSorted());
    });

    it.each<{ what: string; was: (before: boolean) => CellWrite['was'] }>([
      { what: 'is not told how it was', was: () => undefined },
      { what: 'is told how it was', was: (before) => (before ? 'awake' : 'resting') },
    ])('falls asleep and wakes up, when the store $what', async ({ was }) => {
      const bench = await openBench(makeMedium);
      let before: CellWrite['was'] = 'none';
      for (const [i, awake] of [true, false, false, true, true, false, true].entries()) {
        await bench.commit({
          cells: [{ address: 'agent/a', head: bytes(String(i)), awake, ...(before !== undefined && { was: before }) }],
        });
        before = was(awake);
        expect(await awakeAddresses(bench)).toEqual(awake ? ['agent/a'] : []);
        expect(texts(await bench.store.readCell('agent/a'))).toEqual({ head: String(i), attachments: {} });
      }
    });

    it.each([
      { awake: true, was: undefined },
      { awake: true, was: 'awake' as const },
      { awake: false, was: undefined },
      { awake: false, was: 'resting' as const },
    ])('is removed, awake or not ($awake), told or not ($was)', async ({ awake, was }) => {
      const bench = await openBench(makeMedium);
      await bench.commit({
        cells: [{ address: 'agent/a', head: bytes('x'), awake }],
        attachments: [{ address: 'agent/a', key: 'k', value: bytes('v') }],
      });
      await bench.commit({
        cells: [{ address: 'agent/a', head: null, awake: false, ...(was !== undefined && { was }) }],
        attachments: [{ address: 'agent/a', key: 'k', value: null }],
      });
      expect(await bench.store.readCell('agent/a')).toBeUndefined();
      expect(await awakeAddresses(bench)).toEqual([]);
      await bench.commit({ cells: [{ address: 'agent/a', head: bytes('new life'), awake: true }] });
      expect(texts(await bench.store.readCell('agent/a'))).toEqual({ head: 'new life', attachments: {} });
    });
  });

  describe('heads', () => {
    it('of several cells come in the order asked for, awake or not, and a damaged one is its error', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({
        cells: ADDRESSES.map((address, i) => ({ address, head: bytes(`${i}`), awake: i % 2 === 0 })),
      });
      const heads = await bench.store.readHeads([...ADDRESSES, 'nobody'].toReversed());
      const utf8 = heads.map((head) => (head instanceof Uint8Array ? Buffer.from(head).toString() : head));
      expect(utf8).toEqual([...ADDRESSES.keys(), undefined].toReversed().map((i) => (i === undefined ? i : `${i}`)));
      await bench.store.close();
      await bench.medium.flipBit({ cell: 'agent/A', awake: false }, 70);
      await bench.restart();
      const [sane, broken] = await bench.store.readHeads(['agent/%0041', 'agent/A']);
      expect(sane).toBeInstanceOf(Uint8Array);
      expect(broken).toMatchObject({ code: 'STORE_CORRUPT' });
    });

    it('can all be walked over, each once, with whether it is awake', async () => {
      const { store, commit } = await openBench(makeMedium);
      await commit({ cells: ADDRESSES.map((address, i) => ({ address, head: bytes(`${i}`), awake: i % 2 === 0 })) });
      const all = await collect(store.heads(failOnDamage));
      const seen = all.map(({ address, head, awake }) => [address, Buffer.from(head).toString(), awake]);
      expect(new Set(seen.map(String))).toEqual(new Set(ADDRESSES.map((a, i) => String([a, `${i}`, i % 2 === 0]))));
      expect(seen).toHaveLength(ADDRESSES.length);
    });
  });

  describe('an alarm', () => {
    const at = (dueAtMs: number, address: string, was?: number) => ({
      ...{ address, head: bytes('x'), awake: false },
      ...(dueAtMs >= 0 && { alarmAtMs: dueAtMs }),
      ...(was !== undefined && { alarmWasAtMs: was }),
    });

    it('is found by its due time, however far away, and however many there are', async () => {
      const bench = await openBench(makeMedium);
      const dues = [0, 5, 5, 5, 1_700_000_000_000, 99_999_999_999, Number.MAX_SAFE_INTEGER];
      await bench.commit({ cells: dues.map((due, i) => at(due, `agent/ä/${i}`)) });
      await bench.restart();
      const all = await bench.store.alarms(undefined, Number.MAX_SAFE_INTEGER, 100);
      expect(all.map(({ dueAtMs }) => dueAtMs)).toEqual(dues.toSorted((a, b) => a - b));
      expect(all[1]).toEqual({ dueAtMs: 5, address: 'agent/ä/1' });
      expect(await bench.store.alarms(undefined, 5, 100)).toHaveLength(4);
      expect(await bench.store.alarms(undefined, 4, 100)).toHaveLength(1);
      expect(await bench.store.alarms(undefined, 5, 2)).toEqual(all.slice(0, 2));
    });

    it('is not found again behind itself', async () => {
      const { store, commit } = await openBench(makeMedium);
      await commit({ cells: [...ADDRESSES.keys()].map((i) => at(7, ADDRESSES[i] as string)) });
      const walked: Alarm[] = [];
      let after: Alarm | undefined;
      for (;;) {
        const [next] = await store.alarms(after, 7, 1);
        if (next === undefined) break;
        walked.push(next);
        after = next;
      }
      expect(new Set(walked.map(({ address }) => address))).toEqual(new Set(ADDRESSES));
      expect(walked).toHaveLength(ADDRESSES.length);
      expect(await store.alarms({ dueAtMs: 8, address: '' }, 9, 10)).toEqual([]);
      expect(await store.alarms({ dueAtMs: 8, address: '' }, 7, 10)).toEqual([]);
    });

    it('goes when it is moved, when it is taken back, and with its cell', async () => {
      const { store, commit } = await openBench(makeMedium);
      const dues = async () => (await store.alarms(undefined, 100, 10)).map(({ dueAtMs }) => dueAtMs);
      await commit({ cells: [at(10, 'agent/a'), at(11, 'agent/b')] });
      await commit({ cells: [at(20, 'agent/a', 10), at(11, 'agent/b', 11)] });
      expect(await dues()).toEqual([11, 20]);
      await commit({ cells: [at(-1, 'agent/a', 20)] });
      expect(await dues()).toEqual([11]);
      await commit({ cells: [{ address: 'agent/b', head: null, awake: false, alarmWasAtMs: 11 }] });
      expect(await dues()).toEqual([]);
    });
  });

  describe('the awake cells', () => {
    it('come each once, in one order, with their own attachments, however many others there are', async () => {
      const bench = await openBench(makeMedium);
      const address = (i: number): string => `task/${String(i).padStart(5, '0')}`;
      const count = 1_500;
      const numbers = Array.from({ length: count }, (_, i) => i);
      const rowsOf = (i: number): number => (i % 7 === 0 ? 3 : i % 50 === 1 ? 400 : 0);
      await bench.commit({
        cells: numbers.map((i) => ({ address: address(i), head: bytes(String(i)), awake: i % 3 !== 1 })),
        attachments: numbers.flatMap((i) =>
          Array.from({ length: rowsOf(i) }, (_, k) => ({
            address: address(i),
            key: `k${k}`,
            value: bytes(`${i}.${k}`),
          })),
        ),
      });
      await bench.restart();
      const cells = await collect(bench.store.awakeCells(failOnDamage));
      const expected = numbers.filter((i) => i % 3 !== 1);
      expect(cells.map((cell) => cell.address)).toEqual(expected.map(address));
      for (const [at, i] of expected.entries()) {
        expect(cells[at]?.attachments.size).toBe(rowsOf(i));
        for (const [key, value] of cells[at]?.attachments ?? [])
          expect(Buffer.from(value).toString()).toBe(`${i}.${key.slice(1)}`);
      }
    });

    it('can be left half way, and the store closed after it', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({
        cells: Array.from({ length: 600 }, (_, i) => ({ address: `agent/${i}`, head: bytes('x'), awake: true })),
      });
      for await (const _ of bench.store.awakeCells(failOnDamage)) break;
      await bench.store.close();
      expect(bench.store.status).toBe('closed');
    });
  });
}
