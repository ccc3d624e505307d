/** LevelDB in a temporary folder, for the suite. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { createLevelStore } from '../../../runtime/stores/level-store.ts';
import { keyOfThing } from '../../contract/key-space-rows.ts';
import type { MakeMedium } from '../../contract/store-medium.ts';

/** For stores of tests that ask nothing of a disk: in memory, where there is such a folder. */
export const TEMPORARY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** Makes an empty one. */
export const makeLevelMedium: MakeMedium = async (world) => {
  const dir = await mkdtemp(join(TEMPORARY, 'troupe-store-'));
  return {
    store: () => createLevelStore({ dir, durability: 'fsync', world, ballastBytes: 0 }),
    flipBit: async (thing, bit) => {
      const db = new Level<string, Uint8Array>(join(dir, 'db'), { valueEncoding: 'view' });
      const record = Uint8Array.from(await db.get(keyOfThing(thing)));
      const at = (bit >> 3) % record.length;
      record[at] = (record[at] ?? 0) ^ (1 << (bit & 7));
      await db.put(keyOfThing(thing), record);
      await db.close();
    },
    dispose: () => rm(dir, { recursive: true, force: true }),
  };
};
