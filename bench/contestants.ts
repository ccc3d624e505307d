/** Who runs durable workflows of three steps: Troupe over its socket, and each peer in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LoadFigures, openSockets, runLoad } from './load.ts';
import { startTroupe } from './servers.ts';
import { type Service, startPostgres, startRedis } from './services.ts';
import { chain } from './workflows.ts';

/** Someone who runs workflows. */
export interface Contestant {
  readonly name: string;
  /** Whether all steps are on disk, synced, before the answer. */
  readonly isSynced: boolean;
  /** Its processes, but for its client where that is one of its own. */
  readonly pids: readonly number[];
  run(workflows: number, inFlight: number): Promise<LoadFigures>;
  stop(): Promise<void>;
}

/** One who cannot be had here, and why. */
export interface Absent {
  readonly name: string;
  readonly why: string;
}

/** How long one round may take. */
const ROUND_MS = 120_000;
/** They would tell their makers of each run. */
const NOTHING_HOME = { LANGSMITH_TRACING: 'false', MASTRA_TELEMETRY_DISABLED: '1' };
const NAMES = {
  langgraph: 'LangGraph.js, SQLite checkpointer',
  bullmq: 'BullMQ flows, Redis with AOF always',
  mastra: 'Mastra, LibSQL as it comes',
  dbos: 'DBOS, PostgreSQL',
} as const;

/** Troupe as the other lines of the bench run it. */
export async function troupe(): Promise<Contestant> {
  const server = await startTroupe();
  const graph = chain(3);
  return {
    name: 'Troupe, over the socket',
    isSynced: true,
    pids: [server.pid],
    run: async (tasks, inFlight) => {
      const sockets = await openSockets(server.url, inFlight);
      const figures = await runLoad(sockets, { tasks, inFlight, watch: 'result', body: (n) => ({ graph, input: n }) });
      for (const socket of sockets) socket.terminate();
      return figures;
    },
    stop: () => server.stop(),
  };
}

/** The peers, each behind a function that starts it. */
export const PEERS: readonly (() => Promise<Contestant | Absent>)[] = [
  async () => await inFolder(`${NAMES.langgraph}, synchronous=FULL`, true, 'langgraph.ts', ['FULL']),
  async () => await inFolder(`${NAMES.langgraph} as it comes`, false, 'langgraph.ts', ['NORMAL']),
  async () => {
    const redis = await startRedis();
    if (redis === undefined) return { name: NAMES.bullmq, why: 'there is no redis-server here' };
    return await behind(redis, NAMES.bullmq, 'bullmq.ts', String(redis.port));
  },
  async () => await inFolder(NAMES.mastra, false, 'mastra.ts', []),
  async () => {
    const postgres = await startPostgres();
    if (postgres === undefined) return { name: NAMES.dbos, why: 'there is no PostgreSQL here' };
    return await behind(postgres, NAMES.dbos, 'dbos.ts', `postgresql://bench@127.0.0.1:${postgres.port}/postgres`);
  },
];

async function inFolder(name: string, isSynced: boolean, file: string, args: readonly string[]): Promise<Contestant> {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-bench-peer-'));
  const stop = async (): Promise<void> => rmSync(dir, { recursive: true, force: true });
  return await peer(name, isSynced, file, [dir, ...args], { stop });
}

async function behind(service: Service, name: string, file: string, address: string): Promise<Contestant> {
  return await peer(name, true, file, [address], service);
}

async function peer(
  name: string,
  isSynced: boolean,
  file: string,
  args: readonly string[],
  below: { readonly pid?: number; stop(): Promise<void> },
): Promise<Contestant> {
  const path = fileURLToPath(new URL(`./peers/${file}`, import.meta.url));
  const env = { ...process.env, NODE_ENV: 'production', NODE_NO_WARNINGS: '1', ...NOTHING_HOME };
  const child = fork(path, [...args], { env });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await below.stop();
  };
  try {
    await answer(child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name,
    isSynced,
    pids: [child.pid ?? 0, ...(below.pid === undefined ? [] : [below.pid])],
    run: async (workflows, inFlight) => {
      child.send({ workflows, inFlight });
      const figures = (await answer(child)) as LoadFigures & { readonly error?: string };
      if (figures.error !== undefined) throw new TypeError(figures.error);
      return figures;
    },
    stop,
  };
}

/** The next message of a peer. Rejects when it ends, or says nothing for too long. */
async function answer(child: ChildProcess): Promise<unknown> {
  const over = new AbortController();
  const { signal } = over;
  const gone = once(child, 'exit', { signal }).then(() => {
    throw new TypeError('The peer has ended.');
  });
  const late = AbortSignal.timeout(ROUND_MS);
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal: late }), gone])) as [unknown];
    return message;
  } finally {
    over.abort();
    gone.catch(() => undefined);
  }
}
