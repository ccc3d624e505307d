/** One run of a worker's process: the real worker and the real links, over a network of the simulation. */
import { dialMesh, type MeshDial } from '../../../cluster/link/dial.ts';
import type { MeshEnd } from '../../../cluster/link/mesh-node.ts';
import type { Connect } from '../../../cluster/link/wire.ts';
import { createMeshWorker, type MeshWorker } from '../../../cluster/worker/mesh-worker.ts';
import type { AgentDefinition } from '../../../actors/agent-definition.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import type { Caller } from '../outside.ts';
import type { Rng } from '../rng.ts';
import { logTo } from '../simulated-process.ts';
import { createSimulatedWorkers } from '../simulated-workers.ts';
import type { SimulatedWorld } from '../simulated-world.ts';
import type { MeshWitness } from './mesh-witness.ts';

/** What a worker runs on. */
export interface WorkerParts {
  readonly world: SimulatedWorld;
  readonly witness: MeshWitness;
  readonly node: string;
  readonly auth: MeshEnd['auth'];
  readonly nonce: () => Uint8Array;
  readonly threads: Rng;
  readonly connect: (process: SimulatedWorker) => Connect;
  readonly agents: (process: SimulatedWorker) => readonly AgentDefinition[];
  readonly onLog: (level: string, message: string, fields: object | undefined) => void;
  readonly onRefused: (error: OperatingError) => void;
}

/** One run of the process. */
export class SimulatedWorker implements Caller {
  alive = true;
  readonly node: string;
  readonly incarnation: string;
  readonly worker: MeshWorker;
  /** The session that it had last. */
  session: string | undefined;
  /** It is on its way down. */
  isStopping = false;
  readonly #dial: MeshDial;
  readonly #witness: MeshWitness;

  constructor({ world: simulated, witness, node, auth, nonce, threads, ...parts }: WorkerParts) {
    const world = simulated.seenBy(this);
    this.node = node;
    this.incarnation = world.id();
    this.#witness = witness;
    const log = logTo((level, message, fields) => {
      if (this.alive) parts.onLog(level, message, fields);
    });
    const pool = createSimulatedWorkers(simulated, this, threads);
    const agents = parts.agents(this);
    this.worker = createMeshWorker({ world, log, node, labels: {}, agents, workers: pool, threads: 2 });
    this.#dial = dialMesh({
      ...{ world, log, auth, nonce, to: parts.connect(this), onRefused: parts.onRefused },
      self: { node, incarnation: this.incarnation, role: 'worker', version: '0.0.0', cluster: undefined },
      onLink: (link, setEars) => {
        this.session = (link as typeof link & { readonly id: string }).id;
        setEars(witness.watch(link, { side: 'worker', process: this }, (watched) => this.worker.attach(watched)));
      },
    });
  }

  /** Its end of the session that stands. */
  get link(): MeshDial['link'] {
    return this.#dial.link;
  }

  /** Whether the dispatch that it works for has not been given up. */
  readonly works = (run: string): boolean => this.#witness.isAtWork(`${this.node} ${this.incarnation}`, run);

  /** Stops as it does when it is asked to. Resolves when it has; never, where the process dies before. */
  async stop(drainMs: number): Promise<void> {
    if (this.isStopping) return;
    this.isStopping = true;
    await this.worker.drain(drainMs);
    this.#dial.stop(new OperatingError('DRAINING', 'The worker stops.', { retryable: true }));
    this.worker.stop();
  }

  /** From here on nothing of it happens any more. */
  die(): void {
    this.alive = false;
  }
}
