/** `troupe backup` and `troupe restore`: the whole store in one file, and back into a new folder. */
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { OperatingError } from '../../protocol/errors.ts';
import { backupOf, restoreBackup } from '../../runtime/backup.ts';
import { createLevelStore } from '../../runtime/stores/level-store.ts';
import type { Store } from '../../runtime/stores/store.ts';
import { createWorld } from '../../runtime/world.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { assertWritable, writeWhole } from '../output-file.ts';
import type { VerbContext } from '../verb.ts';
import { fetchBytes } from '../remote.ts';
import { assertStore } from '../store-folder.ts';

/** Writes a backup: of a node that runs, or with `--data` of the folder of one that does not. The file is there whole, or not at all. */
export async function backup(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  file: string,
): Promise<ExitCode> {
  const data = options['data'] as string | undefined;
  await assertWritable(file, options['force'] === true);
  if (data === undefined) await writeWhole(file, await fetchBytes(remote, '/api/v1/backup'));
  else {
    await assertStore(join(resolve(data), 'store'));
    await withStore(data, async (store) => await writeWhole(file, backupOf(store)));
  }
  const { size } = await stat(file);
  if (terminal.isJson) terminal.json({ file, bytes: size });
  else terminal.line(`${file}  ${size} bytes. Put it back with: troupe restore ${file} --data FOLDER`);
  return EXIT.done;
}

/** Makes the folder of a node from a backup. What is damaged, or not whole, leaves nothing behind. */
export async function restore(
  { terminal }: VerbContext,
  options: Record<string, unknown>,
  file: string,
): Promise<ExitCode> {
  const data = resolve(String(options['data']));
  await assertFree(data);
  const part = join(dirname(data), `.${data.split(/[\\/]/).at(-1) ?? 'troupe'}.restoring`);
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { recursive: true, mode: 0o700 });
  let records = 0;
  try {
    // Opened before anything listens: a file that is not there must be an answer, not an event.
    const chunks = (await open(file)).createReadStream();
    await withStore(part, async (store) => void (records = await restoreBackup(chunks, store)));
    await rm(data, { recursive: true, force: true });
    await rename(part, data);
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    if ((error as { readonly code?: unknown }).code === 'ENOENT')
      throw new OperatingError('NOT_FOUND', `There is no file ${file}.`, { cause: error });
    throw error;
  }
  if (terminal.isJson) terminal.json({ data, records });
  else terminal.line(`${data}  ${records} records. Start it with: troupe start --data ${data}`);
  return EXIT.done;
}

async function withStore(data: string, fn: (store: Store) => Promise<void>): Promise<void> {
  const store = createLevelStore({ dir: join(data, 'store'), durability: 'fsync', world: createWorld() });
  await store.open();
  try {
    await fn(store);
  } finally {
    await store.close();
  }
}

async function assertFree(data: string): Promise<void> {
  const there = await readdir(data).catch(() => []);
  if (there.length === 0) return;
  throw new OperatingError(
    'STATE_CONFLICT',
    `${data} is not empty: a backup is put back into a new folder only. Name another with --data, or move this one away.`,
  );
}
