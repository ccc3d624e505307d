/** What the store suite needs of a driver. */
import { onTestFinished } from 'vitest';
import type { TaskStatus } from '../../protocol/tasks.ts';
import type { Epoch, Fence, Store } from '../../runtime/stores/store.ts';
import type { World } from '../../runtime/world.ts';
import { createWorld } from '../../runtime/world.ts';
import { epochOf } from './epochs.ts';

/** A stored record, as the contract knows it. */
export type StoredThing =
  | { readonly task: string }
  | { readonly progressOf: string }
  | { readonly eventsOf: string; readonly lastSeq: number }
  | { readonly indexed: string; readonly status: TaskStatus }
  | { readonly cell: string; readonly awake: boolean }
  | { readonly attachmentOf: string; readonly key: string }
  | { readonly idempotencyKey: string; readonly principal: string }
  | { readonly definition: string; readonly version: string }
  | { readonly quarantined: string }
  | { readonly effect: string };

/** Where stores of one driver keep what they are given. */
export interface Medium {
  /** A new store on it. One at a time may be open. */
  store(): Store;
  /** Flips a bit of a record while no store is open; `bit` wraps at its end. */
  flipBit(thing: StoredThing, bit: number): Promise<void>;
  dispose(): Promise<void>;
}

/** Makes an empty one. */
export type MakeMedium = (world: World) => Promise<Medium>;

/** A world whose wall clock is set by hand. */
export interface SetWorld extends World {
  wallMs: number;
}

/** An open store on an empty medium, closed when the test ends. */
export interface Bench {
  readonly medium: Medium;
  readonly world: SetWorld;
  readonly store: Store;
  readonly fence: Fence;
  /** Closes the store, and opens another one on the same medium; this one is then `store`. */
  restart(): Promise<void>;
  commit(parts: Partial<Epoch>): Promise<void>;
}

/** The time of the test world. */
export const NOW_MS = Date.UTC(2026, 10, 22);

/** A real world but for its wall clock. */
export function createSetWorld(): SetWorld {
  const world: SetWorld = { ...createWorld(), wallMs: NOW_MS, nowMs: () => world.wallMs };
  return world;
}

/** An open store on a medium of its own. */
export async function openBench(makeMedium: MakeMedium): Promise<Bench> {
  const world = createSetWorld();
  const medium = await makeMedium(world);
  let store = medium.store();
  onTestFinished(async () => {
    await store.close();
    await medium.dispose();
  });
  let fence = await store.open();
  return {
    medium,
    world,
    get store() {
      return store;
    },
    get fence() {
      return fence;
    },
    restart: async () => {
      await store.close();
      store = medium.store();
      fence = await store.open();
    },
    commit: (parts) => store.commit(epochOf(parts), fence),
  };
}
