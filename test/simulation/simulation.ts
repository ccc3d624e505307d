/**
 * A run: one seed, one verdict. First the safety phase, in which everything may go wrong and nothing promised may be
 * broken; then the liveness phase, in which nothing goes wrong any more and everything taken on must come to its end; then
 * the node dies once more, and everything is read again.
 */
import { createHash } from 'node:crypto';
import type { Settings } from '../../runtime/settings.ts';
import { audit } from './audit.ts';
import { checkBounds, checkDeliveries } from './bounds.ts';
import { type Death, Faults } from './faults.ts';
import { Judge, type Violation } from './judge.ts';
import { Fleet } from './mesh/fleet.ts';
import { MeshFaults } from './mesh/mesh-faults.ts';
import type { MeshWitness } from './mesh/mesh-witness.ts';
import { meshMakers } from './mesh/mesh-workload.ts';
import { type Caller, Outside } from './outside.ts';
import { onSimulatedPlatform, promisesSettled } from './platform.ts';
import { Rng } from './rng.ts';
import { Scripts } from './scripts.ts';
import { SimulatedClient } from './simulated-client.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { SimulatedProcess, simulatedSettings } from './simulated-process.ts';
import { NOBODY, SimulatedWorld } from './simulated-world.ts';
import { MAKERS } from './workload.ts';

/** What came of a seed. */
export interface Verdict {
  readonly seed: number;
  /** The same for each run of a seed on the same code. */
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly steps: number;
  readonly tasks: number;
  readonly crashes: number;
  /** What workers were given, and what of it came too late. */
  readonly mesh?: MeshWitness['totals'];
  readonly simulatedMs: number;
}

/** How a seed is run. */
export interface SimulationOptions {
  /** With workers, and a network between them and the node. */
  readonly hasMesh?: boolean;
  /** Hears of everything that happens. */
  readonly onLine?: (line: string) => void;
}

const SAFETY_MS = 30_000;
const SCRIPTS_MIN = 10;
const SCRIPTS_MAX = 40;
const CLIENTS_MAX = 3;
/** Tasks of an agent that always crashes come to their end one by one, as its breaker lets them try: in the end every five minutes. */
const LIVENESS_MS = 3_600_000;
const AUDIT_MS = 120_000;
/** What an owner that has come back does not ask for is held for a minute. */
const REST_MS = 120_000;
const STEPS_MAX = 400_000;
const RESTART_MS = 1_000;
/** A stop takes at most what calls under way are given, and what a store may be away. */
const STOP_MS = 120_000;
const TASKS_IN_FLIGHT_SMALL = 6;

const ROOMY = simulatedSettings({});
/** Keyed actors leave memory soon, and come back. */
const FORGETFUL = simulatedSettings({ residentActorsMax: 1, passivateAfterMs: 1_000 });
const TIGHT = simulatedSettings({ tasksInFlightMax: TASKS_IN_FLIGHT_SMALL, residentActorsMax: 1 });

/** Runs a seed. Errors: none; a run that breaks in itself is a violation. */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<Verdict> {
  return await new Simulation(seed, options).run();
}

class Simulation {
  readonly #seed: number;
  readonly #hash = createHash('sha256');
  readonly #onLine: SimulationOptions['onLine'];
  readonly #world: SimulatedWorld;
  readonly #disk: SimulatedDisk;
  readonly #judge: Judge;
  readonly #outside: Outside;
  readonly #faults: Faults;
  readonly #rng: Rng;
  readonly #settings: Settings;
  readonly #clients: SimulatedClient[] = [];
  readonly #scripts: Scripts;
  readonly #fleet: Fleet | undefined;
  readonly #meshFaults: MeshFaults | undefined;
  #process: SimulatedProcess | undefined;
  #boots = 0;
  #steps = 0;

  constructor(seed: number, { onLine, hasMesh = false }: SimulationOptions) {
    this.#seed = seed;
    this.#onLine = onLine;
    this.#rng = new Rng(seed, 'clients');
    this.#world = new SimulatedWorld(seed);
    this.#disk = new SimulatedDisk(this.#world, seed);
    this.#judge = new Judge(this.#disk, this.#trace);
    this.#outside = new Outside(this.#world, this.#judge, seed, this.#trace);
    this.#settings = this.#rng.pick([ROOMY, ROOMY, FORGETFUL, FORGETFUL, TIGHT]);
    const parts = { seed, world: this.#world, disk: this.#disk, outside: this.#outside, trace: this.#trace };
    this.#faults = new Faults({
      ...parts,
      crash: (how) => this.#crash(how),
      stop: () => this.#stop(),
      cut: () => this.#rng.pick(this.#clients).cut(),
      rot: () => this.#rot(),
    });
    this.#disk.onPoint = (point, changes) => {
      this.#trace(`disk ${point} ${changes.length}`);
      this.#faults.atWrite(point);
    };
    if (hasMesh) {
      this.#fleet = new Fleet({
        ...{ ...parts, judge: this.#judge },
        onOwnerFailed: (process, error) => this.#ends(process, error),
      });
      this.#meshFaults = new MeshFaults({ ...parts, fleet: this.#fleet });
    }
    this.#outside.onCall = (caller) => this.#called(caller);
    const clients = this.#rng.int(2, CLIENTS_MAX);
    for (let at = 0; at < clients; at++) this.#clients.push(this.#client(`client${at}`));
    const { kinds } = this.#faults;
    this.#scripts = new Scripts({
      ...parts,
      judge: this.#judge,
      rng: this.#rng,
      clients: this.#clients,
      jumps: kinds.clock,
      makers: this.#fleet === undefined ? MAKERS : meshMakers(this.#fleet.witness),
    });
  }

  async run(): Promise<Verdict> {
    const escaped = (error: unknown): void =>
      this.#judge.accuse('escape', error instanceof Error ? (error.stack ?? error.message) : String(error));
    await onSimulatedPlatform(this.#world, escaped, async () => {
      try {
        await this.#phases();
      } catch (error) {
        escaped(error);
      }
    });
    this.#process?.die();
    return {
      seed: this.#seed,
      hash: this.#hash.digest('hex').slice(0, 16),
      violations: this.#judge.violations,
      steps: this.#steps,
      tasks: this.#scripts.followed.size,
      crashes: this.#faults.crashes,
      ...(this.#fleet !== undefined && { mesh: this.#fleet.witness.totals }),
      simulatedMs: Math.round(this.#world.nowMs),
    };
  }

  async #phases(): Promise<void> {
    const names = Object.entries({ ...this.#faults.kinds, ...this.#meshFaults?.kinds }).filter(([, on]) => on);
    this.#trace(`seed ${this.#seed}, faults: ${names.map(([name]) => name).join(', ') || 'none'}`);
    this.#boot();
    const scripts = this.#rng.int(SCRIPTS_MIN, SCRIPTS_MAX);
    for (let at = 0; at < scripts; at++) this.#scripts.later(SAFETY_MS * this.#rng.next());
    let isOver = false;
    this.#world.at(SAFETY_MS, NOBODY, () => (isOver = true));
    await this.#stepUntil(() => isOver);
    this.#trace('liveness');
    this.#faults.off();
    this.#meshFaults?.off();
    const untilMs = this.#world.nowMs + LIVENESS_MS;
    await this.#stepUntil(() => this.#isFinished() || this.#world.nowMs > untilMs);
    if (!this.#isFinished()) this.#accuseUnfinished();
    if (this.#fleet !== undefined) await this.#comeToRest(this.#fleet);
    if (this.#judge.violations.length > 0) return;
    this.#trace('audit');
    this.#crash('power cut');
    const auditor = this.#client('auditor');
    let isAudited = false;
    const reading = audit(auditor, this.#scripts, this.#judge).finally(() => (isAudited = true));
    const auditedMs = this.#world.nowMs + AUDIT_MS;
    await this.#stepUntil(() => isAudited || this.#world.nowMs > auditedMs);
    if (isAudited) await reading;
    else if (this.#judge.violations.length === 0)
      this.#judge.accuse('liveness', 'the last look at everything was not answered in time');
    checkDeliveries(this.#outside, this.#judge);
  }

  /** Steps until it is so, or until nothing can happen any more. */
  async #stepUntil(isSo: () => boolean): Promise<void> {
    await promisesSettled();
    while (!isSo()) {
      if (!this.#world.step()) return this.#trace('nothing can happen any more');
      await promisesSettled();
      await this.#judge.settle();
      if (++this.#steps % 64 === 0) this.#checkBounds();
      if (this.#steps > STEPS_MAX) return this.#judge.accuse('liveness', `${STEPS_MAX} steps, and no end`);
      if (this.#judge.violations.length > 0) return;
    }
  }

  /** Once all work is done, nobody holds anything of it any more. */
  async #comeToRest(fleet: Fleet): Promise<void> {
    const untilMs = this.#world.nowMs + REST_MS;
    const isCared = (task: string): boolean => this.#scripts.followed.has(task) && !this.#judge.isDamaged(task);
    let unrest = fleet.unrest(this.#process, isCared);
    await this.#stepUntil(() => {
      unrest = fleet.unrest(this.#process, isCared);
      return unrest === undefined || this.#world.nowMs > untilMs;
    });
    if (unrest !== undefined && this.#judge.violations.length === 0) this.#judge.accuse(...unrest);
  }

  #isFinished(): boolean {
    return this.#scripts.running === 0;
  }

  #accuseUnfinished(): void {
    const left = [...this.#scripts.followed.values()].filter(
      ({ end, task }) => end === undefined && !this.#judge.isDamaged(task),
    );
    const words = left.map(({ task, job }) => `${task} (${JSON.stringify(job.message)})`).join('; ');
    if (this.#judge.violations.length === 0)
      this.#judge.accuse(
        'liveness',
        `${this.#scripts.running} scripts are not at their end, with the tasks ${words || 'none'}`,
      );
  }

  #boot(): void {
    const process: SimulatedProcess = new SimulatedProcess({
      ...{ world: this.#world, disk: this.#disk, outside: this.#outside, settings: this.#settings },
      workers: new Rng(this.#seed, `workers ${this.#boots}`),
      boot: ++this.#boots,
      hasMesh: this.#fleet !== undefined,
      onReady: () => {
        this.#trace(`boot ${process.boot} is up`);
        this.#fleet?.ownerIsUp(process);
      },
      onExit: (error) => this.#ends(process, error),
      onLog: (level, message, fields) => {
        this.#trace(`log ${level} ${message} ${withoutStacks(fields)}`);
        if (message.startsWith('Something that waited for a commit'))
          this.#judge.accuse('escape', `${message} ${JSON.stringify(fields)}`);
      },
    });
    this.#process = process;
  }

  /** It cannot go on. */
  #ends(process: SimulatedProcess, error: unknown): void {
    this.#trace(`boot ${process.boot} ends: ${String(error)}`);
    if (this.#process === process) this.#crash('kill');
  }

  /** Whoever makes a call of an outside service may die over it. */
  #called(caller: Caller): void {
    const place = this.#fleet?.places.find(({ worker }) => worker === caller);
    if (place === undefined || this.#rng.chance(0.3)) this.#faults.atCall();
    else this.#meshFaults?.atCall(place);
  }

  #crash(how: Death): void {
    const process = this.#process;
    if (process === undefined) return;
    this.#process = undefined;
    process.die();
    this.#fleet?.ownerDied(process, how === 'power cut');
    const lost = how === 'kill' ? this.#disk.kill() : this.#disk.powerCut();
    this.#trace(`${how} of boot ${process.boot} ${JSON.stringify(lost) ?? ''}`);
    for (const client of this.#clients) client.processDied();
    this.#world.at(RESTART_MS * this.#rng.next(), NOBODY, () => this.#boot());
  }

  #stop(): void {
    const process = this.#process;
    if (process?.node === undefined || process.stopping) return;
    this.#trace(`boot ${process.boot} is asked to stop`);
    const late = this.#world.at(STOP_MS, process, () =>
      this.#judge.accuse('liveness', `boot ${process.boot} was asked to stop, and has not in ${STOP_MS} ms`),
    );
    void process.stop().then(() => {
      late();
      if (this.#process === process) this.#crash('kill');
    });
  }

  /** A bit turns over; what it is part of is not expected to work any more, and must not work wrongly. */
  #rot(): void {
    const key = this.#disk.rot((row) => /^[tueicrak]\//.test(row));
    if (key === undefined) return;
    this.#judge.damaged(key);
    this.#trace(`rot in ${JSON.stringify(key)}`);
  }

  #checkBounds(): void {
    const node = this.#process?.node;
    if (node !== undefined) checkBounds(node.core.kernel, this.#settings, this.#judge);
    this.#fleet?.checkBounds(this.#process);
  }

  #client(name: string): SimulatedClient {
    const client = new SimulatedClient({
      name,
      ...{ world: this.#world, judge: this.#judge, rng: new Rng(this.#seed, name), trace: this.#trace },
      process: () => (this.#process?.stopping === true ? undefined : this.#process),
      onFrame: () => this.#faults.atFrame(),
    });
    return client;
  }

  readonly #trace = (line: string): void => {
    const whole = `${this.#world.nowMs.toFixed(3)} ${line}`;
    this.#hash.update(whole);
    this.#onLine?.(whole);
  };
}

/** What a stack says depends on where the code is. */
function withoutStacks(fields: object | undefined): string {
  const cut = (_name: string, value: unknown): unknown =>
    typeof value === 'string' ? value.split('\n    at ')[0] : value;
  return (JSON.stringify(fields, cut) ?? '').slice(0, 400);
}
