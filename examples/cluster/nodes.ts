/** Nodes of examples/cluster/main.ts, as processes of their own: started as you would on a command line, and killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';

const COMMAND = path.join(import.meta.dirname, '../../bin/troupe.mjs');
const ERROR_CHARACTERS_MAX = 4_000;

/** A node as `GET /api/v1/cluster` shows it; there is more. */
export interface Member {
  readonly node: string;
  readonly role: string;
  readonly status: string;
  readonly agents: readonly string[];
  readonly calls: { readonly running: number; readonly capacity: number };
}

/** One process of `troupe start`. */
export class NodeProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  #said = '';

  constructor(name: string, secret: string, flags: readonly string[]) {
    this.name = name;
    // Secrets have no flag: other users of the machine can read command lines.
    const env = { ...process.env, TROUPE_MESH_SECRET: secret, TROUPE_NODE_NAME: name };
    this.#child = spawn(process.execPath, [COMMAND, 'start', '--json', '--log-level', 'warn', ...flags], {
      ...{ env, stdio: ['ignore', 'pipe', 'pipe'] },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (data: Buffer) => (this.#said = (this.#said + data.toString()).slice(-ERROR_CHARACTERS_MAX)));
  }

  /** What it said last; why it did not start, if it did not. */
  get said(): string {
    return this.#said.trim();
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Where clients reach it, once it says so. */
  get url(): string | undefined {
    return /"url":"([^"]+)"/.exec(this.#said)?.[1];
  }

  /** SIGKILL gives it no chance to put anything in order; SIGTERM does. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (!this.isRunning) return;
    this.#child.kill(signal);
    await once(this.#child, 'exit');
  }
}

/** Looks until there is something to see. Errors: where it takes longer than `forMs`, or one of the nodes is gone. */
export async function until<T>(
  what: string,
  nodes: readonly NodeProcess[],
  look: () => T | undefined | Promise<T | undefined>,
  forMs = 30_000,
): Promise<T> {
  const end = Date.now() + forMs;
  while (Date.now() < end) {
    const seen = await look();
    if (seen !== undefined) return seen;
    const gone = nodes.find((node) => !node.isRunning);
    if (gone !== undefined) throw new Error(`${gone.name} ended: ${gone.said}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(
    `${what} did not come in ${forMs / 1_000} s. ${nodes.map((one) => `${one.name}: ${one.said}`).join('\n')}`,
  );
}

/** The nodes of a mesh, as its owner sees them. */
export async function membersOf(url: string): Promise<readonly Member[]> {
  const response = await fetch(`${url}/api/v1/cluster`);
  return ((await response.json()) as { readonly nodes: readonly Member[] }).nodes;
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  server.close();
  await once(server, 'close');
  return port;
}
