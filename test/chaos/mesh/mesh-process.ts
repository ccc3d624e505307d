/** One node of a mesh under faults: `troupe start`, over many lives. */
import { readFileSync } from 'node:fs';
import { Command } from '../../support/node-process.ts';
import { until } from '../fault-rig.ts';

const OUTPUT_CHARACTERS_MAX = 6_000;
const READY_MS_MAX = 60_000;
const END_MS_MAX = 30_000;

/** How it is started, each time. */
export interface MeshProcessOptions {
  readonly name: string;
  readonly by: readonly string[];
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The node. */
export class MeshProcess {
  readonly #options: MeshProcessOptions;
  #command: Command | undefined;
  /** What its earlier lives said last. */
  #said = '';
  starts = 0;

  constructor(options: MeshProcessOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get isRunning(): boolean {
    return this.#command !== undefined && !this.#command.isOver;
  }

  /** What it said, over all its lives, the last of it. */
  get said(): string {
    return `${this.#said}${this.#command?.out ?? ''}${this.#command?.err ?? ''}`.slice(-OUTPUT_CHARACTERS_MAX);
  }

  /** Resolves once it says that it is ready. */
  async start(): Promise<void> {
    const { name, by, flags, env } = this.#options;
    this.#said = this.said;
    this.starts++;
    const command = new Command(['start', '--json', '--log-level', 'warn', '--name', name, ...flags], { by, env });
    this.#command = command;
    const isReady = (): boolean => {
      if (command.isOver) throw new TypeError(`${name} ended: ${this.said}`);
      return command.out.includes('{"ready":true');
    };
    await until(isReady, `${name} is ready`, { timeoutMs: READY_MS_MAX });
  }

  /** SIGKILL, SIGSTOP or SIGCONT. */
  signal(signal: NodeJS.Signals): void {
    this.#command?.child.kill(signal);
  }

  /** Resolves when it is gone; SIGTERM lets it put things in order. Fails where it does not end by that. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const command = this.#command;
    if (command === undefined || command.isOver) return;
    command.child.kill(signal);
    await until(() => command.isOver, `${this.name} ends by ${signal}`, { timeoutMs: END_MS_MAX });
    const { exitCode } = command.child;
    if (signal === 'SIGTERM' && exitCode !== 0)
      throw new TypeError(`${this.name} ended with ${exitCode}: ${this.said}`);
  }

  /** What of its memory is resident, in bytes; 0 where the system does not say. */
  get residentBytes(): number {
    try {
      const status = readFileSync(`/proc/${this.#command?.child.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  }
}
