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

/** When a life ends: never, after each turn is written, or after what waited for the write has been let go as well. */
export type Killing = 'never' | 'before release' | 'after release';

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

type Turn = { readonly name: string; run(host: Host): void };

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

  async send(event: ActorEvent): Promise<void> {
    await this.turn({ name: event.type, run: (host) => host.send(structuredClone(event)) });
  }

  /** Passes time; timers fire one by one, each in its turn. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, atMs]) => atMs <= endMs).sort((a, b) => a[1] - b[1])[0];
      if (due === undefined) break;
      const [id, atMs] = due;
      this.nowMs = Math.max(this.nowMs, atMs);
      await this.fire(id);
    }
    this.nowMs = endMs;
  }

  async fire(id: string): Promise<void> {
    this.#timers.delete(id);
    await this.turn({ name: 'timer', run: (host) => host.fire(id) });
  }

  /** Settles the oldest call of this name that is open. */
  async settle(name: string, outcome: EffectOutcome): Promise<void> {
    const key = this.#keys.find((one) => one.startsWith(`${name}/`)) ?? `${name}/none`;
    this.#keys = this.#keys.filter((one) => one !== key);
    await this.turn({ name: `settle ${name}`, run: (host) => host.settle(key, structuredClone(outcome)) });
  }

  async turn({ name, run }: Turn): Promise<void> {
    const { host } = this.#life;
    if (this.isOver && name !== 'start') return;
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
    const reentry = this.#mail.shift();
    if (reentry === undefined) return;
    await this.turn({
      name: reentry.event.type,
      run: (host) => host.relay(unpackState(packState(reentry)) as Reentry),
    });
    await this.settleDown();
  }

  async #commit(): Promise<void> {
    if (this.#options.killing !== 'before release') this.#release();
    if (this.#options.killing === 'never' || this.host.status !== 'active') return;
    await this.kill();
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
      afterCommit: (fn) => note(() => this.#releases.push(() => life.dead || fn())),
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
          this.#timers.delete(id);
          this.#timers.set(id, dueAtMs);
        }),
      clearTimer: (id) => note(() => this.#timers.delete(id)),
      reenter: (reentry) => {
        if (!life.dead) this.#mail.push(reentry);
      },
      fail: (error) => void this.failures.push(error),
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
