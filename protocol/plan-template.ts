/**
 * A plan template as data: goals in words that it is for, what must be found in them, and the workflow that reaches them. Shape
 * only: whether the workflow can run is for those who plan to judge.
 */
import { z } from 'zod';
import { OperatingError } from './errors.ts';
import { nameField, words } from './fields.ts';
import { graphSchema } from './graph.ts';
import { LIMITS } from './limits.ts';
import { isVersion } from './names.ts';

/** What a slot takes from a goal: a file's path, an address, a number, a list of words, or any words. */
export const SLOT_KINDS = ['path', 'url', 'number', 'list', 'text'] as const;
export type SlotKind = (typeof SLOT_KINDS)[number];

const SLOT_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const GOALS_MAX = 32;
const SLOTS_MAX = 16;

const slot = z.strictObject({
  kind: z.enum(SLOT_KINDS),
  description: z.string().max(LIMITS.descriptionCharactersMax).exactOptional(),
  /** What it is where the goal does not say. Without one the slot must be found, or given as input. */
  default: z.unknown().exactOptional(),
});

const template = z
  .strictObject({
    name: nameField,
    version: z.string().refine(isVersion, { error: 'expected a semantic version, such as 1.0.0' }),
    description: z.string().max(LIMITS.descriptionCharactersMax).exactOptional(),
    /** The kind of task, such as `data.analysis`. */
    type: nameField,
    /** How people say it: `analyse the data in {path}`, where `{path}` is a slot. */
    goals: z.array(words(LIMITS.expressionCharactersMax)).min(1).max(GOALS_MAX),
    slots: z
      .record(z.string().regex(SLOT_NAME, { error: 'expected a letter, then letters, digits or _' }), slot)
      .refine((slots) => Object.keys(slots).length <= SLOTS_MAX, { error: `at most ${SLOTS_MAX} slots` })
      .exactOptional(),
    /** Its `input` is the slots. */
    graph: graphSchema,
  })
  .superRefine(({ goals, slots = {} }, context) => {
    for (const [index, goal] of goals.entries()) {
      for (const name of slotsIn(goal)) {
        if (Object.hasOwn(slots, name)) continue;
        context.addIssue({ code: 'custom', path: ['goals', index], message: `{${name}} is not among the slots` });
      }
    }
  });

export type PlanTemplate = z.infer<typeof template>;

/** The names of the slots in a goal, in order. */
export function slotsIn(goal: string): readonly string[] {
  return [...goal.matchAll(/\{([A-Za-z][A-Za-z0-9_]{0,63})\}/g)].map(([, name = '']) => name);
}

/** The shape, for the description of routes. */
export const planTemplateSchema = template;

/** Reads a template. Errors: WORKFLOW_INVALID, with every fault of the shape in `details.issues`. */
export function parsePlanTemplate(value: unknown): PlanTemplate {
  const parsed = template.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, LIMITS.issuesMax).map(({ path, message }) => ({
    code: 'VALUE',
    at: path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    message,
  }));
  const [first] = issues;
  throw new OperatingError(
    'WORKFLOW_INVALID',
    `The plan template is not valid. At ${first?.at || 'the top'}: ${first?.message ?? ''}.`,
    { details: { issues } },
  );
}
