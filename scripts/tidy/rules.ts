/** All house rules together. */
import { applyAllowances, type Judgement } from './allowances.ts';
import { checkBannedCalls } from './banned-calls.ts';
import { checkCycles } from './cycles.ts';
import { checkDeadFiles } from './dead-files.ts';
import { checkDependencies } from './dependencies.ts';
import { checkDocComments } from './doc-comments.ts';
import { checkLayers } from './layers.ts';
import { checkLeftovers } from './leftovers.ts';
import { checkNames } from './names.ts';
import type { Project } from './project.ts';
import { checkSizes } from './sizes.ts';
import { checkTestHabits } from './test-habits.ts';

const CHECKS = [
  checkLayers,
  checkCycles,
  checkSizes,
  checkNames,
  checkBannedCalls,
  checkTestHabits,
  checkDocComments,
  checkLeftovers,
  checkDeadFiles,
  checkDependencies,
];

/** Every rule, and whether an exception from it is made for a line or for a whole file. */
export const RULES: ReadonlyMap<string, 'line' | 'file'> = new Map([
  ['layer', 'line'],
  ['cycle', 'line'],
  ['file-size', 'file'],
  ['function-size', 'line'],
  ['line-length', 'line'],
  ['depth', 'file'],
  ['exports', 'file'],
  ['file-name', 'file'],
  ['clock', 'line'],
  ['timer', 'line'],
  ['random', 'line'],
  ['id', 'line'],
  ['environment', 'line'],
  ['bare-error', 'line'],
  ['console', 'line'],
  ['default-export', 'line'],
  ['test-only', 'line'],
  ['test-skip', 'line'],
  ['test-sleep', 'line'],
  ['test-mock', 'line'],
  ['doc-comment', 'line'],
  ['unfinished', 'line'],
  ['machine-path', 'line'],
  ['dead-file', 'file'],
  ['dependency', 'line'],
]);

/** Judges a project: what breaks a rule and is not excepted, sorted by place. */
export function judge(project: Project): Judgement {
  const { violations, allowanceCount } = applyAllowances(
    project,
    CHECKS.flatMap((check) => check(project)),
    RULES,
  );
  const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
  const sorted = violations.toSorted((a, b) => order(a.path, b.path) || a.line - b.line || order(a.rule, b.rule));
  return { violations: sorted, allowanceCount };
}
