/**
 * One result that is kept for the same input, as a durable actor: `cached/AGENT@VERSION/HASH`, made by the first step that asks.
 * Whoever asks first does the work; those who ask meanwhile wait for it, and the next of them does the work where it comes to
 * nothing.
 *
 *   empty ──cache.get──► making ──cache.put──► kept ──cache.drop, timer.expire──► empty ──► gone
 *     ▲                    └──cache.leave, down──► making (the next who waits)
 *     └─────────────────────────────(nobody waits)
 *
 * Nobody is left without an answer: it is gone only when no message waits for it.
 */
import { LIMITS } from '../../protocol/limits.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import type { DefinitionWrite } from '../../runtime/stores/store.ts';
import type { FamilyStart } from '../family.ts';
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';
import { CACHED } from './cache-terms.ts';

/** What is known of a result that is kept. */
export interface CachedFacts {
  /** `name@version`. */
  readonly agent: string;
  readonly bytes: number;
  readonly storedAtMs: number;
  readonly expiresAtMs: number;
  /** What it cost and how long it took to make. */
  readonly usd: number;
  readonly durationMs: number;
  readonly hits: number;
}

/** The state of one. */
export interface CachedState {
  readonly phase: 'empty' | 'making' | 'kept' | 'gone';
  /** The step that makes it, and the monitor on that. */
  readonly by?: string;
  readonly ref?: string;
  readonly waiting?: readonly string[];
  /** What is made now was asked for before everything was dropped: it is for those who wait alone. */
  readonly isStale?: true;
  readonly facts?: CachedFacts;
}

/** What the rest of the node is told, and asked. */
export interface CachedHooks {
  /** Whether messages wait for the actor. */
  hasMail(address: string): boolean;
  stored(address: string, facts: CachedFacts): void;
  used(address: string, facts: CachedFacts): void;
  missed(): void;
  gone(address: string): void;
}

/** What `cache.put` brings. */
export interface CachePut extends ActorEvent {
  readonly type: 'cache.put';
  /** The step that made it. */
  readonly from: string;
  readonly value: unknown;
  readonly bytes: number;
  readonly ttlMs: number;
  readonly usd: number;
  readonly durationMs: number;
}

const VALUE = 'value';

/** The logic of results that are kept. */
export function cachedLogic(hooks: CachedHooks): FlatLogic<CachedState, FamilyStart> {
  /** Nothing is kept and nobody makes it: it ends, unless someone has written to it meanwhile. */
  const vacate = (port: CellPort): CachedState => ({ phase: hooks.hasMail(port.address) ? 'empty' : 'gone' });

  const make = (by: string, waiting: readonly string[], port: CellPort): CachedState => {
    hooks.missed();
    port.send(by, { type: 'cache.miss', from: port.address });
    return { phase: 'making', by, ref: port.monitor(by), ...(waiting.length > 0 && { waiting }) };
  };

  /** For whoever looks whether there is a result, and makes none. */
  const missed = (event: ActorEvent, port: CellPort): CachedState => {
    port.send(String(event['replyTo']), { type: 'cache.miss', from: port.address });
    return vacate(port);
  };

  const given = (state: CachedState, to: string, value: unknown, port: CellPort): CachedState => {
    const known = state.facts as CachedFacts;
    const { usd, durationMs } = known;
    const facts = { ...known, hits: known.hits + 1 };
    port.send(to, { type: 'cache.hit', from: port.address, value, usd, durationMs });
    hooks.used(port.address, facts);
    return { ...state, facts };
  };

  const drop = (port: CellPort): void => {
    port.clearTimer('expire');
    port.attach(VALUE, undefined);
    port.define({ ...rowOf(port), body: null });
    hooks.gone(port.address);
  };

  /** Whoever made it has given up. */
  const left = ({ waiting = [] }: CachedState, port: CellPort): CachedState => {
    const [next, ...rest] = waiting;
    return next === undefined ? vacate(port) : make(next, rest, port);
  };

  const put = (state: CachedState, event: CachePut, port: CellPort): CachedState => {
    if (event.from !== state.by) return state;
    const { value, bytes, ttlMs, usd, durationMs } = event;
    if (state.ref !== undefined) port.demonitor(state.ref);
    const nowMs = port.nowMs();
    const facts = {
      agent: agentOf(port),
      bytes,
      storedAtMs: nowMs,
      expiresAtMs: nowMs + ttlMs,
      usd,
      durationMs,
      hits: 0,
    };
    let next: CachedState = { phase: 'kept', facts };
    if (state.isStale !== true) hooks.stored(port.address, facts);
    for (const waiter of state.waiting ?? []) next = given(next, waiter, value, port);
    if (state.isStale === true) return vacate(port);
    port.attach(VALUE, { value });
    port.setTimer('expire', facts.expiresAtMs);
    port.define({ ...rowOf(port), body: next.facts });
    return next;
  };

  const get = (state: CachedState, event: ActorEvent, port: CellPort): CachedState => {
    // Its timer is on its way.
    if (port.nowMs() >= (state.facts?.expiresAtMs ?? 0)) {
      drop(port);
      return event.type === 'cache.peek' ? missed(event, port) : make(String(event['replyTo']), [], port);
    }
    const next = given(state, String(event['replyTo']), valueOf(port), port);
    port.define({ ...rowOf(port), body: next.facts });
    return next;
  };

  return {
    name: CACHED,
    version: LIFECYCLE_VERSIONS.cached,
    initial: () => ({ phase: 'empty' }),
    table: {
      empty: {
        'cache.get': (_state, event: ActorEvent, port) => make(String(event['replyTo']), [], port),
        'cache.peek': (_state, event: ActorEvent, port) => missed(event, port),
        'cache.drop': (_state, _event, port) => vacate(port),
        'cache.leave': (_state, _event, port) => vacate(port),
        down: (_state, _event, port) => vacate(port),
      },
      making: {
        'cache.get': (state, event: ActorEvent, port) => {
          const asker = String(event['replyTo']);
          const { waiting = [] } = state;
          if (asker !== state.by && waiting.length < LIMITS.cacheWaitersMax)
            return { ...state, waiting: [...waiting, asker] };
          hooks.missed();
          port.send(asker, { type: 'cache.miss', from: port.address });
          return state;
        },
        'cache.peek': (state, event: ActorEvent, port) => {
          port.send(String(event['replyTo']), { type: 'cache.miss', from: port.address });
          return state;
        },
        'cache.put': put,
        'cache.leave': (state, event: ActorEvent, port) => {
          if (event['from'] !== state.by) return state;
          if (state.ref !== undefined) port.demonitor(state.ref);
          return left(state, port);
        },
        down: (state, event: ActorEvent, port) => (event['ref'] === state.ref ? left(state, port) : state),
        'cache.drop': (state) => (state.isStale === true ? state : { ...state, isStale: true }),
      },
      kept: {
        'cache.get': get,
        'cache.peek': get,
        'cache.drop': (_state, _event, port) => {
          drop(port);
          return vacate(port);
        },
        'timer.expire': (_state, _event, port) => {
          drop(port);
          return vacate(port);
        },
      },
      gone: {},
    },
    final: { gone: () => ({ output: undefined }) },
    describe: ({ phase, facts, waiting = [] }) => {
      if (phase === 'making') return `making, ${waiting.length} waiting`;
      return facts === undefined ? phase : `${phase}, ${facts.bytes} bytes, used ${facts.hits} times`;
    },
  };
}

/** The row that lists it. */
function rowOf(port: CellPort): Omit<DefinitionWrite, 'body'> {
  return { kind: CACHED, name: port.address.slice(CACHED.length + 1), version: '1' };
}

function agentOf(port: CellPort): string {
  return (port.input as FamilyStart).parts[0] ?? '';
}

function valueOf(port: CellPort): unknown {
  return (port.attached().get(VALUE) as { readonly value: unknown }).value;
}
