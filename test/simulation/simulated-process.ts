/** One run of the node's process: the real node without doors, on the simulated world, disk, workers and services. */
import { buildIndoors, closeIndoors } from '../../node.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { Log } from '../../runtime/log.ts';
import { loadSettings, type Settings } from '../../runtime/settings.ts';
import { RecordStore } from '../../runtime/stores/record-store.ts';
import type { Outside } from './outside.ts';
import type { Rng } from './rng.ts';
import { SIMULATED_FLOW, simulatedAgents } from './simulated-agents.ts';
import type { SimulatedDisk } from './simulated-disk.ts';
import { createSimulatedWorkers } from './simulated-workers.ts';
import type { Owner, SimulatedWorld } from './simulated-world.ts';

/** What a process runs on. */
export interface ProcessParts {
  readonly world: SimulatedWorld;
  readonly disk: SimulatedDisk;
  readonly outside: Outside;
  readonly workers: Rng;
  readonly settings: Settings;
  readonly boot: number;
  /** Whether other nodes may make calls of its agents. */
  readonly hasMesh: boolean;
  readonly onLog: (level: string, message: string, fields: object | undefined) => void;
  /** It has come up. */
  readonly onReady: () => void;
  /** It cannot come up, or cannot go on. */
  readonly onExit: (error: unknown) => void;
}

/** Settings of a simulated node. Read before the simulation begins. */
export function simulatedSettings(options: Partial<Settings>): Settings {
  const outcome = loadSettings({ cwd: '/nowhere', env: {}, options: { lab: true, dataDir: '/nowhere', ...options } });
  if (!outcome.ok) throw outcome.error;
  return outcome.settings;
}

/** One run of the process. */
export class SimulatedProcess implements Owner {
  readonly boot: number;
  alive = true;
  /** The node, once it has come up. */
  node: Awaited<ReturnType<typeof buildIndoors>> | undefined;
  /** It is on its way down: nobody new is let in. */
  stopping = false;
  /** Where other nodes come in, where they do. */
  door: { drain(): void; close(reason: OperatingError): void } | undefined;
  readonly #parts: ProcessParts;

  constructor(parts: ProcessParts) {
    this.#parts = parts;
    this.boot = parts.boot;
    const world = parts.world.seenBy(this);
    const log = logTo((level, message, fields) => {
      if (this.alive) parts.onLog(level, message, fields);
    });
    const built = buildIndoors({
      world,
      log,
      settings: parts.settings,
      hasMesh: parts.hasMesh,
      agents: simulatedAgents(parts.outside, this),
      workflows: [SIMULATED_FLOW],
      store: new RecordStore(parts.disk.spaceOf(this), { world, durability: 'fsync', log }),
      workers: createSimulatedWorkers(parts.world, this, parts.workers),
      onFatal: (error) => {
        if (this.alive) parts.onExit(error);
      },
    });
    built.then(
      (node) => {
        if (!this.alive) return node.core.metrics.stop();
        this.node = node;
        parts.onReady();
      },
      (error: unknown) => {
        if (this.alive) parts.onExit(error);
      },
    );
  }

  /** The node stops as it does when it is asked to. Resolves when it has; never, where the process dies before. */
  async stop(): Promise<void> {
    const { node } = this;
    if (node === undefined || this.stopping) return;
    this.stopping = true;
    const { world, settings } = this.#parts;
    const doors = {
      drain: () => {
        node.staff.sessions.drain();
        this.door?.drain();
      },
      close: async () => this.door?.close(new OperatingError('DRAINING', 'The owner stops.')),
    };
    await closeIndoors({ world: world.seenBy(this), settings }, node, doors);
  }

  /** From here on nothing of it happens any more. */
  die(): void {
    this.alive = false;
    this.node?.core.metrics.stop();
  }
}

/** A log whose lines go somewhere. */
export function logTo(line: (level: string, message: string, fields: object | undefined) => void): Log {
  const at = (level: string) => (message: string, fields?: object) => line(level, message, fields);
  const log: Log = {
    enabled: (level) => level === 'error' || level === 'warn' || level === 'info',
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: () => undefined,
    trace: () => undefined,
    child: () => log,
  };
  return log;
}
