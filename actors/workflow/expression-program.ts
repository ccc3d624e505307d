/**
 * Turns the syntax tree of an expression into a tree of closures, and runs nothing by itself.
 *
 * Why not the CEL library's own evaluator: it has no budget, its `matches` backtracks, it refuses `int + double`, and it
 * types JSON lists by their first element. Its grammar, escapes, precedence and macro shapes are used as they are; a
 * property test holds the two evaluators against each other wherever both give an answer.
 *
 * What an expression may name is decided here, when it is compiled: `input`, `steps.ID`, `item`, `index`, `round`,
 * `acc`, `output`, and the variables of macros. `steps` alone is refused, so that what an expression needs is known before it runs.
 */
import type { ASTNode, ASTOperator } from '@marcbachmann/cel-js';
import { type Compilation, type NodeOf, type Run, stepNamed } from './expression-frame.ts';
import { callForm, formsOf, functionNames } from './expression-functions.ts';
import { compileMacro, isMacro } from './expression-macros.ts';
import { ExpressionFault, type Meter, swallow } from './expression-meter.ts';
import { add, calculate, compare, equal, isIn } from './expression-operators.ts';
import { compilePattern } from './expression-pattern.ts';
import { entering, exact, fieldOf, isMap, isRefusedName, kindOf } from './expression-values.ts';
import { closestName } from './graph-suggestion.ts';

const ROOTS = ['input', 'steps', 'item', 'index', 'round', 'acc', 'output'] as const;

/** Names that have a value in some places only. */
const PLACES = {
  item: 'inside of forEach',
  index: 'inside of forEach',
  round: 'inside of a loop',
  acc: 'in `reduce.with`',
  output: 'in `reduce.with` and in `then`',
} as const;

type Compilers = { readonly [Op in ASTOperator]?: (node: NodeOf<Op>, compilation: Compilation) => Run };

const COMPILERS: Compilers = {
  value: compileLiteral,
  id: compileName,
  '.': (node, c) => compileAccess(node, node.args[0], node.args[1], c),
  '[]': compileIndex,
  call: compileCall,
  rcall: compileMethod,
  list: compileList,
  map: compileMap,
  '?:': compileTernary,
  '||': (node, c) => compileLogic(node, true, c),
  '&&': (node, c) => compileLogic(node, false, c),
  '!_': compileNot,
  '-_': compileMinus,
  '+': (node, c) => compileBinary(node, c, (left, right, meter) => add(left, right, meter)),
  '-': (node, c) => compileBinary(node, c, (left, right) => calculate('-', left, right)),
  '*': (node, c) => compileBinary(node, c, (left, right) => calculate('*', left, right)),
  '/': (node, c) => compileBinary(node, c, (left, right) => calculate('/', left, right)),
  '%': (node, c) => compileBinary(node, c, (left, right) => calculate('%', left, right)),
  '<': (node, c) => compileBinary(node, c, (left, right, meter) => compare('<', left, right, meter)),
  '<=': (node, c) => compileBinary(node, c, (left, right, meter) => compare('<=', left, right, meter)),
  '>': (node, c) => compileBinary(node, c, (left, right, meter) => compare('>', left, right, meter)),
  '>=': (node, c) => compileBinary(node, c, (left, right, meter) => compare('>=', left, right, meter)),
  '==': (node, c) => compileBinary(node, c, (left, right, meter) => equal(left, right, meter)),
  '!=': (node, c) => compileBinary(node, c, (left, right, meter) => !equal(left, right, meter)),
  in: (node, c) => compileBinary(node, c, (left, right, meter) => isIn(left, right, meter)),
};

/** A compiled syntax tree, and how many slots its frames need. Throws an ExpressionFault for what no data could make right. */
export function compileProgram(ast: ASTNode): { readonly run: Run; readonly slots: number; readonly nodes: number } {
  const tally = { nodes: 0, slots: 0 };
  const run = compileNode(ast, { variables: {}, tally, compile: compileNode });
  return { run, slots: tally.slots, nodes: tally.nodes };
}

function compileNode(node: ASTNode, compilation: Compilation): Run {
  compilation.tally.nodes += 1;
  const compile = COMPILERS[node.op] as ((node: ASTNode, compilation: Compilation) => Run) | undefined;
  if (compile === undefined) throw new ExpressionFault(`\`${node.op}\` is not part of workflow expressions`, node);
  return compile(node, compilation);
}

function compileLiteral(node: NodeOf<'value'>): Run {
  const literal = node.args;
  if (typeof literal === 'object' && literal !== null) {
    throw new ExpressionFault('bytes and unsigned numbers are not JSON values', node);
  }
  if (typeof literal !== 'bigint') return () => literal;
  const value = Number(literal);
  if (!Number.isSafeInteger(value)) throw new ExpressionFault(`the number ${literal} is outside ±(2^53 - 1)`, node);
  return () => value;
}

function compileName(node: NodeOf<'id'>, { variables }: Compilation): Run {
  const name = node.args;
  const slot = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if (slot !== undefined) return ({ slots }) => slots[slot];
  if (name === 'input') return ({ scope }) => entering(scope.input);
  if (isLocal(name)) {
    return ({ scope }) => {
      if (scope[name] === undefined) throw new ExpressionFault(`\`${name}\` has a value only ${PLACES[name]}`, node);
      return entering(scope[name]);
    };
  }
  if (name === 'steps')
    throw new ExpressionFault('`steps` is followed by the id of a step: `steps.ID` or `steps["ID"]`', node);
  const close = closestName(name, [...ROOTS, ...Object.keys(variables)]);
  const hint = close === undefined ? '' : `; did you mean \`${close}\`?`;
  throw new ExpressionFault(
    `\`${name}\` is unknown; an expression reads ${ROOTS.map((root) => `\`${root}\``).join(', ')}${hint}`,
    node,
  );
}

function isLocal(name: string): name is keyof typeof PLACES {
  return Object.hasOwn(PLACES, name);
}

function compileStep(node: ASTNode, id: string): Run {
  return ({ scope }) => {
    const step = scope.steps !== undefined && Object.hasOwn(scope.steps, id) ? scope.steps[id] : undefined;
    if (step === undefined) throw new ExpressionFault(`step \`${id}\` has no result yet`, node);
    return step;
  };
}

function compileAccess(node: ASTNode, left: ASTNode, name: string, compilation: Compilation): Run {
  if (isRefusedName(name)) throw new ExpressionFault(`the field name \`${name}\` is refused`, node);
  const step = stepNamed(node, compilation.variables);
  if (step !== undefined) return compileStep(node, step);
  const run = compileNode(left, compilation);
  return (frame) => {
    const from = run(frame);
    if (isMap(from)) {
      const value = fieldOf(from, name);
      if (value !== undefined) return value;
    }
    throw missing(node, left, name, from);
  };
}

function missing(node: ASTNode, left: ASTNode, name: string, from: unknown): ExpressionFault {
  const subject = node.input.slice(left.start, left.end);
  if (isMap(from))
    return new ExpressionFault(`\`${subject}\` has no field \`${name}\``, node, { missed: { field: name, of: from } });
  const kind = kindOf(from);
  return new ExpressionFault(
    `\`${subject}\` is ${kind === 'null' ? 'null' : `a ${kind}`} and has no field \`${name}\``,
    node,
  );
}

function compileIndex(node: NodeOf<'[]'>, compilation: Compilation): Run {
  const [left, right] = node.args;
  if (right.op === 'value' && typeof right.args === 'string') return compileAccess(node, left, right.args, compilation);
  const run = compileNode(left, compilation);
  const runIndex = compileNode(right, compilation);
  return (frame) => {
    const from = run(frame);
    const index = runIndex(frame);
    if (Array.isArray(from) && typeof index === 'number') {
      if (Number.isInteger(index) && index >= 0 && index < from.length) return entering(from[index]);
      throw new ExpressionFault(
        `\`${node.input.slice(left.start, left.end)}\` has ${from.length} elements and none at ${index}`,
        node,
      );
    }
    if (typeof index === 'string') {
      const value = isMap(from) ? fieldOf(from, index) : undefined;
      if (value !== undefined) return value;
      throw missing(node, left, index.slice(0, 100), from);
    }
    throw new ExpressionFault(`a ${kindOf(from)} is not indexed by a ${kindOf(index)}`, node);
  };
}

function compileCall(node: NodeOf<'call'>, compilation: Compilation): Run {
  const [name, args] = node.args;
  if (isMacro(node)) return compileMacro(node, compilation);
  return compileForms(node, name, false, args, compilation);
}

function compileMethod(node: NodeOf<'rcall'>, compilation: Compilation): Run {
  const [name, receiver, args] = node.args;
  if (isMacro(node)) return compileMacro(node, compilation);
  return compileForms(node, name, true, [receiver, ...args], compilation);
}

function compileForms(
  node: ASTNode,
  name: string,
  isMethod: boolean,
  args: readonly ASTNode[],
  compilation: Compilation,
): Run {
  const forms = formsOf(name, isMethod, args.length);
  if (forms === undefined) throw unknownFunction(node, name, isMethod);
  const runs = args.map((arg) => compileNode(arg, compilation));
  const [first, second] = runs;
  const last = args.at(-1);
  if (name === 'matches' && first !== undefined && last?.op === 'value' && typeof last.args === 'string') {
    const pattern = compilePattern(last.args);
    return (frame) => {
      const text = first(frame);
      if (typeof text !== 'string') throw new ExpressionFault(`matches() does not take ${kindOf(text)}`, node);
      return pattern(text, frame.meter);
    };
  }
  if (first !== undefined && runs.length === 1) return (frame) => callForm(name, forms, [first(frame)], frame.meter);
  if (first !== undefined && second !== undefined && runs.length === 2) {
    return (frame) => callForm(name, forms, [first(frame), second(frame)], frame.meter);
  }
  return (frame) =>
    callForm(
      name,
      forms,
      runs.map((run) => run(frame)),
      frame.meter,
    );
}

function unknownFunction(node: ASTNode, name: string, isMethod: boolean): ExpressionFault {
  const what = isMethod ? `the method \`.${name}()\`` : `the function \`${name}()\``;
  const names = functionNames(isMethod);
  if (names.includes(name)) return new ExpressionFault(`${what} takes another number of arguments`, node);
  const close = closestName(name, names);
  return new ExpressionFault(`${what} is unknown${close === undefined ? '' : `; did you mean \`${close}()\`?`}`, node);
}

function compileList(node: NodeOf<'list'>, compilation: Compilation): Run {
  const runs = node.args.map((element) => compileNode(element, compilation));
  return (frame) => runs.map((run) => run(frame));
}

function compileMap(node: NodeOf<'map'>, compilation: Compilation): Run {
  for (const [key] of node.args) {
    if (key.op !== 'value' || typeof key.args === 'string') continue;
    throw new ExpressionFault(
      `a field name is a string, not a ${typeof key.args === 'bigint' ? 'number' : kindOf(key.args)}`,
      key,
    );
  }
  const runs = node.args.map(
    ([key, value]) => [compileNode(key, compilation), compileNode(value, compilation)] as const,
  );
  return (frame) => {
    const entries = runs.map(([runKey, runValue]): [string, unknown] => {
      const key = runKey(frame);
      if (typeof key !== 'string') throw new ExpressionFault(`a field name is a string, not a ${kindOf(key)}`, node);
      if (isRefusedName(key)) throw new ExpressionFault(`the field name \`${key}\` is refused`, node);
      return [key, runValue(frame)];
    });
    return Object.fromEntries(entries);
  };
}

function compileTernary(node: NodeOf<'?:'>, compilation: Compilation): Run {
  const [condition, whenTrue, whenFalse] = node.args.map((part) => compileNode(part, compilation)) as [Run, Run, Run];
  return (frame) => {
    const decision = condition(frame);
    if (decision === true) return whenTrue(frame);
    if (decision === false) return whenFalse(frame);
    throw new ExpressionFault(`the condition before \`?\` is a ${kindOf(decision)}, not a bool`, node);
  };
}

/** `||` (decided by true) and `&&` (decided by false): a side that decides wins over an error of the other. */
function compileLogic(node: NodeOf<'||'> | NodeOf<'&&'>, decider: boolean, compilation: Compilation): Run {
  const left = compileNode(node.args[0], compilation);
  const right = compileNode(node.args[1], compilation);
  const bool = (value: unknown): boolean => {
    if (typeof value === 'boolean') return value;
    throw new ExpressionFault(`\`${node.op}\` does not take a ${kindOf(value)}`, node);
  };
  return (frame) => {
    let first: boolean;
    try {
      first = bool(left(frame));
    } catch (error) {
      swallow(frame.meter, error);
      if (right(frame) === decider) return decider;
      throw error;
    }
    return first === decider ? decider : bool(right(frame));
  };
}

function compileNot(node: NodeOf<'!_'>, compilation: Compilation): Run {
  const run = compileNode(node.args, compilation);
  return (frame) => {
    const value = run(frame);
    if (typeof value === 'boolean') return !value;
    throw new ExpressionFault(`\`!\` does not take a ${kindOf(value)}`, node);
  };
}

function compileMinus(node: NodeOf<'-_'>, compilation: Compilation): Run {
  const run = compileNode(node.args, compilation);
  return (frame) => {
    const value = run(frame);
    if (typeof value === 'number') return exact(-value);
    throw new ExpressionFault(`\`-\` does not take a ${kindOf(value)}`, node);
  };
}

type Binary = '+' | '-' | '*' | '/' | '%' | '<' | '<=' | '>' | '>=' | '==' | '!=' | 'in';

function compileBinary(
  node: NodeOf<Binary>,
  compilation: Compilation,
  operate: (left: unknown, right: unknown, meter: Meter) => unknown,
): Run {
  const left = compileNode(node.args[0], compilation);
  const right = compileNode(node.args[1], compilation);
  return (frame) => operate(left(frame), right(frame), frame.meter);
}
