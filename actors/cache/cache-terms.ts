/** Whether a result may be kept for the same input, for how long, and under which name. */
import { formatAddress } from '../../protocol/addresses.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { AgentDefinition } from '../agent-definition.ts';
import { canonicalHash } from '../canonical.ts';

/** What a step or a task says: `false` switches it off, whoever else wants it. */
export type CacheWish = boolean | { readonly ttlMs?: number };

/** How a result is kept. */
export interface CacheTerms {
  readonly ttlMs: number;
  /** Results that are larger, packed, are not kept. */
  readonly bytesMax: number;
}

/** The kind of the actors that keep results. */
export const CACHED = 'cached';

/** What holds for a step: what its task says goes before what it says itself, where the task says no. */
export function wishOf(step: CacheWish | undefined, task: boolean | undefined): CacheWish | undefined {
  return task === false ? false : (step ?? task);
}

/** The terms under which results of this agent are kept and used; undefined where they are not. */
export function cacheTerms(agent: AgentDefinition, wish: CacheWish | undefined): CacheTerms | undefined {
  if (wish === false || (wish === undefined && agent.cache === undefined) || isUnsafe(agent)) return undefined;
  const own = typeof wish === 'object' ? wish.ttlMs : undefined;
  return {
    ttlMs: own ?? agent.cache?.ttlMs ?? LIMITS.cacheTtlMs,
    bytesMax: Math.min(agent.cache?.bytesMax ?? LIMITS.cacheEntryBytesMax, LIMITS.cacheEntryBytesMax),
  };
}

/** Whether any part of its work is of kind `unsafe`: it is done for each input that asks for it, also for the same one. */
export function isUnsafe({ kind, effects = {} }: AgentDefinition): boolean {
  return kind === 'unsafe' || Object.values(effects).some((effect) => effect.kind === 'unsafe');
}

/** Where the result of this agent for this input is kept. */
export function cachedAddress({ name, version }: Pick<AgentDefinition, 'name' | 'version'>, input: unknown): string {
  return formatAddress(CACHED, `${name}@${version}`, canonicalHash(input));
}
