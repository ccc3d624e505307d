/** What files and folders may be called: the noun they hold, in kebab-case. */
import type { Project, Violation } from './project.ts';

const KEBAB = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
/** Names that say nothing about what is inside. */
const EMPTY_NAME = /^(?:utils?|common|helpers?|types|misc|shared)$|-(?:utils?|helpers?)$/;

/** Reports names that are not kebab-case and names that are drawers for everything. */
export function checkNames(project: Project): Violation[] {
  const violations: Violation[] = [];
  for (const { path } of project.files) {
    const parts = path.split('/').map((part) => part.split('.')[0] ?? part);
    for (const part of parts) {
      if (EMPTY_NAME.test(part)) {
        const advice = `"${part}" says nothing: name it after the one thing it holds`;
        violations.push({ path, line: 1, rule: 'file-name', advice });
      } else if (!KEBAB.test(part) && part !== '') {
        const advice = `"${part}" is not kebab-case: lower-case words joined by hyphens`;
        violations.push({ path, line: 1, rule: 'file-name', advice });
      }
    }
  }
  return violations;
}
