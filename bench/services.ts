/** Redis and PostgreSQL for peers that need them: on loopback, in folders of their own, until they are stopped. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** A service that listens. */
export interface Service {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const READY_MS = 30_000;
/** Where Debian puts the programs of each version of PostgreSQL. */
const POSTGRES_VERSIONS = '/usr/lib/postgresql';
/** PostgreSQL refuses to run as root: it is nobody then. */
const NOBODY = 65_534;

/** Redis that syncs each write before it answers; undefined where there is no `redis-server`. */
export async function startRedis(): Promise<Service | undefined> {
  const program = found('redis-server', []);
  if (program === undefined) return undefined;
  const [port, dir] = [await freePort(), mkdtempSync(join(tmpdir(), 'troupe-bench-redis-'))];
  const settings = { bind: '127.0.0.1', port, dir, appendonly: 'yes', appendfsync: 'always', save: '' };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  await heard(child, child.stdout, /Ready to accept connections/);
  return { port, pid: child.pid ?? 0, stop: () => end(child, 'SIGTERM', dir) };
}

/** PostgreSQL as it is set up by itself, which syncs each commit, with room in memory; undefined where there is none. */
export async function startPostgres(): Promise<Service | undefined> {
  const versions = existsSync(POSTGRES_VERSIONS) ? readdirSync(POSTGRES_VERSIONS) : [];
  const folders = versions.sort((a, b) => Number(b) - Number(a)).map((one) => join(POSTGRES_VERSIONS, one, 'bin'));
  const [program, initdb] = [found('postgres', folders), found('initdb', folders)];
  if (program === undefined || initdb === undefined) return undefined;
  const [port, dir] = [await freePort(), mkdtempSync(join(tmpdir(), 'troupe-bench-postgres-'))];
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(dir, NOBODY, NOBODY);
  const who = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  execFileSync(initdb, ['-D', dir, '-A', 'trust', '-U', 'bench'], { ...who, cwd: dir, stdio: 'ignore' });
  const settings = ['max_connections=200', 'shared_buffers=256MB', 'max_wal_size=4GB'].flatMap((one) => ['-c', one]);
  const args = ['-D', dir, '-p', String(port), '-h', '127.0.0.1', '-k', dir, ...settings];
  const child = spawn(program, args, { ...who, cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
  await heard(child, child.stderr, /ready to accept connections/);
  return { port, pid: child.pid ?? 0, stop: () => end(child, 'SIGINT', dir) };
}

function found(program: string, folders: readonly string[]): string | undefined {
  const all = [...(process.env['PATH'] ?? '').split(delimiter), ...folders];
  return all.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** Resolves when a line says so; what comes after it is read and dropped. */
async function heard(child: ChildProcess, output: Readable, words: RegExp): Promise<void> {
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const fail = (): void => reject(new TypeError(`${child.spawnfile} did not start: ${said.slice(-5).join(' ')}`));
    const late = setTimeout(fail, READY_MS);
    child.once('error', fail).once('exit', fail);
    createInterface({ input: output }).on('line', (text) => {
      if (said.length < 100) said.push(text);
      if (!words.test(text)) return;
      clearTimeout(late);
      child.off('exit', fail);
      resolve();
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function end(child: ChildProcess, signal: NodeJS.Signals, dir: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, 'exit');
  }
  rmSync(dir, { recursive: true, force: true });
}
