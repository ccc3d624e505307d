/** What an expression reads: found in its syntax tree, so that text in strings and variables of macros do not count. */
import type { ASTNode } from '@marcbachmann/cel-js';
import { childrenOf, stepNamed } from './expression-frame.ts';
import { isMacro, variableOf } from './expression-macros.ts';

/** What an expression or template reads of its scope. Step ids are in the order of their first use. */
export interface References {
  readonly steps: readonly string[];
  readonly input: boolean;
  readonly item: boolean;
  readonly index: boolean;
  readonly round: boolean;
  readonly acc: boolean;
  readonly output: boolean;
}

const ROOTS = ['input', 'item', 'index', 'round', 'acc', 'output'] as const;

interface Found {
  readonly steps: Set<string>;
  readonly roots: Set<string>;
}

/** The references of a syntax tree. */
export function referencesOf(ast: ASTNode): References {
  const found: Found = { steps: new Set(), roots: new Set() };
  collect(ast, {}, found);
  return toReferences(found);
}

/** The references of several expressions together. */
export function mergeReferences(all: Iterable<References>): References {
  const found: Found = { steps: new Set(), roots: new Set() };
  for (const references of all) {
    for (const step of references.steps) found.steps.add(step);
    for (const root of ROOTS) if (references[root]) found.roots.add(root);
  }
  return toReferences(found);
}

function toReferences({ steps, roots }: Found): References {
  return {
    steps: [...steps],
    input: roots.has('input'),
    item: roots.has('item'),
    index: roots.has('index'),
    round: roots.has('round'),
    acc: roots.has('acc'),
    output: roots.has('output'),
  };
}

type Variables = Readonly<Record<string, true>>;

function collect(node: ASTNode, variables: Variables, found: Found): void {
  const step = stepNamed(node, variables);
  if (step !== undefined) {
    found.steps.add(step);
  } else if (node.op === 'id') {
    if (!Object.hasOwn(variables, node.args)) found.roots.add(node.args);
  } else if (node.op === 'rcall' && isMacro(node)) {
    collectMacro(node, variables, found);
  } else {
    for (const child of childrenOf(node)) collect(child, variables, found);
  }
}

function collectMacro(node: Extract<ASTNode, { op: 'rcall' }>, variables: Variables, found: Found): void {
  const [name, receiver, args] = node.args;
  const inner: Variables = { ...variables, [variableOf(node)]: true };
  if (name !== 'bind') collect(receiver, variables, found);
  args.slice(1).forEach((arg, i) => collect(arg, name === 'bind' && i === 0 ? variables : inner, found));
}
