/**
 * What a client may send, type by type. Fields that are not named here are ignored; a field that is named and wrong is
 * refused. Shapes only: whether a task exists, whether a version has a feature, who may do what is decided elsewhere.
 */
import { z } from 'zod';
import { budgetFields } from './budget-fields.ts';
import { capabilityField, rangeField } from './capabilities.ts';
import { actorKeyField, eventNameField, labelsField, referenceField, whole, words } from './fields.ts';
import { LIMITS } from './limits.ts';
import { taskSelectSchema } from './selection.ts';
import { TASK_STATUSES } from './tasks.ts';
import { topicField as topic, topicPatternField as topicPattern } from './topic-fields.ts';

const anyId = words(LIMITS.idCharactersMax);
const anything = z.unknown();
const plainObject = z.record(z.string(), z.unknown());
const stateName = words(LIMITS.stateNameCharactersMax);
const cursor = words(LIMITS.cursorCharactersMax).exactOptional();
const limit = whole(1, LIMITS.listMax).exactOptional();

/** Events reach a machine as {type, …}: the type must not be one of the machine's own. */
const event = z.looseObject({ type: eventNameField });

const signalData = plainObject.refine((data) => !Object.hasOwn(data, 'type'), {
  error: 'must not have a field type: the name of the signal is the type of the event',
});

const TARGETS = ['agent', 'capability', 'workflow', 'graph', 'goal'] as const;

/** How a task is to be done. */
export const taskOptionsSchema = z.object({
  priority: whole(0, 9).exactOptional(),
  deadlineMs: whole(1, LIMITS.durationMaxMs).exactOptional(),
  budget: z.object(budgetFields).exactOptional(),
  labels: labelsField.exactOptional(),
  cache: z.boolean().exactOptional(),
  select: taskSelectSchema.exactOptional(),
});

const requestFields = {
  agent: referenceField.exactOptional(),
  capability: capabilityField.exactOptional(),
  workflow: referenceField.exactOptional(),
  graph: plainObject.exactOptional(),
  goal: words(LIMITS.goalCharactersMax).exactOptional(),
  input: anything.exactOptional(),
  key: words(LIMITS.idempotencyKeyCharactersMax).exactOptional(),
  options: taskOptionsSchema.exactOptional(),
};

/** Runs beside the other checks, so that all faults are told at once. */
const oneTarget = z.refine((request: unknown) => targetsOf(request).length === 1, {
  when: () => true,
  error: ({ input }) =>
    `expected exactly one of ${TARGETS.join(', ')}; found ${targetsOf(input).join(' and ') || 'none'}`,
});

function targetsOf(request: unknown): readonly string[] {
  return TARGETS.filter((target) => typeof request === 'object' && request !== null && Object.hasOwn(request, target));
}

/** What is asked of a task, whichever door it comes through: the fields of `task.submit` without those of the socket. */
export const taskRequestSchema = z.object(requestFields).check(oneTarget);
export type TaskRequest = z.infer<typeof taskRequestSchema>;

function message<Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) {
  return z.object({ type: z.literal(type), id: anyId.exactOptional(), ...fields });
}

/** The schema of every message that a client may send, by its type. */
export const CLIENT_MESSAGES = Object.freeze({
  auth: message('auth', { token: words(LIMITS.tokenCharactersMax) }),
  ping: message('ping', {}),
  'task.submit': message('task.submit', {
    ...requestFields,
    watch: z.literal(['events', 'result', false]).exactOptional(),
  }).check(oneTarget),
  'task.get': message('task.get', { task: anyId }),
  'task.list': message('task.list', {
    status: z.enum(TASK_STATUSES).exactOptional(),
    labels: labelsField.exactOptional(),
    cursor,
    limit,
  }),
  'task.cancel': message('task.cancel', { task: anyId, reason: words(LIMITS.commentCharactersMax).exactOptional() }),
  'task.watch': message('task.watch', { task: anyId, after: whole(0).exactOptional() }),
  'task.unwatch': message('task.unwatch', { task: anyId }),
  'task.signal': message('task.signal', { task: anyId, name: eventNameField, data: signalData.exactOptional() }),
  'approval.resolve': message('approval.resolve', {
    approval: anyId,
    decision: z.enum(['approve', 'reject']),
    comment: words(LIMITS.commentCharactersMax).exactOptional(),
  }),
  'agent.list': message('agent.list', {
    capability: capabilityField.exactOptional(),
    version: rangeField.exactOptional(),
    cursor,
    limit,
  }),
  'agent.tell': message('agent.tell', { agent: referenceField, key: actorKeyField, event }),
  'agent.ask': message('agent.ask', {
    agent: referenceField,
    key: actorKeyField,
    event,
    timeoutMs: whole(1, LIMITS.askTimeoutMaxMs).exactOptional(),
  }),
  'topic.subscribe': message('topic.subscribe', { topic: topicPattern }),
  'topic.unsubscribe': message('topic.unsubscribe', { topic: topicPattern }),
  'topic.publish': message('topic.publish', {
    topic,
    data: anything.exactOptional(),
    key: words(LIMITS.idempotencyKeyCharactersMax).exactOptional(),
  }),
  'state.get': message('state.get', { scope: stateName, name: stateName }),
  'state.set': message('state.set', {
    scope: stateName,
    name: stateName,
    value: anything,
    ifVersion: whole(0).exactOptional(),
  }),
  'state.watch': message('state.watch', { scope: stateName, name: stateName }),
});

export type ClientMessageType = keyof typeof CLIENT_MESSAGES;
/** A message of one type, as it is after parsing. */
export type ClientMessageOf<Type extends ClientMessageType> = z.infer<(typeof CLIENT_MESSAGES)[Type]>;
/** Any message that a client may send. */
export type ClientMessage = { [Type in ClientMessageType]: ClientMessageOf<Type> }[ClientMessageType];
