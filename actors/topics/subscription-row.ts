/** A durable subscription as the node keeps it, and what is made of its templates. */
import { OperatingError } from '../../protocol/errors.ts';
import { isActorKey } from '../../protocol/ids.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { SubscriptionRequest } from '../../protocol/subscription.ts';
import { packState } from '../../runtime/state-codec.ts';
import type { Principal } from '../desk.ts';
import { compileTemplate, type Template } from '../workflow/template.ts';
import { dataOf, type TopicMessage } from './topic-message.ts';

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

/** What a row's templates make of a message. */
interface RowTemplates {
  /** Errors: INVALID_INPUT for what is no key. */
  keyOf(message: TopicMessage): string;
  /** The input of the task. Errors: INVALID_INPUT. */
  inputOf(message: TopicMessage): unknown;
}

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
        `What the subscription makes of this message is no key: text or a number, 1 to ${LIMITS.actorKeyCharactersMax} characters.`,
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
