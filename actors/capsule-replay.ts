/**
 * Replays a crash capsule offline: the agent as it is now, its state before the message, the message. Nothing leaves: calls,
 * messages and timers that the actor asks for are told, not made. What a function does itself it does, with an empty journal.
 */
import { readFile } from 'node:fs/promises';
import { OperatingError } from '../protocol/errors.ts';
import { type Capsule, wordsOf } from '../runtime/capsule.ts';
import { unpackCapsule } from '../runtime/capsule-making.ts';
import type { InstalledLogic } from '../runtime/cell.ts';
import { fitCell } from '../runtime/cell-fit.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import type { RefusableCall } from '../runtime/effects.ts';
import type { Host, HostPort } from '../runtime/host.ts';
import { hasPromiseCalls, PromiseCalls } from '../runtime/machine-promises.ts';
import type { World } from '../runtime/world.ts';
import type { ContextDeps } from './agent-context.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { agentLogic, type LogicDeps } from './agent-logic.ts';
import { createReplayWorld } from './replay-world.ts';
import { RUN_CALL, type RunInput } from './run.ts';

/** What a replay needs. */
export interface ReplayOptions {
  /** Those among which the capsule's agent is. */
  readonly agents: readonly AgentDefinition[];
  /** Hears each step as it happens. */
  readonly onStep?: (step: string) => void;
}

/** A replay that did not fail. */
export interface ReplayReport {
  readonly capsule: string;
  /** `name@version` of the agent that it was replayed with. */
  readonly agent: string;
  /** What happened, in order, in words. */
  readonly steps: readonly string[];
  /** How the actor stands: `active` where it waits for more. */
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly output: unknown;
}

/**
 * Replays the capsule of a file (`troupe quarantine export`). In a test suite it is a test that fails until the agent is fixed:
 * it rejects with what the agent throws.
 * Errors: INVALID_INPUT (no capsule, or of something that cannot be replayed), VERSION_MISMATCH (the agent is not among
 * `agents`, or its state cannot be taken over by the version that is), NOT_AVAILABLE (it came to what is not there offline: worker
 * threads, other actors), all with `details.capsule`; else the agent's own.
 */
export async function replayCapsule(file: string, options: ReplayOptions): Promise<ReplayReport> {
  return await replay(await readCapsuleFile(file), options);
}

/** Reads what `troupe quarantine export` has written. Errors: INVALID_INPUT, VERSION_MISMATCH. */
export async function readCapsuleFile(file: string): Promise<Capsule> {
  let packed: unknown;
  try {
    ({ packed } = JSON.parse(await readFile(file, 'utf8')) as { readonly packed?: unknown });
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new OperatingError('INVALID_INPUT', `${file} cannot be read as a crash capsule: ${words}`, { cause: error });
  }
  if (typeof packed !== 'string')
    throw new OperatingError('INVALID_INPUT', `${file} is not a crash capsule: it has no \`packed\`.`);
  return unpackCapsule(Buffer.from(packed, 'base64'));
}

/** The same for a capsule at hand. */
export async function replay(capsule: Capsule, { agents, onStep }: ReplayOptions): Promise<ReplayReport> {
  const steps: string[] = [];
  const step = (words: string): void => {
    steps.push(words);
    onStep?.(words);
  };
  const world = createReplayWorld((ms) => step(`  waits ${Math.round(ms)} ms, cut short`));
  const services = offlineServices(capsule, world, step);
  const isFar = hasPromiseCalls(capsule.structureHash);
  const shelf = new OfflineShelf(agents, isFar ? { ...services, promises: new PromiseCalls() } : services);
  const { message } = capsule;
  if (message.kind === 'call') return await replayCall(capsule, { shelf, world, steps, step });
  const { logic, checkpoint } = stateFor(capsule, shelf);
  step(`agent ${shown(logic)}, ${checkpoint === undefined ? 'from its input' : 'from the state before the message'}`);
  const port = tellingPort(capsule, world, step);
  const host =
    checkpoint === undefined ? logic.factory.create(port, inputOf(capsule)) : logic.factory.restore(port, checkpoint);
  turn(host, () => host.start());
  step(`started: ${host.describe().state}`);
  if (message.kind !== 'start') {
    step(wordsOf(message));
    turn(host, () => {
      if (message.kind === 'event') host.send(message.event);
      else if (message.kind === 'timer') host.fire(message.id);
      else if (message.kind === 'settle') host.settle(message.key, message.outcome);
      else host.relay(message.reentry);
    });
    step(`handled: ${host.describe().state}`);
  }
  const { status, output } = host;
  host.stop();
  return { capsule: capsule.id, agent: shown(logic), steps, status, output };
}

/** One turn, as the node takes it: a throw, and a state that cannot be kept, are crashes. */
function turn(host: Host, run: () => void): void {
  run();
  if (host.status === 'error') throw host.error;
  host.checkpoint();
}

/** What a replayed call is given. */
interface CallBench {
  readonly shelf: OfflineShelf;
  readonly world: World;
  readonly steps: string[];
  readonly step: (words: string) => void;
}

async function replayCall(capsule: Capsule, { shelf, world, steps, step }: CallBench): Promise<ReplayReport> {
  const logic = shelf.byName(capsule);
  const { address, message } = capsule;
  const key = message.kind === 'call' ? message.key : '';
  const perform = logic.perform as NonNullable<InstalledLogic['perform']>;
  step(`agent ${shown(logic)}`);
  const asked = key === RUN_CALL ? { name: key, input: undefined } : askedFor(capsule, { shelf, world, steps, step });
  step(`call ${key}, with an empty journal`);
  const call: RefusableCall = {
    refusal: undefined,
    onRefused: () => undefined,
    address,
    key,
    ...asked,
    kind: 'keyed',
    again: true,
    life: 0,
    signal: new AbortController().signal,
    rest: () => () => Promise.resolve(),
    unbegun: () => () => undefined,
  };
  const output = await perform(call, { ...SPEC, address, logic: logic.name, input: inputOf(capsule) });
  step('returned');
  return { capsule: capsule.id, agent: shown(logic), steps, status: 'done', output };
}

/** What a machine asks for under the key of the call: it does so again as soon as it is restored. Errors: INVALID_INPUT. */
function askedFor(capsule: Capsule, { shelf, world, step }: CallBench): Pick<RefusableCall, 'name' | 'input'> {
  const { message } = capsule;
  const { logic, checkpoint } = stateFor(capsule, shelf);
  let asked: Pick<RefusableCall, 'name' | 'input'> | undefined;
  const port = tellingPort(capsule, world, step);
  const effect: HostPort['effect'] = ({ key, name, input }) => {
    if (message.kind === 'call' && key === message.key) asked = { name, input };
  };
  if (checkpoint !== undefined) {
    const host = logic.factory.restore({ ...port, effect }, checkpoint);
    turn(host, () => host.start());
    host.stop();
  }
  if (asked !== undefined) return asked;
  throw unusable(capsule, 'INVALID_INPUT', 'its machine does not ask for that call in the state that was kept');
}

const SPEC: ChildSpec = {
  ...{ address: '', logic: '', input: undefined, supervisor: '', priority: 5, durable: false },
  restart: 'temporary',
  recovery: 'resume',
};

/** The agents of a replay, as logics. */
class OfflineShelf {
  readonly #agents: readonly AgentDefinition[];
  readonly #services: LogicDeps;

  constructor(agents: readonly AgentDefinition[], services: LogicDeps) {
    this.#agents = agents;
    this.#services = services;
  }

  logic(name: string): InstalledLogic | undefined {
    const found = this.#agents.find((agent) => `agent:${agent.name}@${agent.version}` === name);
    return found && agentLogic(found, this.#services);
  }

  heirOf(name: string): InstalledLogic | undefined {
    const [bare = ''] = name.replace(/^agent:/, '').split('@');
    const found = this.#agents.filter((agent) => agent.name === bare).at(-1);
    return found && agentLogic(found, this.#services);
  }

  /** The agent of that name, in the capsule's version or the last that is given. Errors: VERSION_MISMATCH, INVALID_INPUT. */
  byName(capsule: Capsule): InstalledLogic {
    const { logic } = capsule;
    if (!logic.startsWith('agent:'))
      throw unusable(capsule, 'INVALID_INPUT', `it is of the product's own actor ${capsule.address}, not of an agent`);
    const found = this.logic(logic) ?? this.heirOf(logic);
    if (found !== undefined) return found;
    const names = this.#agents.map(({ name, version }) => `${name}@${version}`).join(', ');
    const words = `its agent ${logic.slice('agent:'.length)} is not among those given (${names || 'none'}). Name its file with --agents`;
    throw unusable(capsule, 'VERSION_MISMATCH', words);
  }
}

/** The logic that takes the capsule's state, and that state. Errors: VERSION_MISMATCH, INVALID_INPUT. */
function stateFor(
  capsule: Capsule,
  shelf: OfflineShelf,
): { readonly logic: InstalledLogic; readonly checkpoint: unknown } {
  const logic = shelf.byName(capsule);
  const { snapshot: body, logicVersion, structureHash, leftOut } = capsule;
  for (const part of ['snapshot', 'message', ...(body === undefined ? (['input'] as const) : [])] as const)
    if (leftOut.includes(part)) throw unusable(capsule, 'INVALID_INPUT', `its ${part} was too large to be kept`);
  if (body === undefined) return { logic, checkpoint: undefined };
  const spec = { ...SPEC, address: capsule.address, logic: capsule.logic, input: capsule.input };
  const stored = {
    spec,
    logicVersion,
    structureHash,
    seq: 1,
    body,
    rows: false,
    timers: [],
    control: [],
    user: [],
  };
  const fit = fitCell(shelf, stored);
  return { logic: fit.logic, checkpoint: fit.logic.factory.decode(fit.snapshot.body ?? body) };
}

function inputOf({ input, edited }: Capsule): unknown {
  return edited === undefined ? input : { ...(input as RunInput), input: edited.input };
}

function shown({ name }: InstalledLogic): string {
  return name.replace(/^agent:/, '');
}

function unusable(
  capsule: Capsule,
  code: 'INVALID_INPUT' | 'NOT_AVAILABLE' | 'VERSION_MISMATCH',
  why: string,
): OperatingError {
  return new OperatingError(code, `The capsule ${capsule.id} cannot be replayed: ${why}.`, {
    details: { capsule: capsule.id },
  });
}

/** Tells what the actor asks for. */
function tellingPort(capsule: Capsule, world: World, step: (words: string) => void): HostPort {
  const port: HostPort & { readonly input: unknown } = {
    address: capsule.address,
    input: capsule.input,
    nowMs: () => world.nowMs(),
    afterCommit: () => {},
    effect: ({ name, key }) => step(`  asks for the call ${name} (${key})`),
    cancelEffect: (key) => step(`  cancels the call ${key}`),
    send: (to, event) => step(`  sends ${event.type} to ${to}`),
    setTimer: (id) => step(`  sets the timer ${id}`),
    clearTimer: (id) => step(`  clears the timer ${id}`),
    reenter: ({ event }) => step(`  hears ${event.type} later`),
    fail: (error) => step(`  fails outside of a turn: ${String(error)}`),
  };
  return port;
}

function offlineServices(capsule: Capsule, world: World, step: (words: string) => void): ContextDeps {
  const say =
    (level: string) =>
    (message: string): void =>
      step(`  logs ${level}: ${message}`);
  const log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
  const rows = new Map<string, unknown>();
  const absent = (what: string) => (): Promise<never> =>
    Promise.reject(unusable(capsule, 'NOT_AVAILABLE', `${what} cannot be reached offline`));
  return {
    world,
    log: { ...log, child: () => log },
    shelf: () => ({
      recorded: () => rows,
      record: (key, value) => void rows.set(key, value),
      committed: () => Promise.resolve(),
      decided: absent('What is in doubt'),
      began: () => {},
      repeats: () => {},
      ended: () => {},
    }),
    spendShelf: () => ({
      recorded: () => rows,
      record: (row, spending) => void rows.set(row, spending),
      keeper: () => undefined,
    }),
    madeOn: () => undefined,
    undeliverable: () => {},
    runWorker: absent('Worker threads'),
    approve: absent('People'),
    state: () => {
      throw new OperatingError('NOT_AVAILABLE', 'Shared state cannot be reached in an offline replay.');
    },
    messages: {
      ...{ tell: absent('Other actors'), ask: absent('Other actors'), publish: absent('Topics') },
      ...{ broadcast: absent('Other actors'), member: absent('Groups') },
    },
  };
}
