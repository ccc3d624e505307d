/**
 * A log file that is set aside at a bounded size, as a stream: `node.log` is the current file, `node.log.1` the one before
 * it, and so on. No line is split over two files and none is lost between them.
 *
 * It does not fail: what cannot be written (a full disk, a folder that is gone) is counted as lost and reported once, and
 * the file is opened again for the next lines.
 */
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readdir, rename } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Writable } from 'node:stream';

/** Where a log file is and how much of it is kept. */
export interface LogFileOptions {
  readonly path: string;
  /** Bytes at which a file is set aside. One line that is longer gets a file of its own. */
  readonly bytesMax: number;
  /** Files kept, the current one included; at least 2. */
  readonly filesMax: number;
  /** Called when writing begins to fail, and with undefined when it works again. */
  readonly onTrouble: (error: Error | undefined) => void;
}

interface PendingLine {
  readonly chunk: Buffer;
}

const LINE_BREAK = Buffer.from('\n');

/** See the module. `written` and `lost` count lines. */
export class LogFile extends Writable {
  written = 0;
  lost = 0;
  readonly #options: LogFileOptions;
  #handle: FileHandle | undefined;
  #size = 0;
  /** A pipe or a device is written to, but never set aside. */
  #isFile = false;
  #isTroubled = false;
  /** A failed write may have left a part of a line. */
  #isTorn = false;

  constructor(options: LogFileOptions) {
    super({ decodeStrings: true });
    this.#options = options;
  }

  /** Resolves when everything written so far is in the file or lost. */
  settle(): Promise<void> {
    return new Promise((resolve) => void this.write('', () => resolve()));
  }

  override _construct(callback: (error?: Error | null) => void): void {
    void this.#open().then(() => callback());
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this._writev([{ chunk }], callback);
  }

  override _writev(lines: readonly PendingLine[], callback: (error?: Error | null) => void): void {
    void this.#writeAll(lines).then(() => callback());
  }

  override _final(callback: (error?: Error | null) => void): void {
    void this.#close().then(() => callback());
  }

  async #writeAll(lines: readonly PendingLine[]): Promise<void> {
    let batch: Buffer[] = [];
    let batchBytes = 0;
    const flush = async (): Promise<void> => {
      await this.#writeBatch(batch, batchBytes);
      batch = [];
      batchBytes = 0;
    };
    for (const { chunk } of lines) {
      if (chunk.length === 0) continue;
      const bytes = this.#size + batchBytes;
      if (this.#isFile && bytes > 0 && bytes + chunk.length > this.#options.bytesMax) {
        await flush();
        await this.#rotate();
      }
      batch.push(chunk);
      batchBytes += chunk.length;
    }
    await flush();
  }

  async #writeBatch(batch: readonly Buffer[], bytes: number): Promise<void> {
    if (batch.length === 0) return;
    if (this.#handle === undefined) await this.#open();
    try {
      if (this.#handle === undefined) {
        this.lost += batch.length;
        return;
      }
      await this.#handle.appendFile(Buffer.concat(this.#isTorn ? [LINE_BREAK, ...batch] : batch));
      this.#isTorn = false;
      this.#size += bytes;
      this.written += batch.length;
      this.#report(undefined);
    } catch (error) {
      this.lost += batch.length;
      this.#isTorn = true;
      this.#report(asError(error));
      await this.#close();
    }
  }

  async #open(): Promise<void> {
    try {
      await mkdir(dirname(this.#options.path), { recursive: true });
      this.#handle = await open(this.#options.path, 'a', 0o600);
      const stat = await this.#handle.stat();
      this.#isFile = stat.isFile();
      this.#size = stat.size;
    } catch (error) {
      await this.#close();
      this.#report(asError(error));
    }
  }

  async #rotate(): Promise<void> {
    await this.#close();
    const { path, filesMax } = this.#options;
    try {
      const names = new Set(await readdir(dirname(path)));
      let last = 0;
      while (last < filesMax - 1 && names.has(`${basename(path)}.${last + 1}`)) last += 1;
      for (let index = Math.min(last, filesMax - 2); index >= 1; index -= 1)
        await rename(`${path}.${index}`, `${path}.${index + 1}`);
      await rename(path, `${path}.1`);
    } catch (error) {
      this.#report(asError(error));
    }
    await this.#open();
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    try {
      await handle?.close();
    } catch {
      // What was written is with the system already; there is nothing left to save.
    }
  }

  #report(error: Error | undefined): void {
    if (error === undefined ? !this.#isTroubled : this.#isTroubled) return;
    this.#isTroubled = error !== undefined;
    this.#options.onTrouble(error);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new TypeError('The system gave no reason.');
}
