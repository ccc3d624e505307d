/** Makes crash capsules of cells, keeps them within their bounds, and packs them for files. */
import { type ErrorBody, OperatingError, toErrorBody } from '../protocol/errors.ts';
import {
  type Capsule,
  CAPSULE_FORMAT,
  type CapsuleCause,
  type CapsuleMessage,
  type CapsulePart,
  type CapsuleWork,
} from './capsule.ts';
import type { Cell } from './cell.ts';
import { packState, unpackState } from './state-codec.ts';

/** One capsule, packed. Over it, parts are left out, the least needed first. */
export const CAPSULE_BYTES_MAX = 256 * 1024;
const STACK_CHARACTERS_MAX = 8_192;
const WORDS_CHARACTERS_MAX = 2_048;
/** Supervisors from the actor up to the root. */
const SUPERVISORS_MAX = 16;
/** What was done with one capsule, the latest. */
const HISTORY_MAX = 20;

/** What a capsule is made of, beside its cell. */
interface CapsuleFacts {
  readonly id: string;
  readonly atMs: number;
  readonly cause: CapsuleCause;
  readonly message: CapsuleMessage;
  readonly deliveries: number;
  readonly error: unknown;
  readonly supervisors: readonly string[];
}

/** Makes the capsule of a cell as it stands. Never throws: what cannot be kept is left out. */
export function makeCapsule(cell: Cell, facts: CapsuleFacts): Capsule {
  const { spec, logic, checkpoint } = cell;
  const { error, ...rest } = facts;
  const snapshot = checkpoint === undefined ? undefined : attempt(() => logic.factory.encode(checkpoint));
  const stack = error instanceof Error ? error.stack?.slice(0, STACK_CHARACTERS_MAX) : undefined;
  const work = workOf(spec.address);
  return fitted({
    format: CAPSULE_FORMAT,
    ...rest,
    supervisors: facts.supervisors.slice(0, SUPERVISORS_MAX),
    address: spec.address,
    ...(work !== undefined && { work }),
    ...(spec.owner !== undefined && { owner: spec.owner }),
    permanent: spec.restart === 'permanent',
    logic: spec.logic,
    logicVersion: logic.factory.logicVersion,
    structureHash: logic.factory.structureHash,
    input: spec.input,
    error: shortened(toErrorBody(error, 'AGENT_CRASHED')),
    ...(stack !== undefined && { stack }),
    ...(snapshot !== undefined && { snapshot }),
    trail: cell.trail ?? [],
    leftOut: [],
    history: [],
  });
}

/** The capsule with something else in it. Errors: PROTOCOL_TOO_BIG where it would not fit any more. */
export function changed(capsule: Capsule, change: Partial<Capsule>, act?: Capsule['history'][number]): Capsule {
  const history = act === undefined ? capsule.history : [...capsule.history, act].slice(-HISTORY_MAX);
  const next = { ...capsule, ...change, history };
  if (bytesOf(next) <= CAPSULE_BYTES_MAX) return next;
  throw new OperatingError('PROTOCOL_TOO_BIG', `A capsule holds at most ${CAPSULE_BYTES_MAX} bytes.`, {
    details: { limit: 'bytes', max: CAPSULE_BYTES_MAX },
  });
}

/** The capsule in bytes, for a file. */
export function packCapsule(capsule: Capsule): Uint8Array {
  return packState(capsule);
}

/** The inverse. Errors: VERSION_MISMATCH for what this version does not read; INVALID_INPUT for what is no capsule. */
export function unpackCapsule(bytes: Uint8Array): Capsule {
  const value = attempt(() => unpackState(bytes));
  const { format, id, logic } = (value ?? {}) as Partial<Omit<Capsule, 'format'>> & { readonly format?: number };
  if (format === undefined || typeof id !== 'string' || typeof logic !== 'string')
    throw new OperatingError('INVALID_INPUT', 'This is not a crash capsule, or it is damaged.');
  if (format !== CAPSULE_FORMAT)
    throw new OperatingError(
      'VERSION_MISMATCH',
      `This version reads capsules of format ${CAPSULE_FORMAT}, and this one is of format ${String(format)}.`,
    );
  return value as Capsule;
}

/** Leaves out parts until the rest fits. */
function fitted(whole: Capsule): Capsule {
  let capsule = whole;
  const messageBytes = attempt(() => packState(whole.message).length) ?? Number.POSITIVE_INFINITY;
  const parts: readonly CapsulePart[] =
    messageBytes > CAPSULE_BYTES_MAX / 2
      ? ['message', 'trail', 'stack', 'input', 'snapshot']
      : ['trail', 'stack', 'input', 'snapshot', 'message'];
  for (const part of parts) {
    if (bytesOf(capsule) <= CAPSULE_BYTES_MAX) break;
    capsule = without(capsule, part);
  }
  return capsule;
}

function without(capsule: Capsule, part: CapsulePart): Capsule {
  const leftOut = [...capsule.leftOut, part];
  const { stack: _stack, snapshot: _snapshot, ...rest } = capsule;
  if (part === 'trail') return { ...capsule, leftOut, trail: [] };
  if (part === 'stack') return { ...rest, leftOut, ...(capsule.snapshot && { snapshot: capsule.snapshot }) };
  if (part === 'input') return { ...capsule, leftOut, input: undefined };
  if (part === 'snapshot') return { ...rest, leftOut };
  const { message } = capsule;
  if (message.kind === 'event')
    return {
      ...capsule,
      leftOut,
      message: { kind: 'event', event: { type: String(message.event.type).slice(0, 128) } },
    };
  const error = { code: 'PROTOCOL_TOO_BIG', message: 'It was too large to be kept.', retryable: false } as const;
  if (message.kind === 'settle')
    return { ...capsule, leftOut, message: { kind: 'settle', key: message.key, outcome: { ok: false, error } } };
  return { ...capsule, leftOut, message: { kind: 'start' } };
}

/** Infinity for what cannot be packed at all: it has to be left out. */
function bytesOf(capsule: Capsule): number {
  return attempt(() => packState(capsule).length) ?? Number.POSITIVE_INFINITY;
}

function shortened(error: ErrorBody): ErrorBody {
  const { details, ...rest } = error;
  const message = error.message.slice(0, WORDS_CHARACTERS_MAX);
  const bytes = details === undefined ? 0 : (attempt(() => packState(details).length) ?? Number.POSITIVE_INFINITY);
  return { ...rest, message, ...(bytes > 0 && bytes <= WORDS_CHARACTERS_MAX && { details }) };
}

/** Whose work it was, from the address: `task/ID`, `flow/ID`, `step/ID/STEP[/ITEM]`, `stage/…` likewise, `run/ID/STEP[/ITEM]/ATTEMPT`. */
function workOf(address: string): CapsuleWork | undefined {
  const [kind, task, step, ...numbers] = address.split('/');
  if (task === undefined || !['task', 'flow', 'stage', 'step', 'run'].includes(kind ?? '')) return undefined;
  if (step === undefined) return { task };
  const [first, second] = numbers.map(Number);
  const isRun = kind === 'run';
  const item = !isRun ? first : second === undefined ? undefined : first;
  const attemptNumber = !isRun ? undefined : (second ?? first);
  return {
    task,
    step,
    ...(item !== undefined && { item }),
    ...(attemptNumber !== undefined && { attempt: attemptNumber }),
  };
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
