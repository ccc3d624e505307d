/** What a task has used, for people: of its budget, where it has one. */
import type { TaskBudget, TaskUsage } from '../protocol/tasks.ts';

/** What a task may use at most. */
export type Budget = Omit<TaskBudget, 'onExceed' | 'timeMs'>;

/** `0.02 of 0.05 USD, 1200 tokens, 3 of 10 steps`; empty where nothing was used that anyone pays for, and nothing is limited. */
export function usageText(usage: TaskUsage | undefined, budget: Budget = {}): string {
  if (usage === undefined) return '';
  const { usd, tokensIn, tokensOut, steps } = usage;
  const part = (used: number, most: number | undefined, unit: string): readonly string[] => {
    if (used === 0 && most === undefined) return [];
    return [most === undefined ? `${used} ${unit}` : `${used} of ${most} ${unit}`];
  };
  return [
    ...part(usd, budget.usd, 'USD'),
    ...part(tokensIn + tokensOut, budget.tokens, 'tokens'),
    // Every task has steps: they are told where they are limited.
    ...(budget.steps === undefined ? [] : part(steps, budget.steps, 'steps')),
  ].join(', ');
}
