/**
 * A graph made ready to run: every expression compiled, every need resolved, the steps in one order. Made by the lint
 * from a graph without faults; the same graph gives the same plan on every node.
 */
// tidy-allow exports: a plan, and the questions a run asks of its steps, are read as one page
import { OperatingError } from '../../protocol/errors.ts';
import type { WorkflowCall, WorkflowStep } from '../../protocol/graph.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Expression } from './expression.ts';
import type { Scope } from './expression-frame.ts';
import { kindOf } from './expression-values.ts';
import type { PlannedNext } from './graph-next.ts';
import type { StagedStep } from './staged-step.ts';
import type { Template } from './template.ts';

/** A call beside a step's own. Without an `input` of its own it gets the step's. */
export interface PlannedCall {
  readonly call: WorkflowCall;
  readonly input: Template | undefined;
}

/** How the outputs of a step's items are folded. Without `initial` the fold begins with null. */
export interface PlannedFold {
  readonly initial: Template | undefined;
  readonly with: Expression;
}

/** A step, ready to run. */
export interface PlannedStep {
  readonly id: string;
  /** The step as it was written. */
  readonly step: WorkflowStep;
  /** Its place among the graph's steps as they were written, for pointers. */
  readonly index: number;
  /** The steps that must have ended before it: those it names and those its expressions read, in plan order. */
  readonly needs: readonly string[];
  /** The steps that need it, in plan order. */
  readonly dependents: readonly string[];
  /** 0 where it needs none, else one more than the highest level it needs. Steps of one level may run side by side. */
  readonly level: number;
  readonly when: Expression | undefined;
  /** `undefined` where the step was written without `input`. */
  readonly input: Template | undefined;
  readonly forEach: Template | undefined;
  readonly reduce: PlannedFold | undefined;
  readonly loopWhile: Expression | undefined;
  readonly signalName: Template | undefined;
  readonly approvalMessage: Template | undefined;
  /** The calls it falls back to, in their order. */
  readonly fallbacks: readonly PlannedCall[];
  /** What a stage must know of it (stage.ts), where it is more than one call of an agent. */
  readonly staged: StagedStep | undefined;
  readonly compensate: PlannedCall | undefined;
}

/** A graph, ready to run. */
export interface GraphPlan {
  /** By level, and within a level as they were written: a step comes after all it needs. */
  readonly steps: readonly PlannedStep[];
  readonly byId: ReadonlyMap<string, PlannedStep>;
  /** `undefined` where the graph was written without `output`. */
  readonly output: Template | undefined;
  readonly next: readonly PlannedNext[];
  /** Whether any of its steps says how it is undone. */
  readonly compensates: boolean;
}

/**
 * Whether a step is to run at all, as its `when` says; without one it is.
 * Throws OperatingError INVALID_INPUT: the expression cannot be evaluated, or gives no bool.
 */
export function isWanted({ when, index }: PlannedStep, scope: Scope): boolean {
  if (when === undefined) return true;
  return conditionOf(when, `/steps/${index}/when`, scope);
}

/** What a condition says. Throws OperatingError INVALID_INPUT: it cannot be evaluated, or gives no bool. */
export function conditionOf(condition: Expression, at: string, scope: Scope): boolean {
  const answer = condition.evaluate(scope, at);
  if (typeof answer === 'boolean') return answer;
  throw wrongKind(condition.text, at, answer, 'a condition is a bool');
}

/**
 * The items of a step's `forEach`; undefined where it has none.
 * Throws OperatingError INVALID_INPUT: the template cannot be evaluated, gives no list, or one over
 * `LIMITS.forEachItemsMax`.
 */
export function itemsOf({ forEach, index }: PlannedStep, scope: Scope): readonly unknown[] | undefined {
  if (forEach === undefined) return undefined;
  const at = `/steps/${index}/forEach`;
  const items = forEach.evaluate(scope);
  if (!isList(items)) throw wrongKind('forEach', at, items, 'forEach goes through a list');
  if (items.length <= LIMITS.forEachItemsMax) return items;
  const message = `forEach at ${at} has ${items.length} items; at most ${LIMITS.forEachItemsMax} are taken.`;
  throw new OperatingError('INVALID_INPUT', message, { details: { at } });
}

/**
 * What a step's target is given. A step that was written without `input` hands on the item it is for, or else the input
 * of the workflow. Throws OperatingError INVALID_INPUT: the template cannot be evaluated.
 */
export function inputOf({ input, forEach }: PlannedStep, scope: Scope): unknown {
  if (input !== undefined) return input.evaluate(scope);
  return forEach === undefined ? scope.input : scope.item;
}

/** What undoes a step is given. In the scope the step's output is that of what is undone. Errors: as `inputOf`. */
export function undoInputOf(step: PlannedStep, scope: Scope): unknown {
  return step.compensate?.input === undefined ? inputOf(step, scope) : step.compensate.input.evaluate(scope);
}

function wrongKind(text: string, at: string, value: unknown, rule: string): OperatingError {
  return new OperatingError('INVALID_INPUT', `\`${text}\` at ${at} gives a ${kindOf(value)}; ${rule}.`, {
    details: { at },
  });
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
