/** A node as users run it: `troupe start` in a process of its own, on a folder and a port that stay the same over restarts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { vi } from 'vitest';

/** The checkout. */
export const ROOT = path.resolve(import.meta.dirname, '../..');
const MAIN = path.join(ROOT, 'cli/main.ts');
const READY_MS = 20_000;

/** What a process said and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A folder that goes when `clear` is called. */
export function temporaryFolder(name: string): { readonly path: string; clear(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), `troupe-${name}-`));
  return { path: folder, clear: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }) };
}

/** A free port below those that the system hands out by itself, so that nobody takes it while a node is down. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** The environment of this process without what steers a node or a command. */
function plainEnvironment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:TROUPE_|VITEST|NODE_OPTIONS$|NODE_V8_)/.test(name));
  return { ...Object.fromEntries(own), NO_COLOR: '1', ...extra };
}

/** A started command. */
export class Command {
  readonly child: ChildProcess;
  out = '';
  err = '';
  readonly #closed: Promise<unknown>;

  constructor(
    args: readonly string[],
    options: {
      readonly cwd?: string;
      readonly env?: Readonly<Record<string, string>>;
      readonly input?: string;
      /** What it is run by, such as a command that puts it into a namespace and becomes it. */
      readonly by?: readonly string[];
    } = {},
  ) {
    const [program = '', ...rest] = [...(options.by ?? []), process.execPath, MAIN, ...args];
    this.child = spawn(program, rest, {
      cwd: options.cwd ?? ROOT,
      env: plainEnvironment(options.env ?? {}),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#closed = once(this.child, 'close');
    this.child.stdin?.on('error', () => {});
    this.child.stdin?.end(options.input ?? '');
    this.child.stdout?.on('data', (data: Buffer) => (this.out += data.toString()));
    this.child.stderr?.on('data', (data: Buffer) => (this.err += data.toString()));
  }

  get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Resolves when it has ended and all that it said was read. */
  async ended(): Promise<Ended> {
    await this.#closed;
    const { exitCode: code } = this.child;
    return { code, out: stripVTControlCharacters(this.out), err: stripVTControlCharacters(this.err) };
  }
}

/** A node with the lab's agents. Start it as often as you like; it is the same node each time. */
export class NodeUnderTest {
  readonly dataDir: string;
  readonly port: number;
  readonly #flags: readonly string[];
  #command: Command | undefined;

  constructor(dataDir: string, port: number, flags: readonly string[] = ['--lab']) {
    this.dataDir = dataDir;
    this.port = port;
    this.#flags = flags;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get socketUrl(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  get command(): Command {
    if (this.#command === undefined) throw new TypeError('The node was not started.');
    return this.#command;
  }

  /** Starts the process, without waiting for it. */
  spawn(): Command {
    this.#command = new Command(
      ['start', '--json', '--port', String(this.port), '--data', this.dataDir, ...this.#flags],
      { cwd: this.dataDir },
    );
    return this.#command;
  }

  /** Resolves with what the node says when it is ready. Fails, with what it said, when it ends instead. */
  async start(): Promise<{ readonly url: string; readonly resumed: number; readonly pid: number }> {
    const command = this.spawn();
    return await vi.waitFor(
      () => {
        const line = command.out.split('\n').find((text) => text.startsWith('{"ready":true'));
        if (line !== undefined) return JSON.parse(line) as { url: string; resumed: number; pid: number };
        if (command.isOver) throw new TypeError(`The node ended: ${command.out}${command.err}`);
        throw new TypeError('The node is not ready.');
      },
      { timeout: READY_MS, interval: 10 },
    );
  }

  /** Ends it with a signal after so many ms, and resolves when it is gone, with the moments around its end. */
  async kill(
    afterMs = 0,
    signal: NodeJS.Signals = 'SIGKILL',
  ): Promise<{ readonly fromMs: number; readonly toMs: number }> {
    const { child } = this.command;
    let fromMs = Date.now();
    const shoot = (): void => {
      fromMs = Date.now();
      child.kill(signal);
    };
    if (afterMs === 0) shoot();
    else setTimeout(shoot, afterMs);
    await this.command.ended();
    return { fromMs, toMs: Date.now() };
  }
}

/** Runs one command to its end. */
export async function runTroupe(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<Ended> {
  return await new Command(args, options).ended();
}
