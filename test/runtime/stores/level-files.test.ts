import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findDamage } from '../../../runtime/stores/level-files.ts';
import { logDamage, logPayloads } from '../../../runtime/stores/level-log.ts';
import { liveFiles } from '../../../runtime/stores/level-manifest.ts';
import { tableDamage } from '../../../runtime/stores/level-table.ts';
import { TEMPORARY } from './level-medium.ts';

const ALL = Number.POSITIVE_INFINITY;
let parent: string;
/** A database with a table, a log and a manifest of several edits. */
let made: string;

async function write(dir: string, keys: readonly string[], options: object = {}): Promise<void> {
  const db = new Level(dir, options);
  for (const key of keys) await db.put(key, `value of ${key} ${'abc'.repeat(20)}`);
  await db.close();
}

beforeAll(async () => {
  parent = await mkdtemp(join(TEMPORARY, 'troupe-files-'));
  made = join(parent, 'made');
  await write(
    made,
    Array.from({ length: 30 }, (_, i) => `first ${i}`),
  );
  await write(
    made,
    Array.from({ length: 10 }, (_, i) => `second ${i}`),
  );
  await write(made, ['third 1', 'third 2', 'third 3']);
});
afterAll(() => rm(parent, { recursive: true }));

async function fileOf(pattern: RegExp): Promise<{ name: string; bytes: Uint8Array }> {
  for (const name of (await readdir(made)).toSorted()) {
    const bytes = await readFile(join(made, name));
    if (pattern.test(name) && bytes.length > 0) return { name, bytes };
  }
  throw new Error(`no file like ${pattern.source}`);
}

/** A copy of the database with one file changed. */
async function withFile(name: string, change: (bytes: Buffer) => Uint8Array | undefined): Promise<string> {
  const dir = await mkdtemp(join(parent, 'changed-'));
  await cp(made, dir, { recursive: true });
  const changed = change(await readFile(join(dir, name)));
  if (changed === undefined) await rm(join(dir, name));
  else await writeFile(join(dir, name), changed);
  return dir;
}

/** All copies of some bytes with a single bit flipped. */
function* flips(bytes: Uint8Array): Generator<{ bit: number; flipped: Uint8Array }> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Uint8Array.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield { bit, flipped };
  }
}

describe('a database that is whole', () => {
  it('has no damage, and neither has a folder that is not there', async () => {
    expect(await findDamage(made, ALL)).toEqual({ damage: [], uncheckedBytes: 0 });
    expect(await findDamage(join(parent, 'nowhere'), ALL)).toEqual({ damage: [], uncheckedBytes: 0 });
  });

  it.each([true, false])(
    'has none when it is large (compressed: %s), with many tables, and batches over many blocks of its log',
    async (compression) => {
      const dir = join(parent, `large-${compression}`);
      const db = new Level(dir, { compression, writeBufferSize: 256 * 1024, maxFileSize: 128 * 1024 });
      for (let i = 0; i < 40; i++) {
        const numbers = Array.from({ length: 500 }, (_, k) => (i * 7_919 + k * 104_729) % 9_991);
        await db.batch(
          numbers.map((n) => ({ type: 'put', key: String(n), value: String(Math.sqrt(n + i)).repeat(8) })),
        );
      }
      await db.close();
      const tables = (await readdir(dir)).filter((name) => name.endsWith('.ldb'));
      expect(tables.length).toBeGreaterThan(1);
      const manifest = await readFile(join(dir, (await readFile(join(dir, 'CURRENT'), 'utf8')).trim()));
      for (const number of liveFiles(manifest).tables.keys())
        expect(tables).toContain(`${String(number).padStart(6, '0')}.ldb`);
      expect(await findDamage(dir, ALL)).toEqual({ damage: [], uncheckedBytes: 0 });
      expect((await findDamage(dir, 0)).uncheckedBytes).toBeGreaterThan(100_000);
      expect((await findDamage(dir, 50_000)).uncheckedBytes).toBeGreaterThan(50_000);
    },
  );
});

describe('a single flipped bit', () => {
  it('anywhere in a log is damage, not an unfinished write', async () => {
    const { bytes } = await fileOf(/\.log$/);
    for (const { bit, flipped } of flips(bytes))
      expect(logDamage(flipped), `bit ${bit}`).toMatchObject({ unfinished: false });
  });

  it('anywhere in a manifest is damage', async () => {
    const { bytes } = await fileOf(/^MANIFEST/);
    for (const { bit, flipped } of flips(bytes))
      expect(logDamage(flipped), `bit ${bit}`).toMatchObject({ unfinished: false });
  });

  it('anywhere in a table is damage, but for what nobody reads', async () => {
    const { bytes } = await fileOf(/\.ldb$/);
    const unread: number[] = [];
    for (const { bit, flipped } of flips(bytes)) if (tableDamage(flipped) === undefined) unread.push(bit >> 3);
    // The handles of two blocks are padded to 40 bytes; the magic behind them is eight.
    for (const byte of unread) {
      expect(byte).toBeGreaterThanOrEqual(bytes.length - 48 + 4);
      expect(byte).toBeLessThan(bytes.length - 8);
    }
  });

  it('anywhere in CURRENT is damage', async () => {
    const { name, bytes } = await fileOf(/^CURRENT$/);
    for (const { bit, flipped } of flips(bytes)) {
      if (bit % 5 !== 0) continue;
      const dir = await withFile(name, () => flipped);
      expect((await findDamage(dir, ALL)).damage, `bit ${bit}`).toEqual([
        { file: 'CURRENT', offset: 0, unfinished: false },
      ]);
      await rm(dir, { recursive: true });
    }
  });
});

describe('a log that ends early', () => {
  it('at any byte is whole or unfinished, never damage, and keeps the records before', async () => {
    const { bytes } = await fileOf(/\.log$/);
    const whole = logPayloads(bytes).length;
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      const damage = logDamage(cut);
      expect(damage?.unfinished ?? true, `length ${length}`).toBe(true);
      expect(logPayloads(cut).length).toBeLessThan(whole);
    }
  });

  it('in pages that were never written is unfinished', async () => {
    const { bytes } = await fileOf(/\.log$/);
    const header = Uint8Array.from(bytes.subarray(0, 7));
    new DataView(header.buffer).setUint16(4, 12_000, true);
    expect(logDamage(Buffer.concat([bytes, header, new Uint8Array(12_000)]))).toEqual({
      offset: bytes.length,
      unfinished: true,
    });
  });

  it('in a broken record that others stand behind is damage', async () => {
    const { bytes } = await fileOf(/\.log$/);
    expect(logDamage(Buffer.concat([bytes.subarray(0, bytes.length - 20), bytes]))).toMatchObject({
      unfinished: false,
    });
  });
});

describe('files that are missing or left over', () => {
  it('a store that has tables and no CURRENT is damaged: it would be begun anew', async () => {
    const dir = await withFile('CURRENT', () => undefined);
    expect((await findDamage(dir, ALL)).damage).toEqual([{ file: 'CURRENT', offset: 0, unfinished: false }]);
  });

  it('a store that died while it was made is not damaged', async () => {
    const dir = join(parent, 'half-made');
    const db = new Level(dir);
    await db.open();
    await db.close();
    await Promise.all(
      (await readdir(dir)).filter((name) => !name.startsWith('MANIFEST')).map((name) => rm(join(dir, name))),
    );
    expect((await findDamage(dir, ALL)).damage).toEqual([]);
    await write(dir, ['x']);
    expect((await findDamage(dir, ALL)).damage).toEqual([]);
  });

  it('a manifest that is gone is damage', async () => {
    const { name } = await fileOf(/^MANIFEST/);
    expect((await findDamage(await withFile(name, () => undefined), ALL)).damage).toHaveLength(1);
  });

  it('a table that is cut short is damage', async () => {
    const { name, bytes } = await fileOf(/\.ldb$/);
    const dir = await withFile(name, (whole) => whole);
    await truncate(join(dir, name), bytes.length - 1);
    expect((await findDamage(dir, ALL)).damage).toEqual([{ file: name, offset: bytes.length - 1, unfinished: false }]);
  });

  it('a table or log that nothing refers to does not matter', async () => {
    const { bytes } = await fileOf(/^MANIFEST/);
    const live = liveFiles(bytes);
    const dir = await withFile('CURRENT', (current) => current);
    await writeFile(join(dir, '999999.ldb'), 'half a table');
    await writeFile(join(dir, '000001.log'), 'an old log that is broken');
    expect(live.tables.size).toBeGreaterThan(0);
    expect(live.usesLog(1)).toBe(false);
    expect(await findDamage(dir, ALL)).toEqual({ damage: [], uncheckedBytes: 0 });
  });
});
