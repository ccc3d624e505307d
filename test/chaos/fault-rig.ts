/** Starts fault nodes, and starts them again whenever they have died. Works outside of test runners as well. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createWorld } from '../../runtime/world.ts';
import type { FaultOrder, FaultPlan, ProcessFigures } from './fault-node.ts';

const PROGRAM = fileURLToPath(new URL('./fault-node.ts', import.meta.url));
const OUTPUT_CHARACTERS_MAX = 20_000;
const READY_MAX_MS = 120_000;
const world = createWorld();

/** Lets time pass; what must have happened is looked for by `until`. */
export function pass(ms: number): Promise<void> {
  // The world's timers keep no process alive: one that only waits would end.
  const keepAlive = setInterval(() => {}, 1_000);
  return new Promise<void>((resolve) => void world.after(ms, resolve)).then(() => clearInterval(keepAlive));
}

/** Resolves when `check` holds; fails, in words, when it does not for too long. */
export async function until(
  check: () => boolean | Promise<boolean>,
  what: string,
  { timeoutMs = 60_000, everyMs = 20 }: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > endMs) throw new TypeError(`In ${timeoutMs} ms it did not come to this: ${what}.`);
    await pass(everyMs);
  }
}

/** One node on one folder and port, over many lives. */
export class FaultNode {
  readonly dataDir: string;
  readonly port: number;
  readonly options: Readonly<Record<string, unknown>>;
  /** Variables of its environment beside those of this process. */
  readonly env: Readonly<Record<string, string>>;
  clockOffsetMs = 0;
  output = '';
  #child: ChildProcess | undefined;
  #orders = 0;

  constructor(
    dataDir: string,
    port: number,
    options: Readonly<Record<string, unknown>> = {},
    env: Readonly<Record<string, string>> = {},
  ) {
    this.dataDir = dataDir;
    this.port = port;
    this.options = options;
    this.env = env;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get socketUrl(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Starts the process; resolves with true when it is ready, with false when it died before, as its failpoint wants. */
  async start(failpoint?: FaultPlan['failpoint']): Promise<boolean> {
    const { dataDir, port, clockOffsetMs, options } = this;
    const plan: FaultPlan = { dataDir, port, clockOffsetMs, options, ...(failpoint !== undefined && { failpoint }) };
    const execArgv = ['--expose-gc'];
    const child = fork(PROGRAM, [JSON.stringify(plan)], {
      execArgv,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...plainEnvironment(), ...this.env },
    });
    this.#child = child;
    const keep = (data: Buffer): void => {
      this.output = (this.output + data.toString()).slice(-OUTPUT_CHARACTERS_MAX);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    let isStuck = false;
    const stuck = setTimeout(() => {
      isStuck = true;
      child.kill('SIGKILL');
    }, READY_MAX_MS);
    const ready = await new Promise<boolean>((resolve) => {
      child.once('message', () => resolve(true));
      child.once('exit', () => resolve(false));
    });
    clearTimeout(stuck);
    if (isStuck) throw new TypeError(`The node was not ready within ${READY_MAX_MS} ms: ${this.output}`);
    if (!ready && child.signalCode !== 'SIGKILL')
      throw new TypeError(`The node ended with ${child.exitCode}: ${this.output}`);
    return ready;
  }

  /** Resolves when the process is gone; fails when it ended otherwise than by a kill. */
  async died(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    if (this.isRunning) await once(child, 'exit');
    if (child.signalCode !== 'SIGKILL') throw new TypeError(`The node ended with ${child.exitCode}: ${this.output}`);
  }

  async kill(): Promise<void> {
    if (!this.isRunning) return;
    this.#child?.kill('SIGKILL');
    await this.died();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** An orderly end. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }

  /** Moves the wall clock of the process, now and at later starts. */
  async setClock(offsetMs: number): Promise<void> {
    this.clockOffsetMs = offsetMs;
    if (this.isRunning) await this.#tell({ id: ++this.#orders, order: 'clock', offsetMs });
  }

  /** Measured after a collection of garbage. */
  async figures(): Promise<ProcessFigures> {
    return (await this.#tell({ id: ++this.#orders, order: 'figures' })) as unknown as ProcessFigures;
  }

  #tell(order: FaultOrder): Promise<object> {
    const child = this.#child;
    return new Promise((resolve) => {
      const hear = (answer: { readonly done?: number }): void => {
        if (answer.done !== order.id) return;
        child?.off('message', hear);
        resolve(answer);
      };
      child?.on('message', hear);
      child?.send(order);
    });
  }
}

/** The environment of this process without what steers a node or belongs to a test runner. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:TROUPE_|VITEST|NODE_OPTIONS$|NODE_V8_)/.test(name));
  return { ...Object.fromEntries(own), NO_COLOR: '1' };
}
