/**
 * Expressions of workflows: CEL over JSON values, compiled once, evaluated under a budget.
 *
 * One kind of number, no clock, no I/O, no way to a prototype; the same scope gives the same answer. Everything that can
 * go wrong is an OperatingError `INVALID_INPUT` that names the expression. `docs/workflows.md` describes the language.
 */
import { type ASTNode, Environment, ParseError } from '@marcbachmann/cel-js';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Scope } from './expression-frame.ts';
import { ExpressionFault, type Meter, OPERATIONS_MAX, type Span } from './expression-meter.ts';
import { compileProgram } from './expression-program.ts';
import { type References, referencesOf } from './expression-references.ts';
import { closestName } from './graph-suggestion.ts';

const AST_NODES_MAX = 1_000;
const AST_DEPTH_MAX = 64;
/** Bounds the memory of kept expressions: a syntax tree takes up to some 400 bytes for each character of its text. */
const KEPT_CHARS_MAX = 128 * 1_024;
const QUOTED_CHARS_MAX = 200;
const FIELDS_NAMED_MAX = 8;
const FIELDS_COMPARED_MAX = 1_000;

/** A compiled expression. It has no state: one may be evaluated by many, again and again. */
export interface Expression {
  readonly text: string;
  readonly ast: ASTNode;
  readonly references: References;
  /** Nodes of its syntax tree: what it costs where it is the body of a loop. */
  readonly nodes: number;
  /**
   * The value in a scope: JSON, never a BigInt. `at` is the place of the expression, for messages; `meter` is a budget
   * shared with other expressions.
   * Throws OperatingError INVALID_INPUT: a missing field, kinds that do not fit, a number out of bounds, the budget.
   */
  evaluate(scope: Scope, at?: string, meter?: Meter): unknown;
}

const environment = new Environment({
  unlistedVariablesAreDyn: true,
  limits: { maxAstNodes: AST_NODES_MAX, maxDepth: AST_DEPTH_MAX },
});

const kept = new Map<string, Expression>();
let keptChars = 0;

/**
 * Compiles an expression, or finds it among the most recently used ones. Types of data are not looked at here.
 * Throws OperatingError INVALID_INPUT: wrong syntax, an unknown name or function, a text over the bounds. Its `details`
 * hold `expression`, and `start` and `end` (offsets) where the fault has a place.
 */
export function compileExpression(text: string, at?: string): Expression {
  const known = kept.get(text);
  if (known !== undefined) {
    kept.delete(text);
    kept.set(text, known);
    return known;
  }
  const expression = compile(text, at);
  kept.set(text, expression);
  keptChars += text.length;
  for (const oldest of kept.keys()) {
    if (keptChars <= KEPT_CHARS_MAX) break;
    kept.delete(oldest);
    keptChars -= oldest.length;
  }
  return expression;
}

/** A fresh budget, for one or several evaluations. */
export function createMeter(): Meter {
  return { left: OPERATIONS_MAX };
}

function compile(text: string, at: string | undefined): Expression {
  try {
    const ast = parse(text);
    const { run, slots, nodes } = compileProgram(ast);
    return {
      text,
      ast,
      nodes,
      references: referencesOf(ast),
      evaluate: (scope, place, meter = createMeter()) => {
        try {
          return run({ scope, meter, slots: slots === 0 ? NO_SLOTS : new Array<unknown>(slots) });
        } catch (error) {
          throw translated(error, text, place, 'evaluated');
        }
      },
    };
  } catch (error) {
    throw translated(error, text, at, 'compiled');
  }
}

const NO_SLOTS: unknown[] = [];

function parse(text: string): ASTNode {
  const charsMax = LIMITS.expressionCharactersMax;
  if (text.length > charsMax) throw new ExpressionFault(`it is longer than ${charsMax} characters`);
  if (text.trim() === '') throw new ExpressionFault('it is empty');
  try {
    return environment.parse(text).ast;
  } catch (error) {
    if (error instanceof ParseError) throw new ExpressionFault(lowered(error.summary), error.range);
    if (error instanceof RangeError) throw new ExpressionFault('it is nested too deep');
    throw error;
  }
}

function translated(thrown: unknown, text: string, at: string | undefined, doing: string): unknown {
  const error = thrown instanceof RangeError ? new ExpressionFault('it needs more memory than it may have') : thrown;
  if (!(error instanceof ExpressionFault)) return error;
  const quoted = text.length > QUOTED_CHARS_MAX ? `${text.slice(0, QUOTED_CHARS_MAX)}…` : text;
  const place = at === undefined ? '' : ` at ${at}`;
  return new OperatingError(
    'INVALID_INPUT',
    `\`${quoted}\`${place} cannot be ${doing}: ${ended(error.message + fieldsOf(error))}`,
    {
      details: { expression: quoted, ...(at === undefined ? {} : { at }), ...offsets(error.span) },
    },
  );
}

function offsets(span: Span | undefined): Partial<Span> {
  return span === undefined ? {} : { start: span.start, end: span.end };
}

function fieldsOf({ missed }: ExpressionFault): string {
  if (missed === undefined) return '';
  const names = Object.keys(missed.of).slice(0, FIELDS_COMPARED_MAX);
  if (names.length === 0) return '; it is empty';
  const close = closestName(missed.field, names);
  if (close !== undefined) return `; did you mean \`${close}\`?`;
  const shown = names.slice(0, FIELDS_NAMED_MAX).map((name) => `\`${name.slice(0, 64)}\``);
  return `; it has ${shown.join(', ')}${names.length > shown.length ? ', …' : ''}`;
}

function lowered(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

function ended(sentence: string): string {
  return /[.?!]$/.test(sentence) ? sentence : `${sentence}.`;
}
