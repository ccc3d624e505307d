/** What the store suite needs of a driver, and short ways to say what is written. */
import { onTestFinished } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import type { TaskEvent, TaskResult, TaskStatus } from '../../protocol/tasks.ts';
import type { Epoch, Fence, Store, TaskCreated, TaskRecord, TaskWrite } from '../../runtime/stores/store.ts';
import type { World } from '../../runtime/world.ts';
import { createWorld } from '../../runtime/world.ts';

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
  | { readonly quarantined: string };

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

/** An epoch with nothing but these parts. */
export function epochOf(parts: Partial<Epoch>): Epoch {
  return { cells: [], attachments: [], tasks: [], keys: [], definitions: [], quarantine: [], ...parts };
}

/** What a task of the tests was asked. */
export function createdOf(changes: Partial<TaskCreated> = {}): TaskCreated {
  return {
    target: { agent: 'lab.echo' },
    input: { text: 'hello' },
    options: { labels: { run: 'one' } },
    principal: 'local',
    createdAtMs: NOW_MS,
    ...changes,
  };
}

/** Events from one seq to another. */
export function eventsOf(from: number, to: number): TaskEvent[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    seq: from + i,
    at: NOW_MS + 10 * (from + i),
    kind: 'step.started',
    data: { step: `step-${from + i}` },
  }));
}

/** How a task of the tests ended. */
export function resultOf(status: TaskStatus, changes: Partial<TaskResult> = {}): TaskResult {
  return { status, usage: { usd: 0.01, tokensIn: 3, tokensOut: 4, steps: 1 }, durationMs: 12, ...changes };
}

/** The first write of a task, with its first events. */
export function begun(id: string, status: TaskStatus = 'submitted', events = 1, created = createdOf()): TaskWrite {
  return { id, created, progress: { status, seq: events, updatedAtMs: NOW_MS + 1 }, events: eventsOf(1, events) };
}

/** The only write of a task that ended in the epoch it began in. */
export function finished(id: string, status: TaskStatus = 'completed', created = createdOf()): TaskWrite {
  const progress = { status, seq: 4, updatedAtMs: NOW_MS + 9, result: resultOf(status, { output: { text: 'hello' } }) };
  return { id, created, progress, events: eventsOf(1, 4) };
}

/** A later write, with the events after `seq`. */
export function went(id: string, was: TaskStatus, status: TaskStatus, seq: number, events = 1): TaskWrite {
  const progress = { status, seq: seq + events, updatedAtMs: NOW_MS + 100 * seq };
  return { id, was, progress, events: eventsOf(seq + 1, seq + events) };
}

/** The record that the first write of a task, and perhaps a later one, should be read back as. */
export function recordOf(first: TaskWrite, last: TaskWrite = first): TaskRecord {
  return { id: first.id, ...(first.created as TaskCreated), ...last.progress };
}

/** Bytes that spell a text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** All pages of a list, one after the other, and how many there were. */
export async function listAll(
  store: Store,
  query: Omit<Parameters<Store['listTasks']>[0], 'cursor'>,
): Promise<{ ids: string[]; pages: number }> {
  const ids: string[] = [];
  let pages = 0;
  let cursor: string | undefined;
  do {
    const page = await store.listTasks({ ...query, ...(cursor !== undefined && { cursor }) });
    ids.push(...page.tasks.map(({ id }) => id));
    cursor = page.cursor;
    pages++;
  } while (cursor !== undefined);
  return { ids, pages };
}

/** All that an iteration gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The code that a promise is rejected with, and the key in its details. */
export async function failureOf(promise: Promise<unknown>): Promise<{ code: string; key?: unknown }> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof OperatingError)) return { code: `not an operating error: ${String(error)}` };
  const details = error.details as { key?: unknown } | undefined;
  return { code: error.code, ...(details?.key !== undefined && { key: details.key }) };
}
