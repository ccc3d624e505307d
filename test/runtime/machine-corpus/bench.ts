/**
 * Runs a machine as a cell does, with a clock that the script moves: each delivery is a turn, what a turn asks for is done
 * after it, and after each turn the machine may be killed and restored from its bytes.
 */
import { isDeepStrictEqual } from 'node:util';
import type { AnyStateMachine } from 'xstate';
import type {
  ActorEvent,
  EffectOutcome,
  EffectRequest,
  Host,
  HostFactory,
  HostPort,
  Reentry,
} from '../../../runtime/host.ts';
import { machineFactory } from '../../../runtime/machine-host.ts';
import type { LiveActor, LiveScope } from '../../../runtime/machine-xstate.ts';
import { packState, unpackState } from '../../../runtime/state-codec.ts';
import { createWorld } from '../../../runtime/world.ts';
import { show, showActor } from './show.ts';

/**
 * When a life ends, seen from a turn.
 *
 * - `before commit`: the turn has run, and nothing of it is written. Its message is handled again.
 * - `before release`: it is written, and nothing of what waited for that has happened.
 * - `after release`: promises, callbacks and observables of the turn have been started, too.
 * - `in flight`: an outcome (of a promise, a callback, a call) has come back and is written as mail, but was not handled.
 * - `out of sight`: an outcome has come back, and is lost with the life before it is written. The outside does it again.
 */
export const KILL_TIMES = ['before commit', 'before release', 'after release', 'in flight', 'out of sight'] as const;
export type KillTime = (typeof KILL_TIMES)[number];

/** Never, at every turn, or once: at the turn of this number, the start being 1. */
export type Killing = 'never' | KillTime | { readonly time: KillTime; readonly turn: number };

/** One turn, as people and other actors see it. */
export interface TurnTrace {
  readonly turn: string;
  readonly actor: unknown;
  readonly sent: readonly unknown[];
  readonly timersDueMs: readonly number[];
  readonly calls: readonly string[];
  readonly said: readonly unknown[];
}

interface Life {
  readonly host: Host;
  dead: boolean;
  root: LiveActor;
}

type Turn = { readonly name: string; readonly isOutcome?: boolean; run(host: Host): void };

export interface BenchOptions {
  makeMachine(): AnyStateMachine;
  readonly input?: unknown;
  readonly killing: Killing;
  readonly parent?: string;
}

export class Bench {
  readonly trace: TurnTrace[] = [];
  readonly failures: unknown[] = [];
  readonly undelivered: unknown[] = [];
  readonly requests: EffectRequest[] = [];
  /** Turns so far; one that is handled again counts once. */
  turns = 0;
  /** The turns that handled an outcome: of a promise, a callback, a call. */
  readonly outcomeTurns: number[] = [];
  /** Whether anything ever waited for a commit. */
  hasReleases = false;
  bytes: Uint8Array | undefined;
  nowMs = 1_000_000;
  readonly #options: BenchOptions;
  #life!: Life;
  #timers = new Map<string, number>();
  readonly #mail: Reentry[] = [];
  #ops: (() => void)[] = [];
  #sent: unknown[] = [];
  #calls: string[] = [];
  #said: unknown[] = [];
  #releases: (() => void)[] = [];
  #keys: string[] = [];
  /** What the outside did last has not been lost yet. */
  #mayLose = false;

  constructor(options: BenchOptions) {
    this.#options = options;
  }

  get host(): Host {
    return this.#life.host;
  }

  get isOver(): boolean {
    return this.#life.host.status !== 'active';
  }

  get root(): LiveActor {
    return this.#life.root;
  }

  get timersDueMs(): number[] {
    return [...this.#timers.values()];
  }

  async start(): Promise<void> {
    this.#born((factory, port) => factory.create(port, this.#options.input));
    await this.turn({ name: 'start', run: (host) => host.start() });
  }

  /** Whether a life ends here, in the turn that is next or under way. */
  #dies(time: KillTime): boolean {
    const { killing } = this.#options;
    if (killing === 'never') return false;
    return typeof killing === 'string' ? killing === time : killing.time === time && killing.turn === this.turns;
  }

  /** The outside does something; what comes back of it may be lost, and then it does it again. */
  async outside(act: () => void): Promise<void> {
    this.#mayLose = true;
    act();
    await this.settleDown();
    if (this.#mayLose) {
      this.#mayLose = false;
      return;
    }
    act();
    await this.settleDown();
  }

  async send(event: ActorEvent): Promise<void> {
    await this.turn({ name: event.type, run: (host) => host.send(structuredClone(event)) });
  }

  /** Passes time; timers fire one by one, each in its turn. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    for (;;) {
      if (this.isOver) this.#timers.clear();
      const due = [...this.#timers].filter(([, atMs]) => atMs <= endMs).sort((a, b) => a[1] - b[1])[0];
      if (due === undefined) break;
      const [id, atMs] = due;
      this.nowMs = Math.max(this.nowMs, atMs);
      await this.fire(id);
    }
    this.nowMs = endMs;
  }

  async fire(id: string): Promise<void> {
    await this.turn({
      name: 'timer',
      run: (host) => {
        this.#timers.delete(id);
        host.fire(id);
      },
    });
  }

  /** Settles the oldest call of this name that is open. */
  async settle(name: string, outcome: EffectOutcome): Promise<void> {
    const key = this.#keys.find((one) => one.startsWith(`${name}/`)) ?? `${name}/none`;
    await this.turn({
      name: `settle ${name}`,
      isOutcome: true,
      run: (host) => {
        this.#keys = this.#keys.filter((one) => one !== key);
        host.settle(key, structuredClone(outcome));
      },
    });
  }

  async turn({ name, run, isOutcome = false }: Turn): Promise<void> {
    if (this.isOver && name !== 'start') return;
    this.turns++;
    if (isOutcome) this.outcomeTurns.push(this.turns);
    if (isOutcome && (this.#dies('in flight') || this.#dies('out of sight'))) await this.kill();
    if (this.#dies('before commit')) {
      run(this.#life.host);
      await this.#lose();
    }
    const { host } = this.#life;
    run(host);
    const failed = host.status === 'error' && host.endedByItself !== true;
    if (failed) this.#ops = [];
    else this.bytes = host.checkpoint() as Uint8Array;
    this.#flush();
    this.#note(name);
    this.#forget();
    if (failed) this.failures.push(host.error);
    else await this.#commit();
    await this.settleDown();
  }

  /** Leaves turns out that nobody could notice: a start that an earlier life has made too is told of twice. */
  #note(turn: string): void {
    const seen = {
      actor: showActor(this.root),
      sent: this.#sent,
      timersDueMs: [...this.#timers.values()].sort((a, b) => a - b),
      calls: this.#calls,
      said: this.#said,
    };
    const last = this.trace.at(-1);
    const isSilent = seen.sent.length + seen.calls.length + seen.said.length === 0;
    if (
      isSilent &&
      last !== undefined &&
      isDeepStrictEqual([last.actor, last.timersDueMs], [seen.actor, seen.timersDueMs])
    )
      return;
    this.trace.push({ turn, ...seen });
  }

  /** Lets promises go on, and delivers what came back of them. */
  async settleDown(): Promise<void> {
    for (let round = 0; round < 3; round++) await new Promise((resolve) => setImmediate(resolve));
    if (this.#mail.length > 0 && this.#mayLose && this.#dies('out of sight')) {
      this.#mayLose = false;
      this.#mail.length = 0;
      return await this.kill();
    }
    const reentry = this.#mail.shift();
    if (reentry === undefined) return;
    await this.turn({
      name: reentry.event.type,
      isOutcome: true,
      run: (host) => host.relay(unpackState(packState(reentry)) as Reentry),
    });
    await this.settleDown();
  }

  async #commit(): Promise<void> {
    const isBefore = this.#dies('before release');
    if (!isBefore) this.#release();
    if ((isBefore || this.#dies('after release')) && this.host.status === 'active') await this.kill();
  }

  /** The turn under way is lost with its life: nothing of it was written, so nothing of it has left. */
  async #lose(): Promise<void> {
    this.#ops = [];
    this.#said = [];
    this.#releases = [];
    if (this.bytes !== undefined) return await this.kill();
    this.#life.dead = true;
    this.#born((factory, port) => factory.create(port, this.#options.input));
  }

  /** Ends this life without a word, and begins the next from the bytes. */
  async kill(): Promise<void> {
    this.#life.dead = true;
    this.#releases = [];
    const bytes = Uint8Array.from(this.bytes as Uint8Array);
    this.#born((factory, port) => factory.restore(port, factory.decode(bytes)));
    const { host } = this.#life;
    host.start();
    if (host.status === 'error') throw host.error;
    this.bytes = host.checkpoint() as Uint8Array;
    this.#flush();
    // What a restoring start says again was said in an earlier life.
    this.#calls = [];
    this.#release();
  }

  #release(): void {
    const releases = this.#releases;
    this.#releases = [];
    for (const release of releases) release();
  }

  #flush(): void {
    const ops = this.#ops;
    this.#ops = [];
    for (const op of ops) op();
  }

  #forget(): void {
    this.#sent = [];
    this.#calls = [];
    this.#said = [];
  }

  #born(make: (factory: HostFactory, port: HostPort) => Host): void {
    const life = { dead: false } as { -readonly [K in keyof Life]: Life[K] };
    const machine = this.#options.makeMachine();
    watchRoot(machine, (root) => {
      life.root = root;
      const { on } = root as unknown as { on(type: string, listener: (event: unknown) => void): void };
      on.call(root, '*', (event) => void this.#said.push({ emitted: show(event, root) }));
    });
    const { parent } = this.#options;
    const factory = machineFactory(machine, {
      logicId: 'case',
      logicVersion: '1',
      world: createWorld(),
      ...(parent === undefined ? {} : { parentOf: () => parent }),
      onUndelivered: (_, error) => void this.undelivered.push(error.code),
      log: (_, ...what) => void this.#said.push({ logged: what }),
    });
    this.#life = life;
    life.host = make(factory, this.#port(life));
  }

  #port(life: Life): HostPort {
    const note = (op: () => void): void => {
      if (!life.dead) this.#ops.push(op);
    };
    return {
      address: 'task/self',
      nowMs: () => this.nowMs,
      afterCommit: (fn) =>
        note(() => {
          this.hasReleases = true;
          this.#releases.push(() => life.dead || fn());
        }),
      effect: (request) =>
        note(() => {
          this.requests.push(request);
          this.#calls.push(`call ${request.key} ${request.kind} ${JSON.stringify(request.input) ?? ''}`);
          if (!this.#keys.includes(request.key)) this.#keys.push(request.key);
        }),
      cancelEffect: (key) =>
        note(() => {
          this.#calls.push(`cancel ${key}`);
          this.#keys = this.#keys.filter((one) => one !== key);
        }),
      send: (address, event) => note(() => this.#sent.push([address, event])),
      setTimer: (id, dueAtMs) =>
        note(() => {
          if (this.#timers.get(id) === dueAtMs) return;
          this.#timers.delete(id);
          this.#timers.set(id, dueAtMs);
        }),
      clearTimer: (id) => note(() => this.#timers.delete(id)),
      reenter: (reentry) => {
        if (!life.dead) this.#mail.push(reentry);
      },
      fail: (error) => {
        if (!life.dead) this.failures.push(error);
      },
    };
  }
}

/** Hands out the root of the copy that the factory makes of a machine. */
function watchRoot(machine: AnyStateMachine, found: (root: LiveActor) => void): void {
  const provide = machine.provide.bind(machine);
  machine.provide = (implementations) => {
    const copy = provide(implementations);
    const { getInitialSnapshot, restoreSnapshot } = copy;
    const watch = (scope: unknown): void => {
      const { self } = scope as LiveScope;
      if (self.src === self.logic) found(self);
    };
    copy.getInitialSnapshot = (scope, input) => {
      watch(scope);
      return getInitialSnapshot(scope, input);
    };
    copy.restoreSnapshot = (snapshot, scope) => {
      watch(scope);
      return restoreSnapshot(snapshot, scope);
    };
    return copy;
  };
}
