/** What an agent says of the topics that it hears of: in `on` of `defineAgent`. */
import { OperatingError } from '../../protocol/errors.ts';
import { type Issue, issuesOf } from '../../protocol/issues.ts';
import { type SubscriptionRequest, subscriptionSchema } from '../../protocol/subscription.ts';
import { rowOf, templatesOf } from './subscription-row.ts';

/** What an agent does with a message of a topic. In templates `input` is the message: `id`, `topic`, `at`, `data`. */
export type TopicHandler = Pick<
  SubscriptionRequest,
  'key' | 'event' | 'backlogMax' | 'whenFull' | 'keepMs' | 'tasksMax'
> & {
  /** The input of the task, a template. Default: the data of the message. */
  readonly input?: unknown;
};

/** The agent that hears. */
export interface Hearer {
  readonly name: string;
  readonly keyed?: boolean;
  readonly on?: Readonly<Record<string, TopicHandler>>;
}

/** The subscriptions of an agent, by their names. */
export function subscriptionsOf({ name, keyed = false, on = {} }: Hearer): ReadonlyMap<string, SubscriptionRequest> {
  return new Map(
    Object.entries(on).map(([topic, handler]) => [`on:${name}:${topic}`, requestOf(name, keyed, topic, handler)]),
  );
}

/** What is wrong with what an agent says of topics. */
export function hearingFaults({ name, keyed = false, on = {} }: Hearer): readonly string[] {
  return Object.entries(on).flatMap(([topic, handler]) => {
    const { error } = subscriptionSchema.safeParse(requestOf(name, keyed, topic, handler));
    const faults = error === undefined ? [] : issuesOf(error);
    if (keyed && handler.input !== undefined)
      faults.push({ path: 'input', message: 'a keyed agent gets the message as an event' });
    if (faults.length === 0) faults.push(...templateFaults(requestOf(name, keyed, topic, handler)));
    return faults.map(
      ({ path, message }) => `\`on\` for ${JSON.stringify(topic)}: ${path === '' ? '' : `${path}: `}${message}`,
    );
  });
}

function templateFaults(request: SubscriptionRequest): Issue[] {
  try {
    templatesOf(rowOf(request, { principal: '', source: 'code', createdAtMs: 0 }));
    return [];
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    return [{ path: '', message: error.message }];
  }
}

function requestOf(
  name: string,
  keyed: boolean,
  topic: string,
  { input, ...handler }: TopicHandler,
): SubscriptionRequest {
  const target = keyed ? { agent: name } : { task: { agent: name, ...(input !== undefined && { input }) } };
  return { topic, ...target, ...handler };
}
