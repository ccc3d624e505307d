/** One worker in the owner's mesh, for as long as a session with it lasts. */
import type { AgentOffer, MeshMessage } from '../../protocol/mesh-messages.ts';
import type { Link } from '../link/link.ts';
import type { Dispatch } from './dispatch.ts';

/** `joining`: it has not said what it offers. */
export type MemberStatus = 'joining' | 'active' | 'suspect' | 'draining' | 'lost';

/** One worker. */
export class Member {
  readonly link: Link;
  readonly joinedAtMs: number;
  labels: Readonly<Record<string, string>> = {};
  threads = 0;
  /** `name@version` → what it says of it. */
  offers: ReadonlyMap<string, AgentOffer> = new Map();
  isDraining = false;
  isReady = false;
  /** What it lied about: outcomes it was not asked for. */
  lies = 0;
  /** By token. */
  readonly dispatches = new Map<string, Dispatch>();
  /** `name@version` → its calls there that hold a place. */
  readonly #running = new Map<string, number>();

  constructor(link: Link, joinedAtMs: number) {
    this.link = link;
    this.joinedAtMs = joinedAtMs;
  }

  get node(): string {
    return this.link.peer.node;
  }

  get status(): MemberStatus {
    if (this.link.state === 'ended') return 'lost';
    if (this.link.state === 'suspect') return 'suspect';
    if (this.isDraining) return 'draining';
    return this.isReady ? 'active' : 'joining';
  }

  /** Calls of an agent that hold a place there. */
  running(reference: string): number {
    return this.#running.get(reference) ?? 0;
  }

  count(reference: string, by: number): void {
    const running = this.running(reference) + by;
    if (running > 0) this.#running.set(reference, running);
    else this.#running.delete(reference);
  }

  /** Calls of an agent that it takes at one time; 0 where it does not offer it, or takes nothing. */
  capacity(reference: string): number {
    return this.isDraining || this.link.state === 'ended' ? 0 : (this.offers.get(reference)?.concurrency ?? 0);
  }

  /** Errors: as those of the link. */
  send(message: MeshMessage): void {
    this.link.send(message);
  }
}
