/** Which steps need a stage, and what one is started with. */
import type { ChildSpec } from '../../runtime/child-spec.ts';
import type { Scope } from './expression-frame.ts';
import type { References } from './expression-references.ts';
import type { PinnedWorkflows } from './flow-start.ts';
import { inputOf, type PlannedStep } from './graph-plan.ts';
import { hasTarget, type StagedStep } from './staged-step.ts';
import { type Orders, type StepPlace, workerSpec } from './step-call.ts';
import { calledBySteps, pinsOf } from './workflow-pins.ts';

/** The name of the logic in the kernel. */
export const STAGE_LOGIC = 'stage';

/** What a stage's cell is started with. */
export interface StageStart extends Orders, StepPlace {
  readonly step: StagedStep;
  /** Its place among the steps of its graph, for pointers in messages. */
  readonly index: number;
  /** What its work is given; in a loop with an `input`, what comes of that in each round is given instead. */
  readonly input?: unknown;
  /** As much of what its expressions may read as those read that are not evaluated yet. */
  readonly scope?: Scope;
  readonly signalName?: unknown;
  readonly approvalMessage?: string;
  readonly pinned?: PinnedWorkflows;
}

/** The address of a step's stage. */
export function stageAddress(task: string, path: string, item?: number): string {
  return item === undefined ? `stage/${task}/${path}` : `stage/${task}/${path}/${item}`;
}

/**
 * The stage of a step that needs one. `scope` is what the step's expressions may read.
 * Throws OperatingError INVALID_INPUT: an expression cannot be evaluated.
 */
export function stageSpec(
  orders: Orders & { readonly pinned?: PinnedWorkflows },
  owner: string,
  place: StepPlace,
  planned: PlannedStep,
  staged: StagedStep,
  scope: Scope,
): ChildSpec {
  const { task, priority, deadlineAtMs, account, cache, pinned } = orders;
  const { signalName, approvalMessage } = planned;
  const names = calledBySteps([staged]);
  const pins = names.size === 0 || pinned === undefined ? undefined : pinsOf(names, pinned);
  const later = scopeOf(readLater(planned), scope);
  const start: StageStart = {
    task,
    priority,
    ...(deadlineAtMs !== undefined && { deadlineAtMs }),
    ...(account !== undefined && { account }),
    ...(cache !== undefined && { cache }),
    ...place,
    step: staged,
    index: planned.index,
    ...(needsInput(planned, staged) && { input: inputOf(planned, scope) }),
    ...(later !== undefined && { scope: later }),
    ...(signalName !== undefined && { signalName: signalName.evaluate(scope) }),
    ...(approvalMessage !== undefined && { approvalMessage: wordsOf(approvalMessage.evaluate(scope)) }),
    ...(pins !== undefined && { pinned: pins }),
  };
  return workerSpec(orders, owner, {
    address: stageAddress(task, place.path, place.item),
    logic: STAGE_LOGIC,
    input: start,
  });
}

/** What a loop is given is for each of its rounds to say; what only waits is given nothing, unless it may fall back to a call. */
function needsInput({ input, loopWhile, fallbacks }: PlannedStep, staged: StagedStep): boolean {
  if (loopWhile !== undefined && input !== undefined) return false;
  return hasTarget(staged) || fallbacks.some((fallback) => fallback.input === undefined);
}

function readLater({ loopWhile, input, fallbacks }: PlannedStep): readonly References[] {
  const loop = loopWhile === undefined ? [] : [loopWhile, input];
  return [...loop, ...fallbacks.map((fallback) => fallback.input)].flatMap((read) => read?.references ?? []);
}

function scopeOf(read: readonly References[], scope: Scope): Scope | undefined {
  if (read.length === 0) return undefined;
  // Its own output, which is not there yet, is for the stage to know.
  const ids = new Set(read.flatMap(({ steps }) => steps).filter((id) => scope.steps?.[id] !== undefined));
  const reads = (root: 'input' | 'item' | 'index'): boolean => read.some((references) => references[root]);
  return {
    steps: Object.fromEntries([...ids].map((id) => [id, scope.steps?.[id]])),
    ...(reads('input') && { input: scope.input }),
    ...(reads('item') && { item: scope.item }),
    ...(reads('index') && scope.index !== undefined && { index: scope.index }),
  };
}

/** What people are asked is text, also where an expression gives something else. */
function wordsOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
