/** Runs level-writer.ts, and hears what it says. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Said, Told } from './level-writer.ts';

const WRITER = fileURLToPath(new URL('level-writer.ts', import.meta.url));

/** A writing process. */
export class LevelProcess {
  readonly #child: ChildProcess;
  readonly #heard: Said[] = [];
  readonly #exited: Promise<unknown>;
  #wake: () => void = () => undefined;
  /** The last epoch that it said was acknowledged. */
  acked = 0;

  constructor(dir: string, durability: 'fsync' | 'os', firstEpoch: number) {
    this.#child = fork(WRITER, [dir, durability, String(firstEpoch)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#exited = once(this.#child, 'exit');
    this.#child.on('message', (message) => {
      const said = message as Said;
      if (said.said === 'acked') this.acked = said.epoch;
      else this.#heard.push(said);
      this.#wake();
    });
    void this.#exited.then(() => this.#wake());
    onTestFinished(() => this.kill());
  }

  tell(told: Told): void {
    this.#child.send(told);
  }

  /** The next thing it says that is not an acknowledgement. */
  async heard(): Promise<Said> {
    for (;;) {
      const said = this.#heard.shift();
      if (said !== undefined) return said;
      if (this.#ended) throw new Error('the writer has ended');
      await this.#change();
    }
  }

  /** Resolves when it has said that this epoch was acknowledged. */
  async ackedUpTo(epoch: number): Promise<void> {
    while (this.acked < epoch && !this.#ended) await this.#change();
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
