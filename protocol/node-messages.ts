/**
 * What a node may send to a client, type by type. The node builds these; clients read them with `parseNodeMessage`,
 * which is lenient where a later version may say more: fields it does not know are left out, an error code it does not
 * know reads as INTERNAL.
 */
import { z } from 'zod';
import { CODES, type ErrorCode, OperatingError } from './errors.ts';
import { issuesOf, summaryOf } from './issues.ts';
import { EVENT_KINDS, TASK_STATUSES } from './tasks.ts';

const text = z.string();
const count = z.int().min(0);
const anything = z.unknown();
const record = z.record(z.string(), z.unknown());
/** Where a list goes on; null on its last page. */
const cursor = z.string().nullable();

const errorFields = {
  code: z.enum(Object.keys(CODES) as [ErrorCode, ...ErrorCode[]]).catch('INTERNAL'),
  message: text,
  retryable: z.boolean(),
  retryAfterMs: z.number().min(0).exactOptional(),
  details: anything.exactOptional(),
};

const usage = z.object({ usd: z.number(), tokensIn: count, tokensOut: count, steps: count });

const resultFields = {
  status: z.enum(TASK_STATUSES),
  output: anything.exactOptional(),
  error: z.object(errorFields).exactOptional(),
  degraded: z
    .array(z.object({ step: text, code: text, message: text }))
    .readonly()
    .exactOptional(),
  usage,
  durationMs: z.number().min(0),
};

const statusFields = {
  task: text,
  status: z.enum(TASK_STATUSES),
  seq: count,
  waiting: text.exactOptional(),
  /** What was used so far; of a task that has ended it is in its result. */
  usage: usage.exactOptional(),
  /** What may be used at most, as it is now. */
  budget: z
    .object({
      usd: z.number().exactOptional(),
      tokens: count.exactOptional(),
      steps: count.exactOptional(),
      timeMs: z.number().exactOptional(),
    })
    .exactOptional(),
  result: z.object(resultFields).exactOptional(),
};

/** What an agent is, as lists show it. */
const agentEntry = z.looseObject({ name: text, version: text, capabilities: z.array(text).readonly() });

/** An answer: `re` is the `id` of what it answers, where that had one. */
function answer<Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) {
  return z.object({ type: z.literal(type), re: text.exactOptional(), ...fields });
}

function news<Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) {
  return z.object({ type: z.literal(type), ...fields });
}

/** The schema of every message that a node may send, by its type. */
export const NODE_MESSAGES = Object.freeze({
  hello: news('hello', {
    protocol: z.literal(1),
    node: text,
    version: text,
    heartbeatMs: count,
    limits: z.record(z.string(), z.number()),
  }),
  /** `message`: the id of what was published. */
  ok: answer('ok', { message: text.exactOptional() }),
  pong: answer('pong', {}),
  error: answer('error', errorFields),
  'task.accepted': answer('task.accepted', { task: text, duplicate: z.boolean() }),
  'task.status': answer('task.status', statusFields),
  'task.page': answer('task.page', { tasks: z.array(z.object(statusFields)).readonly(), cursor }),
  'task.event': news('task.event', {
    task: text,
    seq: z.int().min(1),
    at: z.number(),
    kind: z.enum(EVENT_KINDS),
    data: record,
  }),
  'task.chunk': news('task.chunk', { task: text, step: text, attempt: z.int().min(1), text, offset: count }),
  'task.result': news('task.result', { task: text, seq: z.int().min(1), ...resultFields }),
  gap: news('gap', { task: text, from: z.int().min(1), to: z.int().min(1) }),
  'agent.page': answer('agent.page', { agents: z.array(agentEntry).readonly(), cursor }),
  'agent.reply': answer('agent.reply', { agent: text, key: text, value: anything.exactOptional() }),
  'topic.message': news('topic.message', {
    topic: text,
    data: anything.exactOptional(),
    message: text,
    at: z.number(),
  }),
  'topic.gap': news('topic.gap', { dropped: z.int().min(1) }),
  'state.value': answer('state.value', {
    scope: text,
    name: text,
    value: anything.exactOptional(),
    version: count,
  }),
});

export type NodeMessageType = keyof typeof NODE_MESSAGES;
/** A message of one type. */
export type NodeMessageOf<Type extends NodeMessageType> = z.infer<(typeof NODE_MESSAGES)[Type]>;
/** Any message that a node may send. */
export type NodeMessage = { [Type in NodeMessageType]: NodeMessageOf<Type> }[NodeMessageType];
/** A task as `task.status`, its pages and the HTTP routes show it. */
export type TaskView = Omit<NodeMessageOf<'task.status'>, 'type' | 're'>;

/**
 * Reads what a node sent. Errors: PROTOCOL_MALFORMED for what no node of this protocol sends; UNKNOWN_TYPE for a type
 * that is not known here, which a client ignores.
 */
export function parseNodeMessage(value: unknown): NodeMessage {
  const type: unknown = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  if (typeof type !== 'string')
    throw new OperatingError('PROTOCOL_MALFORMED', 'The node sent something that is no message.');
  if (!Object.hasOwn(NODE_MESSAGES, type))
    throw new OperatingError('UNKNOWN_TYPE', `The node sent a message of the unknown type ${type}.`);
  const schema = NODE_MESSAGES[type as NodeMessageType] as z.ZodType<NodeMessage>;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = issuesOf(parsed.error);
  throw new OperatingError('PROTOCOL_MALFORMED', `The node sent a ${type} that is not valid: ${summaryOf(issues)}.`, {
    details: { issues },
  });
}
