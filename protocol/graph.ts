/**
 * A workflow as data: what it may say and within which bounds. Shape only: whether the steps, expressions and targets
 * that it names exist, whether it has a cycle, and what this version can run is for the workflow room to judge.
 *
 * Unlike messages, a graph is a program: a field that is not known here is refused, since leaving it out would run
 * something else than what was written.
 */
// tidy-allow exports: the schema of a graph, and the types and readers made of it, change together
import { z } from 'zod';
import { capabilityField } from './capabilities.ts';
import { OperatingError } from './errors.ts';
import { budgetFields } from './budget-fields.ts';
import { nameField, referenceField, stepIdField, whole, words } from './fields.ts';
import { LIMITS } from './limits.ts';
import { isEventName, isVersion } from './names.ts';
import { stepSelectSchema } from './selection.ts';

const TARGETS = ['agent', 'capability', 'workflow'] as const;
const MERGE = /^(?:all|any|quorum|reduce|first:[1-9]\d{0,4})$/;
const BACKOFF_FACTOR_MAX = 100;

/** What an inline graph is called where it does not say. */
const INLINE_NAME = 'inline';
const INLINE_VERSION = '0.0.0';

const template = z.unknown();
const expression = words(LIMITS.expressionCharactersMax);
const description = z.string().max(LIMITS.descriptionCharactersMax).exactOptional();
const versionField = z.string().refine(isVersion, { error: 'expected a semantic version, such as 1.0.0' });
const timeoutMs = whole(1, LIMITS.durationMaxMs).exactOptional();

const retry = z
  .strictObject({
    attempts: whole(1, LIMITS.attemptsMax).exactOptional(),
    backoffMs: whole(0, LIMITS.durationMaxMs).exactOptional(),
    factor: z.number().min(1).max(BACKOFF_FACTOR_MAX).exactOptional(),
    maxBackoffMs: whole(0, LIMITS.durationMaxMs).exactOptional(),
    jitter: z.boolean().exactOptional(),
  })
  .exactOptional();

const callFields = {
  agent: referenceField.exactOptional(),
  capability: capabilityField.exactOptional(),
  workflow: referenceField.exactOptional(),
  input: template.exactOptional(),
  timeoutMs,
  retry,
};

const budget = z.strictObject(budgetFields).exactOptional();

function targetsOf(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return TARGETS.filter((target) => Object.hasOwn(value, target));
}

/** Runs beside the other checks, so that all faults are told at once. */
const always = { when: () => true };

const oneTarget = z.refine((call: unknown) => typeof call !== 'object' || targetsOf(call).length === 1, {
  ...always,
  error: 'expected exactly one of agent, capability, workflow',
});

const call = z.strictObject(callFields).check(oneTarget);
const calls = z.array(call).min(1).max(LIMITS.fallbacksMax);

/** What `merge: reduce` folds the outputs of the items with. */
const reduce = z.strictObject({ initial: template.exactOptional(), with: expression });

/** A workflow that is started, as a task of its own, when this one has completed. */
const next = z.strictObject({
  workflow: referenceField,
  input: template.exactOptional(),
  when: expression.exactOptional(),
});

/** The name may be a template; what it comes to is judged when it is known. */
const signalName = words(LIMITS.expressionCharactersMax).refine((text) => text.includes('${') || isEventName(text), {
  error: `expected the name of a signal: 1 to ${LIMITS.nameCharactersMax} printable characters, and not xstate. in front`,
});

/** What an approval waits for; the same for a workflow's step and for what agents ask for. */
export const approvalSchema = z
  .strictObject({
    role: words(LIMITS.nameCharactersMax).exactOptional(),
    deadlineMs: whole(1, LIMITS.durationMaxMs).exactOptional(),
    onExpire: z.enum(['approve', 'reject', 'fail']).exactOptional(),
    escalate: z
      .array(z.strictObject({ afterMs: whole(1, LIMITS.durationMaxMs), role: words(LIMITS.nameCharactersMax) }))
      .min(1)
      .max(LIMITS.approvalEscalationsMax)
      .exactOptional(),
    /** What the person reads: a text, with `${…}` in a workflow. */
    message: words(LIMITS.commentCharactersMax).exactOptional(),
  })
  .check(
    z.refine(({ escalate = [] }) => escalate.every(({ afterMs }, at) => afterMs > (escalate[at - 1]?.afterMs ?? 0)), {
      path: ['escalate'],
      error: 'expected each afterMs to be later than the one before',
    }),
    z.refine(({ escalate = [], deadlineMs = Infinity }) => escalate.every(({ afterMs }) => afterMs < deadlineMs), {
      path: ['escalate'],
      error: 'expected every afterMs to be before deadlineMs',
    }),
    z.refine(({ onExpire, deadlineMs }) => onExpire === undefined || deadlineMs !== undefined, {
      path: ['onExpire'],
      error: 'means nothing without a deadlineMs',
    }),
  );

const step = z
  .strictObject({
    id: stepIdField,
    description,
    ...callFields,
    needs: z.array(stepIdField).max(LIMITS.stepNeedsMax).exactOptional(),
    when: expression.exactOptional(),
    else: stepIdField.exactOptional(),
    forEach: z
      .union([expression, z.array(template).max(LIMITS.forEachItemsMax)], {
        error: `expected an expression, or a list of at most ${LIMITS.forEachItemsMax} items`,
      })
      .exactOptional(),
    concurrency: whole(1, LIMITS.stepConcurrencyMax).exactOptional(),
    merge: z.string().regex(MERGE, { error: 'expected all, any, first:N, quorum or reduce' }).exactOptional(),
    reduce: reduce.exactOptional(),
    loop: z.strictObject({ while: expression, max: whole(1, LIMITS.loopRoundsMax) }).exactOptional(),
    approval: approvalSchema.exactOptional(),
    signal: z
      .strictObject({
        name: signalName,
        deadlineMs: whole(1, LIMITS.durationMaxMs).exactOptional(),
        onExpire: z.enum(['fail', 'continue']).exactOptional(),
      })
      .exactOptional(),
    fallback: z.union([call, calls]).exactOptional(),
    compensate: call.exactOptional(),
    optional: z.boolean().exactOptional(),
    cache: z
      .union([z.boolean(), z.strictObject({ ttlMs: whole(1, LIMITS.durationMaxMs).exactOptional() })], {
        error: 'expected true, false or { ttlMs }',
      })
      .exactOptional(),
    budget,
    delayMs: whole(0, LIMITS.durationMaxMs).exactOptional(),
    select: stepSelectSchema.exactOptional(),
  })
  .check(
    z.refine((value: unknown) => hasWork(value), {
      ...always,
      error: 'expected exactly one of agent, capability, workflow; or an approval, a signal or a delay alone',
    }),
    z.refine((value: unknown) => canChoose(value), {
      ...always,
      error: 'select goes with a capability: there is nothing to choose from otherwise',
    }),
  );

function canChoose(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'select')) return true;
  return Object.hasOwn(value, 'capability');
}

const WAITS = ['approval', 'signal', 'delayMs'] as const;

/** A step has one target, or is a wait without one. */
function hasWork(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  const count = targetsOf(value).length;
  return count === 1 || (count === 0 && WAITS.some((wait) => Object.hasOwn(value, wait)));
}

const graphFields = {
  name: nameField,
  version: versionField,
  description,
  budget,
  steps: z.array(step).min(1).max(LIMITS.workflowStepsMax),
  output: template.exactOptional(),
  // oxlint-disable-next-line unicorn/no-thenable -- a list of what follows, and never a function
  then: z.array(next).max(LIMITS.workflowNextMax).exactOptional(),
  compensationMs: whole(1, LIMITS.durationMaxMs).exactOptional(),
  onNewVersion: z.enum(['keep', 'drain', 'migrate']).exactOptional(),
};

/** The shape of a workflow that is kept under its name. */
export const graphSchema = z.strictObject(graphFields);

const inlineSchema = z.strictObject({
  ...graphFields,
  name: nameField.default(INLINE_NAME),
  version: versionField.default(INLINE_VERSION),
});

export type WorkflowGraph = z.infer<typeof graphSchema>;
export type WorkflowStep = WorkflowGraph['steps'][number];
/** A call beside a step's own: its fallback, or what undoes it. */
export type WorkflowCall = z.infer<typeof call>;
/** What follows a workflow. */
export type WorkflowNext = z.infer<typeof next>;

/** The calls that a step falls back to, in their order. */
export function fallbacksOf({ fallback }: Pick<WorkflowStep, 'fallback'>): readonly WorkflowCall[] {
  if (fallback === undefined) return [];
  return isList(fallback) ? fallback : [fallback];
}

/**
 * Reads a workflow that is to be kept. Errors: WORKFLOW_INVALID; `details.issues` lists every fault of the shape as
 * {code: `VALUE`, at, message}, where `at` is a JSON pointer such as `/steps/2/when`.
 */
export function parseGraph(value: unknown): WorkflowGraph {
  return read(graphSchema, value);
}

/** Reads a workflow that came with a submission: it may leave out its name and version. Errors: as `parseGraph`. */
export function parseInlineGraph(value: unknown): WorkflowGraph {
  return read(inlineSchema, value);
}

function read(schema: z.ZodType<WorkflowGraph>, value: unknown): WorkflowGraph {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues
    .flatMap((issue) => branchIssues(issue))
    .slice(0, LIMITS.issuesMax)
    .map((issue) => ({
      code: 'VALUE',
      at: issue.path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
      message: issue.message,
    }));
  const [first] = issues;
  const more = issues.length > 1 ? ` And ${issues.length - 1} more: see details.issues.` : '';
  const message = `The workflow graph is not valid. At ${first?.at || 'the top'}: ${first?.message ?? ''}.${more}`;
  throw new OperatingError('WORKFLOW_INVALID', message, { details: { issues } });
}

/** What is wrong with a value that may be one thing or another: where it is plainly meant as one of them, its faults as that. */
function branchIssues(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union' || issue.message !== UNION_MESSAGE) return [issue];
  const meant = issue.errors.filter(
    (issues) => !issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0),
  );
  const [only] = meant;
  if (only === undefined || meant.length > 1) return [issue];
  return only.flatMap((inner) => branchIssues({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** What the library says where nobody has said more. */
const UNION_MESSAGE = 'Invalid input';

function isList<T extends object>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
