/** The functions of a source file and how many lines each takes, found by matching brackets in its code. */
import type { SourceText } from './source-text.ts';

/** One function with a body in braces. `lineCount` is from the line of its parameters to its closing brace. */
export interface FunctionSpan {
  readonly name: string;
  readonly line: number;
  readonly lineCount: number;
}

const CONTROL = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'return', 'await', 'typeof']);
/** After these a brace opens a type; after anything else in a return type it opens the body. */
const TYPE_FOLLOWS = /(?:[:|&<,([]|=>|\b(?:extends|is|keyof|readonly|asserts|infer))$/;
const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** The offset behind the bracket that closes the one at `open`. */
function behindClosing(code: string, open: number): number {
  const bracket = code[open] ?? '';
  const closing = CLOSING[bracket] ?? '';
  let depth = 0;
  for (let i = open; i < code.length; i += 1) {
    if (code[i] === bracket) depth += 1;
    else if (code[i] === closing) {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return code.length;
}

function skipSpaces(code: string, from: number): number {
  let at = from;
  while (at < code.length && /\s/.test(code[at] ?? '')) at += 1;
  return at;
}

/** The offset of the body's brace behind a return type that begins at `from`, if there is one. */
function bodyBehindType(code: string, from: number): number | undefined {
  let at = from;
  while (at < code.length) {
    const char = code[at] ?? '';
    if (char === '{') {
      if (!TYPE_FOLLOWS.test(code.slice(from - 1, at).trimEnd())) return at;
      at = behindClosing(code, at);
    } else if (char === '(' || char === '[') at = behindClosing(code, at);
    else if (';,)}'.includes(char) || (char === '=' && code[at + 1] !== '>')) return undefined;
    else if (char === '=') {
      const body = skipSpaces(code, at + 2);
      return code[body] === '{' ? body : undefined;
    } else at += 1;
  }
  return undefined;
}

/** The brace that opens the body of a function whose parameters end before `after`, if a function it is. */
function bodyAfterParameters(code: string, after: number): number | undefined {
  const next = skipSpaces(code, after);
  if (code[next] === '{') return next;
  if (code.startsWith('=>', next)) {
    const body = skipSpaces(code, next + 2);
    return code[body] === '{' ? body : undefined;
  }
  return code[next] === ':' ? bodyBehindType(code, next + 1) : undefined;
}

function nameBefore(code: string, open: number): string {
  const before = code.slice(Math.max(0, open - 160), open);
  const assigned = /([\w$]+)\s*(?::[^=;]*)?[=:]\s*(?:async\s*)?(?:<[^()]*>\s*)?$/.exec(before)?.[1];
  return assigned ?? /([\w$#]+)\s*(?:<[^()]*>\s*)?$/.exec(before)?.[1] ?? 'anonymous';
}

/** All functions of a file; nested ones are listed by themselves and count in the outer one too. */
export function findFunctions(source: SourceText): FunctionSpan[] {
  const { code } = source;
  const spans: FunctionSpan[] = [];
  for (let open = code.indexOf('('); open !== -1; open = code.indexOf('(', open + 1)) {
    const word = /([\w$]+)\s*$/.exec(code.slice(Math.max(0, open - 40), open))?.[1];
    if (word !== undefined && CONTROL.has(word)) continue;
    const after = behindClosing(code, open);
    const body = bodyAfterParameters(code, after);
    if (body === undefined) continue;
    const line = source.lineOf(open);
    const last = source.lineOf(behindClosing(code, body) - 1);
    spans.push({ name: nameBefore(code, open), line, lineCount: last - line + 1 });
  }
  return spans;
}
