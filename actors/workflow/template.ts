/**
 * Templates: JSON whose strings may hold `${…}`. A string that is one `${…}` becomes the value with its type; in any
 * other string each `${…}` becomes text (objects and lists as JSON). Field names are never templates.
 *
 * All expressions of a template share one budget.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { compileExpression, createMeter, type Expression } from './expression.ts';
import type { Scope } from './expression-frame.ts';
import type { Meter } from './expression-meter.ts';
import { mergeReferences, type References } from './expression-references.ts';
import { kindOf } from './expression-values.ts';
import { scanText } from './expression-scanner.ts';

/** Lists and maps inside of one another in a template. */
const DEPTH_MAX = 64;

/** Characters that the strings of one template may become together. */
const TEXT_CHARS_MAX = 4 * 1_024 * 1_024;

const NO_REFERENCES: References = mergeReferences([]);

/** An expression of a template, the JSON pointer of its string, and whether it is all of that string. */
export interface Placeholder {
  readonly at: string;
  readonly expression: Expression;
  readonly isWhole: boolean;
}

/** A compiled template. It has no state. */
export interface Template {
  readonly references: References;
  readonly placeholders: readonly Placeholder[];
  /**
   * The value in a scope. What has no placeholders in it is the template's own, not a copy: do not change it.
   * Throws OperatingError INVALID_INPUT like an expression, and for text over its bound, with the place.
   */
  evaluate(scope: Scope): unknown;
}

/** What one evaluation has left. */
interface Allowance {
  readonly meter: Meter;
  chars: number;
}

type Fill = (scope: Scope, allowance: Allowance) => unknown;

interface Compiling {
  readonly placeholders: Placeholder[];
  readonly onFault: (fault: OperatingError, at: string) => void;
}

/**
 * Compiles a template. `at` is its JSON pointer in what it is part of, for messages. Every fault goes to `onFault` with
 * its place (the template then cannot be used); without one, the first is thrown.
 * Throws OperatingError INVALID_INPUT.
 */
export function compileTemplate(value: unknown, at = '', onFault: Compiling['onFault'] = raise): Template {
  const placeholders: Placeholder[] = [];
  const fill = compileValue(value, at, 0, { placeholders, onFault });
  const references =
    placeholders.length === 0
      ? NO_REFERENCES
      : mergeReferences(placeholders.map(({ expression }) => expression.references));
  return {
    references,
    placeholders,
    evaluate:
      fill === undefined ? () => value : (scope) => fill(scope, { meter: createMeter(), chars: TEXT_CHARS_MAX }),
  };
}

/** A name as a segment of a JSON pointer. */
export function pointerSegment(name: string | number): string {
  return `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function raise(fault: OperatingError): never {
  throw fault;
}

/** How to fill in a value; undefined where it has nothing to fill in. */
function compileValue(value: unknown, at: string, depth: number, compiling: Compiling): Fill | undefined {
  if (typeof value === 'string') return compileText(value, at, compiling);
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= DEPTH_MAX) {
    compiling.onFault(invalid(`it is nested deeper than ${DEPTH_MAX}`, at), at);
    return undefined;
  }
  if (Array.isArray(value)) return compileList(value, at, depth, compiling);
  return kindOf(value) === 'map' ? compileFields(value, at, depth, compiling) : undefined;
}

function compileList(list: readonly unknown[], at: string, depth: number, compiling: Compiling): Fill | undefined {
  const fills = list.map((element, i) => compileValue(element, at + pointerSegment(i), depth + 1, compiling));
  if (fills.every((fill) => fill === undefined)) return undefined;
  return (scope, allowance) => list.map((element, i) => filled(fills[i], element, scope, allowance));
}

function compileFields(map: object, at: string, depth: number, compiling: Compiling): Fill | undefined {
  const fields = Object.entries(map).map(([name, value]: [string, unknown]) => {
    return { name, value, fill: compileValue(value, at + pointerSegment(name), depth + 1, compiling) };
  });
  if (fields.every(({ fill }) => fill === undefined)) return undefined;
  return (scope, allowance) =>
    Object.fromEntries(fields.map(({ name, value, fill }) => [name, filled(fill, value, scope, allowance)]));
}

function filled(fill: Fill | undefined, constant: unknown, scope: Scope, allowance: Allowance): unknown {
  return fill === undefined ? constant : fill(scope, allowance);
}

function compileText(text: string, at: string, compiling: Compiling): Fill | undefined {
  if (!text.includes('${')) return undefined;
  const scanned = scanText(text);
  if ('openAt' in scanned) {
    compiling.onFault(
      invalid(
        `the \`\${\` at character ${scanned.openAt + 1} has no closing \`}\`; write \`$\${\` for the characters themselves`,
        at,
      ),
      at,
    );
    return undefined;
  }
  const { parts } = scanned;
  const isWhole = parts.length === 1 && parts[0]?.type === 'expression';
  const compiled = parts.map((part) =>
    part.type === 'text' ? part.text : compilePlaceholder(part.text, at, isWhole, compiling),
  );
  const [only] = compiled;
  if (isWhole && typeof only === 'object') return (scope, { meter }) => only.evaluate(scope, at, meter);
  return (scope, allowance) => {
    let filledIn = '';
    for (const part of compiled) {
      const piece =
        typeof part === 'string' ? part : part === undefined ? '' : textOf(part.evaluate(scope, at, allowance.meter));
      allowance.chars -= piece.length;
      if (allowance.chars < 0) throw invalid(`its text is longer than ${TEXT_CHARS_MAX} characters`, at);
      filledIn += piece;
    }
    return filledIn;
  };
}

function compilePlaceholder(
  source: string,
  at: string,
  isWhole: boolean,
  compiling: Compiling,
): Expression | undefined {
  try {
    const expression = compileExpression(source.trim(), at);
    compiling.placeholders.push({ at, expression, isWhole });
    return expression;
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    compiling.onFault(error, at);
    return undefined;
  }
}

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toJSON() ?? 'null';
  return typeof value === 'string'
    ? value
    : (JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? 'null');
}

function invalid(why: string, at: string): OperatingError {
  return new OperatingError('INVALID_INPUT', `The template${at === '' ? '' : ` at ${at}`} cannot be used: ${why}.`, {
    details: { at },
  });
}
