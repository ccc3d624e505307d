/** Every exported function, class, interface and constant of the product says what it is. */
import type { ExportedName } from './exports.ts';
import type { Project, SourceFile, Violation } from './project.ts';

const DOCUMENTED = new Set<ExportedName['form']>(['function', 'class', 'interface', 'const']);

/** Whether a doc comment ends right before `offset`, with nothing but spaces and other comments in between. */
function isDocumented(file: SourceFile, offset: number): boolean {
  return file.comments.some(
    ({ kind, text, end }) =>
      kind === 'doc' &&
      text.trim().length > 1 &&
      end <= offset &&
      file.code.slice(end, offset).trim() === '' &&
      isOwn(file, end, offset),
  );
}

/** A header of the module is no comment of the export that happens to come first: an empty line parts them. */
function isOwn(file: SourceFile, end: number, offset: number): boolean {
  return !/\n[ \t]*\n/.test(file.text.slice(end, offset));
}

/** Reports exports of the product without a doc comment. */
export function checkDocComments(project: Project): Violation[] {
  return project.files
    .filter(({ isProduct }) => isProduct)
    .flatMap((file) =>
      file.exports
        .filter(({ form, offset }) => DOCUMENTED.has(form) && !isDocumented(file, offset))
        .map(({ name, line }) => {
          const advice = `${name} has no doc comment: say what it is, its units, bounds and errors`;
          return { path: file.path, line, rule: 'doc-comment', advice };
        }),
    );
}
