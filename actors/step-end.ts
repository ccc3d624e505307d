/** How a step ends, and what its lines in the task's log say of where it stands. */
import type { ErrorBody } from '../protocol/errors.ts';
import type { TaskUsage } from '../protocol/tasks.ts';
import type { CellPort, EventDraft } from '../runtime/cell-port.ts';
import { leave } from './step-cache.ts';
import type { StepInput, StepState } from './step.ts';

type Place = Pick<StepInput, 'step' | 'item' | 'round' | 'fallback'> & { readonly compensation?: true };

/** Its id, and which piece of its work this is, where there are several; or that it undoes the step of that id. */
export function placeOf({ step, item, round, fallback, compensates }: StepInput): Place {
  if (compensates === true) return { step, ...(item !== undefined && { item }), compensation: true };
  if (round === undefined && fallback === undefined) return item === undefined ? { step } : { step, item };
  return {
    step,
    ...(item !== undefined && { item }),
    ...(round !== undefined && { round }),
    ...(fallback !== undefined && { fallback }),
  };
}

/** Why it cannot begin, and how it went before. */
export function turnedAway({ failure }: StepState, error: ErrorBody): ErrorBody {
  if (failure === undefined) return error;
  const message = `${error.message} The attempt before failed: ${failure.message}`;
  return { ...error, message, details: { ...(error.details as object), failure } };
}

/** It is done. `more`: what its last line says beside the attempt. */
export function completed(state: StepState, output: unknown, more: object = {}): StepState {
  const { attempt, lines, input } = state;
  const line: EventDraft = {
    kind: 'step.completed',
    data: { ...placeOf(input), ...(attempt > 0 && { attempt }), ...more },
  };
  return {
    ...state,
    phase: 'done',
    outcome: { ok: true, output, events: [...(lines ?? []), line], attempts: attempt },
  };
}

/** It has failed for good. */
export function failed(state: StepState, error: ErrorBody, events: readonly EventDraft[]): StepState {
  const lines = events.length > 0 ? events : [...(state.lines ?? []), failureLine(state, error)];
  return { ...state, phase: 'done', outcome: { ok: false, error, events: lines, attempts: state.attempt } };
}

/** An attempt that is over. */
export interface AttemptOver {
  /** What it used; undefined where that is nothing. */
  readonly usage: TaskUsage | undefined;
  /** The node that made its call, where that was another than this one. */
  readonly node: string | undefined;
}

/** The line of an attempt that failed, or could not begin: that has used nothing. */
export function failureLine(
  { input, attempt }: StepState,
  { code, message }: ErrorBody,
  over?: AttemptOver,
): EventDraft {
  return { kind: 'step.failed', data: { ...placeOf(input), attempt, code, message, ...overIn(over) } };
}

/** What the line of an attempt that is over says of it. */
export function overIn(over: AttemptOver | undefined): {
  readonly usage?: Omit<TaskUsage, 'steps'>;
  readonly node?: string;
} {
  if (over === undefined) return {};
  const { usage, node } = over;
  const made = node === undefined ? {} : { node };
  if (usage === undefined) return made;
  const { steps: _one, ...used } = usage;
  return { usage: used, ...made };
}

/** The end of a step that is done, once its last attempt is over: what nobody has been told yet is told. */
export function end(state: StepState, port: CellPort): StepState {
  const left = leave(state, port);
  if (left.untold === undefined) return left;
  const { untold, ...rest } = left;
  if (rest.outcome === undefined) return rest;
  if (state.input.alone === true) return { ...rest, outcome: { ...rest.outcome, usage: untold } };
  port.send(state.owner, { type: 'task.spent', usage: untold });
  return rest;
}
