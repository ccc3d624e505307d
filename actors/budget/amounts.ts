/** Amounts of what budgets are in: money, tokens, attempts of steps, time. Never changed in place. */
import type { TaskBudget } from '../../protocol/tasks.ts';

/** So much of each. */
export interface Amounts {
  /** US dollars. */
  readonly usd: number;
  readonly tokens: number;
  readonly steps: number;
  readonly timeMs: number;
}

/** What a budget can be in. */
export type Dimension = keyof Amounts;

/** All of them, in the order in which they are told. */
export const DIMENSIONS: readonly Dimension[] = ['usd', 'tokens', 'steps', 'timeMs'];

/** Nothing of anything. */
export const NOTHING: Amounts = Object.freeze({ usd: 0, tokens: 0, steps: 0, timeMs: 0 });

/** Sums of dollars are whole billionths: 0.1 and 0.2 are 0.3. */
const USD_PARTS = 1_000_000_000;

/** `amounts` with so much more of one of them. */
export function plus<Some extends Partial<Amounts>>(amounts: Some, dimension: Dimension, more: number): Some {
  return { ...amounts, [dimension]: sum(dimension, amounts[dimension] ?? 0, more) };
}

/** The sum of two amounts of one kind. */
export function sum(dimension: Dimension, a: number, b: number): number {
  return dimension === 'usd' ? Math.round((a + b) * USD_PARTS) / USD_PARTS : a + b;
}

/** What a budget limits, without what it says of the limit; undefined where it limits nothing. */
export function limitOf(budget: TaskBudget | undefined): Partial<Amounts> | undefined {
  if (budget === undefined) return undefined;
  const limited = DIMENSIONS.filter((dimension) => budget[dimension] !== undefined);
  if (limited.length === 0) return undefined;
  return Object.fromEntries(limited.map((dimension) => [dimension, budget[dimension]]));
}

/** For people: `0.05 USD, 1000 tokens`. */
export function wordsOf(amounts: Partial<Amounts>): string {
  const words = DIMENSIONS.flatMap((dimension) => {
    const amount = amounts[dimension];
    return amount === undefined ? [] : [amountWords(dimension, amount)];
  });
  return words.join(', ');
}

/** For people: `0.05 USD`. */
function amountWords(dimension: Dimension, amount: number): string {
  if (dimension === 'usd') return `${sum('usd', amount, 0)} USD`;
  if (dimension === 'timeMs') return `${Math.round(amount)} ms`;
  const unit = dimension === 'tokens' ? 'token' : 'step';
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}
