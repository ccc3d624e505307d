/**
 * The type check of expressions: finds, before any data is there, what could not be evaluated whatever the data is.
 * It reports and goes on, so that all faults of an expression are found at once, and keeps silent where it does not know.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import { type NodeOf, stepNamed } from './expression-frame.ts';
import { fittingForm, formsOf } from './expression-functions.ts';
import { isMacro, variableOf } from './expression-macros.ts';
import { ANY, eitherShape, listOf, mapOf, type Shape } from './expression-shapes.ts';
import { closestName } from './graph-suggestion.ts';

/** What is known of what an expression reads. */
export interface RootShapes {
  readonly input: Shape;
  readonly item: Shape;
  readonly step: (id: string) => Shape;
  /** What an item put out, in `reduce.with`. */
  readonly output?: Shape;
}

/** A fault: a sentence without its first capital and full stop. */
export type Report = (message: string) => void;

interface Check {
  readonly roots: RootShapes;
  readonly variables: Readonly<Record<string, Shape>>;
  readonly report: Report;
}

const BOOL: Shape = { kind: 'bool' };
const NUMBER: Shape = { kind: 'number' };
const STRING: Shape = { kind: 'string' };

/** The shape of what an expression gives. Every fault goes to `report`. */
export function checkExpression(ast: ASTNode, roots: RootShapes, report: Report): Shape {
  return shapeOf(ast, { roots, variables: {}, report });
}

function shapeOf(node: ASTNode, check: Check): Shape {
  const step = stepNamed(node, check.variables);
  if (step !== undefined) return check.roots.step(step);
  switch (node.op) {
    case 'value':
      return shapeOfLiteral(node.args);
    case 'id':
      return shapeOfName(node.args, check);
    case '.':
      return shapeOfField(node.args[0], shapeOf(node.args[0], check), node.args[1], check);
    case '[]':
      return shapeOfIndex(node, check);
    case 'call':
      return isMacro(node) ? BOOL : shapeOfCall(node.args[0], false, node.args[1], check);
    case 'rcall':
      return isMacro(node)
        ? shapeOfMacro(node, check)
        : shapeOfCall(node.args[0], true, [node.args[1], ...node.args[2]], check);
    case 'list':
      return listOf(commonShape(node.args.map((element) => shapeOf(element, check))));
    case 'map':
      return shapeOfMap(node, check);
    case '?:':
      expectKind(node.args[0], ['bool'], 'the condition before `?`', check);
      return eitherShape(shapeOf(node.args[1], check), shapeOf(node.args[2], check));
    case '!_':
      expectKind(node.args, ['bool'], '`!`', check);
      return BOOL;
    case '-_':
      expectKind(node.args, ['number'], '`-`', check);
      return NUMBER;
    default:
      return shapeOfBinary(node as NodeOf<Binary>, check);
  }
}

function commonShape(shapes: readonly Shape[]): Shape {
  return shapes.length === 0 ? ANY : shapes.reduce(eitherShape);
}

function shapeOfLiteral(literal: unknown): Shape {
  if (literal === null) return { kind: 'null' };
  if (typeof literal === 'string') return STRING;
  return typeof literal === 'boolean' ? BOOL : NUMBER;
}

function shapeOfName(name: string, { variables, roots }: Check): Shape {
  if (Object.hasOwn(variables, name)) return variables[name] ?? ANY;
  if (name === 'input') return roots.input;
  if (name === 'item') return roots.item;
  if (name === 'output') return roots.output ?? ANY;
  return name === 'index' || name === 'round' ? NUMBER : ANY;
}

function shapeOfField(left: ASTNode, from: Shape, name: string, { report }: Check): Shape {
  if (from.kind === 'any') return ANY;
  const subject = `\`${left.input.slice(left.start, left.end)}\``;
  if (from.kind !== 'map') {
    report(`${subject} is a ${from.kind} and has no field \`${name}\``);
    return ANY;
  }
  const field = from.field(name);
  if (field !== undefined) return field;
  const names = from.names();
  const close = closestName(name, names);
  const hint =
    close === undefined
      ? `it has ${
          names
            .slice(0, 8)
            .map((known) => `\`${known}\``)
            .join(', ') || 'none'
        }`
      : `did you mean \`${close}\`?`;
  report(`${subject} has no field \`${name}\`; ${hint}`);
  return ANY;
}

function shapeOfIndex(node: NodeOf<'[]'>, check: Check): Shape {
  const [left, right] = node.args;
  const from = shapeOf(left, check);
  const index = shapeOf(right, check);
  if (right.op === 'value' && typeof right.args === 'string') return shapeOfField(left, from, right.args, check);
  if (from.kind === 'list' && accepts(['number'], index)) return from.element();
  if (from.kind === 'map' && accepts(['string'], index)) return ANY;
  if (from.kind === 'any' && accepts(['number', 'string'], index)) return ANY;
  check.report(`${wordFor(from, 'a ')} is not indexed by ${wordFor(index, 'a ')}`);
  return ANY;
}

function shapeOfCall(name: string, isMethod: boolean, args: readonly ASTNode[], check: Check): Shape {
  const kinds = args.map((arg) => shapeOf(arg, check).kind);
  const forms = formsOf(name, isMethod, args.length) ?? [];
  if (fittingForm(forms, kinds) === undefined) check.report(`${name}() does not take ${kinds.join(', ')}`);
  const gives = new Set(forms.map((form) => form.gives));
  const [kind] = gives;
  if (gives.size !== 1 || kind === undefined || kind === 'other' || kind === 'map') return ANY;
  return kind === 'list' ? listOf(ANY) : { kind };
}

function shapeOfMacro(node: NodeOf<'rcall'>, check: Check): Shape {
  const [name, receiver, args] = node.args;
  const [, first, second] = args;
  if (first === undefined) return ANY;
  const binds = name === 'bind';
  const from = binds ? ANY : shapeOf(receiver, check);
  if (!binds && !accepts(['list', 'map'], from))
    check.report(`${name}() goes through a list or map, not a ${from.kind}`);
  const element = from.kind === 'list' ? from.element() : from.kind === 'map' ? STRING : ANY;
  const inner: Check = {
    ...check,
    variables: { ...check.variables, [variableOf(node)]: binds ? shapeOf(first, check) : element },
  };
  if (binds) return second === undefined ? ANY : shapeOf(second, inner);
  if (name === 'map' && second === undefined) return listOf(shapeOf(first, inner));
  expectKind(first, ['bool'], `the condition of ${name}()`, inner);
  if (name === 'map' && second !== undefined) return listOf(shapeOf(second, inner));
  return name === 'filter' ? listOf(element) : BOOL;
}

function shapeOfMap(node: NodeOf<'map'>, check: Check): Shape {
  const fields: Record<string, Shape> = {};
  let isKnown = true;
  for (const [key, value] of node.args) {
    expectKind(key, ['string'], 'a field name', check);
    const shape = shapeOf(value, check);
    if (key.op === 'value' && typeof key.args === 'string') fields[key.args] = shape;
    else isKnown = false;
  }
  const known = mapOf(fields);
  return isKnown ? known : { kind: 'map', field: () => ANY, names: () => [] };
}

type Binary = '+' | '-' | '*' | '/' | '%' | '<' | '<=' | '>' | '>=' | '==' | '!=' | 'in' | '&&' | '||';

function shapeOfBinary(node: NodeOf<Binary>, check: Check): Shape {
  const left = shapeOf(node.args[0], check);
  const right = shapeOf(node.args[1], check);
  const refuse = (): void => check.report(`\`${node.op}\` does not take ${wordFor(left)} and ${wordFor(right)}`);
  switch (node.op) {
    case '&&':
    case '||':
      if (!accepts(['bool'], left) || !accepts(['bool'], right)) refuse();
      return BOOL;
    case '==':
    case '!=':
      if (areNeverEqual(left, right)) check.report(`a ${left.kind} and a ${right.kind} are never equal`);
      return BOOL;
    case 'in':
      if (!accepts(['list', 'map'], right) || (right.kind === 'map' && !accepts(['string'], left))) refuse();
      return BOOL;
    case '<':
    case '<=':
    case '>':
    case '>=':
      if (!areAlike(left, right, ['number', 'string', 'bool'])) refuse();
      return BOOL;
    case '+':
      if (!areAlike(left, right, ['number', 'string', 'list'])) refuse();
      return sumShape(left, right);
    default:
      if (!accepts(['number'], left) || !accepts(['number'], right)) refuse();
      return NUMBER;
  }
}

/** What `+` gives: the kind that is known of either side. */
function sumShape(left: Shape, right: Shape): Shape {
  if (left.kind === 'list' || right.kind === 'list')
    return left.kind === right.kind ? eitherShape(left, right) : listOf(ANY);
  return left.kind === 'any' ? right : left;
}

function wordFor({ kind }: Shape, article = ''): string {
  return kind === 'any' ? 'an unknown value' : article + kind;
}

function accepts(kinds: readonly Shape['kind'][], shape: Shape): boolean {
  return shape.kind === 'any' || kinds.includes(shape.kind);
}

/** Whether an operator that takes two values of one kind may take these. */
function areAlike(left: Shape, right: Shape, kinds: readonly Shape['kind'][]): boolean {
  return (
    accepts(kinds, left) &&
    accepts(kinds, right) &&
    (left.kind === 'any' || right.kind === 'any' || left.kind === right.kind)
  );
}

function areNeverEqual(left: Shape, right: Shape): boolean {
  const kinds = [left.kind, right.kind];
  return left.kind !== right.kind && !kinds.includes('any') && !kinds.includes('null');
}

function expectKind(node: ASTNode, kinds: readonly Shape['kind'][], what: string, check: Check): void {
  const shape = shapeOf(node, check);
  if (!accepts(kinds, shape)) check.report(`${what} does not take a ${shape.kind}`);
}
