/**
 * Hosts users' XState machines, unchanged: one machine with all its children is one cell. What happens inside of a turn
 * flows as in XState; what happens outside of one (a promise settles, a callback sends) comes back as a turn. Delayed
 * events are durable timers, registered logic starts after the commit, and the whole state is packed at the end of a turn,
 * because an action may change it in place later. It decides nothing about crashes: it reports them by its status.
 *
 * docs/adr/0006-hosting-machines.md says why; runtime/machine-xstate.ts is where XState's inside is touched.
 */
import { type AnyActorLogic, type AnyStateMachine, createActor } from 'xstate';
import { OperatingError } from '../protocol/errors.ts';
import type {
  ActorEvent,
  EffectKind,
  EffectOutcome,
  Host,
  HostDescription,
  HostFactory,
  HostPort,
  HostStatus,
  Reentry,
} from './host.ts';
import {
  BorderReferences,
  type CheckpointBody,
  packCheckpoint,
  reviveSnapshots,
  TreeReferences,
  type TimerRecord,
  unpackCheckpoint,
} from './machine-checkpoint.ts';
import { KeptClasses } from './machine-classes.ts';
import { fingerprintOf } from './machine-fingerprint.ts';
import { type CallMaker, type OutsideCall, settledEvent } from './machine-calls.ts';
import { REGISTERED_NAMES, registeredActor } from './machine-effects.ts';
import { assertHostable } from './machine-lint.ts';
import { type ChildStarter, MachinePreparer, watchEnds } from './machine-logic.ts';
import { Converter, Reviver } from './machine-marks.ts';
import type { MachineOptions } from './machine-options.ts';
import { inlineSpawn, type MachineRecord, RecordWriter, restoreMachine } from './machine-record.ts';
import { ActorAddress, type MachineScope, machineScopes } from './machine-references.ts';
import { describeTree, structureHash } from './machine-structure.ts';
import { FAILED, LateStarts, type LooseLogic, type StartOwner } from './machine-starts.ts';
import { MachineTimers, type TimerOwner } from './machine-timers.ts';
import { packKept, Survey, unpackKept, unsupported } from './machine-values.ts';
import {
  actorAt,
  childrenOf,
  hasFailed,
  isRunning,
  type LiveActor,
  type LiveScope,
  pathOf,
  takeOver,
} from './machine-xstate.ts';

/** Deliveries between the actors of one machine in one turn: more are a loop. */
const DELIVERIES_MAX = 10_000;
/** Actors of one machine that run at a time. XState copies the table of children for each one it adds. */
const ACTORS_MAX = 1_000;
/** A message to another actor from outside of a turn. */
const FORWARDED = 'troupe.forwarded';

type PreparedOptions = MachineOptions & { readonly kept: KeptClasses };

/** Nobody: what is sent there is nobody's to hear. */
const NO_PARENT = new ActorAddress('');

class MachineHost implements Host, ChildStarter, CallMaker, StartOwner, TimerOwner, MachineScope {
  readonly port: HostPort;
  readonly scheduler = new MachineTimers(this);
  readonly #options: MachineOptions;
  readonly #classes: KeptClasses;
  readonly #parent: ActorAddress;
  #root!: LiveActor;
  #number: number;
  #children: Set<LiveActor> | undefined;
  #calls: Map<string, LiveActor> | undefined;
  #inTurn = false;
  #deliveries = 0;
  #phase: 'new' | 'restored' | 'restarting' | 'started' | 'stopped' = 'new';
  #fault: { readonly error: unknown } | undefined;
  #last: Uint8Array | undefined;
  #ownEnds: WeakSet<LiveActor> | undefined;
  #starts: LateStarts | undefined;

  constructor(port: HostPort, options: PreparedOptions, parent: string | undefined, number: number) {
    this.port = port;
    this.#options = options;
    this.#classes = options.kept;
    this.#parent = parent === undefined ? NO_PARENT : new ActorAddress(parent);
    this.#number = number;
  }

  /** Made for machines that start something: most never do, and it would weigh on every live one. */
  get starts(): LateStarts {
    return (this.#starts ??= new LateStarts(this));
  }

  // ---- making

  /** Makes the actor: `input` for a new one. User code (context, guards) runs here, so this is part of the first turn. */
  create(logic: AnyActorLogic, input: unknown): this {
    this.#turn(() => this.#make(logic, { input: this.#imported(input) }));
    return this;
  }

  /** Makes the actor from what was kept. Errors: VERSION_MISMATCH. */
  restore(logic: AnyActorLogic, { isMarked, body }: ReturnType<typeof unpackCheckpoint>, bytes: Uint8Array): this {
    const [, , machine, timers] = body;
    this.#phase = 'restored';
    this.#turn(() => this.#make(logic, { snapshot: machine }));
    if (this.#fault !== undefined) throw this.#fault.error;
    const references = new TreeReferences(this.#root, this.#classes);
    const reviver = new Reviver(references, false);
    if (isMarked) {
      reviveSnapshots(this.#root, reviver);
      this.starts.revive(reviver);
    }
    for (const [timerId, sendId, source, target, event, dueAtMs, isKeyed] of timers) {
      const from = references.actorOf(source);
      const timer = { timerId, sendId, source: from, target: references.actorOf(target), event, dueAtMs };
      this.scheduler.restore(isMarked ? { ...timer, event: reviver.revive(event) as ActorEvent } : timer, isKeyed);
    }
    this.#last = bytes;
    return this;
  }

  #make(logic: AnyActorLogic, from: object): void {
    const { address } = this.port;
    const logger = this.#options.log === undefined ? ignore : logged;
    const options = { id: address, logger, host: this, ...from };
    this.#root = createActor(logic, options) as unknown as LiveActor;
  }

  /** Called from inside of the root's constructor, before any child exists. */
  adopt(scope: LiveScope): void {
    this.#root = scope.self;
    takeOver(scope, this, this.port.address, this.#parent);
  }

  log(what: readonly unknown[]): void {
    this.#options.log?.(this.port.address, ...what);
  }

  // ---- turns

  #turn(run: () => void): void {
    this.#inTurn = true;
    this.#deliveries = 0;
    try {
      machineScopes.run(this, run);
    } catch (error) {
      this.refuse(error);
    }
    this.#inTurn = false;
    if (this.#phase !== 'stopped' && this.status === 'error') this.#halt();
  }

  start(): void {
    this.#turn(() => {
      if (this.#phase === 'new') {
        this.#phase = 'started';
        this.#root.start();
      } else if (this.#phase === 'restored' && this.#root._snapshot.status === 'active') {
        this.#phase = 'restarting';
        this.#root.start();
        this.#phase = 'started';
        this.scheduler.armAll();
      }
    });
  }

  send(event: ActorEvent): void {
    this.#turn(() => this.#root._send(this.#imported(event) as ActorEvent));
  }

  relay({ targetPath, event }: Reentry): void {
    this.#turn(() => {
      const packed = event['packed'];
      const whole =
        packed instanceof Uint8Array
          ? (new Reviver(new TreeReferences(this.#root, this.#classes), false).revive(unpackKept(packed)) as ActorEvent)
          : (this.#imported(event) as ActorEvent);
      if (event.type === FORWARDED) return this.#sendOut(String(event['address']), whole);
      const target = actorAt(this.#root, targetPath);
      // Another actor may have taken the place since: what was meant for the one that ended is not for this one.
      if (target !== undefined && (event['sessionId'] ?? target.sessionId) === target.sessionId) target._send(whole);
    });
  }

  fire(timerId: string): void {
    this.#turn(() => {
      const timer = this.scheduler.take(timerId);
      if (timer !== undefined) this.deliver(timer.source as LiveActor, timer.target, timer.event);
    });
  }

  settle(key: string, outcome: EffectOutcome): void {
    this.#turn(() => {
      const actor = this.#calls?.get(key);
      if (actor === undefined) return;
      this.#calls?.delete(key);
      actor._send(settledEvent(outcome.ok ? { ok: true, value: this.#imported(outcome.value) } : outcome));
    });
  }

  get status(): HostStatus {
    return this.#fault === undefined ? (this.#root._snapshot.status as HostStatus) : 'error';
  }

  get output(): unknown {
    // What can not be kept has failed the turn: the checkpoint holds it too.
    const { output } = this.#root._snapshot;
    return output === undefined ? undefined : this.#exported(output, 'output');
  }

  get error(): unknown {
    if (this.#fault !== undefined) return this.#fault.error;
    const { error } = this.#root._snapshot;
    if (!(error instanceof Error) || !error.message.startsWith('Infinite loop detected')) return error;
    return new OperatingError(
      'LIVELOCK',
      `The machine went on from state to state by itself without coming to rest. ${error.message}`,
      { cause: error },
    );
  }

  stop(): void {
    if (this.#phase === 'stopped') return;
    machineScopes.run(this, () => this.#halt());
  }

  /** Stops every actor. What is kept stays as it is: nothing is canceled, cleared or sent. */
  #halt(): void {
    this.#phase = 'stopped';
    this.#root._stop();
    for (const child of [...(this.#children ?? [])]) child._stop();
  }

  /** True where something failed outside or below and nothing handled it; false where the machine itself broke. */
  get endedByItself(): boolean {
    return this.#fault === undefined && this.#ownEnds?.has(this.#root) === true;
  }

  endsByItself(actor: LiveActor, event: ActorEvent): void {
    const failed = childrenOf(actor).find(([, child]) => child.id === event['actorId'])?.[1];
    if (failed === undefined || this.#ownEnds?.has(failed)) (this.#ownEnds ??= new WeakSet()).add(actor);
  }

  /**
   * Promises, callbacks and observables are known to this process alone: the machine must stay in memory while any runs. One
   * that waits for an outside call must be there for it, also after a restart.
   */
  get holdsWork(): boolean {
    return this.#starts?.holdsWork === true || (this.#calls?.size ?? 0) > 0;
  }

  get isDeaf(): boolean {
    return this.#phase === 'stopped' || this.#fault !== undefined || hasFailed(this.#root);
  }

  // ---- what is kept

  checkpoint(): Uint8Array {
    const references = new TreeReferences(this.#root, this.#classes);
    const survey = new Survey(references);
    const writer = new RecordWriter(survey, (actor) => this.starts.eventsFor(actor));
    const machine = writer.writeMachine(this.#root, '');
    if (writer.runningCount !== (this.#children?.size ?? 0) + (isRunning(this.#root) ? 1 : 0)) throw this.#strayChild();
    const timers: TimerRecord[] = [];
    for (const [{ timerId, sendId, source, target, event, dueAtMs }, isKeyed] of this.scheduler.waiting()) {
      survey.keep(event, () => `timers.${sendId}`);
      timers.push([timerId, sendId, references.place(source), references.place(target), event, dueAtMs, isKeyed]);
    }
    const body: CheckpointBody = [
      this.#number,
      this.#parent.address === '' ? null : this.#parent.address,
      machine,
      timers,
    ];
    this.#last = packCheckpoint(body, survey, references, this.#last);
    return this.#last;
  }

  #strayChild(): OperatingError {
    const stray = [...(this.#children ?? [])].find((child) => pathOf(this.#root, child) === undefined);
    const place = `children.${stray?.id ?? ''}`;
    return unsupported(
      place,
      `a second actor under the id of one that still runs (src "${String(stray?.src)}")`,
      'Give each child an id of its own, or stop the first before you spawn the second.',
    );
  }

  describe(): HostDescription {
    return describeTree(this.#root);
  }

  // ---- SystemOwner: what happens inside of the system

  bookId(): string {
    return this.#phase === 'restored' ? 'x:restored' : `x:${this.nextNumber()}`;
  }

  nextNumber(): number {
    return ++this.#number;
  }

  deliver(source: LiveActor | undefined, target: object, event: ActorEvent): void {
    if (this.isDeaf) return;
    if (!this.#inTurn) return this.reenter(source, target, event);
    // A child that comes back tells its state again, which its parent has heard already.
    if (this.#phase === 'restarting' && event.type.startsWith('xstate.snapshot.')) return;
    if (source !== undefined && hasFailed(source)) stopOrphans(source);
    if (target instanceof ActorAddress) {
      if (target === this.#parent && source === this.#root && /^xstate\.(?:done|error)\.actor\./.test(event.type))
        return;
      if (target !== this.#parent || this.#options.toParent === undefined) return this.#sendOut(target.address, event);
      return this.#sendOut(target.address, this.#options.toParent(this.port.address, event));
    }
    if (this.#isWithinBounds()) (target as LiveActor)._send(event);
  }

  #isWithinBounds(): boolean {
    if (++this.#deliveries <= DELIVERIES_MAX) return true;
    this.refuse(
      new OperatingError(
        'LIVELOCK',
        `The actors of one machine sent more than ${DELIVERIES_MAX} events to each other in one turn.`,
      ),
    );
    return false;
  }

  registered(actor: LiveActor): void {
    if (actor === this.#root) return;
    let refusal: OperatingError | undefined;
    if (typeof actor.src !== 'string') refusal = inlineSpawn(`children.${actor.id}`);
    else if ((this.#children?.size ?? 0) >= ACTORS_MAX) {
      refusal = new OperatingError(
        'BUSY',
        `More than ${ACTORS_MAX} actors run in one machine. Stop those that are done, or use agents of their own.`,
      );
    }
    if (refusal === undefined) {
      (this.#children ??= new Set()).add(actor);
      return;
    }
    this.refuse(refusal);
    throw refusal;
  }

  unregistered(actor: LiveActor): void {
    this.#children?.delete(actor);
    this.#starts?.ended(actor);
  }

  refuse(error: unknown): void {
    this.#fault ??= { error };
  }

  // ---- the way out, and back in

  forward(address: string, event: ActorEvent): void {
    if (this.isDeaf) return;
    if (this.#inTurn) this.#sendOut(address, event);
    else
      this.port.reenter({
        sourcePath: undefined,
        targetPath: [],
        event: { type: FORWARDED, address, packed: this.#packEvent(event, address) },
      });
  }

  #sendOut(address: string, event: ActorEvent): void {
    if (!this.#isWithinBounds()) return;
    if (address !== '') return this.port.send(address, this.#exported(event, event.type) as ActorEvent);
    const error = new OperatingError('NOT_FOUND', `${this.port.address} has no parent that ${event.type} could go to.`);
    this.#options.onUndelivered?.(this.port.address, error);
  }

  /** Queues a delivery as a turn. Errors: UNSUPPORTED_LOGIC for an event of nobody that cannot be kept; a child fails of its own. */
  reenter(source: LiveActor | undefined, target: object, event: ActorEvent): void {
    const actor = target as LiveActor;
    const targetPath = pathOf(this.#root, actor);
    if (targetPath === undefined) return;
    const sourcePath = source === undefined ? undefined : pathOf(this.#root, source);
    let packed: Uint8Array;
    try {
      packed = this.#packEvent(event, `what ${source?.id ?? 'someone'} sent: ${event.type}`);
    } catch (error) {
      if (source === undefined || event.type === FAILED) throw error;
      return this.reenter(source, source, { type: FAILED, error });
    }
    this.port.reenter({ sourcePath, targetPath, event: { type: event.type, sessionId: actor.sessionId, packed } });
  }

  #packEvent(event: ActorEvent, place: string): Uint8Array {
    const references = new TreeReferences(this.#root, this.#classes);
    const survey = new Survey(references);
    survey.keep(event, () => place);
    return packKept(survey.marked ? new Converter(references, false).convert(event) : event);
  }

  #exported(value: unknown, place: string): unknown {
    const border = new BorderReferences(this.#root, this.port.address);
    new Survey(border).keep(value, () => place);
    return new Converter(border, true).convert(value);
  }

  #imported(value: unknown): unknown {
    return new Reviver(new BorderReferences(this.#root, this.port.address), true).revive(value);
  }

  attribute(run: () => void): void {
    machineScopes.run(this, run);
  }

  // ---- outside calls

  kindOf(name: string): EffectKind | undefined {
    return this.#options.kindOf?.(name);
  }

  mintKey(name: string): string {
    return `${name}/${this.nextNumber()}`;
  }

  request(actor: LiveActor, key: string, { name, kind, input }: OutsideCall, again: boolean): void {
    if (this.isDeaf) return;
    (this.#calls ??= new Map()).set(key, actor);
    this.port.effect({ key, name, kind, input: this.#exported(input, `children.${actor.id}.input`), again });
  }

  abandon(key: string): void {
    if (!this.isDeaf && this.#calls?.delete(key)) this.port.cancelEffect(key);
  }
}

function ignore(): void {}

/** One function for all machines, which finds the one that speaks: a closure for each would weigh on every live machine. */
function logged(...what: unknown[]): void {
  machineScopes.getStore()?.log?.(what);
}

/** XState lets the children of a child that has crashed run on, where nobody can reach them any more. */
function stopOrphans(actor: LiveActor): void {
  for (const [, child] of childrenOf(actor)) child._stop();
}

/** The logic of the root: a machine that lets its host take the system over before anything else happens. */
function rootLogic(machine: AnyStateMachine): AnyActorLogic {
  const hostOf = (scope: LiveScope): MachineHost => scope.self.options['host'] as MachineHost;
  return Object.assign(Object.create(machine) as AnyActorLogic, {
    getInitialSnapshot: (scope: LiveScope, input: unknown) => {
      hostOf(scope).adopt(scope);
      return machine.getInitialSnapshot(scope as never, input);
    },
    restoreSnapshot: (record: MachineRecord, scope: LiveScope) => {
      const host = hostOf(scope);
      host.adopt(scope);
      return restoreMachine(machine, record, scope, (error) => host.refuse(error));
    },
    transition: watchEnds(machine.transition as unknown as LooseLogic['transition']),
  });
}

/**
 * Hosts of a user's machine. The work for the machine is done here, once.
 * Errors: UNSUPPORTED_LOGIC where it is plain to see that the machine cannot be hosted; `details.findings` lists why.
 */
export function machineFactory(machine: AnyStateMachine, given: MachineOptions): HostFactory {
  const options = { ...given, kept: new KeptClasses(given.classes) };
  const names = options.performerNames ?? REGISTERED_NAMES;
  assertHostable(machine, names, options.kept);
  const registered = new Map(names.map((name) => [name, registeredActor(name)]));
  const prepared = new MachinePreparer(registered, options.promises).prepare(machine);
  const logic = rootLogic(prepared);
  return {
    logicId: options.logicId,
    logicVersion: options.logicVersion,
    structureHash: `${structureHash(machine)}${options.promises?.shape ?? ''}`,
    create: (port, input) => new MachineHost(port, options, options.parentOf?.(port, input), 0).create(logic, input),
    restore: (port, checkpoint) => {
      const bytes = checkpoint as Uint8Array;
      const kept = unpackCheckpoint(bytes);
      return new MachineHost(port, options, kept.body[1] ?? undefined, kept.body[0]).restore(logic, kept, bytes);
    },
    encode: (checkpoint) => checkpoint as Uint8Array,
    decode: (bytes) => bytes,
    fingerprint: (checkpoint) => fingerprintOf(checkpoint as Uint8Array),
  };
}
