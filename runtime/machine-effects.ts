/**
 * The actors that every machine may invoke by name: `effect`, `worker`, `model`, `tool`, and those of messages
 * (runtime/machine-messages.ts). Each makes one outside call under a key that is minted once and kept with the machine, so that
 * after a restart the recorded outcome comes back, a call under way is joined, and the others are made again by their kind. They
 * are ordinary actor logic: put one into `setup({ actors })` to have its types, or name it as `src` without that.
 */
import type { EffectKind } from './host.ts';
import { type CallLogic, callLogic } from './machine-calls.ts';
import { ask, checkWords, publish } from './machine-messages.ts';

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

function named(actor: string): CallLogic<EffectInput> {
  return callLogic((input) => {
    checkWords(actor, input, 'name');
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
  checkWords('worker', input, 'module');
  const { module, name, input: work } = input;
  return { name: 'worker', kind: input.kind, input: { module, ...(name !== undefined && { name }), input: work } };
}, 'pure');

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
