/** The servers under load, each a process of its own. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A server that listens. */
export interface Server {
  readonly name: string;
  /** Its WebSocket. */
  readonly url: string;
  /** Its HTTP address, where it has one. */
  readonly httpUrl: string;
  readonly pid: number;
  /** Where it keeps its data. */
  readonly dir: string;
  stop(): Promise<void>;
}

const env = { ...process.env, NODE_ENV: 'production' };

/** The floor: the bare stack. */
export async function startFloor(): Promise<Server> {
  const child = fork(fileURLToPath(new URL('./floor.ts', import.meta.url)), { env });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    name: 'floor',
    url: `ws://127.0.0.1:${port}`,
    httpUrl: '',
    pid: child.pid ?? 0,
    dir: '',
    stop: () => end(child, () => {}),
  };
}

/** A node, as `troupe start --lab` runs it: LevelDB, fsync on. */
export async function startTroupe(flags: readonly string[] = []): Promise<Server> {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-bench-'));
  const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
  const args = [
    '--expose-gc',
    main,
    'start',
    '--lab',
    '--json',
    '--port',
    '0',
    '--data',
    dir,
    '--log-level',
    'warn',
    ...flags,
  ];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  const { url } = JSON.parse(line) as { url: string };
  const stop = (): Promise<void> => end(child, () => rmSync(dir, { recursive: true, force: true }));
  return { name: 'troupe', url: `${url.replace(/^http/, 'ws')}/ws`, httpUrl: url, pid: child.pid ?? 0, dir, stop };
}

/** The system's ticks are 10 ms wherever Linux runs. */
const TICK_MS = 10;

/** CPU time that a process has used so far, all threads and the main one alone; undefined where the system does not tell. */
export function cpuOf(pid: number): { readonly allMs: number; readonly mainMs: number } | undefined {
  const ticks = (path: string): number => {
    const fields = (readFileSync(path, 'utf8').split(') ')[1] ?? '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  };
  try {
    return { allMs: ticks(`/proc/${pid}/stat`), mainMs: ticks(`/proc/${pid}/task/${pid}/stat`) };
  } catch {
    return undefined;
  }
}

/** CPU time that processes and all that they have started have used so far; undefined where the system does not tell. */
export function cpuOfTrees(pids: readonly number[]): number | undefined {
  const used = new Map<number, { readonly parent: number; readonly ms: number }>();
  try {
    for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
      const [, parent = '', ...fields] = statOf(`/proc/${name}/stat`);
      // With what those have used that it has waited for.
      const ticks = fields.slice(9, 13).reduce((sum, field) => sum + Number(field), 0);
      used.set(Number(name), { parent: Number(parent), ms: ticks * TICK_MS });
    }
  } catch {
    return undefined;
  }
  const isBelow = (pid: number): boolean => pids.includes(pid) || (pid > 1 && isBelow(used.get(pid)?.parent ?? 0));
  return [...used].reduce((sum, [pid, { ms }]) => (isBelow(pid) ? sum + ms : sum), 0);
}

/** The fields behind the name: state, parent and so on; none of a process that has just ended. */
function statOf(path: string): readonly string[] {
  try {
    return (readFileSync(path, 'utf8').split(') ').at(-1) ?? '').split(' ');
  } catch {
    return [];
  }
}

async function end(child: ChildProcess, after: () => void): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  after();
}
