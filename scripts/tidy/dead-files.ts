/** Files that nothing uses. */
import path from 'node:path';
import { type Project, resolveReference, type SourceFile, type Violation } from './project.ts';

/** Where people and programs come in. */
const ENTRIES =
  /^(?:index\.ts|client\/index\.ts|cli\/main\.ts|bench\/main\.ts)$|\.config\.[cm]?[jt]s$|\.test\.ts$|\.d\.ts$/;
/** Rooms whose files are each an entry of their own, or are built by a tool with its own graph. */
const FREE_ROOMS = new Set(['examples', 'dashboard', 'deploy', 'docs']);

/** Whether a user counts for a file: tests keep no product code alive. */
function counts(user: SourceFile, used: SourceFile): boolean {
  return user.path !== used.path && (user.isProduct || !used.isProduct);
}

/** Whether `user` names the file in a string: a child process, a worker, a fixture is started that way. */
function isNamed(user: SourceFile, used: SourceFile): boolean {
  const base = path.posix.basename(used.path);
  return user.literals.some(({ value }) => value === base || value.endsWith(`/${base}`));
}

/** Reports source files that are no entry and that nothing refers to. */
export function checkDeadFiles(project: Project): Violation[] {
  const users = new Map<string, SourceFile[]>();
  for (const file of project.files) {
    for (const { specifier } of file.imports) {
      const target = resolveReference(project, file, specifier);
      if (target !== undefined) users.set(target, [...(users.get(target) ?? []), file]);
    }
  }
  const manifest = project.documents.find((document) => document.path === 'package.json')?.text ?? '';
  const isUsed = (file: SourceFile): boolean =>
    ENTRIES.test(file.path) ||
    FREE_ROOMS.has(file.room) ||
    manifest.includes(file.path) ||
    (users.get(file.path) ?? []).some((user) => counts(user, file)) ||
    project.files.some((user) => counts(user, file) && isNamed(user, file));
  return project.files
    .filter((file) => !isUsed(file))
    .map((file) => {
      const advice = file.isProduct
        ? 'nothing in the product uses this file: use it or remove it (tests alone keep nothing alive)'
        : 'nothing uses this file: use it or remove it';
      return { path: file.path, line: 1, rule: 'dead-file', advice };
    });
}
