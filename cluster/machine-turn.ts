/**
 * One turn of a machine as it travels between an owner, which keeps the machine's state, and a worker, which has its code: a function
 * of the state and one message that gives the next state and what is to be done. Both directions are bytes of their own, since messages
 * of a mesh carry plain data alone, and events and states hold more.
 */
// tidy-allow exports: the format, and those who write and read it, belong together
import { z } from 'zod';
import { OperatingError } from '../protocol/errors.ts';
import { errorField } from '../protocol/mesh-messages.ts';
import type { ActorEvent, EffectOutcome, HostDescription, Reentry } from '../runtime/host.ts';
import { packState, unpackState } from '../runtime/state-codec.ts';

/** The name of the call that is a turn. */
export const MACHINE_TURN = 'machine.turn';

const any = z.unknown();
const bytes: z.ZodType<Uint8Array> = z.instanceof(Uint8Array);
const event = z.looseObject({ type: z.string() }) as unknown as z.ZodType<ActorEvent>;
const outcome = z.union([
  z.object({ ok: z.literal(true), value: any }),
  z.object({ ok: z.literal(false), error: errorField }),
]) as unknown as z.ZodType<EffectOutcome>;
const reentry = z.object({
  sourcePath: z.array(z.string()).optional(),
  targetPath: z.array(z.string()),
  event,
}) as unknown as z.ZodType<Reentry>;

const messageSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('start') }),
  z.object({ kind: z.literal('event'), event }),
  z.object({ kind: z.literal('relay'), reentry }),
  z.object({ kind: z.literal('settle'), key: z.string(), outcome }),
  z.object({ kind: z.literal('timer'), id: z.string() }),
]);
/** What a turn handles. `start`: the machine begins, or goes on from its state after a crash or a rest. */
export type TurnMessage = z.infer<typeof messageSchema>;

const requestSchema = z.object({
  /** The clock of the owner: delays and timers go by it, whatever the worker's says. */
  nowMs: z.number(),
  /** What the actor was started with, where it has no state yet. */
  input: any.optional(),
  snapshot: bytes.exactOptional(),
  message: messageSchema,
});
export type TurnRequest = z.infer<typeof requestSchema>;

const effect = z.object({
  key: z.string(),
  name: z.string(),
  kind: z.enum(['pure', 'keyed', 'unsafe']),
  input: any,
  again: z.boolean(),
});
const opSchema = z.discriminatedUnion('op', [
  z.object({ op: z.literal('effect'), request: effect }),
  z.object({ op: z.literal('cancelEffect'), key: z.string() }),
  z.object({ op: z.literal('send'), address: z.string(), event }),
  z.object({ op: z.literal('setTimer'), id: z.string(), dueAtMs: z.number() }),
  z.object({ op: z.literal('clearTimer'), id: z.string() }),
]);
/** One thing that the machine asks for, as it would ask its cell (runtime/host.ts). */
export type TurnOp = z.infer<typeof opSchema>;

const voiceSchema = z.object({
  actor: z.string(),
  words: z.string().exactOptional(),
  error: errorField.exactOptional(),
});
/** What it says on the way: words for the log, or a message that reached nobody. */
export type TurnVoice = z.infer<typeof voiceSchema>;

const description = z.object({
  state: z.string(),
  children: z.array(z.object({ id: z.string(), src: z.string(), state: z.string() })).optional(),
}) as unknown as z.ZodType<HostDescription>;
const endSchema = z.object({
  ops: z.array(opSchema),
  /** Absent: the state is what it was. */
  snapshot: bytes.exactOptional(),
  status: z.enum(['active', 'done', 'error', 'stopped']),
  output: any.optional(),
  /** With status `error`: the machine has chosen this end. */
  error: errorField.exactOptional(),
  holdsWork: z.boolean(),
  description,
});
/** What a turn comes to that ends well. */
export type TurnEnd = z.infer<typeof endSchema>;

const resultSchema = z.object({
  voices: z.array(voiceSchema),
  end: endSchema.exactOptional(),
  /** It threw, or cannot be kept: nothing of it is done. */
  crash: z.object({ error: errorField, stack: z.string().exactOptional() }).exactOptional(),
});
export type TurnResult = z.infer<typeof resultSchema>;

/** Errors: PROTOCOL_TOO_BIG. */
export function packTurn(turn: TurnRequest | TurnResult): Uint8Array {
  return packState(turn);
}

/** Errors: PROTOCOL_MALFORMED. */
export function readTurnRequest(bytes: unknown): TurnRequest {
  return read(requestSchema, bytes);
}

/** Errors: PROTOCOL_MALFORMED. */
export function readTurnResult(bytes: unknown): TurnResult {
  return read(resultSchema, bytes);
}

function read<T>(schema: z.ZodType<T>, bytes: unknown): T {
  try {
    if (bytes instanceof Uint8Array) return schema.parse(unpackState(bytes));
  } catch (cause) {
    throw new OperatingError('PROTOCOL_MALFORMED', 'What another node says of a turn of a machine cannot be read.', {
      cause,
    });
  }
  throw new OperatingError('PROTOCOL_MALFORMED', 'A turn of a machine travels in bytes.');
}
