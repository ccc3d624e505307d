/** The packages of the manifest and those that the product imports are the same. */
import { builtinModules } from 'node:module';
import type { Project, Violation } from './project.ts';

const BUILTIN = new Set(builtinModules);

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

function fault(specifier: string, own: string, declared: ReadonlySet<string>): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined;
  const name = packageOf(specifier);
  if (BUILTIN.has(specifier)) return `write node:${specifier}: a package may have this name too`;
  if (name === own) return 'inside of the product, import the file itself by its relative path';
  return declared.has(name)
    ? undefined
    : `${name} is not among the dependencies of package.json: users would not have it`;
}

/** Reports imports of packages that are not dependencies, and dependencies that nothing imports. */
export function checkDependencies(project: Project): Violation[] {
  const text = project.documents.find(({ path }) => path === 'package.json')?.text ?? '{}';
  const manifest = JSON.parse(text) as { name?: string; dependencies?: Record<string, string> };
  const declared = new Set(Object.keys(manifest.dependencies ?? {}));
  const unused = new Set(declared);
  const violations: Violation[] = [];
  for (const file of project.files.filter(({ isProduct }) => isProduct)) {
    for (const { specifier, line } of file.imports) {
      unused.delete(packageOf(specifier));
      const advice = fault(specifier, manifest.name ?? '', declared);
      if (advice !== undefined) violations.push({ path: file.path, line, rule: 'dependency', advice });
    }
  }
  const lines = text.split('\n');
  for (const name of unused) {
    const line = lines.findIndex((candidate) => candidate.includes(`"${name}":`)) + 1;
    violations.push({
      path: 'package.json',
      line,
      rule: 'dependency',
      advice: `nothing in the product imports ${name}: remove it`,
    });
  }
  return violations;
}
