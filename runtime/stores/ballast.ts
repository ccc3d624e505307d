/**
 * A file of real bytes that keeps room on the disk: LevelDB cannot be opened again on a full one. It is given up when that
 * happens, and made again when there is room.
 */
import { open, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { World } from '../world.ts';

/** Less than this did not suffice to open a store of a few files again. */
export const BALLAST_BYTES = 16 * 1024 * 1024;
/** How long until it is made, so that a store which is open for a moment only does not write it. */
export const BALLAST_DELAY_MS = 1_000;
/** How long until the next try when there was no room. */
export const BALLAST_RETRY_MS = 30_000;

const CHUNK_BYTES = 1024 * 1024;
const NAME = 'ballast';

/** The file of one store. Nothing it does throws. */
export class Ballast {
  readonly #path: string;
  readonly #dir: string;
  readonly #bytes: number;
  readonly #world: World;
  #work: Promise<void> = Promise.resolve();
  #cancelTry: (() => void) | undefined;
  #kept = false;

  /** `bytes` 0: none is kept. */
  constructor(dir: string, bytes: number, world: World) {
    this.#dir = dir;
    this.#path = join(dir, NAME);
    this.#bytes = bytes;
    this.#world = world;
  }

  /** Makes it in the background, a little later, or when there is room, which is looked for every BALLAST_RETRY_MS. */
  keep(): void {
    if (this.#bytes === 0) return;
    this.#kept = true;
    this.#tryAfter(BALLAST_DELAY_MS);
  }

  /** Stops the tries, and waits for the one that is under way. The file stays. */
  async rest(): Promise<void> {
    this.#kept = false;
    this.#cancelTry?.();
    await this.#work;
  }

  /** Gives the room up. False if there was none to give. */
  async release(): Promise<boolean> {
    await this.rest();
    if ((await this.heldBytes()) === 0) return false;
    await rm(this.#path, { force: true });
    return true;
  }

  /** What it holds now. */
  async heldBytes(): Promise<number> {
    try {
      return (await stat(this.#path)).size;
    } catch {
      return 0;
    }
  }

  #tryAfter(delayMs: number): void {
    this.#cancelTry?.();
    this.#cancelTry = this.#world.after(delayMs, () => {
      this.#work = this.#make().then((made) => {
        if (!made && this.#kept) this.#tryAfter(BALLAST_RETRY_MS);
      });
    });
  }

  /** Whether it is there now. Leaves as much room again as it takes. */
  async #make(): Promise<boolean> {
    const temporary = `${this.#path}.new`;
    try {
      if ((await this.heldBytes()) >= this.#bytes) return true;
      const { bavail, bsize } = await statfs(this.#dir);
      if (bavail * bsize < 2 * this.#bytes) return false;
      await this.#fill(temporary);
      await rename(temporary, this.#path);
      return true;
    } catch {
      await rm(temporary, { force: true }).catch(() => undefined);
      return false;
    }
  }

  async #fill(path: string): Promise<void> {
    const file = await open(path, 'w', 0o600);
    try {
      const chunk = new Uint8Array(CHUNK_BYTES);
      let word = 0x9e3779b9;
      for (let at = 0; at < chunk.length; at++) {
        // Bytes that neither compress nor repeat, so that no file system keeps them in less room.
        word ^= word << 13;
        word ^= word >>> 17;
        word ^= word << 5;
        chunk[at] = word;
      }
      for (let left = this.#bytes; left > 0; left -= CHUNK_BYTES) {
        new DataView(chunk.buffer).setFloat64(0, left);
        await file.write(chunk, 0, Math.min(left, CHUNK_BYTES));
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }
}
