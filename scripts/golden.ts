/**
 * Writes goldens: a few stored things of known content in each format, as the code of now writes them, into test/golden.
 * What a release has written must be read by those after it, so what is there is never written again: a format whose number
 * was raised gets new files beside the old. `node scripts/golden.ts`
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMachine } from 'xstate';
import { CHECKPOINT_FORMAT } from '../runtime/machine-checkpoint.ts';
import { machineFactory } from '../runtime/machine-host.ts';
import { CELL_FORMAT, type CellSnapshot, packCell } from '../runtime/snapshots.ts';
import { createLevelStore } from '../runtime/stores/level-store.ts';
import { frameBytes, frameValue, RECORD_FORMAT } from '../runtime/stores/records.ts';
import type { Epoch } from '../runtime/stores/store.ts';
import { createWorld } from '../runtime/world.ts';

const DIR = join(import.meta.dirname, '../test/golden');
const AT_MS = 1_780_000_000_000;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The cell of the golden. Never changed: a new format is given the same. */
export const GOLDEN_CELL: CellSnapshot = {
  spec: {
    ...{ address: 'agent/golden/käy 1', logic: 'agent:golden@1.0.0', input: { key: 'käy 1' } },
    ...{ supervisor: 'supervisor/agents/golden', restart: 'permanent', recovery: 'resume', priority: 5, durable: true },
  },
  logicVersion: '1.0.0',
  structureHash: '0123456789abcdef0123456789abcdef',
  seq: 7,
  body: utf8('the body of a logic of its own'),
  timers: [['t1', AT_MS]],
  control: [
    { kind: 'settle', key: 'effect:pay/3', outcome: { ok: true, value: [1, 'x', null] }, deliveries: 1, bytes: 64 },
  ],
  user: [{ kind: 'event', event: { type: 'add', n: 2.5 }, deliveries: 0, bytes: 64 }],
  rows: true,
};

/** The value and the bytes of the records. */
export const GOLDEN_VALUE = {
  text: 'grün',
  list: [1, -2, 3.5, true, null],
  at: new Date(AT_MS),
  deep: { a: { b: {} } },
};
export const GOLDEN_KEYS = { value: 'm/golden', bytes: 'c/golden' } as const;

/** The machine of the golden: it waits in `b`, after one event, with a timer, a child and values of each kind. */
export const GOLDEN_MACHINE = createMachine({
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

/** The epoch that the store of the golden holds. */
export const GOLDEN_EPOCH: Epoch = {
  cells: [
    { address: 'task/01GOLDEN', head: packCell(GOLDEN_CELL), awake: true },
    { address: 'agent/golden/a', head: utf8('head'), awake: false, alarmAtMs: AT_MS },
  ],
  attachments: [{ address: 'task/01GOLDEN', key: 'journal/golden@1.0.0/a#1', value: utf8('row') }],
  tasks: [
    {
      id: '01GOLDEN',
      created: {
        target: { agent: 'golden' },
        input: GOLDEN_VALUE,
        options: { priority: 3 },
        principal: 'loopback',
        createdAtMs: AT_MS,
      },
      progress: { status: 'working', seq: 2, updatedAtMs: AT_MS + 1, waiting: 'for a while' },
      events: [
        { seq: 1, at: AT_MS, kind: 'task.submitted', data: {} },
        { seq: 2, at: AT_MS + 1, kind: 'task.started', data: { n: 1 } },
      ],
    },
  ],
  keys: [{ principal: 'loopback', key: 'order 1', task: '01GOLDEN', bodyHash: 'abc', expiresAtMs: 9_000_000_000_000 }],
  definitions: [{ kind: 'workflow', name: 'golden', version: '1.0.0', body: { steps: [] } }],
  quarantine: [{ id: '01BAD', body: { format: 0, why: 'golden' } }],
};

/** A host's surroundings, in which nothing happens and time stands still. */
const STILL = {
  ...{ address: 'agent/golden/a', nowMs: () => AT_MS },
  ...{ afterCommit: nothing, cancelEffect: nothing, clearTimer: nothing, effect: nothing, fail: nothing },
  ...{ reenter: nothing, send: nothing, setTimer: nothing },
};

function nothing(): void {}

/** The state of the machine as it is kept. */
export function goldenCheckpoint(): Uint8Array {
  const factory = machineFactory(GOLDEN_MACHINE, { logicId: 'golden', logicVersion: '1', world: createWorld() });
  const host = factory.create(STILL, undefined);
  host.start();
  host.send({ type: 'go' });
  return factory.encode(host.checkpoint());
}

/** Each format's number, and the files that it has. */
export const GOLDENS = {
  cell: { format: CELL_FORMAT, write: () => packCell(GOLDEN_CELL) },
  machine: { format: CHECKPOINT_FORMAT, write: goldenCheckpoint },
  'record-value': { format: RECORD_FORMAT, write: () => frameValue(GOLDEN_KEYS.value, GOLDEN_VALUE) },
  'record-bytes': { format: RECORD_FORMAT, write: () => frameBytes(GOLDEN_KEYS.bytes, utf8('bytes')) },
} as const;

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
      writeFileSync(path, write());
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
