/** The shapes of the routes about plans and their templates. */
import { z } from 'zod';
import { referenceField, words } from '../protocol/fields.ts';
import { LIMITS } from '../protocol/limits.ts';
import { planTemplateSchema } from '../protocol/plan-template.ts';
import { named, pageEnd, said } from './schema-words.ts';

const text = z.string();
const count = z.number().min(0);
const range = z.object({ p50: count, p90: count });
const free = z.looseObject({});

const estimate = named(
  'PlanEstimate',
  z.object({
    durationMs: range,
    usd: range,
    tokens: range,
    runs: said('Runs of agents, with those of all items.', count),
    failureShare: said('The share of runs in which it is expected to fail.', count),
  }),
);

/** What they answer. */
export const PLAN_ANSWERS = Object.freeze({
  plan: named(
    'Plan',
    z.looseObject({
      source: z.enum(['template', 'model', 'workflow', 'graph']),
      graph: said('What would run.', free),
      input: z.unknown(),
      analysis: z.object({
        steps: count,
        levels: said('Steps that may run side by side, level by level.', z.array(z.array(text))),
        width: count,
        criticalPath: said('The chain of steps that takes longest.', z.array(text)),
        unusedOutputs: z.array(text),
      }),
      estimate,
      steps: z.array(
        z.object({
          step: text,
          agents: z.array(text),
          items: count,
          attempts: count,
          durationMs: range,
          usd: range,
          tokens: range,
          basis: said('What the figures are from.', text),
          samples: count,
        }),
      ),
      assumptions: z.array(text),
    }),
  ),
  template: named('PlanTemplate', z.looseObject({ name: text, version: text, type: text, goals: z.array(text) })),
  templates: named('PlanTemplatePage', z.object({ templates: z.array(free), cursor: pageEnd })),
});

const question = z
  .object({
    goal: words(LIMITS.goalCharactersMax).exactOptional(),
    workflow: referenceField.exactOptional(),
    graph: free.exactOptional(),
    input: z.unknown().exactOptional(),
  })
  .refine(({ goal, workflow, graph }) => [goal, workflow, graph].filter((one) => one !== undefined).length === 1, {
    error: 'expected exactly one of goal, workflow and graph',
  });

/** What they take. */
export const PLAN_ASKS = Object.freeze({ question: named('PlanQuestion', question), template: planTemplateSchema });
