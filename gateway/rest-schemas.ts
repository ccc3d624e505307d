/**
 * The shapes of what the REST routes take and answer, for validation and for the OpenAPI document. What messages have too
 * is taken from the messages, so that the two doors cannot drift apart.
 */
import { z } from 'zod';
import { taskRequestSchema } from '../protocol/client-messages.ts';
import { CODES, type ErrorCode } from '../protocol/errors.ts';
import { eventNameField, labelsField } from '../protocol/fields.ts';
import { graphSchema } from '../protocol/graph.ts';
import { isLabelKey } from '../protocol/ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { NODE_MESSAGES } from '../protocol/node-messages.ts';
import { TASK_STATUSES } from '../protocol/tasks.ts';
import { CLUSTER_ANSWER } from './cluster-schemas.ts';
import { named, pageEnd, pageFields, said } from './schema-words.ts';

export { REST_REGISTRY } from './schema-words.ts';

/** Seconds that `?wait` holds a request at most; a larger number counts as this one. */
export const WAIT_SECONDS_MAX = 60;

const text = z.string();
const count = z.int().min(0);
const cursor = pageEnd;
const free = z.looseObject({});

const problem = named(
  'Problem',
  z.object({
    type: text,
    title: text,
    status: z.int(),
    detail: text,
    code: z.enum(Object.keys(CODES) as [ErrorCode, ...ErrorCode[]]),
    retryable: z.boolean(),
    retryAfterMs: z.number().exactOptional(),
    details: z.unknown().exactOptional(),
    instance: text.exactOptional(),
  }),
);
const task = named('Task', NODE_MESSAGES['task.status'].omit({ type: true, re: true }));
const result = named('TaskResult', NODE_MESSAGES['task.result'].omit({ type: true }));
const agent = named(
  'Agent',
  z.looseObject({
    name: text,
    version: text,
    description: text.exactOptional(),
    capabilities: z.array(text),
    form: z.enum(['function', 'machine']),
    keyed: z.boolean(),
    lint: said('What the definition linter found in its machine.', z.array(free)),
    input: said('A JSON Schema.', z.looseObject({})).exactOptional(),
    output: said('A JSON Schema.', z.looseObject({})).exactOptional(),
  }),
);
const workflow = named(
  'WorkflowEntry',
  z.object({
    name: text,
    version: text,
    description: text.exactOptional(),
    steps: z.array(text),
    source: z.enum(['bundled', 'registered']),
  }),
);

const moment = z.number().nullable();
const breaker = named(
  'Breaker',
  z.object({
    breaker: said('Its id: `agent:NAME`.', text),
    agent: text,
    supervisor: text,
    state: z.enum(['closed', 'half-open', 'open']),
    failures: said('Those that count now, or that opened it.', count),
    failuresMax: said('So many within `periodMs` open it.', count),
    periodMs: z.number(),
    opens: said('How often it has opened.', count),
    openedAt: said('When it last opened, in ms since the epoch.', moment),
    retryAt: said('When one call may try, while it is open.', moment),
    retryAfterMs: said('How long a call would have to wait, while it is not closed.', moment),
    closedAt: moment,
    probe: said('The actor that tries, while it is half-open.', text.nullable()),
    waiting: said('Steps that wait for it.', count),
    lastError: z.object({ code: text, message: text }).nullable(),
  }),
);

const EFFECT_STATES = ['unknown', 'resolved', 'abandoned', 'late'] as const;
const DECISIONS = ['done', 'failed', 'retry'] as const;
const errorBody = z.looseObject({ code: text, message: text.exactOptional() });
const effect = named(
  'Effect',
  z.looseObject({
    effect: said('Its id.', text),
    state: z.enum(EFFECT_STATES),
    task: text.exactOptional(),
    step: text.exactOptional(),
    item: count.exactOptional(),
    attempt: count.exactOptional(),
    agent: said('`name@version`.', text),
    name: said('The name the agent gave the call.', text),
    idempotencyKey: said('What the other side knows the call by.', text),
    since: said('ms since the epoch.', z.number()),
    why: text,
    input: z.unknown().exactOptional(),
    decision: z
      .looseObject({
        decision: z.enum(DECISIONS),
        by: said('Who said so: a principal, `probe`, or `the call itself`.', text),
        at: said('ms since the epoch.', z.number()),
        output: z.unknown().exactOptional(),
        error: errorBody.exactOptional(),
        comment: text.exactOptional(),
      })
      .exactOptional(),
  }),
);

/** What routes answer. */
export const ANSWERS = Object.freeze({
  problem,
  task,
  result,
  taskPage: named('TaskPage', z.object({ tasks: z.array(task), cursor })),
  accepted: named('TaskAccepted', z.object({ task: text, status: z.enum(TASK_STATUSES), duplicate: z.boolean() })),
  signaled: named('TaskSignaled', z.object({ task: text, signal: text })),
  agentPage: named('AgentPage', z.object({ agents: z.array(agent), cursor })),
  workflowPage: named('WorkflowPage', z.object({ workflows: z.array(workflow), cursor })),
  workflow: named('Workflow', z.looseObject({ name: text, version: text, steps: z.array(free) })),
  capsule: named('Capsule', z.looseObject({ id: text, actor: text, cause: text, summary: text, packed: text })),
  capsulePage: named(
    'QuarantinePage',
    z.object({
      quarantine: z.array(
        z.looseObject({
          id: text,
          at: count,
          actor: text,
          agent: text,
          cause: text,
          message: text,
          edited: z.boolean(),
        }),
      ),
      cursor,
    }),
  ),
  replayed: named(
    'CapsuleReplayed',
    z.looseObject({
      id: text,
      did: z.enum(['delivered', 'submitted']),
      actor: said('To whom it was delivered.', text.exactOptional()),
      task: said('The new task.', text.exactOptional()),
      replayOf: said('The task that failed.', text.exactOptional()),
      from: said('What the new task goes on from.', z.enum(['state', 'input']).exactOptional()),
    }),
  ),
  discarded: named('CapsuleDiscarded', z.object({ id: text, discarded: z.boolean() })),
  effect,
  checkpointPage: named(
    'CheckpointPage',
    z.object({
      checkpoints: z.array(z.object({ checkpoint: text, seq: count, at: count, actors: count, bytes: count })),
      cursor,
    }),
  ),
  checkpoint: named('Checkpoint', z.object({ task: text, checkpoint: text, actors: z.array(free) })),
  forked: named('Fork', z.object({ task: text, forkOf: text, checkpoint: text })),
  effectPage: named('EffectPage', z.object({ effects: z.array(effect), cursor })),
  supervisors: named('SupervisorPage', z.object({ supervisors: z.array(free), cursor })),
  breaker,
  breakerPage: named('BreakerPage', z.object({ breakers: z.array(breaker), cursor })),
  tree: named('TaskTree', z.looseObject({ task: text, actor: free.nullable(), actorCount: count, leftOut: count })),
  cluster: CLUSTER_ANSWER,
  health: named('Health', z.object({ status: text, node: text, version: text })),
});

/** `key:value`, once or several times. */
const labels = z
  .union([text, z.array(text)])
  .transform((given, context) => {
    const pairs = [given].flat().map(splitLabel);
    if (new Set(pairs.map(([key]) => key)).size === pairs.length && pairs.every(([key]) => isLabelKey(key))) {
      return Object.fromEntries(pairs);
    }
    context.addIssue('expected key:value, with each key once');
    return z.NEVER;
  })
  .pipe(labelsField);

/** In front of the name in the id of a breaker: `agent:`. */
const BREAKER_KIND_CHARACTERS = 6;

/** What routes take. */
export const ASKS = Object.freeze({
  id: z.object({ id: text.min(1).max(LIMITS.idCharactersMax) }),
  breaker: z.object({ id: text.min(1).max(LIMITS.nameCharactersMax + BREAKER_KIND_CHARACTERS) }),
  name: z.object({ name: text.min(1).max(LIMITS.nameCharactersMax + LIMITS.versionCharactersMax) }),
  signal: z.object({ id: text.min(1).max(LIMITS.idCharactersMax), name: eventNameField }),
  submission: named('TaskRequest', taskRequestSchema),
  submissionQuery: z.object({
    wait: said(
      `Seconds to wait for the result, at most ${WAIT_SECONDS_MAX}; without it the answer comes at once.`,
      z.coerce.number().min(0).exactOptional(),
    ),
  }),
  submissionHeaders: z.looseObject({
    'idempotency-key': said(
      'The same key with the same body gives the same task for 24 hours; with another body, IDEMPOTENCY_MISMATCH.',
      text.min(1).max(LIMITS.idempotencyKeyCharactersMax).exactOptional(),
    ),
  }),
  tasks: z.object({
    status: z.enum(TASK_STATUSES).exactOptional(),
    label: said('`key:value`; given several times, all must fit.', labels.exactOptional()),
    ...pageFields,
  }),
  cancellation: z.object({ reason: text.min(1).max(LIMITS.commentCharactersMax).exactOptional() }).optional(),
  signalBody: said(
    'The data of the signal: the body itself, or its field `data` where that is its only one and an object.',
    z.record(text, z.unknown()).optional(),
  ),
  capsuleEdit: z.union(
    [
      z.strictObject({ event: said('The event to give instead.', z.looseObject({ type: eventNameField })) }),
      z.strictObject({ input: said('The input of the task that a replay submits.', z.unknown()) }),
    ],
    { error: 'give `event` (an object with a `type`) or `input`, one of them' },
  ),
  events: z.object({ after: said('The last seq the reader has.', z.coerce.number().int().min(0).exactOptional()) }),
  eventsHeaders: z.looseObject({
    'last-event-id': said(
      'The same; it goes before `after`, since readers of the standard send it when they come back.',
      z.coerce.number().int().min(0).exactOptional(),
    ),
  }),
  effects: z.object({
    state: said('`unknown` where nothing is given: those that wait for a word.', z.enum(EFFECT_STATES).exactOptional()),
    ...pageFields,
  }),
  checkpoint: z.object({ id: text, checkpoint: text }),
  fork: z.object({ checkpoint: text }),
  effectDecision: named(
    'EffectDecision',
    z.object({
      decision: said(
        '`done`: it happened, and gave `output`. `failed`: with `error`. `retry`: it did not happen; make it, under the same key.',
        z.enum(DECISIONS),
      ),
      output: z.unknown().exactOptional(),
      error: z.object({ code: text, message: text.max(LIMITS.commentCharactersMax).exactOptional() }).exactOptional(),
      comment: text.min(1).max(LIMITS.commentCharactersMax).exactOptional(),
    }),
  ),
  page: z.object(pageFields),
  workflow: named('WorkflowGraph', graphSchema),
});

function splitLabel(pair: string): readonly [string, string] {
  const colon = pair.indexOf(':');
  return colon === -1 ? [pair, ''] : [pair.slice(0, colon), pair.slice(colon + 1)];
}
