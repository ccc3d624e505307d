/**
 * What an owner and a worker say to each other once their link stands (cluster/link). Both directions travel in order, each message
 * once for as long as the link's session lasts; where a session is lost, the worker says anew what it offers and what it holds.
 *
 *   worker                                   owner
 *     node.holds, node.offer  ───────────►     its agents are there, or again
 *     ◄─────────────────────── node.taken
 *     ◄─────────────────────── call.start      with an attempt token that no other dispatch has
 *     call.request (journal, ask, sleep …) ─►  done with the owner's own context of that call
 *     ◄───────────────── function.invoke       the function given with a request is wanted now
 *     function.done ──────────────────────►
 *     ◄─────────────────── request.done
 *     call.outcome ───────────────────────►    recorded
 *     ◄─────────────────── call.settled        once that is committed: the worker may forget it
 *
 * A call is known by its `call` (the actor and the key it was asked for under), a dispatch of it by its `token`. Whatever comes with
 * another token than the one that is out now is of an older dispatch: it is noted, and changes nothing.
 */
import { z } from 'zod';
import { type ErrorBody, isErrorCode } from './errors.ts';
import { labelsField, nameField, whole, words } from './fields.ts';
import { LIMITS } from './limits.ts';

const any = z.unknown();
const token = words(LIMITS.idCharactersMax);
/** The address of the actor that asked, a space, and the key it asked under. */
const callName = words(LIMITS.addressCharactersMax + LIMITS.nameCharactersMax + 1);
const kind = z.enum(['pure', 'keyed', 'unsafe']);
const time = z.number().min(0).max(Number.MAX_SAFE_INTEGER);

/** An error as it travels. */
export const errorField: z.ZodType<ErrorBody> = z.object({
  code: z.string().refine(isErrorCode),
  message: z.string(),
  retryable: z.boolean(),
  retryAfterMs: time.exactOptional(),
  details: z.unknown().exactOptional(),
});

/** A value, or an error. */
const outcomeFields = { ok: z.boolean(), value: any.exactOptional(), error: errorField.exactOptional() };

/** One agent that a worker offers: what the owner must know of it without its code. */
export const agentOfferSchema = z.object({
  name: nameField,
  version: words(LIMITS.versionCharactersMax),
  description: z.string().max(LIMITS.descriptionCharactersMax).exactOptional(),
  capabilities: z.array(words(LIMITS.nameCharactersMax * 2)).max(LIMITS.offerCapabilitiesMax),
  form: z.enum(['function', 'machine']),
  keyed: z.boolean(),
  kind,
  /** Calls of it at one time, on this worker. */
  concurrency: whole(1),
  timeoutMs: time,
  retry: z.record(z.string(), z.union([z.number(), z.boolean()])),
  breaker: z.record(z.string(), z.number()),
  cost: z.object({ usd: z.number().min(0).exactOptional(), tokens: whole(0).exactOptional() }).exactOptional(),
  cache: z.object({ ttlMs: whole(1).exactOptional(), bytesMax: whole(1).exactOptional() }).exactOptional(),
  labels: labelsField.exactOptional(),
  /** JSON Schemas. */
  input: any.exactOptional(),
  output: any.exactOptional(),
  /** The calls of a machine by name, with their kinds. */
  effects: z.record(z.string(), kind).exactOptional(),
  /** Of a machine: changes when its shape does. */
  structureHash: z.string().max(LIMITS.nameCharactersMax).exactOptional(),
  /** Topics that start it, or wake it (docs/messages.md). */
  on: z.record(z.string(), any).exactOptional(),
  via: z.string().max(LIMITS.addressCharactersMax).exactOptional(),
  /** Whether its health check, which the worker makes, passes. */
  isHealthy: z.boolean(),
});
export type AgentOffer = z.infer<typeof agentOfferSchema>;

/** The work that a call is for: actors/run.ts. */
const workSchema = z.object({
  task: z.string(),
  step: z.string(),
  item: whole(0).exactOptional(),
  attempt: whole(1),
  owner: z.string(),
  input: any,
});

const FROM_WORKER = {
  /** All that it offers, in place of what it offered before. */
  'node.offer': z.object({
    type: z.literal('node.offer'),
    agents: z.array(agentOfferSchema).max(LIMITS.offersMax),
    labels: labelsField,
    /** Threads that it computes in. */
    threads: whole(0),
  }),
  /** Calls that it has not forgotten: first thing on each new session, so that what runs is joined and not repeated. */
  'node.holds': z.object({
    type: z.literal('node.holds'),
    calls: z.array(z.object({ call: callName, token, state: z.enum(['running', 'ended']) })).max(LIMITS.workerCallsMax),
  }),
  /** It takes nothing new. */
  'node.draining': z.object({ type: z.literal('node.draining') }),
  /** What came of a call. Said again on each new session until it is settled. */
  'call.outcome': z.object({ type: z.literal('call.outcome'), call: callName, token, ...outcomeFields }),
  /** It does not make the call after all, and has stopped it where it had begun: another may. */
  'call.handback': z.object({ type: z.literal('call.handback'), call: callName, token, reason: z.string() }),
  /**
   * The code of a call wants something of its context. `request` counts from 1 in the order of asking. `within` is the invocation
   * that it is asked in. Repeated, with the same numbers, when the call is joined by an owner that has started anew.
   */
  'call.request': z.object({
    type: z.literal('call.request'),
    call: callName,
    token,
    request: whole(1),
    within: whole(1).exactOptional(),
    verb: words(LIMITS.nameCharactersMax),
    args: z.array(any).max(LIMITS.requestArgumentsMax),
  }),
  'function.done': z.object({
    type: z.literal('function.done'),
    call: callName,
    token,
    invocation: whole(1),
    ...outcomeFields,
  }),
} as const;

const FROM_OWNER = {
  /** What the owner makes of an offer, once that is committed: the agents that are there now, and why others are not. */
  'node.taken': z.object({
    type: z.literal('node.taken'),
    agents: z.array(z.string()).max(LIMITS.offersMax),
    refused: z.array(z.object({ agent: z.string(), why: z.string() })).max(LIMITS.offersMax),
  }),
  /** Begin a call. */
  'call.start': z.object({
    type: z.literal('call.start'),
    call: callName,
    token,
    /** `name@version`. */
    agent: words(LIMITS.nameCharactersMax * 2),
    address: words(LIMITS.addressCharactersMax),
    key: z.string(),
    name: z.string(),
    kind,
    input: any,
    again: z.boolean(),
    life: whole(0),
    work: workSchema,
    deadlineAtMs: time.exactOptional(),
    /** What its budget leaves it, where it has one. */
    left: z.record(z.string(), z.number()).exactOptional(),
  }),
  /**
   * Go on with a call that the worker holds, for an owner that has started anew. All its requests are sent again: what is recorded is
   * answered from there. A worker that does not hold it hands it back.
   */
  'call.join': z.object({ type: z.literal('call.join'), call: callName, token }),
  /** Nobody wants it any more: it is aborted with this error; its outcome is not waited for. */
  'call.cancel': z.object({ type: z.literal('call.cancel'), call: callName, token, error: errorField }),
  /** What came of it is committed, or noted as late: forget it. */
  'call.settled': z.object({ type: z.literal('call.settled'), call: callName, token }),
  'request.done': z.object({
    type: z.literal('request.done'),
    call: callName,
    token,
    request: whole(1),
    ...outcomeFields,
    left: z.record(z.string(), z.number()).exactOptional(),
  }),
  /** Run a function that came with a request: the one that does it, or the probe that asks whether it was done. */
  'function.invoke': z.object({
    type: z.literal('function.invoke'),
    call: callName,
    token,
    request: whole(1),
    invocation: whole(1),
    which: z.enum(['do', 'probe']),
    args: z.array(any).max(LIMITS.requestArgumentsMax),
  }),
} as const;

type Table = typeof FROM_WORKER & typeof FROM_OWNER;
export type MeshMessageType = keyof Table;
export type MeshMessage = { [T in MeshMessageType]: z.infer<Table[T]> }[MeshMessageType];
export type MeshMessageOf<T extends MeshMessageType> = Extract<MeshMessage, { type: T }>;

/** What a node may say in its role. */
export const MESH_MESSAGES = { worker: FROM_WORKER, owner: FROM_OWNER } as const;
