/** A small file system of its own, which can be filled and freed. It takes root. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const MIB = 1024 * 1024;

/** A tmpfs that is there until it is unmounted. */
export class SmallDisk {
  readonly path: string;

  private constructor(folder: string) {
    this.path = folder;
  }

  /** Undefined where this process may not mount. */
  static mount(sizeMib: number): SmallDisk | undefined {
    const folder = mkdtempSync(path.join(tmpdir(), 'troupe-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', folder], { stdio: 'ignore' });
      return new SmallDisk(folder);
    } catch {
      rmdirSync(folder);
      return undefined;
    }
  }

  unmount(): void {
    if (!existsSync(this.path)) return;
    execFileSync('umount', [this.path]);
    rmdirSync(this.path);
  }

  get #filler(): string {
    return path.join(this.path, 'filler');
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.path);
    return bavail * bsize;
  }

  /** Fills it but for so many bytes. */
  async fill(leaveBytes: number): Promise<void> {
    const file = await open(this.#filler, 'a');
    try {
      const chunk = Buffer.alloc(MIB, 1);
      for (let left = (await this.freeBytes()) - leaveBytes; left > 0; left -= chunk.length) {
        const { bytesWritten } = await file.write(chunk, 0, Math.min(left, chunk.length));
        if (bytesWritten === 0) break;
      }
    } catch (error) {
      // Others write as well: it is full before all was written.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    } finally {
      await file.close();
    }
  }

  /** Gives all of it back. */
  async free(): Promise<void> {
    await rm(this.#filler, { force: true });
  }
}
