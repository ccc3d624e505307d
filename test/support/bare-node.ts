/**
 * The runtime alone, on a store in memory and a world of the test's own: kernel, committer, recovery. No tree, no agents, no
 * doors: tests install what they need.
 */
import type { Cell } from '../../runtime/cell.ts';
import { Committer } from '../../runtime/committer.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import { type FlatLogic, type FlatState, installable } from '../../runtime/flat-logic.ts';
import { Kernel } from '../../runtime/kernel.ts';
import { Recovery } from '../../runtime/recovery.ts';
import { createMemoryStore, MemoryDisk } from '../../runtime/stores/memory-store.ts';
import type { Fence, Store } from '../../runtime/stores/store.ts';
import type { World } from '../../runtime/world.ts';

/** A line that the node logged. */
export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A runtime without anything in it. */
export interface BareNode {
  readonly kernel: Kernel;
  readonly committer: Committer;
  readonly store: Store;
  readonly recovery: Recovery;
  readonly fence: Fence;
  readonly disk: MemoryDisk;
  readonly log: LogLine[];
  /** Writes into `log`. */
  readonly logger: Readonly<Record<LogLine['level'], (message: string, fields?: object) => void>>;
  /** Restarts by supervisor, dead letters by reason, outcomes of calls. */
  readonly counts: {
    readonly restarts: Map<string, number>;
    readonly deadLetters: Map<string, number>;
    readonly effects: Map<string, number>;
    readonly quarantined: Map<string, number>;
  };
  /** What the committer gave up with. */
  readonly fatal: Error[];
  /** Makes cells of a flat logic possible. */
  installFlat<S extends FlatState, Input>(logic: FlatLogic<S, Input>, kind?: string): void;
  /** The process dies: nothing runs any more, the disk keeps what it has synced. */
  kill(): void;
}

/** What a bare node is made of. */
export interface BareNodeOptions {
  readonly world: World;
  /** Default: a new one. A node on the disk of a killed one finds what that had committed. */
  readonly disk?: MemoryDisk;
  /** Knows keyed actors by their address. Default: there are none. */
  readonly specOf?: (address: string) => ChildSpec | undefined;
  readonly residentMax?: number;
  readonly passivateAfterMs?: number;
  /** The logic that takes over from one that is not loaded. */
  readonly heirOf?: (logic: string) => string | undefined;
}

/** Makes one and opens its store. */
export async function createBareNode(options: BareNodeOptions): Promise<BareNode> {
  const { world, disk = new MemoryDisk(), specOf = () => undefined, residentMax, passivateAfterMs, heirOf } = options;
  const log: LogLine[] = [];
  const line = (level: LogLine['level']) => (message: string, fields?: object) =>
    void log.push({ level, message, fields: { ...fields } });
  const logger = { info: line('info'), warn: line('warn'), error: line('error') };
  const counts = {
    restarts: new Map<string, number>(),
    deadLetters: new Map(),
    effects: new Map(),
    quarantined: new Map(),
  };
  const count = (map: Map<string, number>) => (name: string) => void map.set(name, (map.get(name) ?? 0) + 1);
  const meter = {
    restarted: count(counts.restarts),
    deadLetter: count(counts.deadLetters),
    effect: count(counts.effects),
    quarantined: count(counts.quarantined),
    capsuleDropped: () => count(counts.quarantined)('dropped'),
  };
  const kernel = new Kernel({ world, log: logger, meter });
  const store = createMemoryStore({ world, disk, log: logger });
  const fence = await store.open();
  const fatal: Error[] = [];
  const committer = new Committer(store, fence, world, {
    drain: () => kernel.drain(),
    drainPatient: () => kernel.drainPatient(),
    onUnwritable: (cell, error) => kernel.unwritable(cell as Cell, error),
    onPause: (paused) => kernel.pause(paused),
    onCommit: () => undefined,
    onFatal: (error) => void fatal.push(error),
    log: logger,
  });
  kernel.use(committer);
  await kernel.quarantine.load(store);
  const recovery = new Recovery(kernel, store, specOf, {
    ...(residentMax !== undefined && { residentActorsMax: residentMax }),
    ...(passivateAfterMs !== undefined && { passivateAfterMs }),
    ...(heirOf !== undefined && { heirOf: (logic) => kernel.logic(heirOf(logic) ?? '') }),
  });
  return {
    kernel,
    committer,
    store,
    recovery,
    fence,
    disk,
    log,
    logger,
    counts,
    fatal,
    installFlat: (logic, kind = logic.name) => kernel.install(installable(logic, kind)),
    kill: () => {
      kernel.pause(true);
      kernel.stop();
      committer.stop();
      disk.crash();
    },
  };
}
