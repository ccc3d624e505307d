/** The nodes of a mesh under load: an owner, and workers that have joined it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Server, startTroupe } from './servers.ts';

const AGENTS = fileURLToPath(new URL('./mesh-agents.ts', import.meta.url));
const MAIN = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
const PORT_FIRST = 17_000;
const PORTS = 20_000;

/** A mesh. */
export interface Mesh {
  readonly owner: Server;
  readonly url: string;
  /** Starts a worker, and resolves once the owner has its agents. */
  join(): Promise<ChildProcess>;
  stop(): Promise<void>;
}

/** Starts an owner. */
export async function startMesh(): Promise<Mesh> {
  const port = PORT_FIRST + (process.pid % PORTS);
  const owner = await startTroupe(['--mesh-port', String(port), '--agents', AGENTS]);
  const url = `ws://127.0.0.1:${port}`;
  const workers: ChildProcess[] = [];
  return {
    ...{ owner, url },
    join: async () => {
      const child = spawn(
        process.execPath,
        [MAIN, 'start', '--json', '--log-level', 'warn', '--join', url, '--agents', AGENTS],
        {
          env: { ...process.env, NODE_ENV: 'production', BENCH_ROLE: 'worker' },
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      workers.push(child);
      for await (const line of createInterface({ input: child.stdout })) if (line.includes('"joined":true')) break;
      return child;
    },
    stop: async () => {
      for (const worker of workers.splice(0)) await killed(worker);
      await owner.stop();
    },
  };
}

/** Ends a process at once. */
export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
