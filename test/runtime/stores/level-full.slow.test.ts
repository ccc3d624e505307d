import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import { open, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BALLAST_BYTES } from '../../../runtime/stores/ballast.ts';
import { createLevelStore } from '../../../runtime/stores/level-store.ts';
import { createSetWorld } from '../../contract/store-medium.ts';
import { expectHistory } from './level-history.ts';
import { LevelProcess } from './level-process.ts';

const MIB = 1024 * 1024;
const DISK_MIB = 64;

const disk = join(tmpdir(), `troupe-full-${process.pid}`);

function mountDisk(): void {
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', disk], { stdio: 'ignore' });
}

function unmountDisk(): void {
  execFileSync('umount', [disk]);
  rmdirSync(disk);
}

/** Whether this process may have a small file system of its own: it takes root. */
function canMount(): boolean {
  try {
    mountDisk();
    unmountDisk();
    return true;
  } catch {
    rmSync(disk, { recursive: true, force: true });
    return false;
  }
}

/** Fills the disk but for so many bytes. */
async function fill(leaveBytes: number): Promise<void> {
  const file = await open(join(disk, 'filler'), 'a');
  const { bavail, bsize } = await statfs(disk);
  const chunk = Buffer.alloc(MIB, 1);
  for (let left = bavail * bsize - leaveBytes; left > 0; left -= chunk.length)
    await file.write(chunk, 0, Math.min(left, chunk.length));
  await file.close();
}

describe.skipIf(!canMount())('on a full disk (skipped where no tmpfs can be mounted: it takes root)', () => {
  const dir = join(disk, 'store');
  beforeAll(mountDisk);
  afterAll(unmountDisk);

  const ballast = async (): Promise<number> => (await stat(join(dir, 'ballast')).catch(() => ({ size: 0 }))).size;

  async function writingUntilFull(): Promise<LevelProcess> {
    await Promise.all([rm(dir, { recursive: true, force: true }), rm(join(disk, 'filler'), { force: true })]);
    const writer = new LevelProcess(dir, 'fsync', 1);
    expect(await writer.heard()).toEqual({ said: 'open' });
    await vi.waitFor(async () => expect(await ballast()).toBe(BALLAST_BYTES), { timeout: 10_000 });
    await fill(3 * MIB);
    writer.tell('go on');
    expect(await writer.heard()).toEqual({
      said: 'failed',
      epoch: writer.acked + 1,
      code: 'STORE_UNAVAILABLE',
      status: 'failed',
      readCode: 'STORE_UNAVAILABLE',
    });
    return writer;
  }

  async function expectWhole(acked: number): Promise<void> {
    const store = createLevelStore({ dir, durability: 'fsync', world: createSetWorld() });
    await store.open();
    await expectHistory(store, acked);
    await store.close();
  }

  it('a store that is reopened once there is room loses nothing that it acknowledged before, or after', async () => {
    for (let round = 0; round < 3; round++) {
      const writer = await writingUntilFull();
      const before = writer.acked;
      await rm(join(disk, 'filler'));
      writer.tell('reopen');
      expect(await writer.heard()).toEqual({ said: 'reopened' });
      expect(await ballast()).toBe(BALLAST_BYTES);
      writer.tell('go on');
      await writer.ackedUpTo(before + 200);
      await writer.kill();
      await expectWhole(before + 200);
    }
  }, 120_000);

  it('a store that is reopened without room gives its ballast up for it, and goes on', async () => {
    const writer = await writingUntilFull();
    await fill(0);
    const before = writer.acked;
    writer.tell('reopen');
    expect(await writer.heard()).toEqual({ said: 'reopened' });
    expect(await ballast()).toBe(0);
    writer.tell('go on');
    await writer.ackedUpTo(before + 20);
    await writer.kill();
    await expectWhole(before + 20);
  }, 120_000);

  it('a store that has no ballast left stays away until there is room', async () => {
    const writer = await writingUntilFull();
    await rm(join(dir, 'ballast'));
    await fill(0);
    const before = writer.acked;
    for (let i = 0; i < 3; i++) {
      writer.tell('reopen');
      expect(await writer.heard()).toEqual({ said: 'still away', code: 'STORE_UNAVAILABLE' });
    }
    await rm(join(disk, 'filler'));
    writer.tell('reopen');
    expect(await writer.heard()).toEqual({ said: 'reopened' });
    writer.tell('go on');
    await writer.ackedUpTo(before + 20);
    await writer.kill();
    await expectWhole(before + 20);
  }, 120_000);

  it('a process killed while the disk is full starts again on it', async () => {
    const writer = await writingUntilFull();
    await fill(0);
    const { acked } = writer;
    await writer.kill();
    await expectWhole(acked);
    expect(await ballast()).toBe(0);
  }, 120_000);
});
