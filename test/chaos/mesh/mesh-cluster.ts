/** The nodes of a mesh under faults: an owner and its workers, each a process; and what is done to them. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { pass } from '../fault-rig.ts';
import { LOST_MS, type MeshFault } from './fault-plan.ts';
import { MeshProcess } from './mesh-process.ts';
import type { MeshSite } from './mesh-site.ts';

/** Those of a round. */
export const WORKERS = ['worker-1', 'worker-2', 'worker-3', 'worker-4', 'worker-5'];
const AGENTS = path.join(import.meta.dirname, 'mesh-agents.ts');
const DRAIN_MS = 3_000;

/** One mesh. */
export class MeshCluster {
  readonly site: MeshSite;
  readonly owner: MeshProcess;
  readonly workers: ReadonlyMap<string, MeshProcess>;
  readonly #folder: string;
  readonly #killAll = (): void => {
    for (const node of this.nodes) node.signal('SIGKILL');
  };

  /** `folder`: where the nodes keep what they keep, each for itself. */
  constructor(site: MeshSite, folder: string, workers: readonly string[] = WORKERS) {
    this.site = site;
    this.#folder = folder;
    const secret = randomBytes(32).toString('base64');
    const node = (name: string, flags: readonly string[]): MeshProcess => {
      const dataDir = this.dataDir(name);
      mkdirSync(dataDir, { recursive: true });
      const times = ['--mesh-lost-ms', String(LOST_MS), '--drain-ms', String(DRAIN_MS)];
      const env = { TROUPE_MESH_SECRET: secret, TROUPE_NODE_NAME: name, MESH_CALLS_FILE: this.callsFile };
      return new MeshProcess({ name, by: site.by(name), env, flags: ['--lab', '--data', dataDir, ...times, ...flags] });
    };
    this.owner = node('owner', site.ownerFlags);
    this.workers = new Map(
      workers.map((name) => [name, node(name, ['--join', site.joinUrl(name), '--agents', AGENTS])]),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.site.clientPort}`;
  }

  get socketUrl(): string {
    return `ws://127.0.0.1:${this.site.clientPort}/ws`;
  }

  /** Where calls leave their lines. */
  get callsFile(): string {
    return path.join(this.#folder, 'calls');
  }

  get nodes(): readonly MeshProcess[] {
    return [this.owner, ...this.workers.values()];
  }

  dataDir(node: string): string {
    return path.join(this.#folder, node);
  }

  async start(): Promise<void> {
    // Where the test has no time left to end in order.
    process.on('exit', this.#killAll);
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  /** Does it, and undoes it when its time is over. */
  async suffer({ kind, node: name, forMs, cut = 'both ways' }: MeshFault): Promise<void> {
    const node = this.workers.get(name) ?? this.owner;
    const lines = this.workers.has(name) ? [name] : [...this.workers.keys()];
    switch (kind) {
      case 'kill':
        await node.end('SIGKILL');
        await pass(forMs);
        return await node.start();
      case 'drain':
        await node.end('SIGTERM');
        return await node.start();
      case 'freeze':
        node.signal('SIGSTOP');
        await pass(forMs);
        return node.signal('SIGCONT');
      case 'cut':
        await Promise.all(lines.map((line) => this.site.cut(line, cut)));
        break;
      case 'slow':
        await Promise.all(lines.map((line) => this.site.slow(line)));
    }
    await pass(forMs);
    await Promise.all(lines.map((line) => this.site.heal(line)));
  }

  /** Also what is frozen. */
  async kill(): Promise<void> {
    process.off('exit', this.#killAll);
    await Promise.all(this.nodes.map((node) => node.end('SIGKILL')));
  }
}
