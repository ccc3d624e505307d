/**
 * A mesh in network namespaces: one for each node, and one with the bridge between them, all of them of the test's own. Real
 * sockets of the system are between the nodes, and what is lost is lost as packets are: nobody is told.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../support/node-process.ts';
import { until } from '../fault-rig.ts';
import type { MeshSite } from './mesh-site.ts';

const run = promisify(execFile);
const DOORWAY = path.join(import.meta.dirname, 'doorway.ts');
const PREFIX = 'troupe-mesh-';
const NAME = /^troupe-mesh-(\d+)-/;
const OWNER = 'owner';
const HUB = 'hub';
const MESH_PORT = 7_601;
/** Nobody has it: what is sent to it is lost on the way. */
const NOBODY = '02:54:00:00:ff:ff';
const NETEM = ['netem', 'delay', '200ms', '100ms', 'loss', '5%'];

/** Why there can be no namespaces here; undefined where there can. */
export function namespaceLack(): string | undefined {
  const name = `${PREFIX}${process.pid}-try`;
  try {
    ip('netns', 'add', name);
    ip('-n', name, 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'two');
    ip('-n', name, 'link', 'add', 'bridge', 'type', 'bridge');
    return undefined;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: Buffer };
    return (stderr?.toString() ?? message).trim().split('\n')[0] ?? 'no reason given';
  } finally {
    remove(name);
  }
}

/** Which of them is which. */
interface Place {
  readonly namespace: string;
  readonly address: string;
  readonly mac: string;
}

/** One with a namespace for each of these workers, and for their owner. `folder`: for the socket that clients go through. */
export async function namespaceSite(workers: readonly string[], folder: string): Promise<MeshSite> {
  removeForgotten();
  const places = new Map([OWNER, ...workers].map((node, index) => [node, placeOf(node, index + 1)]));
  const hub = `${PREFIX}${process.pid}-${HUB}`;
  const all = [hub, ...[...places.values()].map(({ namespace }) => namespace)];
  // Where a test has no time left to end in order.
  const removeAll = (): void => all.forEach(remove);
  process.once('exit', removeAll);
  const closers: (() => Promise<void>)[] = [async () => removeAll()];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
    process.off('exit', removeAll);
  };
  try {
    build(hub, places);
    const at = (node: string): Place => places.get(node) as Place;
    const clientPort = await freePort();
    closers.push(await doorway(at(OWNER).namespace, clientPort, folder));
    const canSlow = hasNetem(at(OWNER).namespace);
    const { address } = at(OWNER);
    return {
      where: 'network namespaces',
      ...{ clientPort, canSlow, close },
      ownerFlags: ['--mesh-host', address, '--mesh-port', String(MESH_PORT), '--port', String(clientPort)],
      by: (node) => ['ip', 'netns', 'exec', at(node).namespace],
      joinUrl: () => `ws://${address}:${MESH_PORT}`,
      cut: async (worker, cut) => {
        if (cut !== 'from the owner') await send(at(worker), at(OWNER), false);
        if (cut !== 'to the owner') await send(at(OWNER), at(worker), false);
      },
      slow: async (worker) => void (await run('tc', ['-n', at(worker).namespace, ...qdisc('replace'), ...NETEM])),
      heal: async (worker) => {
        await send(at(worker), at(OWNER), true);
        await send(at(OWNER), at(worker), true);
        if (canSlow) await run('tc', ['-n', at(worker).namespace, ...qdisc('del')]).catch(() => undefined);
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function placeOf(node: string, index: number): Place {
  const namespace = `${PREFIX}${process.pid}-${node}`;
  return { namespace, address: `10.77.0.${index}`, mac: `02:54:00:00:00:${String(index).padStart(2, '0')}` };
}

function build(hub: string, places: ReadonlyMap<string, Place>): void {
  ip('netns', 'add', hub);
  ip('-n', hub, 'link', 'add', 'bridge', 'type', 'bridge');
  ip('-n', hub, 'link', 'set', 'bridge', 'up');
  const all = [...places.values()];
  for (const [index, { namespace, address, mac }] of all.entries()) {
    ip('netns', 'add', namespace);
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    const port = `port-${index}`;
    ip('-n', namespace, 'link', 'add', 'eth0', 'address', mac, 'type', 'veth', 'peer', 'name', port, 'netns', hub);
    ip('-n', hub, 'link', 'set', port, 'master', 'bridge', 'up');
    ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    // Fixed, so that a cut changes nothing but where packets go.
    for (const other of all) if (other.namespace !== namespace) ip('-n', namespace, ...neighbour(other, true));
  }
}

/** Whether what one sends to another gets there. */
async function send(from: Place, to: Place, arrives: boolean): Promise<void> {
  await run('ip', ['-n', from.namespace, ...neighbour(to, arrives)]);
}

function neighbour({ address, mac }: Place, arrives: boolean): string[] {
  return ['neighbour', 'replace', address, 'lladdr', arrives ? mac : NOBODY, 'dev', 'eth0', 'nud', 'permanent'];
}

function qdisc(what: 'replace' | 'del'): string[] {
  return ['qdisc', what, 'dev', 'eth0', 'root'];
}

/** Some kernels are built without it. */
function hasNetem(namespace: string): boolean {
  try {
    execFileSync('tc', ['-n', namespace, ...qdisc('replace'), ...NETEM], { stdio: 'pipe' });
    execFileSync('tc', ['-n', namespace, ...qdisc('del')], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

/** From a port of this machine to the same port of loopback in the namespace: through a file, which both have. */
async function doorway(namespace: string, port: number, folder: string): Promise<() => Promise<void>> {
  const file = path.join(folder, 'door');
  const within = spawn('ip', ['netns', 'exec', namespace, process.execPath, DOORWAY, file, String(port)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const node = connect(file);
    for (const [one, other] of [
      [client, node],
      [node, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        if (!one.readableEnded) other.destroy();
      });
      one.pipe(other);
    }
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  await until(() => existsSync(file), 'the doorway is open');
  return async () => {
    within.kill('SIGKILL');
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
}

function ip(...args: readonly string[]): string {
  return execFileSync('ip', args, { stdio: 'pipe' }).toString();
}

function remove(namespace: string): void {
  try {
    ip('netns', 'delete', namespace);
  } catch {
    // It was not there.
  }
}

/** Those of tests that were killed themselves. */
function removeForgotten(): void {
  for (const name of ip('netns', 'list').split(/\s+/)) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) remove(name);
  }
}
