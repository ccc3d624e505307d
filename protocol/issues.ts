/** What zod says is wrong with a value, as users read it: one line a fault, each with its place. */
import type { z } from 'zod';
import { LIMITS } from './limits.ts';

type ZodIssue = z.core.$ZodIssue;

/** One fault. `path` is the place in the value, `options.priority` or `steps.3.id`; empty for the value itself. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** All faults, at most `LIMITS.issuesMax`, in the order of the schema. */
export function issuesOf(error: z.core.$ZodError): Issue[] {
  return error.issues
    .slice(0, LIMITS.issuesMax)
    .map((issue) => ({ path: pathOf(placeOf(issue)), message: wordsOf(issue) }));
}

/** The faults as one sentence for a message: the first, and how many more there are. */
export function summaryOf(issues: readonly Issue[]): string {
  const [first] = issues;
  if (first === undefined) return 'it is not valid';
  // Of the value as a whole: `is missing` needs a subject.
  const place = first.path === '' ? (first.message.startsWith('is ') ? 'it ' : '') : `${first.path}: `;
  const more = issues.length === 1 ? '' : ` (and ${issues.length - 1} more, see details.issues)`;
  return `${place}${first.message}${more}`;
}

/** Where none of several shapes fits, the place is that of the fault in the one that fits best, if one does. */
function placeOf(issue: ZodIssue): readonly PropertyKey[] {
  if (issue.code !== 'invalid_union') return issue.path;
  const fewest = Math.min(...issue.errors.map(({ length }) => length));
  const [best, ...others] = issue.errors.filter(({ length }) => length === fewest);
  return [...issue.path, ...(others.length === 0 ? (best?.[0]?.path ?? []) : [])];
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}

/**
 * zod hides the words of a faulty record key one level down, and says "received undefined" of what is missing, and "received NaN" of
 * text that should have been a number.
 */
function wordsOf(issue: ZodIssue): string {
  if (issue.code === 'invalid_key') return `the key: ${issue.issues.map((inner) => inner.message).join('; ')}`;
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined'))
    return `is missing (expected ${issue.expected})`;
  if (issue.code === 'invalid_type' && issue.message.endsWith('received NaN')) return 'is not a number';
  return issue.message;
}
