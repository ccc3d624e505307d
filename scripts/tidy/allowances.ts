/**
 * The one way to be excepted from a rule, visible where it applies:
 *
 *     // tidy-allow RULE: the reason, in words
 *
 * at the end of the line it is for, or on a line of its own above. For rules about whole files it may stand anywhere in
 * the file. One without a reason, for a rule that does not exist, or for nothing, is a violation itself.
 */
import type { Comment } from './source-text.ts';
import type { Project, SourceFile, Violation } from './project.ts';

/** What is left of the violations, and how many exceptions were made. */
export interface Judgement {
  readonly violations: readonly Violation[];
  readonly allowanceCount: number;
}

interface Allowance {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly reason: string;
  /** The line it is for. */
  readonly forLine: number;
}

const SYNTAX = /^\s*tidy-allow\b\s*([\w-]*)\s*:?\s*(.*)$/;
const REASON_CHARACTERS_MIN = 10;

function targetLine(file: SourceFile, comment: Comment): number {
  const code = file.code.split('\n');
  if ((code[comment.line - 1] ?? '').trim() !== '') return comment.line;
  const below = code.findIndex((line, index) => index >= comment.line && line.trim() !== '');
  return below === -1 ? comment.line : below + 1;
}

function findAllowances(file: SourceFile): Allowance[] {
  return file.comments.flatMap((comment) => {
    const match = comment.kind === 'line' ? SYNTAX.exec(comment.text) : null;
    if (match === null) return [];
    const [, rule = '', reason = ''] = match;
    return [{ path: file.path, line: comment.line, rule, reason: reason.trim(), forLine: targetLine(file, comment) }];
  });
}

function faultOf(
  allowance: Allowance,
  isUsed: boolean,
  rules: ReadonlyMap<string, 'line' | 'file'>,
): string | undefined {
  if (!rules.has(allowance.rule))
    return `there is no rule "${allowance.rule}"; the rules are ${[...rules.keys()].join(', ')}`;
  if (allowance.reason.length < REASON_CHARACTERS_MIN)
    return 'an exception needs its reason: // tidy-allow RULE: reason';
  return isUsed ? undefined : `nothing here breaks the rule "${allowance.rule}": remove the exception`;
}

/** Takes away what is excepted. `rules` says for each rule whether its exceptions are for a line or a whole file. */
export function applyAllowances(
  project: Project,
  violations: readonly Violation[],
  rules: ReadonlyMap<string, 'line' | 'file'>,
): Judgement {
  const allowances = project.files.flatMap(findAllowances);
  const used = new Set<Allowance>();
  const left = violations.filter((violation) => {
    const fitting = allowances.filter(
      ({ path, rule, forLine }) =>
        path === violation.path &&
        rule === violation.rule &&
        (rules.get(rule) === 'file' || forLine === violation.line),
    );
    for (const allowance of fitting) used.add(allowance);
    return fitting.length === 0;
  });
  const faults = allowances.flatMap((allowance) => {
    const advice = faultOf(allowance, used.has(allowance), rules);
    return advice === undefined ? [] : [{ path: allowance.path, line: allowance.line, rule: 'allowance', advice }];
  });
  return { violations: [...left, ...faults], allowanceCount: used.size };
}
