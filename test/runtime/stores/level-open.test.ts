import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BALLAST_DELAY_MS, BALLAST_RETRY_MS, Ballast } from '../../../runtime/stores/ballast.ts';
import { createLevelStore, type LevelStoreOptions } from '../../../runtime/stores/level-store.ts';
import type { World } from '../../../runtime/world.ts';
import { bytes, epochOf } from '../../contract/epochs.ts';
import { failureOf } from '../../contract/store-answers.ts';
import { createSetWorld } from '../../contract/store-medium.ts';
import { finished } from '../../contract/task-writes.ts';
import { TEMPORARY } from './level-medium.ts';

const MIB = 1024 * 1024;
const world = createSetWorld();
let parent: string;
let dir: string;
beforeEach(async () => {
  parent = await mkdtemp(join(TEMPORARY, 'troupe-level-'));
  dir = join(parent, 'deep', 'store');
});
afterEach(() => rm(parent, { recursive: true }));

const storeOf = (changes: Partial<LevelStoreOptions> = {}) =>
  createLevelStore({ dir, durability: 'fsync', world, ballastBytes: 0, ...changes });

function logOf(): { lines: string[]; log: NonNullable<LevelStoreOptions['log']> } {
  const lines: string[] = [];
  return {
    lines,
    log: {
      warn: (message) => void lines.push(`warn ${message}`),
      error: (message) => void lines.push(`error ${message}`),
    },
  };
}

describe('the folder of a LevelDB store', () => {
  it.each([true, false])(
    'is for its owner alone, whether it was there (%s) or is made, and says who has it open',
    async (wasThere) => {
      if (wasThere) await mkdir(dir, { recursive: true, mode: 0o755 });
      const store = storeOf();
      await store.open();
      expect((await stat(dir)).mode & 0o777).toBe(0o700);
      expect((await stat(join(dir, 'pid'))).mode & 0o777).toBe(0o600);
      expect(await readFile(join(dir, 'pid'), 'utf8')).toBe(`${process.pid}\n`);
      await store.close();
      expect(await readdir(dir)).toEqual(['db']);
    },
  );

  it('is refused to a second store, of this process or another, with the way out', async () => {
    const store = storeOf();
    await store.open();
    const second = storeOf();
    await expect(second.open()).rejects.toThrow(
      /This process has the store in .* open\. Stop it first, or use another data directory\./,
    );
    expect(second.status).toBe('closed');
    await store.close();
    const child = fork(fileURLToPath(new URL('level-writer.ts', import.meta.url)), [dir, 'fsync', '1'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await once(child, 'message');
    await expect(second.open()).rejects.toThrow(`Another process (${child.pid}) has the store`);
    expect(await failureOf(second.open())).toEqual({ code: 'STORE_UNAVAILABLE' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await second.open();
    expect(second.status).toBe('open');
    await second.close();
  });

  it('that cannot be made is STORE_UNAVAILABLE, and says why', async () => {
    await writeFile(join(parent, 'deep'), 'a file');
    const store = storeOf();
    await expect(store.open()).rejects.toThrow(/could not be opened: .*(ENOTDIR|EEXIST)/);
    expect(await failureOf(store.open())).toEqual({ code: 'STORE_UNAVAILABLE' });
  });

  it('is measured', async () => {
    const store = storeOf();
    await store.commit(epochOf({ tasks: [finished('a')] }), await store.open());
    const figures = await store.figures();
    expect(figures).toMatchObject({ commits: 1, ballastBytes: 0, uncheckedBytes: 0 });
    expect(figures['bytes']).toBeGreaterThan(100);
    expect(figures['freeBytes']).toBeGreaterThan(0);
    await store.close();
  });
});

describe('a LevelDB store whose files are damaged', () => {
  async function fillAndDamage(pattern: RegExp, at: (length: number) => number): Promise<string> {
    for (const head of ['one', 'two', 'three']) {
      const store = storeOf();
      const fence = await store.open();
      for (let i = 0; i < 20; i++) {
        await store.commit(
          epochOf({
            tasks: [finished(`${head}-${i}`)],
            cells: [{ address: `agent/${i}`, head: bytes(head), awake: true }],
          }),
          fence,
        );
      }
      await store.close();
    }
    const db = join(dir, 'db');
    const name = (await readdir(db)).find((file) => pattern.test(file)) ?? 'no such file';
    const content = await readFile(join(db, name));
    const place = at(content.length);
    content[place] = (content[place] ?? 0) ^ 4;
    await writeFile(join(db, name), content);
    return name;
  }

  it.each([
    { what: 'log', pattern: /\.log$/ },
    { what: 'table', pattern: /\.ldb$/ },
    { what: 'manifest', pattern: /^MANIFEST/ },
    { what: 'CURRENT', pattern: /^CURRENT$/ },
  ])('($what) is not opened and not changed, and the message names the place', async ({ pattern }) => {
    const name = await fillAndDamage(pattern, (length) => length >> 1);
    const before = await readdir(join(dir, 'db'));
    const store = storeOf();
    await expect(store.open()).rejects.toThrow(`${name} at byte`);
    expect(await failureOf(store.open())).toEqual({ code: 'STORE_CORRUPT', key: name });
    expect(store.status).toBe('closed');
    expect(await readdir(join(dir, 'db'))).toEqual(before);
  });

  it('in a table beyond what is checked is opened, and says how much was not looked at', async () => {
    await fillAndDamage(/\.ldb$/, () => 0);
    const store = storeOf({ tablesCheckedBytes: 0 });
    await store.open();
    expect((await store.figures())['uncheckedBytes']).toBeGreaterThan(100);
    await store.close();
  });

  it('opens a log that a crash cut off, and says so', async () => {
    const store = storeOf();
    await store.commit(epochOf({ tasks: [finished('a')] }), await store.open());
    await store.close();
    const name = (await readdir(join(dir, 'db'))).find((file) => file.endsWith('.log')) ?? '';
    const content = await readFile(join(dir, 'db', name));
    await writeFile(join(dir, 'db', name), content.subarray(0, -3));
    const { lines, log } = logOf();
    const again = storeOf({ log });
    await again.open();
    expect(lines).toEqual([expect.stringContaining('a crash cut off')]);
    await again.close();
  });
});

describe('the ballast', () => {
  /** Timers that are set off by hand. */
  function timedWorld() {
    const timers: { readonly delayMs: number; readonly fn: () => void }[] = [];
    const after: World['after'] = (delayMs, fn) => {
      const timer = { delayMs, fn };
      timers.push(timer);
      return () => {
        const at = timers.indexOf(timer);
        if (at >= 0) timers.splice(at, 1);
      };
    };
    return {
      world: { ...createSetWorld(), after },
      delays: () => timers.map(({ delayMs }) => delayMs),
      fire: () => timers.shift()?.fn(),
    };
  }

  it('is made a little after the opening, of real bytes, kept when the store is closed, and not made twice', async () => {
    const timed = timedWorld();
    const store = storeOf({ ballastBytes: 2 * MIB, world: timed.world });
    await store.open();
    expect(timed.delays()).toEqual([BALLAST_DELAY_MS]);
    timed.fire();
    await store.close();
    const made = await stat(join(dir, 'ballast'));
    expect(made.size).toBe(2 * MIB);
    expect(made.mode & 0o777).toBe(0o600);
    expect(made.blocks * 512).toBeGreaterThanOrEqual(2 * MIB);
    await store.open();
    timed.fire();
    expect(await store.figures()).toMatchObject({ ballastBytes: 2 * MIB });
    await store.close();
    expect((await stat(join(dir, 'ballast'))).mtimeMs).toBe(made.mtimeMs);
  });

  it('is not made by a store that is closed before', async () => {
    const timed = timedWorld();
    const store = storeOf({ ballastBytes: MIB, world: timed.world });
    await store.open();
    await store.close();
    expect(timed.delays()).toEqual([]);
    expect(await readdir(dir)).toEqual(['db']);
  });

  it('is given up once, and made again after the next opening', async () => {
    const timed = timedWorld();
    const ballast = new Ballast(parent, MIB, timed.world);
    for (let i = 0; i < 2; i++) {
      ballast.keep();
      timed.fire();
      await ballast.rest();
      expect(await ballast.heldBytes()).toBe(MIB);
      expect(await ballast.release()).toBe(true);
      expect(await ballast.heldBytes()).toBe(0);
      expect(await ballast.release()).toBe(false);
    }
  });

  it('is tried again later while there is no room, and no more once the store rests', async () => {
    const timed = timedWorld();
    const ballast = new Ballast(parent, 2 ** 50, timed.world);
    ballast.keep();
    for (let i = 0; i < 3; i++) {
      timed.fire();
      await vi.waitFor(() => expect(timed.delays()).toEqual([BALLAST_RETRY_MS]));
    }
    timed.fire();
    await ballast.rest();
    expect(timed.delays()).toEqual([]);
    expect(await readdir(parent)).toEqual([]);
  });
});
