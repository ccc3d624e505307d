/** What the command shows of a mesh: of a node by itself, and of an answer as an owner with workers gives it. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCommand } from '../../cli/program.ts';
import { clusterBranch } from '../../cluster/cluster-branch.ts';
import type { Member } from '../../cluster/membership.ts';
import { type Rig, startRig } from '../gateway/rig.ts';

const WORKER: Member = {
  ...{ node: 'w-1', role: 'worker', status: 'active', version: '0.1.0', incarnation: 'i-7', joinedAtMs: 20 },
  ...{ labels: { zone: 'a' }, agents: ['shout@1.0.0'], calls: { running: 2, capacity: 16 }, lossesTotal: 1 },
  ...{ address: '10.0.0.4:50211', threads: 3, roundTripMs: 0.44, breaker: { state: 'closed' } },
};
const GONE: Member = { ...WORKER, node: 'w-2', status: 'lost', breaker: { state: 'open', retryAfterMs: 1_500 } };

let rig: Rig;
/** It says what a node with two workers says. */
let mesh: Server;
let meshUrl: string;
beforeAll(async () => {
  rig = await startRig();
  const read = async (path: string) => (await rig.get(path)).json as Record<string, object[]>;
  const cluster = await read('/api/v1/cluster');
  const supervisors = await read('/api/v1/supervisors');
  const { agents } = await read('/api/v1/agents?limit=2');
  const [root] = supervisors['supervisors'] ?? [];
  const [first, second] = agents ?? [];
  const answers: Record<string, unknown> = {
    '/api/v1/cluster': { ...cluster, nodes: [...(cluster['nodes'] ?? []), WORKER, GONE] },
    '/api/v1/supervisors': { supervisors: [{ ...root, branches: [clusterBranch([WORKER, GONE])] }] },
    '/api/v1/agents': { agents: [first, { ...second, nodes: ['w-1', 'w-2', 'w-3'] }], cursor: null },
  };
  mesh = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answers[(request.url ?? '').split('?')[0] ?? '']));
  }).listen(0, '127.0.0.1');
  await once(mesh, 'listening');
  meshUrl = `http://127.0.0.1:${(mesh.address() as AddressInfo).port}`;
});
afterEach(() => void vi.restoreAllMocks());
afterAll(async () => {
  mesh.close();
  await rig.stop();
});

/** Runs a command line in this process. */
async function troupe(...args: readonly string[]) {
  let out = '';
  const keep = (text: unknown): boolean => {
    out += String(text);
    return true;
  };
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation(keep);
  const code = await runCommand(args);
  stdout.mockRestore();
  return { code, out };
}

describe('troupe cluster', () => {
  it('shows a node by itself, and where to read how a mesh is made', async () => {
    const { code, out } = await troupe('cluster', '--url', rig.url);
    expect(code).toBe(0);
    expect(out).toMatch(/^NODE +ROLE +STATUS +VERSION +CALLS +AGENTS +THREADS\n/);
    expect(out).toMatch(new RegExp(`^${rig.node.id} +owner +active +\\S+ +0 of \\d+ +\\d+ +\\d+$`, 'm'));
    expect(out).toContain('No worker has joined. `troupe cluster --help` says how one does.');
  });

  it('shows workers, those that need looking after first', async () => {
    const { code, out } = await troupe('cluster', '--url', meshUrl);
    expect(code).toBe(0);
    const [head, owner, lost, active, ...others] = out.trimEnd().split('\n');
    expect(head).toMatch(/THREADS +ROUND TRIP +LOST +BREAKER +FROM +LABELS$/);
    expect(owner).toMatch(/ owner +active /);
    expect(lost).toMatch(
      /^w-2 +worker +LOST +0\.1\.0 +2 of 16 +1 +3 +0\.4 ms +1 times +OPEN for 1\.5 s +10\.0\.0\.4:50211 +zone=a$/,
    );
    expect(active).toMatch(/^w-1 +worker +active .* closed /);
    expect(others).toEqual([]);
  });

  it('gives programs a node a line', async () => {
    const { out } = await troupe('cluster', '--json', '--url', meshUrl);
    const nodes = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Member);
    expect(nodes.slice(1)).toEqual([WORKER, GONE]);
    expect(nodes[0]).toMatchObject({ role: 'owner', agents: expect.arrayContaining(['lab.echo@1.0.0']) as unknown });
  });

  it('teaches how a mesh is made', async () => {
    const { out } = await troupe('cluster', '--help');
    for (const words of ['troupe start --mesh-port 7601', 'troupe start --join ws://', 'openssl rand -base64 32'])
      expect(out).toContain(words);
  });
});

describe('of a mesh', () => {
  it('`troupe tree` shows the workers with the breakers in front of them, and nothing where there are none', async () => {
    const { out } = await troupe('tree', '--url', meshUrl);
    expect(out).toContain(
      '\ncluster\n├ w-1  active  2 of 16 calls, 1 agent\n└ w-2  lost  breaker OPEN for 1.5 s  2 of 16 calls, 1 agent\n',
    );
    expect((await troupe('tree', '--url', rig.url)).out).not.toContain('cluster');
  });

  it('`troupe agents` shows on which nodes an agent is, where it is not the same for all', async () => {
    const { out } = await troupe('agents', '--url', meshUrl);
    expect(out).toMatch(/^AGENT +VERSION +STATUS +ON +LOAD /);
    expect(out).toContain(' w-1, w-2 and 1 more ');
    expect((await troupe('agents', '--url', rig.url)).out).not.toMatch(/^AGENT.* ON /);
    expect((await troupe('agents', 'show', 'lab.echo', '--url', rig.url)).out).toContain(`on ${rig.node.id}\n`);
  });
});
