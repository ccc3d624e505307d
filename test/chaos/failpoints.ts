/**
 * Places at which a node's process kills itself, with SIGKILL, the n-th time it comes by. They are put around the product
 * from outside, by the program that starts it (fault-node.ts): a store that looks at each epoch, agents that look at their
 * own calls, and the doors' way out. The product knows nothing of them.
 */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { Outbox } from '../../gateway/outbox.ts';
import { CellBook } from '../../runtime/cell-book.ts';
import type { Cell } from '../../runtime/cell.ts';
import { unpackState } from '../../runtime/state-codec.ts';
import type { Epoch, Fence, Store, StoredCell } from '../../runtime/stores/store.ts';

/** Every place, in the order a task comes by; the last ones are those of a start. */
export const FAILPOINTS = [
  'before-commit',
  'after-write',
  'after-commit',
  'before-frame',
  'intent-committed',
  'call-made',
  'call-returned',
  'call-recorded',
  'timer-armed',
  'timer-fired',
  'step-end',
  'task-end',
  'mail-stored',
  'at-rest',
  'passivated',
  'boot-counter',
  'recovery',
] as const;

export type FailpointName = (typeof FAILPOINTS)[number];

/** Where to die, and at which visit. */
export interface FailpointPlan {
  readonly point: FailpointName;
  readonly hit: number;
}

/** Counts visits, and ends the process at the one that was planned. */
export class Failpoints {
  readonly #plan: FailpointPlan | undefined;
  #left: number;

  constructor(plan: FailpointPlan | undefined) {
    this.#plan = plan;
    this.#left = plan?.hit ?? 0;
  }

  /** Whether the next visit of this place is the last; it is counted. */
  comesTo(point: FailpointName): boolean {
    return this.#plan?.point === point && --this.#left === 0;
  }

  visit(point: FailpointName): void {
    if (this.comesTo(point)) die();
  }
}

/** No chance to put anything in order. */
export function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal is on its way: nothing more may happen meanwhile.
  for (;;);
}

/** The store with places around its commits, its opening and its reading of cells. */
export function withFailpoints(store: Store, dir: string, points: Failpoints): Store {
  const own: Partial<Store> = {
    commit: (epoch, fence) => commit({ store, dir, points }, epoch, fence),
    open: async () => {
      const fence = await store.open();
      points.visit('boot-counter');
      return fence;
    },
    awakeCells: (onCorrupt) => counted(store.awakeCells(onCorrupt), points),
  };
  return new Proxy(store, {
    get(target, name) {
      const mine: unknown = Reflect.get(own, name);
      if (mine !== undefined) return mine;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Places that no store sees: frames that are about to leave, and actors that leave memory. */
export function watchWaysOut(points: Failpoints): void {
  const { flush } = Outbox.prototype;
  Outbox.prototype.flush = function flushed(this: Outbox): void {
    if (this.backlogBytes > 0) points.visit('before-frame');
    flush.call(this);
  };
  const { dismiss } = CellBook.prototype;
  CellBook.prototype.dismiss = function dismissed(this: CellBook, cell: Cell): void {
    dismiss.call(this, cell);
    if (cell.keyed) points.visit('passivated');
  };
}

async function commit(
  { store, dir, points }: { readonly store: Store; readonly dir: string; readonly points: Failpoints },
  epoch: Epoch,
  fence: Fence,
): Promise<void> {
  points.visit('before-commit');
  const reached = placesIn(epoch);
  if (reached.before.some((point) => points.comesTo(point))) die();
  if (points.comesTo('after-write')) return await dieWhenWritten(dir, store.commit(epoch, fence));
  await store.commit(epoch, fence);
  points.visit('after-commit');
  for (const point of reached.after) points.visit(point);
}

/** What an epoch brings to the disk; some of it is worth a death before that, some after it. */
function placesIn(epoch: Epoch): {
  readonly before: readonly FailpointName[];
  readonly after: readonly FailpointName[];
} {
  const before: FailpointName[] = [];
  const after: FailpointName[] = [];
  const kinds = new Set(epoch.tasks.flatMap(({ events }) => events.map(({ kind }) => kind)));
  if (kinds.has('step.completed')) before.push('step-end');
  if (epoch.tasks.some(({ progress }) => progress.result !== undefined)) after.push('task-end');
  if (epoch.attachments.some(({ value }) => value !== null && isRecorded(value))) after.push('call-recorded');
  for (const { address, head, awake } of epoch.cells) {
    if (head === null || !address.startsWith('agent/')) continue;
    const point = awake ? 'mail-stored' : 'at-rest';
    if (!after.includes(point)) after.push(point);
  }
  return { before, after };
}

/** Whether a row is the outcome of a call in a journal. */
function isRecorded(row: Uint8Array): boolean {
  const value = unpackState(row);
  return typeof value === 'object' && value !== null && 'state' in value && value.state === 'done';
}

/** Ends the process as soon as the write has reached the file, without waiting for its way to the disk. */
function dieWhenWritten(dir: string, written: Promise<void>): Promise<never> {
  const before = logBytes(dir);
  const look = (): void => {
    if (logBytes(dir) !== before) die();
    setImmediate(look);
  };
  look();
  return written.then(die, die);
}

function logBytes(dir: string): string {
  const logs = readdirSync(path.join(dir, 'db')).filter((name) => name.endsWith('.log'));
  return logs.map((name) => `${name} ${statSync(path.join(dir, 'db', name)).size}`).join(', ');
}

async function* counted(cells: AsyncIterable<StoredCell>, points: Failpoints): AsyncGenerator<StoredCell> {
  for await (const cell of cells) {
    points.visit('recovery');
    yield cell;
  }
}
