import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createLevelStore } from '../../../runtime/stores/level-store.ts';
import { createSetWorld } from '../../contract/store-medium.ts';
import { expectHistory } from './level-history.ts';
import { LevelProcess } from './level-process.ts';

const ROUNDS = 6;

it.each(['fsync', 'os'] as const)(
  'a process killed while it commits (%s) loses no acknowledged epoch, and leaves none half',
  async (durability) => {
    const dir = await mkdtemp(join(tmpdir(), 'troupe-kill-'));
    let last = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const writer = new LevelProcess(dir, durability, last + 1);
      expect(await writer.heard()).toEqual({ said: 'open' });
      writer.tell('go on');
      await writer.ackedUpTo(last + 1 + Math.floor(Math.random() * 120));
      await writer.kill();
      const store = createLevelStore({ dir, durability, world: createSetWorld() });
      await store.open();
      last = await expectHistory(store, writer.acked);
      await store.close();
    }
    expect(last).toBeGreaterThan(ROUNDS);
    await rm(dir, { recursive: true });
  },
  120_000,
);
