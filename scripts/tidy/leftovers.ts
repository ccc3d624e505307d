/** What must not stay behind: marks of unfinished work, and places of one machine. */
import type { Project, Violation } from './project.ts';

const UNFINISHED = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`);
const HOMES = ['work', 'root', 'home/[a-z][\\w.-]*', 'Users/[A-Za-z][\\w.-]*'];
const MACHINE_PATH = new RegExp(`(?<![\\w./}-])(?:/(?:${HOMES.join('|')})/|[A-Z]:\\\\Users\\\\)`);
const TEMPORARY = new RegExp(`(?<![\\w./}-])/${'tmp'}/`);

function machinePaths(path: string, lines: readonly string[], pattern: RegExp, advice: string): Violation[] {
  return lines.flatMap((line, index) =>
    pattern.test(line) ? [{ path, line: index + 1, rule: 'machine-path', advice }] : [],
  );
}

/** Reports leftovers: marks in the comments of all source, machine paths in all text. */
export function checkLeftovers(project: Project): Violation[] {
  const marks = project.files.flatMap(({ path, comments }) =>
    comments.flatMap((comment) =>
      comment.text.split('\n').flatMap((text, index) => {
        const mark = UNFINISHED.exec(text)?.[0];
        if (mark === undefined) return [];
        const advice = `${mark}: finish it, or say in plain words what is deliberately absent`;
        return [{ path, line: comment.line + index, rule: 'unfinished', advice }];
      }),
    ),
  );
  const elsewhere = 'this place exists on one machine only: make it relative, or take it by parameter';
  const texts = [
    ...project.files.map(({ path, lines }) => ({ path, lines })),
    ...project.documents.map(({ path, text }) => ({ path, lines: text.split('\n') })),
  ];
  return [
    ...marks,
    ...texts.flatMap(({ path, lines }) => machinePaths(path, lines, MACHINE_PATH, elsewhere)),
    ...project.files
      .filter(({ isProduct }) => isProduct)
      .flatMap(({ path, lines }) => machinePaths(path, lines, TEMPORARY, 'ask os.tmpdir() where temporary files go')),
  ];
}
