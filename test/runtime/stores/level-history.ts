/** Epochs by number, and what a store must hold after them: all of each, in order. */
import { expect } from 'vitest';
import type { Epoch, Store } from '../../../runtime/stores/store.ts';
import { bytes, epochOf } from '../../contract/epochs.ts';
import { collect } from '../../contract/store-answers.ts';
import { begun, finished, went } from '../../contract/task-writes.ts';

const COUNTER = 'agent/counter';
const pad = (epoch: number): string => String(epoch).padStart(8, '0');

/** Each epoch changes a cell, adds a row to it, ends a task, begins one, and ends the one begun before. */
export function epochOfNumber(epoch: number): Epoch {
  return epochOf({
    cells: [{ address: COUNTER, head: bytes(String(epoch)), awake: true }],
    attachments: [{ address: COUNTER, key: pad(epoch), value: bytes('x'.repeat(epoch % 3_000)) }],
    tasks: [
      finished(`one-${pad(epoch)}`),
      begun(`two-${pad(epoch)}`, 'working'),
      ...(epoch === 1 ? [] : [went(`two-${pad(epoch - 1)}`, 'working', 'completed', 1)]),
    ],
  });
}

/** Expects the store to hold some first epochs, `ackedMax` or more, and nothing of a later one. Returns the last. */
export async function expectHistory(store: Store, ackedMax: number): Promise<number> {
  const cells = await collect(
    store.awakeCells((error) => {
      throw error;
    }),
  );
  const cell = cells.find(({ address }) => address === COUNTER);
  const last = Number(cell === undefined ? 0 : Buffer.from(cell.head).toString());
  expect(last).toBeGreaterThanOrEqual(ackedMax);
  const numbers = Array.from({ length: last }, (_, i) => i + 1);
  expect([...(cell?.attachments ?? [])].map(([key, value]) => [key, value.length])).toEqual(
    numbers.map((n) => [pad(n), n % 3_000]),
  );
  const statuses = new Map<string, string>();
  let cursor: string | undefined;
  do {
    const page = await store.listTasks({ limit: 200, ...(cursor !== undefined && { cursor }) });
    for (const { id, status } of page.tasks) statuses.set(id, status);
    cursor = page.cursor;
  } while (cursor !== undefined);
  expect(statuses.size).toBe(2 * last);
  for (const n of numbers) {
    expect(statuses.get(`one-${pad(n)}`)).toBe('completed');
    expect(statuses.get(`two-${pad(n)}`)).toBe(n === last ? 'working' : 'completed');
  }
  return last;
}
