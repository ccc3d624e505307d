/**
 * A process that writes to a LevelDB store until it is killed: it says each epoch that was acknowledged. When a commit
 * fails it says so, and waits to be told to reopen; then it commits the same epoch again and goes on.
 *
 *     node level-writer.ts DIR DURABILITY FIRST_EPOCH
 */
import { OperatingError } from '../../../protocol/errors.ts';
import { createLevelStore } from '../../../runtime/stores/level-store.ts';
import type { Fence, Store } from '../../../runtime/stores/store.ts';
import { createWorld } from '../../../runtime/world.ts';
import { epochOfNumber } from './level-history.ts';

/** What the process says. */
export type Said =
  | { readonly said: 'open' }
  | { readonly said: 'acked'; readonly epoch: number }
  | {
      readonly said: 'failed';
      readonly epoch: number;
      readonly code: string;
      readonly status: string;
      readonly readCode: string;
    }
  | { readonly said: 'reopened' }
  | { readonly said: 'still away'; readonly code: string };

/** What it is told. */
export type Told = 'go on' | 'reopen' | 'stop';

const [, , dir = '', durability = '', first = ''] = process.argv;

function say(what: Said): void {
  process.send?.(what);
}

function told(): Promise<Told> {
  return new Promise((resolve) => process.once('message', (message) => resolve(message as Told)));
}

function codeOf(error: unknown): string {
  return error instanceof OperatingError ? error.code : String(error);
}

async function recover(store: Store, epoch: number, error: unknown): Promise<void> {
  const readCode = await store.readTask('x').then(() => 'none', codeOf);
  say({ said: 'failed', epoch, code: codeOf(error), status: store.status, readCode });
  for (;;) {
    await told();
    try {
      await store.reopen();
      say({ said: 'reopened' });
      return;
    } catch (again) {
      say({ said: 'still away', code: codeOf(again) });
    }
  }
}

async function writeFrom(store: Store, fence: Fence, number: number): Promise<void> {
  for (let epoch = number; ; ) {
    try {
      await store.commit(epochOfNumber(epoch), fence);
      say({ said: 'acked', epoch });
      epoch++;
    } catch (error) {
      await recover(store, epoch, error);
      await told();
    }
  }
}

const store = createLevelStore({ dir, durability: durability === 'os' ? 'os' : 'fsync', world: createWorld() });
const fence = await store.open();
say({ said: 'open' });
await told();
await writeFrom(store, fence, Number(first));
