/** What a mesh costs: a step on a worker beside the same step on the owner, more workers for the same work, idle ones. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { benchLink } from './mesh-link.ts';
import { killed, type Mesh, startMesh } from './mesh-nodes.ts';
import { compare, type RoundFigures, show } from './rounds.ts';
import { cpuOf } from './servers.ts';
import { figure, goal, heading, line } from './table.ts';

const CROWD = 50;
const LOOK_MS = 10_000;
const MIB = 1_048_576;
const BURN_MS = 20;

/** All of it. */
export async function benchMesh(isQuick: boolean): Promise<void> {
  await benchLink(isQuick);
  heading('one durable step on a worker, beside the same step on its owner (fsync on, over the socket)');
  const mesh = await startMesh();
  try {
    await mesh.join();
    await far(mesh, isQuick);
    await cores(mesh, isQuick);
  } finally {
    await mesh.stop();
  }
  await idle();
}

const body = (agent: string) => (index: number) => ({
  agent,
  input: { text: `hello ${index}`, meta: { a: 1, b: 'x'.repeat(40) } },
});

async function far({ owner }: Mesh, isQuick: boolean): Promise<void> {
  const plan = { tasks: isQuick ? 5_000 : 20_000, inFlight: 256, watch: 'result' } as const;
  const lanes = ['near', 'far'].map((agent) => ({
    server: owner,
    plan: { ...plan, body: body(agent) },
    warmUp: 10_000,
  }));
  const [near, there] = (await compare(lanes, isQuick ? 3 : 5)) as [RoundFigures, RoundFigures];
  line('on the owner, 256 in flight', show(near));
  const ratio = there.perSecond / near.perSecond;
  line('on a worker, 256 in flight', show(there), `${figure(ratio)} of the owner's; ${goal(ratio, 0.4)}`);
  const alone = lanes.map(({ server, plan: { body: of } }) => ({
    server,
    plan: { tasks: isQuick ? 300 : 1_500, inFlight: 1, watch: 'result', body: of } as const,
    warmUp: 200,
  }));
  const [one, other] = (await compare(alone, isQuick ? 3 : 5)) as [RoundFigures, RoundFigures];
  const roundTripMs = await roundTrip(owner.httpUrl);
  line('on the owner, one in flight', show(one));
  line(
    'on a worker, one in flight',
    show(other),
    `p50 ${figure(other.p50Ms - one.p50Ms)} ms more; a round trip of the link takes ${figure(roundTripMs)} ms; ` +
      goal((2 * roundTripMs) / Math.max(0.001, other.p50Ms - one.p50Ms), 1).replace('goal ≥ 1', 'goal ≤ 2 of those'),
  );
}

async function roundTrip(url: string): Promise<number> {
  const { nodes } = (await (await fetch(`${url}/api/v1/cluster`)).json()) as {
    readonly nodes: readonly { readonly roundTripMs?: number }[];
  };
  return nodes.find(({ roundTripMs }) => roundTripMs !== undefined)?.roundTripMs ?? Number.NaN;
}

/** As far as the cores of the machine go. */
async function cores(mesh: Mesh, isQuick: boolean): Promise<void> {
  const plan = { tasks: isQuick ? 100 : 300, inFlight: 16, watch: 'result' } as const;
  const burn = { ...plan, body: () => ({ agent: 'burn', input: { ms: BURN_MS } }) };
  const run = async (): Promise<RoundFigures> =>
    (await compare([{ server: mesh.owner, plan: burn, warmUp: 10 }], 3))[0] as RoundFigures;
  const one = await run();
  await mesh.join();
  await mesh.join();
  const three = await run();
  line(`${BURN_MS} ms of computing a step, one worker`, show(one));
  line('the same, three workers', show(three), `${figure(three.perSecond / one.perSecond)} of one`);
}

async function idle(): Promise<void> {
  heading(`${CROWD} workers that have nothing to do`);
  const mesh = await startMesh();
  const before = await usage(mesh.owner.pid);
  const file = fileURLToPath(new URL('./mesh-crowd.ts', import.meta.url));
  const env = { ...process.env, BENCH_ROLE: 'worker' };
  const crowd = spawn(process.execPath, [file, mesh.url, String(CROWD)], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(createInterface({ input: crowd.stdout }), 'line');
  const after = await usage(mesh.owner.pid);
  line(
    'CPU time of the owner, without and with them',
    `${figure(before.cpu)} % and ${figure(after.cpu)} %`,
    'of a core',
  );
  line(
    'memory of the owner (RSS)',
    `${figure(after.mib - before.mib)} MiB more`,
    `${figure(((after.mib - before.mib) * 1024) / CROWD)} KiB each`,
  );
  await killed(crowd);
  await mesh.stop();
}

async function usage(pid: number): Promise<{ readonly cpu: number; readonly mib: number }> {
  const before = cpuOf(pid)?.allMs ?? Number.NaN;
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return { cpu: (((cpuOf(pid)?.allMs ?? Number.NaN) - before) / LOOK_MS) * 100, mib: (pages * 4096) / MIB };
}
