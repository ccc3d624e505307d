/** The fields of a budget, wherever one is given: with a task, a workflow, a step. */
import { z } from 'zod';
import { whole } from './fields.ts';
import { LIMITS } from './limits.ts';
import { BUDGET_POLICIES } from './tasks.ts';

/** What may be used up at most, and what is done at the limit. */
export const budgetFields = {
  usd: z.number().min(0).max(LIMITS.budgetUsdMax).exactOptional(),
  tokens: whole(0).exactOptional(),
  steps: whole(0).exactOptional(),
  timeMs: whole(0, LIMITS.durationMaxMs).exactOptional(),
  onExceed: z.array(z.enum(BUDGET_POLICIES)).min(1).max(BUDGET_POLICIES.length).exactOptional(),
};
