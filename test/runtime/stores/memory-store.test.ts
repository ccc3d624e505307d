import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../../protocol/errors.ts';
import { createMemoryStore, MemoryDisk, type WriteOutcome } from '../../../runtime/stores/memory-store.ts';
import { keyOfThing } from '../../contract/key-space-rows.ts';
import { bytes, epochOf } from '../../contract/epochs.ts';
import { failureOf } from '../../contract/store-answers.ts';
import { createSetWorld } from '../../contract/store-medium.ts';
import { finished } from '../../contract/task-writes.ts';
import { storeSuite } from '../../contract/store-suite.ts';

storeSuite('memory', async (world) => {
  const disk = new MemoryDisk();
  return {
    store: () => createMemoryStore({ world, disk }),
    flipBit: async (thing, bit) => {
      if (!disk.flipBit(keyOfThing(thing), bit)) throw new Error('there is no such record');
    },
    dispose: async () => undefined,
  };
});

const world = createSetWorld();
const cell = (head: string) =>
  epochOf({ cells: [{ address: 'agent/a', head: bytes(head), awake: true, was: 'awake' }] });

describe('a memory disk', () => {
  it('keeps what was synced through a crash, and what the first store did ends there', async () => {
    const disk = new MemoryDisk();
    const dead = createMemoryStore({ world, disk });
    const fence = await dead.open();
    await dead.commit(epochOf({ tasks: [finished('a')] }), fence);
    disk.crash();
    expect(await failureOf(dead.commit(epochOf({ tasks: [finished('b')] }), fence))).toEqual({
      code: 'STORE_UNAVAILABLE',
    });
    expect(dead.status).toBe('failed');
    const store = createMemoryStore({ world, disk });
    expect((await store.open()).epoch).toBe(fence.epoch + 1);
    expect(await failureOf(dead.reopen())).toEqual({ code: 'STORE_UNAVAILABLE' });
    await dead.close();
    expect(await store.readTask('a')).toBeDefined();
    expect(await store.readTask('b')).toBeUndefined();
  });

  it('loses in a crash what was not synced, as a run from some write on', async () => {
    for (const kept of [0, 1, 3]) {
      const disk = new MemoryDisk();
      const before = createMemoryStore({ world, disk, durability: 'os' });
      const fence = await before.open();
      for (const head of ['1', '2', '3', '4']) {
        await before.commit(cell(head), fence);
        await before.commit(epochOf({ tasks: [finished(head)] }), fence);
      }
      disk.crash(2 * kept);
      const store = createMemoryStore({ world, disk });
      await store.open();
      expect((await store.readCell('agent/a'))?.head).toEqual(kept === 0 ? undefined : bytes(String(kept)));
      expect((await store.listTasks({ limit: 10 })).tasks.map(({ id }) => id)).toEqual(['3', '2', '1'].slice(3 - kept));
    }
  });

  it('loses nothing when only the process dies', async () => {
    const disk = new MemoryDisk();
    const before = createMemoryStore({ world, disk, durability: 'os' });
    await before.commit(epochOf({ tasks: [finished('a')] }), await before.open());
    disk.abandon();
    const store = createMemoryStore({ world, disk });
    await store.open();
    expect(await store.readTask('a')).toBeDefined();
    expect(await failureOf(before.readTask('a'))).toEqual({ code: 'STORE_UNAVAILABLE' });
  });

  it('has one store open at a time', async () => {
    const disk = new MemoryDisk();
    const first = createMemoryStore({ world, disk });
    await first.open();
    const second = createMemoryStore({ world, disk });
    expect(await failureOf(second.open())).toEqual({ code: 'STORE_UNAVAILABLE' });
    expect(second.status).toBe('closed');
    await first.close();
    await second.open();
    expect(second.status).toBe('open');
  });

  it('bounds what a crash can take back', async () => {
    const disk = new MemoryDisk();
    const before = createMemoryStore({ world, disk, durability: 'os' });
    const fence = await before.open();
    for (let i = 1; i <= 1_500; i++) await before.commit(cell(String(i)), fence);
    disk.crash();
    const store = createMemoryStore({ world, disk });
    await store.open();
    expect((await store.readCell('agent/a'))?.head).toEqual(bytes('500'));
  });
});

describe('a write that fails', () => {
  it.each<WriteOutcome>(['lost', 'kept'])(
    '(%s) stops everything until reopen, which makes the same epoch writable again',
    async (outcome) => {
      let next: WriteOutcome = 'done';
      const store = createMemoryStore({ world, disk: new MemoryDisk({ onWrite: () => next }) });
      const fence = await store.open();
      await store.commit(epochOf({ tasks: [finished('a')] }), fence);
      next = outcome;
      const failing = store.commit(epochOf({ tasks: [finished('b')] }), fence);
      const behind = store.commit(epochOf({ tasks: [finished('c')] }), fence);
      expect(await failureOf(failing)).toEqual({ code: 'STORE_UNAVAILABLE' });
      expect(await failureOf(behind)).toEqual({ code: 'STORE_UNAVAILABLE' });
      next = 'done';
      expect(store.status).toBe('failed');
      for (const asked of [
        store.commit(epochOf({ tasks: [finished('d')] }), fence),
        store.readTask('a'),
        store.listTasks({ limit: 1 }),
        store.open(),
      ]) {
        expect((await failureOf(asked)).code).toMatch(/^(STORE_UNAVAILABLE|STATE_CONFLICT)$/);
      }
      await store.reopen();
      expect(store.status).toBe('open');
      expect((await store.readTask('b')) !== undefined).toBe(outcome === 'kept');
      expect(await store.readTask('c')).toBeUndefined();
      await store.commit(epochOf({ tasks: [finished('b')] }), fence);
      expect((await store.listTasks({ limit: 10 })).tasks.map(({ id }) => id)).toEqual(['b', 'a']);
    },
  );

  it('leaves the store failed while reopening fails, and a reopening after another owner was there is refused', async () => {
    let [outcome, away]: [WriteOutcome, boolean] = ['done', false];
    const unavailable = new OperatingError('STORE_UNAVAILABLE', 'The disk is away.');
    const disk = new MemoryDisk({
      onWrite: () => outcome,
      onOpen: () => {
        if (away) throw unavailable;
      },
    });
    const store = createMemoryStore({ world, disk });
    const fence = await store.open();
    [outcome, away] = ['lost', true];
    await failureOf(store.commit(cell('x'), fence));
    for (let i = 0; i < 2; i++) {
      expect(await failureOf(store.reopen())).toEqual({ code: 'STORE_UNAVAILABLE' });
      expect(store.status).toBe('failed');
    }
    [outcome, away] = ['done', false];
    await store.reopen();
    expect(store.status).toBe('open');
    [outcome, away] = ['lost', true];
    await failureOf(store.commit(cell('x'), fence));
    await failureOf(store.reopen());
    [outcome, away] = ['done', false];
    const other = createMemoryStore({ world, disk });
    await other.open();
    await other.close();
    expect(await failureOf(store.reopen())).toEqual({ code: 'STATE_CONFLICT' });
    expect(store.status).toBe('failed');
    await store.close();
    expect(store.status).toBe('closed');
  });

  it('can be held by the disk, while later ones wait behind it', async () => {
    const order: string[] = [];
    let letGo = (_: WriteOutcome): void => undefined;
    let held = false;
    const disk = new MemoryDisk({
      onWrite: () => {
        if (!held) return 'done';
        held = false;
        return new Promise((resolve) => (letGo = resolve));
      },
    });
    const store = createMemoryStore({ world, disk });
    const fence = await store.open();
    held = true;
    const first = store.commit(cell('1'), fence).then(() => order.push('first'));
    const second = store.commit(cell('2'), fence).then(() => order.push('second'));
    await store.readCell('agent/a');
    expect(order).toEqual([]);
    letGo('done');
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
    expect((await store.readCell('agent/a'))?.head).toEqual(bytes('2'));
  });
});
