/** A durable subscription as the node keeps it, and what is made of its templates. */
import { OperatingError } from '../../protocol/errors.ts';
import { isActorKey } from '../../protocol/ids.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { SubscriptionRequest } from '../../protocol/subscription.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { packState, unpackState } from '../../runtime/state-codec.ts';
import type { Principal } from '../desk.ts';
import { compileTemplate, type Template } from '../workflow/template.ts';

/** A subscription with all that it leaves to the node. */
export interface SubscriptionRow extends SubscriptionRequest {
  readonly backlogMax: number;
  readonly whenFull: 'refuse' | 'drop-oldest';
  readonly keepMs: number;
  readonly tasksMax: number;
  /** Whose the tasks are that it starts. */
  readonly principal: Principal;
  /** `code`: declared at each start of the node, by the agent that `declaredBy` names or by whoever embeds the node. */
  readonly source: 'request' | 'code';
  readonly declaredBy?: string;
  readonly createdAtMs: number;
}

/** A message of a topic. */
export interface TopicMessage {
  readonly id: string;
  readonly topic: string;
  /** ms since the epoch. */
  readonly atMs: number;
  /** Its data, packed: whoever gets it gets a copy of its own. */
  readonly body: Uint8Array;
}

/** What a row's templates make of a message. */
export interface RowTemplates {
  /** Errors: INVALID_INPUT for what is no key. */
  keyOf(message: TopicMessage): string;
  /** The input of the task. Errors: INVALID_INPUT. */
  inputOf(message: TopicMessage): unknown;
}

/** The type of the event that an agent gets, where none is given. */
const EVENT = 'topic.message';

/** Fills in what a request leaves open. */
export function rowOf(
  request: SubscriptionRequest,
  of: Pick<SubscriptionRow, 'principal' | 'source' | 'createdAtMs' | 'declaredBy'>,
): SubscriptionRow {
  return {
    backlogMax: LIMITS.backlogDefault,
    whenFull: 'refuse',
    keepMs: LIMITS.backlogKeptMs,
    tasksMax: LIMITS.subscriptionTasksDefault,
    ...request,
    ...of,
  };
}

/** Whether two rows say the same, whoever said it and when. */
export function isSame(one: SubscriptionRow, other: SubscriptionRow): boolean {
  const of = ({ createdAtMs: _at, source: _source, principal: _by, ...says }: SubscriptionRow): string =>
    Buffer.from(packState(Object.fromEntries(Object.entries(says).toSorted(([a], [b]) => (a < b ? -1 : 1))))).toString(
      'base64',
    );
  return of(one) === of(other);
}

const compiled = new WeakMap<SubscriptionRow, RowTemplates>();

/** The templates of a row, compiled once. Errors: INVALID_INPUT, with the place. */
export function templatesOf(row: SubscriptionRow): RowTemplates {
  let known = compiled.get(row);
  if (known === undefined) compiled.set(row, (known = compile(row)));
  return known;
}

/** The data of a message. */
export function dataOf({ body }: TopicMessage): unknown {
  return unpackState(body);
}

/** A message as the event that an actor of a keyed agent gets. */
export function eventOf(row: SubscriptionRow, message: TopicMessage): ActorEvent {
  const { id, topic, atMs } = message;
  const data = dataOf(message);
  return { type: row.event ?? EVENT, topic, message: id, at: atMs, ...(data !== undefined && { data }) };
}

/** The message in such an event; undefined for any other. */
export function messageIn(event: ActorEvent | undefined): TopicMessage | undefined {
  const { topic, message: id, at: atMs, data, event: inner } = event ?? { type: '' };
  if (typeof topic === 'string' && typeof id === 'string' && typeof atMs === 'number')
    return { id, topic, atMs, body: packState(data) };
  // As a coordinator gets it.
  return event?.type === 'mediate' ? messageIn(inner as ActorEvent | undefined) : undefined;
}

function compile(row: SubscriptionRow): RowTemplates {
  const key = checked(compileTemplate(row.key ?? '', '/key'), '/key');
  const given = row.task?.input;
  const input = given === undefined ? undefined : checked(compileTemplate(given, '/task/input'), '/task/input');
  return {
    keyOf: (message) => {
      const made = key.evaluate(scopeOf(message));
      const text = typeof made === 'number' ? String(made) : made;
      if (isActorKey(text)) return text;
      throw new OperatingError(
        'INVALID_INPUT',
        `The key of the subscription is no key for this message: it must be text or a number, 1 to ${LIMITS.actorKeyCharactersMax} characters.`,
        { details: { at: '/key' } },
      );
    },
    inputOf: (message) => (input === undefined ? dataOf(message) : input.evaluate(scopeOf(message))),
  };
}

function checked(template: Template, at: string): Template {
  const { steps, item, index } = template.references;
  if (steps.length === 0 && !item && !index) return template;
  throw new OperatingError('INVALID_INPUT', `The template at ${at} reads more than \`input\`, which is the message.`, {
    details: { at },
  });
}

function scopeOf(message: TopicMessage): { readonly input: unknown } {
  const { id, topic, atMs } = message;
  return { input: { id, topic, at: atMs, data: dataOf(message) ?? null } };
}
