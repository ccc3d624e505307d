/**
 * Writes goldens: a few stored things of known content in each format, as the code of now writes them, into test/golden.
 * What a release has written must be read by those after it, so what is there is never written again: a format whose number
 * was raised gets new files beside the old. `node scripts/golden.ts`
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMachine } from 'xstate';
import { BACKUP_FORMAT, backupOf } from '../runtime/backup.ts';
import { CAPSULE_FORMAT } from '../runtime/capsule.ts';
import { packCapsule } from '../runtime/capsule-making.ts';
import { CHECKPOINT_FORMAT } from '../runtime/machine-checkpoint.ts';
import type { HostFactory } from '../runtime/host.ts';
import { machineFactory } from '../runtime/machine-host.ts';
import { CELL_FORMAT, packCell } from '../runtime/snapshots.ts';
import { packState } from '../runtime/state-codec.ts';
import { createLevelStore } from '../runtime/stores/level-store.ts';
import { createMemoryStore } from '../runtime/stores/memory-store.ts';
import { frameBytes, frameValue, RECORD_FORMAT } from '../runtime/stores/records.ts';
import { createWorld } from '../runtime/world.ts';
import { recordOf } from '../supervisors/breaker-record.ts';
import {
  AT_MS,
  GOLDEN_BREAKER,
  GOLDEN_CAPSULE,
  GOLDEN_CELL,
  GOLDEN_EPOCH,
  GOLDEN_KEYS,
  GOLDEN_VALUE,
} from './golden-values.ts';

const DIR = join(import.meta.dirname, '../test/golden');
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The machine of the golden: it waits in `b`, after one event, with a timer, a child and values of each kind. */
const GOLDEN_MACHINE = createMachine({
  id: 'golden',
  context: () => ({
    count: 1,
    seen: new Map([['x', new Date(AT_MS)]]),
    zero: -0,
    big: 12n,
    text: /a+/g,
    set: new Set([1]),
  }),
  initial: 'a',
  states: { a: { on: { go: 'b' } }, b: { after: { 5_000: 'a' }, initial: 'in', states: { in: {} } } },
});

/** A host's surroundings, in which nothing happens and time stands still. */
export const STILL = {
  ...{ address: 'agent/golden/a', nowMs: () => AT_MS },
  ...{ afterCommit: nothing, cancelEffect: nothing, clearTimer: nothing, effect: nothing, fail: nothing },
  ...{ reenter: nothing, send: nothing, setTimer: nothing },
};

function nothing(): void {}

/** What hosts the machine of the golden. */
export function goldenFactory(): HostFactory {
  return machineFactory(GOLDEN_MACHINE, { logicId: 'golden', logicVersion: '1', world: createWorld() });
}

/** The state of the machine as it is kept. */
function goldenCheckpoint(): Uint8Array {
  const factory = goldenFactory();
  const host = factory.create(STILL, undefined);
  host.start();
  host.send({ type: 'go' });
  return factory.encode(host.checkpoint());
}

async function goldenBackup(): Promise<Uint8Array> {
  const world = { ...createWorld(), nowMs: () => AT_MS, id: () => '01GOLDEN', random: () => 0.5 };
  const store = createMemoryStore({ world });
  await store.commit(GOLDEN_EPOCH, await store.open());
  const parts: Buffer[] = [];
  for await (const part of backupOf(store)) parts.push(part);
  return Buffer.concat(parts);
}

/** A format's number, and how its golden is written. */
interface Golden {
  readonly format: number;
  write(): Uint8Array | Promise<Uint8Array>;
}

/** Each format of one file. */
export const GOLDENS: Readonly<Record<string, Golden>> = {
  cell: { format: CELL_FORMAT, write: () => packCell(GOLDEN_CELL) },
  machine: { format: CHECKPOINT_FORMAT, write: goldenCheckpoint },
  'record-value': { format: RECORD_FORMAT, write: () => frameValue(GOLDEN_KEYS.value, GOLDEN_VALUE) },
  'record-bytes': { format: RECORD_FORMAT, write: () => frameBytes(GOLDEN_KEYS.bytes, utf8('bytes')) },
  capsule: { format: CAPSULE_FORMAT, write: () => packCapsule(GOLDEN_CAPSULE) },
  breaker: { format: recordOf(GOLDEN_BREAKER, 0).format, write: () => packState(recordOf(GOLDEN_BREAKER, 0)) },
  backup: { format: BACKUP_FORMAT, write: goldenBackup },
};

/** Where a golden is. */
export function goldenPath(name: string, format: number): string {
  return join(DIR, `${name}-${format}${name === 'store' ? '' : '.bin'}`);
}

async function writeStore(dir: string): Promise<void> {
  const store = createLevelStore({ dir, durability: 'fsync', world: createWorld(), ballastBytes: 0 });
  const fence = await store.open();
  await store.commit(GOLDEN_EPOCH, fence);
  await store.close();
  for (const name of ['LOG', 'LOG.old', 'LOCK']) rmSync(join(dir, 'db', name), { force: true });
}

if (import.meta.main) {
  mkdirSync(DIR, { recursive: true });
  const say = (path: string, what: string): boolean => process.stdout.write(`${what}  ${path}\n`);
  for (const [name, { format, write }] of Object.entries(GOLDENS)) {
    const path = goldenPath(name, format);
    if (existsSync(path)) say(path, 'kept   ');
    else {
      writeFileSync(path, await write());
      say(path, 'written');
    }
  }
  const store = goldenPath('store', RECORD_FORMAT);
  if (existsSync(store)) say(store, 'kept   ');
  else {
    await writeStore(store);
    say(store, 'written');
  }
}
