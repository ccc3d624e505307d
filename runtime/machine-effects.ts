/**
 * The actors that every machine may invoke by name: `effect`, `worker`, `model`, `tool`, `ask`, `publish`. Each makes one outside call under a
 * key that is minted once and kept with the machine, so that after a restart the recorded outcome comes back, a call under
 * way is joined, and the others are made again by their kind. They are ordinary actor logic: put one into `setup({ actors })`
 * to have its types, or name it as `src` without that.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { ActorEvent, EffectKind } from './host.ts';
import { type CallLogic, callLogic } from './machine-calls.ts';

/**
 * What is put in for `effect`, `model` and `tool`. `name` says what to call; `kind` is what the
 * host knows of the name, and `keyed` where it knows nothing.
 */
export interface EffectInput {
  readonly name: string;
  readonly kind?: EffectKind;
  readonly input?: unknown;
}

/** What is put in for `worker`: a module that runs in a worker thread, and which of its exports. `kind` as above, but `pure` by default. */
export interface WorkerInput {
  readonly module: string;
  readonly name?: string;
  readonly kind?: EffectKind;
  readonly input?: unknown;
}

/** What is put in for `ask`: an event for an actor of a keyed agent, whose answer is the output. */
export interface AskInput {
  readonly agent: string;
  readonly key: string;
  readonly event: ActorEvent;
  /** 30 s where none is given. */
  readonly timeoutMs?: number;
}

/** What is put in for `publish`. */
export interface PublishInput {
  readonly topic: string;
  readonly data?: unknown;
}

function checkInput(actor: string, input: unknown, field: 'name' | 'module' | 'agent' | 'key' | 'topic'): void {
  const value = (input as Readonly<Record<string, unknown>> | undefined)?.[field];
  if (typeof value === 'string' && value !== '') return;
  throw new OperatingError(
    'INVALID_INPUT',
    `The input of the actor "${actor}" needs a ${field}: { ${field}: '…', input: … }.`,
    { details: { actor, field } },
  );
}

function named(actor: string): CallLogic<EffectInput> {
  return callLogic((input) => {
    checkInput(actor, input, 'name');
    return { name: `${actor}:${input.name}`, kind: input.kind, input: input.input };
  }, 'keyed');
}

/** A call by name: `{ src: 'effect', input: { name: 'charge', input: { … } } }` asks the performer for `effect:charge`. */
export const effect = named('effect');
/** A call of a model: asks for `model:NAME`. */
export const model = named('model');
/** A call of a tool: asks for `tool:NAME`. */
export const tool = named('tool');
/** Work in a worker thread: asks for `worker` with `{ module, name?, input }`. */
export const worker = callLogic<WorkerInput>((input) => {
  checkInput('worker', input, 'module');
  const { module, name, input: work } = input;
  return { name: 'worker', kind: input.kind, input: { module, ...(name !== undefined && { name }), input: work } };
}, 'pure');

/** A question to an actor of a keyed agent: asks for `ask`. It is asked once; after a restart the machine waits on for its answer. */
export const ask = callLogic<AskInput>((input) => {
  checkInput('ask', input, 'agent');
  checkInput('ask', input, 'key');
  return { name: 'ask', kind: 'keyed', input };
}, 'keyed');

/** A message to a topic, once: asks for `publish`. */
export const publish = callLogic<PublishInput>((input) => {
  checkInput('publish', input, 'topic');
  return { name: 'publish', kind: 'keyed', input };
}, 'keyed');

const REGISTERED: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['effect', effect],
  ['worker', worker],
  ['model', model],
  ['tool', tool],
  ['ask', ask],
  ['publish', publish],
]);

/** The names that machines may invoke where nothing else is said. */
export const REGISTERED_NAMES: readonly string[] = [...REGISTERED.keys()];

/** The actor that machines invoke by this name; one of a new name works like `effect`. */
export function registeredActor(name: string): unknown {
  return REGISTERED.get(name) ?? named(name);
}
