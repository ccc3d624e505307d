/** What the compiler of expressions and its macros share: the state of an evaluation, and of a compilation. */
import type { ASTNode, ASTOperator } from '@marcbachmann/cel-js';
import type { Meter } from './expression-meter.ts';

/** What an expression may read. `steps` maps a step's id to what may be read of it (`output`). */
export interface Scope {
  readonly input?: unknown;
  readonly steps?: Readonly<Record<string, unknown>>;
  readonly item?: unknown;
  readonly index?: number;
  /** Which run of a loop this is, from 1. */
  readonly round?: number;
  /** What has been folded so far, in `reduce.with`. */
  readonly acc?: unknown;
  /** In `reduce.with` that of the item, in `then` that of the workflow. */
  readonly output?: unknown;
}

/** The state of one evaluation. `slots` hold the variables of macros. */
export interface Frame {
  readonly scope: Scope;
  readonly meter: Meter;
  readonly slots: unknown[];
}

export type Run = (frame: Frame) => unknown;
export type NodeOf<Op extends ASTOperator> = Extract<ASTNode, { op: Op }>;

/** What the compilation of one expression knows. */
export interface Compilation {
  /** Macro variables in scope and their slots; inner ones are other objects. */
  readonly variables: Readonly<Record<string, number>>;
  /** Shared by the whole expression. `nodes` counts what was compiled; it is the price of a loop's body. */
  readonly tally: { nodes: number; slots: number };
  /** Compiles a node below. */
  readonly compile: (node: ASTNode, compilation: Compilation) => Run;
}

/** The id of the step that a node names (`steps.ID`, `steps["ID"]`), where it is such a node. */
export function stepNamed(node: ASTNode, variables: Readonly<Record<string, unknown>>): string | undefined {
  if (node.op !== '.' && node.op !== '[]') return undefined;
  const [left, right] = node.args;
  if (left.op !== 'id' || left.args !== 'steps' || Object.hasOwn(variables, 'steps')) return undefined;
  if (typeof right === 'string') return right;
  return right.op === 'value' && typeof right.args === 'string' ? right.args : undefined;
}

/** The nodes right below a node, as they are written. */
export function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    case '!_':
    case '-_':
      return [node.args];
    default:
      return node.args;
  }
}
