/**
 * A durable subscription as users give it: which topics, and what a message does: wake an actor of a keyed agent, or start a task.
 * Strings of `key` and `input` are templates (docs/workflows.md) in which `input` is the message.
 */
import { z } from 'zod';
import { taskOptionsSchema } from './client-messages.ts';
import { eventNameField, nameField, referenceField, whole, words } from './fields.ts';
import { LIMITS } from './limits.ts';
import { topicPatternField } from './topic-fields.ts';

const TARGETS = ['agent', 'capability', 'workflow', 'graph'] as const;

const task = z
  .object({
    agent: referenceField.exactOptional(),
    capability: nameField.exactOptional(),
    workflow: referenceField.exactOptional(),
    graph: z.record(z.string(), z.unknown()).exactOptional(),
    input: z.unknown().exactOptional(),
    options: taskOptionsSchema.omit({ labels: true }).exactOptional(),
  })
  .refine((given) => TARGETS.filter((target) => given[target] !== undefined).length === 1, {
    error: `expected exactly one of ${TARGETS.join(', ')}`,
  });

/** What a subscription says beside its name. */
export const subscriptionSchema = z
  .object({
    topic: topicPatternField,
    agent: nameField.exactOptional(),
    key: words(LIMITS.expressionCharactersMax).exactOptional(),
    event: eventNameField.exactOptional(),
    task: task.exactOptional(),
    backlogMax: whole(1, LIMITS.backlogMax).exactOptional(),
    whenFull: z.enum(['refuse', 'drop-oldest']).exactOptional(),
    keepMs: whole(1, LIMITS.durationMaxMs).exactOptional(),
    tasksMax: whole(1, LIMITS.subscriptionTasksMax).exactOptional(),
  })
  .refine(({ agent, task: started }) => (agent === undefined) !== (started === undefined), {
    error: 'expected either `agent`, whose actor a message wakes, or `task`, which it starts',
  })
  .refine(({ agent, key }) => (agent === undefined) === (key === undefined), {
    error: '`key` says which actor of `agent` a message wakes: give both, or neither',
    path: ['key'],
  })
  .refine(({ agent, event }) => agent !== undefined || event === undefined, {
    error: '`event` is the type of the event that an `agent` gets',
    path: ['event'],
  })
  .refine(({ task: started, tasksMax }) => started !== undefined || tasksMax === undefined, {
    error: '`tasksMax` bounds the tasks that a subscription starts',
    path: ['tasksMax'],
  });

/** A subscription as it is given. */
export type SubscriptionRequest = z.infer<typeof subscriptionSchema>;
