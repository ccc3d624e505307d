/**
 * The delayed events of one machine and all its children (`after`, delayed raise and sendTo), on the durable timers of the
 * cell. It does exactly what XState does in memory: of two with the same id both fire, only the later can be canceled, and
 * that only until the earlier has fired; a source that stops takes its timers with it.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { ActorEvent, HostPort } from './host.ts';
import type { LiveActor, Scheduler } from './machine-xstate.ts';

/** Delayed events of one machine that wait at a time. */
const TIMERS_MAX = 10_000;
/** A delay of Infinity: it is kept, and never armed. */
const NEVER_MS = Number.MAX_SAFE_INTEGER;

/** One delayed event. */
export interface MachineTimer {
  /** Its id on the port, unique in the life of the machine. */
  readonly timerId: string;
  /** What XState cancels it by, among those of its source. */
  readonly sendId: string;
  readonly source: object;
  readonly target: object;
  readonly event: ActorEvent;
  readonly dueAtMs: number;
}

/** What the timers need of the machine. */
export interface TimerOwner {
  readonly port: HostPort;
  /** The machine is being stopped: its state stays as it is, so its timers do too. */
  readonly isDeaf: boolean;
  nextNumber(): number;
}

/** They take the place of XState's own scheduler. */
export class MachineTimers implements Scheduler {
  readonly #owner: TimerOwner;
  /** In the order of scheduling. */
  #timers: Map<string, MachineTimer> | undefined;
  #bySource: Map<object, Map<string, MachineTimer>> | undefined;

  constructor(owner: TimerOwner) {
    this.#owner = owner;
  }

  /** Errors: BUSY above 10,000 at a time. */
  schedule(source: LiveActor, target: object, event: ActorEvent, delayMs: number, id?: string): void {
    if (this.#owner.isDeaf) return;
    if ((this.#timers?.size ?? 0) >= TIMERS_MAX) {
      throw new OperatingError(
        'BUSY',
        `More than ${TIMERS_MAX} delayed events wait in one machine. Cancel those that are no longer wanted.`,
      );
    }
    const number = this.#owner.nextNumber();
    const dueAtMs = Math.min(Math.ceil(this.#owner.port.nowMs() + (delayMs > 0 ? delayMs : 0)), NEVER_MS);
    const timer = { timerId: `t${number}`, sendId: id ?? `d${number}`, source, target, event, dueAtMs };
    this.#add(timer, true);
    this.#arm(timer);
  }

  cancel(source: LiveActor, id: string): void {
    const timer = this.#bySource?.get(source)?.get(id);
    if (timer === undefined) return;
    this.#remove(timer);
    if (!this.#owner.isDeaf && timer.dueAtMs !== NEVER_MS) this.#owner.port.clearTimer(timer.timerId);
  }

  cancelAll(source: LiveActor): void {
    for (const id of [...(this.#bySource?.get(source)?.keys() ?? [])]) this.cancel(source, id);
  }

  /**
   * Takes a timer out that the port says is due; undefined if it was canceled meanwhile. One that is early (the wall clock
   * was set back) is armed again.
   */
  take(timerId: string): MachineTimer | undefined {
    const timer = this.#timers?.get(timerId);
    if (timer === undefined) return undefined;
    if (timer.dueAtMs > this.#owner.port.nowMs()) {
      this.#arm(timer);
      return undefined;
    }
    this.#remove(timer);
    return timer;
  }

  /** Those that wait, in the order of scheduling, each with whether `cancel` still finds it. */
  *waiting(): Generator<readonly [timer: MachineTimer, isKeyed: boolean]> {
    for (const timer of this.#timers?.values() ?? [])
      yield [timer, this.#bySource?.get(timer.source)?.get(timer.sendId) === timer];
  }

  /** Puts one back after a restore; `arm` follows when the machine starts. */
  restore(timer: MachineTimer, isKeyed: boolean): void {
    this.#add(timer, isKeyed);
  }

  /** Arms all of them, in the order of scheduling. */
  armAll(): void {
    for (const timer of this.#timers?.values() ?? []) this.#arm(timer);
  }

  #arm(timer: MachineTimer): void {
    if (timer.dueAtMs !== NEVER_MS) this.#owner.port.setTimer(timer.timerId, timer.dueAtMs);
  }

  #add(timer: MachineTimer, isKeyed: boolean): void {
    (this.#timers ??= new Map()).set(timer.timerId, timer);
    if (!isKeyed) return;
    this.#bySource ??= new Map();
    const own = this.#bySource.get(timer.source);
    if (own === undefined) this.#bySource.set(timer.source, new Map([[timer.sendId, timer]]));
    else own.set(timer.sendId, timer);
  }

  /** XState forgets the key of a timer when any of the same key fires or is canceled. */
  #remove(timer: MachineTimer): void {
    this.#timers?.delete(timer.timerId);
    const own = this.#bySource?.get(timer.source);
    if (own?.delete(timer.sendId) && own.size === 0) this.#bySource?.delete(timer.source);
  }
}
