/**
 * Looks for damage in the files of a LevelDB before it is opened. LevelDB does not: it drops what it cannot read of its log
 * without a word, serves blocks of its tables without checking them, and begins an empty store where CURRENT is gone. Its
 * files carry checksums, so every flipped bit that matters can be found.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LogDamage, logDamage } from './level-log.ts';
import { type LiveFiles, liveFiles } from './level-manifest.ts';
import { tableDamage } from './level-table.ts';

/** A place where a file is not as it was written. */
export interface Damage extends LogDamage {
  readonly file: string;
}

/** What was found, and how much was not looked at. */
export interface DamageReport {
  readonly damage: readonly Damage[];
  /** Bytes of tables beyond the limit that were not looked at. */
  readonly uncheckedBytes: number;
}

const MANIFEST = /^(MANIFEST-\d+)\n$/;
const LOG_FILE = /^(\d+)\.log$/;
const TABLE_FILE = /^(\d+)\.(?:ldb|sst)$/;

/**
 * Checks the manifest and the logs in use, and the tables in use, from the newest on, up to `tableBytesMax`. A folder that
 * is not there has no damage. Errors: those of node:fs.
 */
export async function findDamage(dir: string, tableBytesMax: number): Promise<DamageReport> {
  const names = await namesIn(dir);
  const current = await bytesOf(dir, 'CURRENT');
  if (current === undefined) {
    // Only a database that never had a table can have died before it had this file.
    const lost = names.some((name) => TABLE_FILE.test(name));
    return { damage: lost ? [{ file: 'CURRENT', offset: 0, unfinished: false }] : [], uncheckedBytes: 0 };
  }
  const manifestName = MANIFEST.exec(new TextDecoder().decode(current))?.[1] ?? '';
  const manifest = names.includes(manifestName) ? await bytesOf(dir, manifestName) : undefined;
  if (manifest === undefined) return { damage: [{ file: 'CURRENT', offset: 0, unfinished: false }], uncheckedBytes: 0 };
  const inManifest = logDamage(manifest);
  const damage: Damage[] = inManifest === undefined ? [] : [{ file: manifestName, ...inManifest }];
  const live = liveFiles(manifest);
  damage.push(...(await damageInLogs(dir, names, live)));
  const tables = await checkTables(dir, names, live, tableBytesMax);
  return { damage: [...damage, ...tables.damage], uncheckedBytes: tables.uncheckedBytes };
}

async function damageInLogs(dir: string, names: readonly string[], live: LiveFiles): Promise<Damage[]> {
  const damage: Damage[] = [];
  for (const file of names) {
    const number = LOG_FILE.exec(file)?.[1];
    if (number === undefined || !live.usesLog(Number(number))) continue;
    const bytes = await bytesOf(dir, file);
    const found = bytes === undefined ? undefined : logDamage(bytes);
    if (found !== undefined) damage.push({ file, ...found });
  }
  return damage;
}

async function checkTables(
  dir: string,
  names: readonly string[],
  live: LiveFiles,
  bytesMax: number,
): Promise<DamageReport> {
  const damage: Damage[] = [];
  let uncheckedBytes = 0;
  let left = bytesMax;
  const numbers = new Map(names.map((file) => [Number(TABLE_FILE.exec(file)?.[1]), file]));
  for (const [number, size] of [...live.tables].sort(([a], [b]) => b - a)) {
    left -= size;
    if (left < 0) {
      uncheckedBytes += size;
      continue;
    }
    const file = numbers.get(number) ?? `${number}.ldb`;
    const bytes = await bytesOf(dir, file);
    // LevelDB refuses by itself to open without one of its tables.
    if (bytes === undefined) continue;
    const offset = bytes.length === size ? tableDamage(bytes) : Math.min(bytes.length, size);
    if (offset !== undefined) damage.push({ file, offset, unfinished: false });
  }
  return { damage, uncheckedBytes };
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Undefined for a file that is not there. */
async function bytesOf(dir: string, name: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(join(dir, name));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
