/** What was used: the reports of runs, as rows beside the state of their step, and sums of them. */
import type { TaskUsage } from '../../protocol/tasks.ts';
import { sum } from './amounts.ts';

/** One report of a run: what it has used since the one before. */
export interface Spending {
  /** US dollars. */
  readonly usd?: number;
  readonly tokensIn?: number;
  readonly tokensOut?: number;
}

/** The sum of what two have used. */
export function addUsage(a: TaskUsage | undefined, b: Partial<TaskUsage>): TaskUsage {
  return {
    usd: sum('usd', a?.usd ?? 0, b.usd ?? 0),
    tokensIn: (a?.tokensIn ?? 0) + (b.tokensIn ?? 0),
    tokensOut: (a?.tokensOut ?? 0) + (b.tokensOut ?? 0),
    steps: (a?.steps ?? 0) + (b.steps ?? 0),
  };
}

/** What an attempt has reported by these rows; undefined where it has reported nothing. */
export function spentIn(rows: ReadonlyMap<string, unknown>, attempt: number): TaskUsage | undefined {
  const prefix = reportsOf(attempt);
  let spent: TaskUsage | undefined;
  for (const [key, value] of rows) if (key.startsWith(prefix)) spent = addUsage(spent, value as Spending);
  return spent;
}

/** Rows of reports that are counted. */
export function spendRows(rows: ReadonlyMap<string, unknown>): readonly string[] {
  return [...rows.keys()].filter((row) => row.startsWith(SPENT));
}

const SPENT = 'spent/';

/** In front of the rows of an attempt's reports. */
export function reportsOf(attempt: number): string {
  return `${SPENT}${attempt}/`;
}
