/** What tests may not do: run alone, be left out, sleep, or replace the product's own modules. */
import type { Project, SourceFile, Violation } from './project.ts';

interface Habit {
  readonly rule: string;
  readonly pattern: RegExp;
  readonly advice: string;
}

const HABITS: readonly Habit[] = [
  {
    rule: 'test-only',
    pattern: /\b(?:it|test|describe|suite|bench)(?:\.\w+)*\.only\b/g,
    advice: 'let the other tests run too: remove .only',
  },
  {
    rule: 'test-skip',
    pattern: /\b(?:it|test|describe|suite|bench)(?:\.\w+)*\.(?:skip|todo|fails)\b/g,
    advice:
      'mend or remove the test; for what the machine may lack, skipIf with the reason in the name, or context.skip(reason)',
  },
  {
    rule: 'test-sleep',
    pattern: /\bnew\s+Promise\b[^;]{0,120}?\bset(?:Timeout|Interval)\s*\(|\bAtomics\.wait\s*\(/g,
    advice: 'wait for the condition (vi.waitFor, an event), or drive a fake world',
  },
];

function checkFile(file: SourceFile): Violation[] {
  const violations: Violation[] = [];
  for (const { rule, pattern, advice } of HABITS) {
    for (const match of file.code.matchAll(pattern)) {
      violations.push({ path: file.path, line: file.lineOf(match.index), rule, advice });
    }
  }
  for (const { specifier, line } of file.imports) {
    if (!/^(?:node:)?timers\/promises$/.test(specifier)) continue;
    const advice = 'wait for the condition (vi.waitFor, an event), or drive a fake world';
    violations.push({ path: file.path, line, rule: 'test-sleep', advice });
  }
  for (const match of file.code.matchAll(/\bvi\.(?:mock|doMock)\(\s*/g)) {
    const offset = match.index + match[0].length;
    const literal = file.literals.find((candidate) => candidate.offset === offset);
    if (literal !== undefined && !literal.value.startsWith('.')) continue;
    const advice = 'use the in-memory implementation, or pass what varies by parameter';
    violations.push({ path: file.path, line: file.lineOf(match.index), rule: 'test-mock', advice });
  }
  return violations;
}

/** Reports bad habits in test/. */
export function checkTestHabits(project: Project): Violation[] {
  return project.files.filter(({ room }) => room === 'test').flatMap(checkFile);
}
