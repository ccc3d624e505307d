/** What follows a workflow: others, each started as a task of its own when this one has completed. */
import type { WorkflowNext } from '../../protocol/graph.ts';
import type { Expression } from './expression.ts';
import type { Scope } from './expression-frame.ts';
import { conditionOf } from './graph-plan.ts';
import type { Template } from './template.ts';

/** A workflow that follows. Without an `input` of its own it gets the output of the one before. */
export interface PlannedNext {
  readonly next: WorkflowNext;
  /** Its JSON pointer in the graph. */
  readonly at: string;
  readonly when: Expression | undefined;
  readonly input: Template | undefined;
}

/** Whether it is to be started, as its `when` says. Throws OperatingError INVALID_INPUT: as `conditionOf`. */
export function isNext({ when, at }: PlannedNext, scope: Scope): boolean {
  return when === undefined || conditionOf(when, `${at}/when`, scope);
}

/** What it is given. Throws OperatingError INVALID_INPUT: the template cannot be evaluated. */
export function inputOfNext({ input }: PlannedNext, scope: Scope): unknown {
  return input === undefined ? scope.output : input.evaluate(scope);
}
