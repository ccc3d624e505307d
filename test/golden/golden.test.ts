import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { restoreBackup } from '../../runtime/backup.ts';
import { unpackCapsule } from '../../runtime/capsule-making.ts';
import { unpackCell } from '../../runtime/snapshots.ts';
import { readStored } from '../../runtime/stored-machine.ts';
import { KeptClasses } from '../../runtime/machine-classes.ts';
import { unpackState } from '../../runtime/state-codec.ts';
import { createMemoryStore } from '../../runtime/stores/memory-store.ts';
import { createLevelStore } from '../../runtime/stores/level-store.ts';
import { readBytes, readValue, RECORD_FORMAT } from '../../runtime/stores/records.ts';
import { createWorld } from '../../runtime/world.ts';
import { goldenFactory, goldenPath, GOLDENS, STILL } from '../../scripts/golden.ts';
import {
  GOLDEN_BREAKER,
  GOLDEN_CAPSULE,
  GOLDEN_CELL,
  GOLDEN_EPOCH,
  GOLDEN_KEYS,
  GOLDEN_VALUE,
} from '../../scripts/golden-values.ts';
import { stateOf } from '../../supervisors/breaker-record.ts';
import { temporaryFolder } from '../support/node-process.ts';

const DIR = import.meta.dirname;
const folder = temporaryFolder('golden');
afterAll(() => folder.clear());

/** Every golden of a kind, of this format and of those before. */
function goldens(name: string): readonly (readonly [file: string, bytes: Uint8Array])[] {
  const pattern = new RegExp(`^${name}-\\d+\\.bin$`);
  return readdirSync(DIR)
    .filter((file) => pattern.test(file))
    .map((file) => [file, readFileSync(join(DIR, file))]);
}

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString();

describe('What an earlier release has stored', () => {
  it.each([
    ...Object.entries(GOLDENS).map(([name, { format }]) => [name, format] as const),
    ['store', RECORD_FORMAT] as const,
  ])('is there to be tested in the format of now: %s in format %i', (name, format) => {
    const why = `The format of "${name}" is ${format}, and test/golden has none of it. Run \`node scripts/golden.ts\`.`;
    expect(existsSync(goldenPath(name, format)), why).toBe(true);
  });

  it.each(Object.entries(GOLDENS))(
    'is written as it always was, byte for byte: %s',
    async (name, { format, write }) => {
      const why = `"${name}" is written otherwise than before under the same number. Raise the number, and keep reading the old one.`;
      expect(Buffer.from(await write()).equals(readFileSync(goldenPath(name, format))), why).toBe(true);
    },
  );

  it.each(goldens('cell'))('is read: the cell in %s', (_file, bytes) => {
    const { body, ...cell } = unpackCell(bytes);
    const { body: expected, ...rest } = GOLDEN_CELL;
    expect(cell).toEqual(rest);
    expect(text(body)).toBe(text(expected));
  });

  it.each(goldens('machine'))('is read: the machine in %s', (_file, bytes) => {
    const at = 1_780_000_000_000;
    expect(readStored(bytes, new KeptClasses())).toEqual({
      status: 'active',
      value: { b: 'in' },
      context: { count: 1, seen: new Map([['x', new Date(at)]]), zero: -0, big: 12n, text: /a+/g, set: new Set([1]) },
      history: {},
      children: {},
      timers: [
        {
          id: 'xstate.after.5000.golden.b',
          source: [],
          target: [],
          event: { type: 'xstate.after.5000.golden.b' },
          dueAtMs: at + 5_000,
          cancelable: true,
          timerId: expect.any(String),
        },
      ],
    });
  });

  it.each(goldens('machine'))('goes on: the machine in %s', (_file, bytes) => {
    const timers: number[] = [];
    const factory = goldenFactory();
    const port = { ...STILL, setTimer: (_id: string, dueAtMs: number) => void timers.push(dueAtMs) };
    const host = factory.restore(port, factory.decode(bytes));
    host.start();
    expect([host.status, host.describe().state]).toEqual(['active', 'b.in']);
    expect(timers).toEqual([1_780_000_005_000]);
  });

  it.each(goldens('capsule'))('is read: the crash capsule in %s', (_file, bytes) => {
    expect(unpackCapsule(bytes)).toEqual({ ...GOLDEN_CAPSULE, snapshot: expect.any(Uint8Array) });
    expect(text(unpackCapsule(bytes).snapshot)).toBe(text(GOLDEN_CAPSULE.snapshot));
  });

  it.each(goldens('breaker'))('is read: the breaker in %s', (_file, bytes) => {
    const limits = { failures: 5, periodMs: 30_000, openMs: 10_000, openMaxMs: 300_000, jitter: 0, probeMs: 1_000 };
    expect(stateOf(unpackState(bytes), limits, 1_780_000_000_000)).toEqual(GOLDEN_BREAKER);
  });

  it.each(goldens('backup'))('is put back: the backup in %s', async (_file, bytes) => {
    const store = createMemoryStore({ world: createWorld() });
    await store.open();
    const chunks = (async function* (): AsyncGenerator<Uint8Array> {
      yield bytes;
    })();
    expect(await restoreBackup(chunks, store)).toBeGreaterThan(5);
    expect(await store.readEvents('01GOLDEN', 0, 10)).toEqual(GOLDEN_EPOCH.tasks[0]?.events);
    expect(unpackCell((await store.readCell('task/01GOLDEN'))?.head ?? new Uint8Array()).seq).toBe(GOLDEN_CELL.seq);
  });

  it.each(goldens('record-value'))('is read: the record in %s', (_file, bytes) => {
    expect(readValue(GOLDEN_KEYS.value, bytes)).toEqual(GOLDEN_VALUE);
  });

  it.each(goldens('record-bytes'))('is read: the record in %s', (_file, bytes) => {
    expect(text(readBytes(GOLDEN_KEYS.bytes, bytes))).toBe('bytes');
  });

  it.each(readdirSync(DIR).filter((name) => /^store-\d+$/.test(name)))('is read: the folder %s', async (name) => {
    const dir = join(folder.path, name);
    cpSync(join(DIR, name), dir, { recursive: true });
    const store = createLevelStore({ dir, durability: 'fsync', world: createWorld(), ballastBytes: 0 });
    expect(await store.open()).toMatchObject({ shard: 'local', epoch: 2 });
    const cell = await store.readCell('task/01GOLDEN');
    expect(unpackCell(cell?.head ?? new Uint8Array()).seq).toBe(GOLDEN_CELL.seq);
    expect([...(cell?.attachments ?? [])].map(([key, row]) => [key, text(row)])).toEqual([
      ['journal/golden@1.0.0/a#1', 'row'],
    ]);
    const awake = [];
    for await (const { address } of store.awakeCells(() => undefined)) awake.push(address);
    expect(awake).toEqual(['task/01GOLDEN']);
    expect(await store.alarms(undefined, Number.MAX_SAFE_INTEGER, 10)).toEqual([
      { address: 'agent/golden/a', dueAtMs: 1_780_000_000_000 },
    ]);
    const [task] = GOLDEN_EPOCH.tasks;
    expect(await store.readTask('01GOLDEN')).toEqual({ id: '01GOLDEN', ...task?.created, ...task?.progress });
    expect(await store.readEvents('01GOLDEN', 0, 10)).toEqual(task?.events);
    const { tasks } = await store.listTasks({ status: 'working', limit: 10 });
    expect(tasks.map(({ id }) => id)).toEqual(['01GOLDEN']);
    expect(await store.readKey('loopback', 'order 1')).toEqual(GOLDEN_EPOCH.keys[0]);
    expect(await store.definitions('workflow')).toEqual(GOLDEN_EPOCH.definitions);
    await store.close();
  });
});
