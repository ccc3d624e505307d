/** The shapes of what the routes of messages take and answer: topics, subscriptions, groups, broadcasts, dead letters. */
import { z } from 'zod';
import { actorKeyField, eventNameField, nameField, words } from '../protocol/fields.ts';
import { LIMITS } from '../protocol/limits.ts';
import { subscriptionSchema } from '../protocol/subscription.ts';
import { topicField } from '../protocol/topic-fields.ts';
import { isCoordinator } from '../actors/coordinator.ts';
import { ASKS, REST_REGISTRY } from './rest-schemas.ts';

function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  REST_REGISTRY.add(schema, { id });
  return schema;
}

function said<Schema extends z.ZodType>(description: string, schema: Schema): Schema {
  REST_REGISTRY.add(schema, { description });
  return schema;
}

const text = z.string();
const count = z.int().min(0);
const cursor = said('Give it as `cursor` for the next page; null on the last.', text.nullable());
const member = z.object({ agent: text, key: text });
const via = said('The coordinator that messages go to: `NAME` or `NAME/KEY` of a keyed agent.', text);

/** Characters of the name of a subscription, the longest being those of agents: `on:AGENT:TOPIC`. */
const SUBSCRIPTION_CHARACTERS_MAX = LIMITS.nameCharactersMax + LIMITS.topicCharactersMax + 'on::'.length;

const subscription = named(
  'Subscription',
  z.looseObject({
    subscription: said('Its name.', text),
    topic: text,
    source: said('`code`: declared by an agent, or by whoever embeds the node.', z.enum(['request', 'code'])),
    state: said(
      '`waiting`: the next message cannot be taken now. Only of one that is asked for by its name.',
      text,
    ).exactOptional(),
    waiting: said('Messages that wait.', count),
    handed: said('Messages that were handed over.', count).exactOptional(),
    dropped: said('Messages that became dead letters.', count).exactOptional(),
    tasks: said('Tasks that it started and that have not ended.', count).exactOptional(),
    lastError: z.object({ code: text, message: text }).exactOptional(),
  }),
);
const group = named('Group', z.object({ group: text, members: z.array(member), via: via.exactOptional() }));

/** What the routes of messages answer. */
export const MESSAGE_ANSWERS = Object.freeze({
  published: named(
    'Published',
    z.object({
      message: said('Its id.', text),
      topic: text,
      subscriptions: said('Durable subscriptions that have it.', count),
      duplicate: said('It had been published under the same key.', z.boolean()),
    }),
  ),
  subscription,
  subscriptionPage: named('SubscriptionPage', z.object({ subscriptions: z.array(subscription), cursor })),
  subscriptionRemoved: named(
    'SubscriptionRemoved',
    z.object({ subscription: text, removed: z.boolean(), waiting: said('Messages that waited, and are gone.', count) }),
  ),
  group,
  groupPage: named(
    'GroupPage',
    z.object({ groups: z.array(z.object({ group: text, members: count, via: via.exactOptional() })), cursor }),
  ),
  groupRemoved: named('GroupRemoved', z.object({ group: text, removed: z.boolean() })),
  told: named(
    'Told',
    z.object({
      delivered: said('Actors that have the message.', count),
      refused: said(
        'Actors that could not take it, the first 100.',
        z.array(z.looseObject({ ...member.shape, code: text })),
      ),
    }),
  ),
  deadLetterPage: named(
    'DeadLetterPage',
    z.object({
      deadLetters: z.array(
        z.looseObject({
          seq: count,
          at: said('ms since the epoch.', z.number()),
          reason: text,
          to: said('The address that it was for.', text),
          from: text.exactOptional(),
          type: said('The type of the event.', text).exactOptional(),
          bytes: count,
        }),
      ),
      cursor,
    }),
  ),
});

const event = z.looseObject({ type: eventNameField });
const groupName = z.object({ group: nameField });

/** What the routes of messages take. */
export const MESSAGE_ASKS = Object.freeze({
  topic: z.object({ topic: topicField }),
  data: said('The data of the message: any JSON, or nothing.', z.unknown()),
  subscriptionName: z.object({ name: words(SUBSCRIPTION_CHARACTERS_MAX) }),
  newName: z.object({ name: nameField }),
  subscription: named('SubscriptionRequest', subscriptionSchema),
  newSubscription: said(
    'A subscription, with a `name` of its own or without one.',
    z.object({ name: nameField.exactOptional() }).and(subscriptionSchema),
  ),
  groupName,
  group: z.object({
    via: via.refine(isCoordinator, { error: 'expected NAME or NAME/KEY of a keyed agent' }).nullable().exactOptional(),
  }),
  member: named('GroupMember', z.object({ agent: nameField, key: actorKeyField })),
  groupMember: groupName.extend({ agent: nameField, key: actorKeyField }),
  broadcast: named(
    'Broadcast',
    z
      .object({
        group: nameField.exactOptional(),
        capability: nameField.exactOptional(),
        key: actorKeyField.exactOptional(),
        event,
      })
      .refine(
        ({ group: to, capability, key }) => (to === undefined) === (capability !== undefined && key !== undefined),
        {
          error: 'expected `group`, or `capability` and `key`',
        },
      )
      .refine(({ group: to, capability, key }) => to === undefined || (capability === undefined && key === undefined), {
        error: '`group` says to whom: leave out `capability` and `key`',
      }),
  ),
  deadLetters: ASKS.page.extend({
    reason: said('Only those of this reason.', words(LIMITS.nameCharactersMax)).exactOptional(),
  }),
  publishHeaders: z.looseObject({
    'idempotency-key': said(
      'The same key with the same topic and data is published once in 24 hours; with others, IDEMPOTENCY_MISMATCH.',
      text.min(1).max(LIMITS.idempotencyKeyCharactersMax).exactOptional(),
    ),
  }),
});
