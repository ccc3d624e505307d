/**
 * The results that a node keeps, taken together: how many there may be, which one goes when there are too many (the one that was
 * not used for longest), what they have saved. Each is an actor of its own (actors/cache/cached-result.ts); this is their index, made
 * again from their rows when the node starts.
 */
import type { Kernel } from '../../runtime/kernel.ts';
import type { DefinitionWrite } from '../../runtime/stores/store.ts';
import { CACHED } from './cache-terms.ts';
import type { CachedFacts, CachedHooks } from './cached-result.ts';

/** What a cache needs of its node. */
export interface ResultCacheOptions {
  readonly kernel: Pick<Kernel, 'post' | 'release' | 'committer' | 'cells'>;
  readonly entriesMax: number;
  /** Of all results together, packed. */
  readonly bytesMax: number;
}

/** What is kept of one agent, and what that has saved: of the results that are kept now. */
export interface CacheShare {
  /** `name@version`. */
  readonly agent: string;
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  readonly savedUsd: number;
  readonly savedMs: number;
}

/** What a cache has done since the node started. */
export interface CacheTotals {
  readonly hits: number;
  readonly misses: number;
  /** Results let go to make room for newer ones. */
  readonly evictions: number;
  readonly savedUsd: number;
  readonly savedMs: number;
}

/** Results that are dropped together, before the next are. */
const DROPS_MAX = 500;

/** The result cache of one node. */
export class ResultCache {
  readonly #options: ResultCacheOptions;
  /** By address, the least recently used first. */
  readonly #entries = new Map<string, CachedFacts>();
  #bytes = 0;
  #totals: { -readonly [Name in keyof CacheTotals]: CacheTotals[Name] } = {
    hits: 0,
    misses: 0,
    evictions: 0,
    savedUsd: 0,
    savedMs: 0,
  };

  constructor(options: ResultCacheOptions) {
    this.#options = options;
  }

  /** Takes in what an earlier run of the process kept. */
  load(rows: readonly DefinitionWrite[]): void {
    const facts = rows.map(({ name, body }) => [`${CACHED}/${name}`, body as CachedFacts] as const);
    for (const [address, known] of facts.toSorted(([, a], [, b]) => a.storedAtMs - b.storedAtMs))
      this.#put(address, known);
    this.#makeRoom();
  }

  /** How the actors tell it. */
  readonly hooks: CachedHooks = {
    hasMail: (address) => (this.#options.kernel.cells.get(address)?.mailbox.size ?? 0) > 0,
    stored: (address, facts) => {
      this.#put(address, facts);
      this.#makeRoom();
    },
    used: (address, facts) => {
      this.#totals.hits++;
      this.#totals.savedUsd += facts.usd;
      this.#totals.savedMs += facts.durationMs;
      // One that was dropped meanwhile is not put back.
      if (this.#entries.has(address)) this.#put(address, facts);
    },
    missed: () => void this.#totals.misses++,
    gone: (address) => this.#forget(address),
  };

  /** Whether a result is kept at this address. */
  has(address: string): boolean {
    return this.#entries.has(address);
  }

  get size(): {
    readonly entries: number;
    readonly bytes: number;
    readonly entriesMax: number;
    readonly bytesMax: number;
  } {
    const { entriesMax, bytesMax } = this.#options;
    return { entries: this.#entries.size, bytes: this.#bytes, entriesMax, bytesMax };
  }

  /** Since the node started. */
  get totals(): CacheTotals {
    return { ...this.#totals };
  }

  /** By agent. */
  shares(): readonly CacheShare[] {
    const shares = new Map<string, { -readonly [Name in keyof CacheShare]: CacheShare[Name] }>();
    for (const { agent, bytes, hits, usd, durationMs } of this.#entries.values()) {
      let share = shares.get(agent);
      if (share === undefined)
        shares.set(agent, (share = { agent, entries: 0, bytes: 0, hits: 0, savedUsd: 0, savedMs: 0 }));
      share.entries++;
      share.bytes += bytes;
      share.hits += hits;
      share.savedUsd += hits * usd;
      share.savedMs += hits * durationMs;
    }
    return [...shares.values()].toSorted((a, b) => (a.agent < b.agent ? -1 : 1));
  }

  /**
   * Drops what is kept of one agent (`name`, or `name@version`), or of all; resolves once that is durable.
   * @returns how many results
   */
  async clear(agent: string | undefined): Promise<number> {
    const isMeant = (of: string): boolean => agent === undefined || of === agent || of.startsWith(`${agent}@`);
    const addresses = [...this.#entries].flatMap(([address, facts]) => (isMeant(facts.agent) ? [address] : []));
    for (let first = 0; first < addresses.length; first += DROPS_MAX) {
      for (const address of addresses.slice(first, first + DROPS_MAX)) this.#drop(address);
      await this.#options.kernel.committer.committed();
    }
    return addresses.length;
  }

  #put(address: string, facts: CachedFacts): void {
    this.#forget(address);
    this.#entries.set(address, facts);
    this.#bytes += facts.bytes;
  }

  #forget(address: string): void {
    const known = this.#entries.get(address);
    if (known === undefined) return;
    this.#entries.delete(address);
    this.#bytes -= known.bytes;
  }

  #makeRoom(): void {
    const { entriesMax, bytesMax, kernel } = this.#options;
    const victims: string[] = [];
    for (const address of this.#entries.keys()) {
      if (this.#entries.size <= entriesMax && this.#bytes <= bytesMax) break;
      victims.push(address);
      this.#forget(address);
    }
    if (victims.length === 0) return;
    this.#totals.evictions += victims.length;
    // It may be called in a turn: of what that asks for, nothing may be done yet.
    kernel.release(() => {
      for (const address of victims) kernel.post(address, { type: 'cache.drop' });
    });
  }

  #drop(address: string): void {
    this.#forget(address);
    this.#options.kernel.post(address, { type: 'cache.drop' });
  }
}
