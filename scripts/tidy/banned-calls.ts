/** Calls that the product may not make, each with what stands in their place. */
import type { Project, SourceFile, Violation } from './project.ts';

interface Ban {
  readonly rule: string;
  readonly pattern: RegExp;
  readonly advice: string;
  /** Files that are excepted because they are the replacement. */
  readonly except?: RegExp;
}

const WORLD = /^runtime\/world\.ts$/;

const BANS: readonly Ban[] = [
  {
    rule: 'clock',
    pattern: /\bDate\.now\b|\bnew\s+Date\(\s*\)|\bperformance\.now\b|\bprocess\.hrtime\b/g,
    advice: 'take a World and call nowMs() for wall time or monotonicMs() to measure',
    except: WORLD,
  },
  {
    rule: 'timer',
    pattern: /(?:(?<![\w$.])|\bglobalThis\.)set(?:Timeout|Interval|Immediate)\s*\(/g,
    advice:
      'take a World and call after(delayMs, fn) or defer(fn); what must survive a restart is a durable timer of the cell',
    except: WORLD,
  },
  {
    rule: 'random',
    pattern: /\bMath\.random\b/g,
    advice: 'take a World and call random()',
    except: WORLD,
  },
  {
    rule: 'id',
    pattern: /\brandomUUID\b/g,
    advice: 'take a World and call id()',
    except: WORLD,
  },
  {
    rule: 'environment',
    pattern: /\bprocess\.env\b/g,
    advice: 'add it to the table in runtime/settings and take the setting by parameter',
    except: /^runtime\/settings[^/]*\.ts$/,
  },
  {
    rule: 'bare-error',
    pattern: /\bthrow\s+new\s+(?:Error|TypeError|RangeError)\b|\breject\(\s*new\s+(?:Error|TypeError|RangeError)\b/g,
    advice: 'use OperatingError with a code of protocol/errors.ts; for a mistake of the programmer, assert',
  },
  {
    rule: 'console',
    pattern: /(?<![\w$.])console\.\w+/g,
    advice: 'take a logger; only cli/ talks to a terminal',
    except: /^cli\//,
  },
];

/** The offset behind the closing parenthesis of the one at `open`. */
function behindParenthesis(code: string, open: number): number {
  let depth = 0;
  for (let i = open; i < code.length; i += 1) {
    if (code[i] === '(') depth += 1;
    else if (code[i] === ')') depth -= 1;
    if (depth === 0) return i + 1;
  }
  return code.length;
}

/** Whether `setTimeout(…)` is the head of a method of that name, as a clock has one. */
function isMethod(code: string, open: number): boolean {
  return /^\s*(?:\{|:)/.test(code.slice(behindParenthesis(code, open), behindParenthesis(code, open) + 80));
}

function checkFile(file: SourceFile): Violation[] {
  const violations: Violation[] = [];
  for (const { rule, pattern, advice, except } of BANS) {
    if (except?.test(file.path)) continue;
    for (const match of file.code.matchAll(pattern)) {
      const open = match.index + match[0].length - 1;
      if (rule === 'timer' && isMethod(file.code, open)) continue;
      violations.push({ path: file.path, line: file.lineOf(match.index), rule, advice });
    }
  }
  for (const { specifier, line } of file.imports) {
    if (!/^(?:node:)?timers(?:\/promises)?$/.test(specifier) || WORLD.test(file.path)) continue;
    violations.push({ path: file.path, line, rule: 'timer', advice: 'take a World and call after(delayMs, fn)' });
  }
  return violations;
}

/**
 * Reports banned calls in product code, and default exports everywhere but in the configuration of tools and in what
 * describes foreign modules.
 */
export function checkBannedCalls(project: Project): Violation[] {
  const calls = project.files.filter(({ isProduct }) => isProduct).flatMap(checkFile);
  const defaults = project.files
    .filter(({ path }) => !/\.config\.[cm]?[jt]s$|\.d\.ts$/.test(path))
    .flatMap((file) =>
      file.exports.filter(({ form }) => form === 'default').map(({ line }) => ({ path: file.path, line })),
    );
  const advice = 'export it by name: a name is the same everywhere and can be searched for';
  return [...calls, ...defaults.map((place) => ({ ...place, rule: 'default-export', advice }))];
}
