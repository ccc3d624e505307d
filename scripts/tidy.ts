/**
 * Checks the house rules, and says for each break what to do instead:
 *
 *     node scripts/tidy.ts [PATH...]     reports only what lies below the paths, where some are given
 *
 * One line for each violation, `path:line  rule  advice`, then a summary. Exit code 1 where there is a violation.
 * scripts/tidy/rules.ts lists the rules, scripts/tidy/allowances.ts explains how to be excepted from one.
 */
import path from 'node:path';
import { readProject } from './tidy/project.ts';
import { judge } from './tidy/rules.ts';

const root = path.resolve(import.meta.dirname, '..');
const wanted = process.argv.slice(2).map((place) => path.relative(root, path.resolve(place)).split(path.sep).join('/'));
const project = readProject(root);
const { violations, allowanceCount } = judge(project);
const reported = violations.filter(
  (violation) =>
    wanted.length === 0 || wanted.some((place) => `${violation.path}/`.startsWith(place === '' ? '' : `${place}/`)),
);
for (const { path: place, line, rule, advice } of reported) console.log(`${place}:${line}  ${rule}  ${advice}`);
const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
const exceptions = count(allowanceCount, 'exception');
console.log(
  `tidy: ${count(project.files.length, 'file')}, ${count(reported.length, 'violation')}, ${exceptions} with a reason`,
);
process.exitCode = reported.length > 0 ? 1 : 0;
