/** How big things may get: files, functions, lines, folders, doors. */
import { findFunctions } from './functions.ts';
import type { Project, SourceFile, Violation } from './project.ts';

const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 70;
const LINE_CHARACTERS_MAX = 140;
const FOLDERS_MAX = 2;
const EXPORTS_MAX = 8;
/** Tables and doors, whose whole point is to export much. */
const EXPORTS_FREE = /(?:^|\/)index\.ts$|^protocol\/errors\.ts$/;

function checkFile(file: SourceFile): Violation[] {
  const violations: Violation[] = [];
  const add = (line: number, rule: string, advice: string): void => {
    violations.push({ path: file.path, line, rule, advice });
  };
  const lineCount = file.text.endsWith('\n') ? file.lines.length - 1 : file.lines.length;
  if (lineCount > FILE_LINES_MAX) {
    add(1, 'file-size', `${lineCount} lines, at most ${FILE_LINES_MAX}: give one of its nouns a file of its own`);
  }
  file.lines.forEach((line, index) => {
    if (line.length <= LINE_CHARACTERS_MAX) return;
    add(index + 1, 'line-length', `${line.length} characters, at most ${LINE_CHARACTERS_MAX}: break it`);
  });
  const folders = file.path.split('/').length - 2;
  if (folders > FOLDERS_MAX) add(1, 'depth', `${folders} folders deep in its room, at most ${FOLDERS_MAX}: move it up`);
  // The callbacks of describe are as long as their cases are many.
  if (file.room !== 'test') {
    for (const { name, line, lineCount: length } of findFunctions(file)) {
      if (length <= FUNCTION_LINES_MAX) continue;
      add(
        line,
        'function-size',
        `${name} has ${length} lines, at most ${FUNCTION_LINES_MAX}: name its parts as functions`,
      );
    }
  }
  const names = file.exports.filter(({ form }) => form !== 'default');
  if (names.length > EXPORTS_MAX && !EXPORTS_FREE.test(file.path)) {
    add(1, 'exports', `${names.length} exports, at most ${EXPORTS_MAX}: split it by noun, or keep inner things inside`);
  }
  return violations;
}

/** Reports what is over its size. */
export function checkSizes(project: Project): Violation[] {
  return project.files.flatMap(checkFile);
}
