/**
 * A workflow at work: it starts steps as soon as those they need have ended well, keeps their outputs, and ends when none
 * is left, or when one has failed that was not optional. What a step is and how it is repeated is the step's own business
 * (actors/step.ts); which steps may start is decided by graph-order.ts.
 *
 *   running ──the last step has ended──► done
 *      └─────a step failed────────────► done     (what still runs is stopped)
 *
 * Its stored state is one letter per step and per item; the outputs are rows, written once.
 */
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';
import { type ErrorBody, OperatingError } from '../../protocol/errors.ts';
import type { WorkflowGraph } from '../../protocol/graph.ts';
import type { Select } from '../../protocol/selection.ts';
import type { Degradation } from '../../protocol/tasks.ts';
import type { CellPort, EventDraft } from '../../runtime/cell-port.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import {
  assertFunded,
  closeStepAccount,
  openFlowAccounts,
  openStepAccount,
  stepAccount,
} from '../budget/flow-accounts.ts';
import { outputFault } from '../output-fault.ts';
import { type StepOutcome, stepAddress } from '../step.ts';
import type { FlowOutcome } from '../task.ts';
import { mergeDegraded } from './degradations.ts';
import type { Scope } from './expression-frame.ts';
import { assertMovable, type FlowVersion, lettersFor, MOVED_ROW, startOf } from './flow-migration.ts';
import { FLOW_LOGIC, type FlowStart } from './flow-start.ts';
import { FlowRun, type OutputRow } from './flow-run.ts';
import { type GraphPlan, inputOf, isWanted, type PlannedStep } from './graph-plan.ts';
import type { EndStatus, StepStatus } from './graph-order.ts';
import { stageAddress, stageSpec } from './stage-start.ts';
import { stepIdOf, stepPath } from './stage-path.ts';
import { agentCallSpec } from './step-call.ts';

export { FLOW_LOGIC, type FlowStart } from './flow-start.ts';

/** A fan-out under way: one letter per item, `w` for one that waits for a person, which is not counted as running. */
interface FanState {
  readonly items: string;
  readonly next: number;
  readonly running: number;
}

/** The state of one flow; all but `run` is stored. */
export interface FlowState {
  readonly phase: 'running' | 'done';
  /** One letter per step, in plan order. */
  readonly steps: string;
  readonly fans: Readonly<Record<string, FanState>>;
  readonly degraded: readonly Degradation[];
  readonly outcome?: FlowOutcome;
  /** Made again after a restart, never stored. */
  readonly run: FlowRun;
}

/** Compiles a graph. The same graph gives the same plan. */
export type Planner = (graph: WorkflowGraph) => GraphPlan;

const LETTERS: Readonly<Record<string, StepStatus>> = {
  p: 'pending',
  r: 'running',
  c: 'completed',
  s: 'skipped',
  d: 'degraded',
  f: 'failed',
};
const LETTER: Readonly<Record<StepStatus, string>> = {
  pending: 'p',
  ready: 'p',
  running: 'r',
  completed: 'c',
  skipped: 's',
  degraded: 'd',
  failed: 'f',
};
const CONCURRENCY_DEFAULT = 16;

/** The logic of flows. */
export function flowLogic(planOf: Planner): FlatLogic<FlowState, FlowStart> {
  return {
    name: FLOW_LOGIC,
    version: LIFECYCLE_VERSIONS.flow,
    initial: (start, port) => {
      openFlowAccounts(port);
      const plan = planOf(start.graph);
      const run = new FlowRun(start.graph, plan, start.input, {});
      const state: FlowState = { phase: 'running', steps: 'p'.repeat(plan.steps.length), fans: {}, degraded: [], run };
      return new FlowTurn(state, port).begin(run.order.ready);
    },
    restored: (state, port) => {
      const start = startOf(port);
      return { ...state, run: restoreRun(start, planOf(start.graph), state, port) };
    },
    table: {
      running: {
        'child.done': (state, event: ActorEvent, port) =>
          new FlowTurn(state, port).childEnded(event['address'] as string, event['output'] as StepOutcome),
        'child.failed': (state, event: ActorEvent, port) =>
          new FlowTurn(state, port).childEnded(event['address'] as string, crashOutcome(event['error'] as ErrorBody)),
        'child.quarantined': (state, event: ActorEvent, port) =>
          new FlowTurn(state, port).childEnded(event['address'] as string, crashOutcome(event['error'] as ErrorBody)),
        'item.parked': (state, event: ActorEvent, port) =>
          new FlowTurn(state, port).itemRests(event['address'] as string, true),
        'item.unparked': (state, event: ActorEvent, port) =>
          new FlowTurn(state, port).itemRests(event['address'] as string, false),
        'task.signal': (state, event: ActorEvent, port) => {
          for (const address of new FlowTurn(state, port).runningSteps()) port.send(address, event);
          return state;
        },
        'flow.migrate': (state, event: ActorEvent, port) => moved(state, event, port, planOf),
      },
      done: {},
    },
    final: { done: (state) => ({ output: state.outcome }) },
    keep: ({ phase, steps, fans, degraded, outcome }) => ({
      phase,
      steps,
      fans,
      degraded,
      ...(outcome !== undefined && { outcome }),
    }),
    describe: (state) => {
      const count = (letters: string): number => [...state.steps].filter((letter) => letters.includes(letter)).length;
      return `${state.phase}, ${count('csd')} of ${state.steps.length} steps done, ${count('r')} running`;
    },
  };
}

/** Goes on by another version of the workflow, where that fits what has been done so far. */
function moved(state: FlowState, event: ActorEvent, port: CellPort, planOf: Planner): FlowState {
  const from = startOf(port);
  const to = event['to'] as FlowVersion;
  const replyTo = String(event['replyTo']);
  const letters = new Map(state.run.plan.steps.map(({ id }, index) => [id, state.steps[index] ?? 'p']));
  try {
    assertFunded(to.graph, port);
    assertMovable(from, to, (step) => LETTERS[letters.get(step) ?? 'p'] ?? 'pending');
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    port.send(replyTo, { type: 'rejected', error: error.toBody() });
    return state;
  }
  port.send(replyTo, { type: 'flow.migrated', from: from.reference, to: to.reference });
  if (from.reference === to.reference) return state;
  port.attach(MOVED_ROW, to);
  const start = { ...from, ...to };
  const plan = planOf(to.graph);
  const steps = lettersFor(plan, (id) => letters.get(id));
  const next = { ...state, steps, run: restoreRun(start, plan, { ...state, steps }, port) };
  return new FlowTurn(next, port, start).goOn(from.reference, event['awaits']);
}

function crashOutcome(error: ErrorBody): StepOutcome {
  return { ok: false, error, events: [], attempts: 0 };
}

function restoreRun(start: FlowStart, plan: GraphPlan, state: FlowState, port: CellPort): FlowRun {
  const statuses: Record<string, StepStatus> = {};
  plan.steps.forEach((step, index) => {
    statuses[step.id] = LETTERS[state.steps[index] ?? 'p'] ?? 'pending';
  });
  const run = new FlowRun(start.graph, plan, start.input, statuses);
  for (const [key, row] of port.attached()) {
    const [kind, step, index] = key.split('/');
    if (kind !== 'out' || step === undefined) continue;
    const { value } = row as OutputRow;
    if (index === undefined) run.putOutput(step, value);
    else run.putItemOutput(step, Number(index), value);
  }
  for (const step of plan.steps)
    if (statuses[step.id] === 'skipped' || statuses[step.id] === 'degraded') run.putOutput(step.id, null);
  return run;
}

/** One turn of a flow: gathers what changes, and the lines for the log, and says them once. */
class FlowTurn {
  readonly #port: CellPort;
  readonly #start: FlowStart;
  readonly #run: FlowRun;
  readonly #lines: EventDraft[] = [];
  #state: FlowState;

  constructor(state: FlowState, port: CellPort, start = startOf(port)) {
    this.#state = state;
    this.#port = port;
    this.#start = start;
    this.#run = state.run;
  }

  begin(ready: readonly string[]): FlowState {
    this.#startAll(ready);
    return this.#done();
  }

  /** It has another plan from here on. */
  goOn(from: string | undefined, awaits: unknown): FlowState {
    const events = [{ kind: 'task.planned', data: { workflow: this.#start.reference, from } }];
    this.#port.send(`task/${this.#start.task}`, { type: 'task.progress', events, awaits });
    this.#startAll(this.#run.order.ready);
    return this.#done();
  }

  childEnded(address: string, outcome: StepOutcome): FlowState {
    const [, , path = '', item] = address.split('/');
    const step = this.#run.plan.byId.get(stepIdOf(path));
    if (step === undefined || this.#statusOf(step) !== 'running') return this.#state;
    this.#lines.push(...outcome.events);
    if (outcome.degraded !== undefined)
      this.#state = { ...this.#state, degraded: mergeDegraded(this.#state.degraded, outcome.degraded) };
    if (item === undefined) this.#stepEnded(step, outcome);
    else this.#itemEnded(step, Number(item), outcome);
    return this.#done();
  }

  /**
   * An item that waits for a person gives its place to the next one. It goes on as soon as it can, also where that makes one
   * more than `concurrency`: those that took its place are under way.
   */
  itemRests(address: string, rests: boolean): FlowState {
    const { within } = this.#start;
    // What rests in here makes the whole of it rest, in a fan-out further out.
    if (within !== undefined) this.#port.send(within.stage, { type: rests ? 'item.parked' : 'item.unparked', address });
    const [, , path = '', item] = address.split('/');
    const id = stepIdOf(path);
    const step = this.#run.plan.byId.get(id);
    const fan = this.#state.fans[id];
    const index = Number(item);
    if (step === undefined || fan === undefined || fan.items[index] !== (rests ? 'r' : 'w')) return this.#state;
    const items = withLetter(fan.items, index, rests ? 'w' : 'r');
    this.#setFan(step, { ...fan, items, running: fan.running + (rests ? -1 : 1) });
    if (rests) this.#startMoreItems(step);
    return this.#done();
  }

  /** Addresses of the steps' actors at work. */
  runningSteps(): string[] {
    return this.#run.plan.steps.flatMap((step, index) => {
      if (this.#state.steps[index] !== 'r') return [];
      const fan = this.#state.fans[step.id];
      if (fan === undefined) return [this.#addressOf(step)];
      return [...fan.items].flatMap((letter, item) => (isUnderWay(letter) ? [this.#addressOf(step, item)] : []));
    });
  }

  /** The actor that works for a step, or for one of its items. */
  #addressOf({ id, staged }: PlannedStep, item?: number): string {
    const path = this.#pathOf(id);
    return staged === undefined
      ? stepAddress(this.#start.task, path, item)
      : stageAddress(this.#start.task, path, item);
  }

  /** What a step is called outside of this flow. */
  #pathOf(id: string): string {
    return stepPath(this.#start.within?.path, id);
  }

  #startAll(ready: readonly string[]): void {
    // A step that is skipped may make others ready at once: a list of work, not a recursion.
    const todo = [...ready];
    for (let id = todo.shift(); id !== undefined && this.#state.phase === 'running'; id = todo.shift()) {
      const step = this.#run.plan.byId.get(id) as PlannedStep;
      try {
        todo.push(...this.#startStep(step));
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        this.#lines.push({
          kind: 'step.failed',
          data: { step: this.#pathOf(id), code: error.code, message: error.message },
        });
        this.#setStatus(step, 'running');
        todo.push(...this.#stepFailed(step, error.toBody()));
      }
    }
  }

  /** Starts a step, or ends it at once: gives the steps that become ready by that. */
  #startStep(step: PlannedStep): readonly string[] {
    if (!isWanted(step, this.#run.scope())) {
      this.#lines.push({ kind: 'step.skipped', data: { step: this.#pathOf(step.id) } });
      return this.#end(step, 'skipped', null);
    }
    const items = this.#run.items(step);
    openStepAccount(step.step, this.#port);
    if (items === undefined) {
      this.#startActor(step, this.#run.scope());
      this.#setStatus(step, 'running');
      return [];
    }
    this.#lines.push({ kind: 'step.started', data: { step: this.#pathOf(step.id), items: items.length } });
    this.#setStatus(step, 'running');
    if (items.length === 0) return this.#fanEnded(step);
    this.#setFan(step, { items: 'p'.repeat(items.length), next: 0, running: 0 });
    this.#startItems(step);
    return [];
  }

  #startItems(step: PlannedStep): void {
    const items = this.#run.items(step) ?? [];
    const limit = step.step.concurrency ?? CONCURRENCY_DEFAULT;
    let fan = this.#state.fans[step.id] as FanState;
    while (fan.running < limit && fan.next < items.length) {
      const index = fan.next;
      this.#startActor(step, this.#run.scope({ value: items[index], index }), index);
      fan = { items: withLetter(fan.items, index, 'r'), next: index + 1, running: fan.running + 1 };
    }
    this.#setFan(step, fan);
  }

  #startMoreItems(step: PlannedStep): void {
    try {
      this.#startItems(step);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.#startAll(this.#stepFailed(step, error.toBody()));
    }
  }

  /** Throws OperatingError INVALID_INPUT: an expression of the step cannot be evaluated. */
  #startActor(planned: PlannedStep, scope: Scope, item?: number): void {
    const { address } = this.#port;
    const place = {
      path: this.#pathOf(planned.id),
      ...(item !== undefined && { item }),
      ...((item !== undefined || this.#start.within !== undefined) && { rests: address }),
    };
    const { staged, step } = planned;
    const account = stepAccount(step, this.#port);
    const orders = account === undefined ? this.#start : { ...this.#start, account };
    this.#port.startChild(
      staged === undefined
        ? agentCallSpec(orders, address, place, step, inputOf(planned, scope))
        : stageSpec(orders, address, place, planned, staged, scope),
    );
  }

  #stepEnded(step: PlannedStep, outcome: StepOutcome): void {
    if (outcome.ok) {
      this.#port.attach(`out/${step.id}`, { value: outcome.output } satisfies OutputRow);
      this.#startAll(this.#end(step, 'completed', outcome.output));
    } else this.#startAll(this.#stepFailed(step, outcome.error));
  }

  #itemEnded(step: PlannedStep, index: number, outcome: StepOutcome): void {
    const fan = this.#state.fans[step.id];
    const letter = fan?.items[index];
    if (fan === undefined || letter === undefined || !isUnderWay(letter)) return;
    if (!outcome.ok) {
      for (let other = 0; other < fan.next; other++) {
        if (other !== index && isUnderWay(fan.items[other] ?? '')) this.#port.stopChild(this.#addressOf(step, other));
      }
      const error = { ...outcome.error, message: `Item ${index}: ${outcome.error.message}` };
      this.#startAll(this.#stepFailed(step, error));
      return;
    }
    this.#run.putItemOutput(step.id, index, outcome.output);
    this.#port.attach(`out/${step.id}/${index}`, { value: outcome.output } satisfies OutputRow);
    const items = withLetter(fan.items, index, 'c');
    this.#setFan(step, { ...fan, items, running: fan.running - (letter === 'r' ? 1 : 0) });
    if (fan.next === fan.items.length && !/[rw]/.test(items)) this.#startAll(this.#fanEnded(step));
    else this.#startMoreItems(step);
  }

  #fanEnded(step: PlannedStep): readonly string[] {
    const outputs = [...this.#run.itemOutputs(step.id)];
    this.#lines.push({ kind: 'step.completed', data: { step: this.#pathOf(step.id), items: outputs.length } });
    // The items' rows become one.
    outputs.forEach((_output, index) => this.#port.attach(`out/${step.id}/${index}`, undefined));
    this.#port.attach(`out/${step.id}`, { value: outputs } satisfies OutputRow);
    this.#setFan(step, undefined);
    return this.#end(step, 'completed', outputs);
  }

  #stepFailed(step: PlannedStep, error: ErrorBody): readonly string[] {
    this.#setFan(step, undefined);
    if (step.step.optional === true) {
      const reason = { step: this.#pathOf(step.id), code: error.code, message: error.message };
      this.#lines.push({ kind: 'step.degraded', data: reason });
      this.#state = { ...this.#state, degraded: mergeDegraded(this.#state.degraded, [reason]) };
      return this.#end(step, 'degraded', null);
    }
    this.#setStatus(step, 'failed');
    for (const address of this.runningSteps()) this.#port.stopChild(address);
    const message = `Step ${step.id} failed: ${error.message}`;
    const details = { step: step.id, ...(error.details !== undefined && { cause: error.details }) };
    this.#finish({ ok: false, error: { ...error, message, details }, events: [], attempts: 0 });
    return [];
  }

  #end(step: PlannedStep, status: EndStatus, output: unknown): readonly string[] {
    closeStepAccount(step.step, this.#port);
    this.#run.putOutput(step.id, output);
    this.#setStatus(step, status);
    return this.#run.order.end(step.id, status).ready;
  }

  #done(): FlowState {
    if (this.#state.phase === 'running' && this.#run.order.openSteps === 0) this.#conclude();
    if (this.#state.phase === 'running') {
      if (this.#lines.length > 0)
        this.#port.send(`task/${this.#start.task}`, { type: 'task.progress', events: this.#lines });
      return this.#state;
    }
    const outcome = this.#state.outcome as FlowOutcome;
    return { ...this.#state, outcome: { ...outcome, events: this.#lines } };
  }

  #conclude(): void {
    try {
      const output = this.#run.result();
      const fault = outputFault(output, 'the workflow');
      if (fault !== undefined) throw fault;
      this.#finish({ ok: true, output, events: [], attempts: 0 });
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.#finish({ ok: false, error: error.toBody(), events: [], attempts: 0 });
    }
  }

  #finish(outcome: StepOutcome): void {
    const { degraded } = this.#state;
    this.#state = {
      ...this.#state,
      phase: 'done',
      outcome: degraded.length === 0 ? outcome : { ...outcome, degraded },
    };
  }

  #statusOf(step: PlannedStep): StepStatus {
    return LETTERS[this.#state.steps[this.#indexOf(step)] ?? 'p'] ?? 'pending';
  }

  #setStatus(step: PlannedStep, status: StepStatus): void {
    this.#state = { ...this.#state, steps: withLetter(this.#state.steps, this.#indexOf(step), LETTER[status]) };
  }

  #setFan(step: PlannedStep, fan: FanState | undefined): void {
    const { [step.id]: _old, ...fans } = this.#state.fans;
    this.#state = { ...this.#state, fans: fan === undefined ? fans : { ...fans, [step.id]: fan } };
  }

  #indexOf(step: PlannedStep): number {
    return this.#run.position(step.id);
  }
}

function isUnderWay(letter: string): boolean {
  return letter === 'r' || letter === 'w';
}

function withLetter(letters: string, index: number, letter: string): string {
  return letters.slice(0, index) + letter + letters.slice(index + 1);
}
