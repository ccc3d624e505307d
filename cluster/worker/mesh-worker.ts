/**
 * A node in its role as a worker: offers agents over links, and makes the calls that an owner starts. It owns nothing
 * (docs/adr/0021-workers-own-nothing.md).
 */
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import type { MeshMessage, MeshMessageOf } from '../../protocol/mesh-messages.ts';
import type { Log } from '../../runtime/log.ts';
import type { WorkerPool } from '../../runtime/workers/pool.ts';
import type { Cancel, World } from '../../runtime/world.ts';
import type { Link, LinkEars } from '../link/link.ts';
import { AgentHealth } from './agent-health.ts';
import { agentOffer } from './agent-offer.ts';
import { HeldCalls, type HeldFigures } from './held-calls.ts';
import { Post } from './post.ts';
import { TurnMakers } from './turn-makers.ts';

/** How often a worker that drains looks for calls that only wait. */
const RESTING_LOOK_MS = 500;

/** What a worker is made from. */
export interface MeshWorkerOptions {
  readonly world: World;
  readonly log: Log;
  /** The name of this node. */
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly agents: readonly AgentDefinition[];
  readonly workers: Pick<WorkerPool, 'run'>;
  /** Threads that it computes in, for the owner to know. */
  readonly threads: number;
  /** The owner has its agents. */
  readonly onTaken?: (taken: MeshMessageOf<'node.taken'>) => void;
}

/** A worker, as its node has it. */
export interface MeshWorker {
  /** A new session with an owner: it hears what is held and offered. A session before it is not listened to any more. */
  attach(link: Link): LinkEars;
  /**
   * Takes nothing new, lets what runs go on for so long, and leaves the rest to others. Resolves once the owner has all outcomes, or
   * the time is over.
   */
  drain(ms: number): Promise<void>;
  /** Ends its timers. What still runs is not stopped: drain it first. */
  stop(): void;
  figures(): HeldFigures;
}

/** Makes a worker. The first checks of its agents' health begin at once. */
export function createMeshWorker(options: MeshWorkerOptions): MeshWorker {
  return new Worker(options);
}

class Worker implements MeshWorker {
  readonly #options: MeshWorkerOptions;
  readonly #calls: HeldCalls;
  readonly #health: AgentHealth;
  readonly #machines: TurnMakers;
  #post: Post | undefined;
  #isDraining = false;

  constructor(options: MeshWorkerOptions) {
    const { world, log, node, workers, agents } = options;
    this.#options = options;
    this.#machines = new TurnMakers(agents, { world, log });
    const { offered } = this.#machines;
    this.#calls = new HeldCalls({ world, log, node, workers, machines: this.#machines }, offered);
    this.#health = new AgentHealth(world, offered, () => this.#post?.sendSurely(this.#offer()));
  }

  attach(link: Link): LinkEars {
    this.#post?.close();
    const post = new Post(link);
    this.#post = post;
    post.sendSurely(this.#calls.holds());
    post.sendSurely(this.#offer());
    if (this.#isDraining) post.sendSurely({ type: 'node.draining' });
    this.#calls.meet(post);
    return {
      onMessage: (message, done) => {
        if (this.#post === post) this.#heard(message, post);
        done();
      },
      onCredit: () => post.flush(),
      onEnd: () => post.close(),
    };
  }

  async drain(ms: number): Promise<void> {
    const { world } = this.#options;
    this.#isDraining = true;
    this.#post?.sendSurely({ type: 'node.draining' });
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const cancel = world.after(ms, () => {
      if (this.#post !== undefined) this.#calls.handBack(this.#post);
      resolve();
    });
    const stopLooking = this.#lookAtResting();
    await Promise.race([this.#calls.drain(), over]);
    stopLooking();
    cancel();
  }

  /** Until the returned function is called. */
  #lookAtResting(): Cancel {
    let cancel: Cancel = () => {};
    const look = (): void => {
      if (this.#post !== undefined) this.#calls.handBackResting(this.#post);
      cancel = this.#options.world.after(RESTING_LOOK_MS, look);
    };
    look();
    return () => cancel();
  }

  stop(): void {
    this.#health.stop();
  }

  figures(): HeldFigures {
    return this.#calls.figures();
  }

  #heard(message: MeshMessage, post: Post): void {
    if (message.type !== 'node.taken') return this.#calls.hear(message, post);
    for (const { agent, why } of message.refused)
      this.#options.log.warn('The owner does not take an agent of this worker.', { agent, why });
    this.#options.onTaken?.(message);
  }

  #offer(): MeshMessageOf<'node.offer'> {
    const { labels, threads } = this.#options;
    const machines = this.#machines;
    const offers = machines.offered.map((agent) =>
      agentOffer(agent, this.#health.isHealthy(agent), machines.structureHashOf(agent)),
    );
    return { type: 'node.offer', agents: offers, labels: { ...labels }, threads };
  }
}
