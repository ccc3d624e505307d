/** A breaker for each remote node: one that is lost again and again gets a rest, and then one call to show that it is well. */
import {
  type BreakerLimits,
  type BreakerState,
  due,
  enter,
  failed,
  freed,
  NEW_BREAKER,
  passed,
  waitOf,
} from '../../supervisors/breaker.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { World } from '../../runtime/world.ts';

const NODE_BREAKER: BreakerLimits = {
  failures: 3,
  periodMs: 60_000,
  openMs: 5_000,
  openMaxMs: 60_000,
  jitter: 0.1,
  probeMs: 60_000,
};

/** The breakers of one owner, by the names of nodes, which outlive their processes. */
export class NodeBreakers {
  readonly #world: Pick<World, 'monotonicMs' | 'random'>;
  readonly #states = new Map<string, BreakerState>();

  constructor(world: Pick<World, 'monotonicMs' | 'random'>) {
    this.#world = world;
  }

  /** How long a call to the node would have to wait; 0: it is let in. */
  waitMs(node: string): number {
    const state = this.#states.get(node);
    return state === undefined ? 0 : waitOf(state, NODE_BREAKER, this.#world.monotonicMs());
  }

  /** A call goes to the node. @returns the era that its end belongs to. */
  entered(node: string, token: string): number {
    const before = this.#states.get(node);
    if (before === undefined) return 0;
    const { state, verdict } = enter(before, NODE_BREAKER, this.#world.monotonicMs(), token);
    this.#states.set(node, state);
    return verdict.isIn ? verdict.era : state.era;
  }

  /** The node has said what came of a call. */
  passed(node: string, token: string, era: number): void {
    const state = this.#states.get(node);
    if (state !== undefined) this.#states.set(node, passed(state, this.#world.monotonicMs(), { holder: token, era }));
  }

  /** A call came to nothing that says anything of the node. */
  freed(node: string, token: string): void {
    const state = this.#states.get(node);
    if (state !== undefined) this.#states.set(node, freed(state, token));
  }

  /** The node was lost. `token`: of the call that was the probe, if one was. */
  lost(node: string, reason: string, tokens: readonly string[]): void {
    const nowMs = this.#world.monotonicMs();
    const state = due(this.#states.get(node) ?? NEW_BREAKER, nowMs);
    const holder = state.probe !== undefined && tokens.includes(state.probe.holder) ? state.probe.holder : '';
    const error = new OperatingError('UNAVAILABLE', reason).toBody();
    const caller = { holder, era: state.era };
    this.#states.set(
      node,
      failed(state, NODE_BREAKER, nowMs, caller, error, () => this.#world.random()),
    );
  }

  /** For people: the phase, and how long it is shut still. */
  view(node: string): { readonly state: BreakerState['phase']; readonly retryAfterMs?: number } {
    const state = due(this.#states.get(node) ?? NEW_BREAKER, this.#world.monotonicMs());
    const waitMs = this.waitMs(node);
    return { state: state.phase, ...(waitMs > 0 && { retryAfterMs: waitMs }) };
  }
}

/** Names of nodes that something is remembered of, the last ones: many are made anew with each start of a node. */
const NAMES_MAX = 1_000;

/** Remembers something of a node, and forgets what was remembered first where that is too much. */
export function remember<T>(book: Map<string, T>, node: string, what: T): void {
  book.delete(node);
  book.set(node, what);
  if (book.size > NAMES_MAX) book.delete(book.keys().next().value ?? '');
}
