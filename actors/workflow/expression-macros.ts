/**
 * CEL's macros: `has`, `all`, `exists`, `exists_one`, `map`, `filter`, `cel.bind`. The only loops there are, so the
 * only places where an expression's cost can outgrow its text: each round of each loop pays for its body first.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import { type Compilation, type Frame, type NodeOf, type Run, stepNamed } from './expression-frame.ts';
import { charge, ExpressionFault, swallow } from './expression-meter.ts';
import { entering, fieldOf, isMap, isRefusedName, kindOf } from './expression-values.ts';

const LOOPS: Readonly<Record<string, readonly number[]>> = {
  all: [2],
  exists: [2],
  exists_one: [2],
  map: [2, 3],
  filter: [2],
};
const MISSING = Symbol('missing');

/** Whether a call is one of the macros. */
export function isMacro(node: NodeOf<'call'> | NodeOf<'rcall'>): boolean {
  if (node.op === 'call') return node.args[0] === 'has' && node.args[1].length === 1;
  const [name, receiver, args] = node.args;
  return (
    (LOOPS[name]?.includes(args.length) ?? false) ||
    (name === 'bind' && args.length === 3 && receiver.op === 'id' && receiver.args === 'cel')
  );
}

/** Compiles a macro call. Throws an ExpressionFault where its arguments are not what it takes. */
export function compileMacro(node: NodeOf<'call'> | NodeOf<'rcall'>, compilation: Compilation): Run {
  if (node.op === 'call') return compileHas(node, compilation);
  return node.args[0] === 'bind' ? compileBind(node, compilation) : compileLoop(node, compilation);
}

/** The variable that a macro makes. Throws an ExpressionFault where its first argument is not a name. */
export function variableOf(node: NodeOf<'rcall'>): string {
  const name = node.args[2][0];
  if (name?.op !== 'id')
    throw new ExpressionFault(`the first argument of ${node.args[0]}() is the name of a variable`, node);
  return name.args;
}

function within(node: NodeOf<'rcall'>, compilation: Compilation): { slot: number; inner: Compilation } {
  const slot = compilation.tally.slots++;
  return {
    slot,
    inner: { ...compilation, variables: { ...compilation.variables, [variableOf(node)]: slot } },
  };
}

/** `has(a.b.c)`: whether all of the way to the field is there. Only errors of other kinds are errors. */
function compileHas(node: NodeOf<'call'>, compilation: Compilation): Run {
  const operand = node.args[1][0];
  if (operand?.op !== '.') throw new ExpressionFault('has() takes a field, as in has(input.topic)', node);
  const run = compilePath(operand, compilation);
  return (frame) => run(frame) !== MISSING;
}

function compilePath(node: ASTNode, compilation: Compilation): Run {
  const isAccess = node.op === '.' || node.op === '[]';
  if (!isAccess || stepNamed(node, compilation.variables) !== undefined) return compilation.compile(node, compilation);
  compilation.tally.nodes += 1;
  const run = compilePath(node.args[0], compilation);
  const right = node.args[1];
  if (typeof right === 'string' && isRefusedName(right))
    throw new ExpressionFault(`the field name \`${right}\` is refused`, node);
  const key: Run = typeof right === 'string' ? () => right : compilation.compile(right, compilation);
  return (frame) => {
    const from = run(frame);
    if (from === MISSING) return MISSING;
    const name = key(frame);
    if (isMap(from) && typeof name === 'string') {
      const value = fieldOf(from, name);
      return value === undefined ? MISSING : value;
    }
    if (Array.isArray(from) && typeof name === 'number' && name in from) return entering(from[name]);
    return MISSING;
  };
}

function compileBind(node: NodeOf<'rcall'>, compilation: Compilation): Run {
  const [, value, body] = node.args[2] as [ASTNode, ASTNode, ASTNode];
  const runValue = compilation.compile(value, compilation);
  const { slot, inner } = within(node, compilation);
  const run = inner.compile(body, inner);
  return (frame) => {
    frame.slots[slot] = runValue(frame);
    return run(frame);
  };
}

type Loop = (frame: Frame, elements: readonly unknown[], each: (element: unknown) => void) => unknown;

function compileLoop(node: NodeOf<'rcall'>, compilation: Compilation): Run {
  const [name, receiver, args] = node.args;
  const elements = compilation.compile(receiver, compilation);
  const { slot, inner } = within(node, compilation);
  const before = compilation.tally.nodes;
  const bodies = args.slice(1).map((body) => inner.compile(body, inner));
  const price = 1 + compilation.tally.nodes - before;
  const loop = loopOf(name, node, bodies);
  return (frame) =>
    loop(frame, elementsOf(elements(frame), node, frame), (element) => {
      charge(frame.meter, price);
      frame.slots[slot] = entering(element);
    });
}

function elementsOf(value: unknown, node: NodeOf<'rcall'>, { meter }: Frame): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (!isMap(value))
    throw new ExpressionFault(`${node.args[0]}() goes through a list or map, not a ${kindOf(value)}`, node);
  const names = Object.keys(value);
  charge(meter, names.length);
  return names;
}

function loopOf(name: string, node: NodeOf<'rcall'>, bodies: readonly Run[]): Loop {
  const [first, second] = bodies as [Run, Run | undefined];
  const test = (frame: Frame, run: Run): boolean => {
    const answer = run(frame);
    if (typeof answer === 'boolean') return answer;
    throw new ExpressionFault(`the condition of ${name}() is a ${kindOf(answer)}, not a bool`, node);
  };
  if (name === 'all' || name === 'exists') return quantifier(name === 'exists', (frame) => test(frame, first));
  if (name === 'exists_one') {
    return (frame, elements, each) => {
      let found = 0;
      for (const element of elements) {
        each(element);
        if (test(frame, first)) found += 1;
      }
      return found === 1;
    };
  }
  const condition = name === 'filter' || second !== undefined ? first : undefined;
  const transform = name === 'filter' ? undefined : (second ?? first);
  return (frame, elements, each) => {
    const results: unknown[] = [];
    for (const element of elements) {
      each(element);
      if (condition === undefined || test(frame, condition))
        results.push(transform === undefined ? entering(element) : transform(frame));
    }
    return results;
  };
}

/** `all` and `exists`: an element that decides wins over errors of others. */
function quantifier(decider: boolean, test: (frame: Frame) => boolean): Loop {
  return (frame, elements, each) => {
    let error: ExpressionFault | undefined;
    for (const element of elements) {
      each(element);
      try {
        if (test(frame) === decider) return decider;
      } catch (thrown) {
        swallow(frame.meter, thrown);
        error ??= thrown;
      }
    }
    if (error !== undefined) throw error;
    return !decider;
  };
}
