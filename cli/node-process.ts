/** A node as a process of its own, to be started, killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { OperatingError } from '../protocol/errors.ts';

const MAIN = fileURLToPath(new URL(`./main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url));
const ERROR_CHARACTERS_MAX = 4_000;

/** A node that runs `troupe start` with the given flags. */
export class NodeProcess {
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;

  constructor(flags: readonly string[]) {
    this.#flags = flags;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when the node is ready: its address, and how long that took. Errors: UNAVAILABLE when it ended instead. */
  async start(port = '0'): Promise<{ readonly url: string; readonly startedInMs: number }> {
    const from = performance.now(); // tidy-allow clock: the command measures a process from outside
    const child = spawn(process.execPath, [MAIN, 'start', '--json', '--port', port, ...this.#flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let errors = '';
    child.stderr.on('data', (data: Buffer) => (errors = (errors + data.toString()).slice(-ERROR_CHARACTERS_MAX)));
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line) as { readonly ready?: boolean; readonly url?: string };
      if (said.ready === true && said.url !== undefined) {
        child.stdout.resume();
        return { url: said.url, startedInMs: performance.now() - from }; // tidy-allow clock: the command measures a process from outside
      }
    }
    throw new OperatingError('UNAVAILABLE', `The node ended before it was ready: ${errors.trim()}`);
  }

  /** SIGKILL: no chance to put anything in order. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  async ended(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}
