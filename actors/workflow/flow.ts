/**
 * A workflow at work: it starts steps as soon as those they need have ended well, keeps their outputs, and ends when none
 * is left, or when one has failed that was not optional. What a step is and how it is repeated is the step's own business
 * (actors/step.ts); which steps may start is decided by graph-order.ts, when a fan-out is over by merge.ts.
 *
 *   running ──the last step has ended────────────────────► done
 *      │──a step failed, flow.cancel─────────────────────► done     (nothing to undo; what still runs is stopped)
 *      └──the same──► compensating ──the last is undone──► done     (undo-turn.ts)
 *
 * Its stored state is its phase. All else are rows, each written once (flow-rows.ts): a turn costs the same in a graph of three
 * steps and of two thousand.
 */
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';
import { type ErrorBody, OperatingError } from '../../protocol/errors.ts';
import type { WorkflowGraph, WorkflowStep } from '../../protocol/graph.ts';
import type { Degradation, EventKind } from '../../protocol/tasks.ts';
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
import type { FlowOutcome } from '../flow-order.ts';
import { outputFault } from '../output-fault.ts';
import type { StepOutcome } from '../step.ts';
import { taskNews } from '../task-news.ts';
import { chainAddress, orderOf } from './chain-link.ts';
import type { CompensationReport, Place } from './compensation.ts';
import { callsUndoable, compensationMsOf, settleMsOf } from './compensation-time.ts';
import type { Scope } from './expression-frame.ts';
import type { FanOut } from './fan-out.ts';
import { itemError, lostError, noteOfItems } from './fan-words.ts';
import { assertMovable, type FlowVersion, MOVED_ROW, startOf } from './flow-migration.ts';
import { FLOW_LOGIC, type FlowStart } from './flow-start.ts';
import { FlowRun } from './flow-run.ts';
import { type GraphPlan, inputOf, isWanted, type PlannedStep } from './graph-plan.ts';
import { type Note, noteOf } from './note.ts';
import { PendingRows } from './pending-rows.ts';
import { stageSpec } from './stage-start.ts';
import { stepIdOf, stepPath } from './stage-path.ts';
import { agentCallSpec } from './step-call.ts';
import { UndoTurn } from './undo-turn.ts';
import { workAddress } from './work-address.ts';

export { FLOW_LOGIC, type FlowStart } from './flow-start.ts';

/** The state of one flow; all but `run` is stored. */
export interface FlowState {
  readonly phase: 'running' | 'compensating' | 'done';
  /** Why what was done is undone. */
  readonly cause?: ErrorBody;
  /** Address of what undoes a step now, empty between two; absent while some steps may still end. */
  readonly undoing?: string;
  /** Steps that could have been undone, and were cut off before they ended: what they did is not known. */
  readonly cutOff?: readonly Place[];
  /** What workflows that its steps called have said of their own undoing. */
  readonly inner?: CompensationReport;
  readonly outcome?: FlowOutcome;
  /** Made again after a restart, never stored. */
  readonly run: FlowRun;
}

/** Compiles a graph. The same graph gives the same plan. */
export type Planner = (graph: WorkflowGraph) => GraphPlan;

/** Items that one turn starts at most; more of them wait for the next. */
const ITEMS_PER_TURN = 128;

/** The logic of flows. `newTask` makes the id of a task that follows. */
export function flowLogic(planOf: Planner, newTask: () => string): FlatLogic<FlowState, FlowStart> {
  const turn = (state: FlowState, port: CellPort): FlowTurn => new FlowTurn(state, port, newTask);
  const undo = (state: FlowState, port: CellPort): UndoTurn => new UndoTurn(state, port);
  return {
    name: FLOW_LOGIC,
    version: LIFECYCLE_VERSIONS.flow,
    initial: (start, port) => {
      openFlowAccounts(port);
      const run = new FlowRun(start.graph, planOf(start.graph), start.input);
      return turn({ phase: 'running', run }, port).begin(run.ready);
    },
    restored: (state, port) => {
      const { graph, input } = startOf(port);
      const run = new FlowRun(graph, planOf(graph), input).restore(port.attached());
      const next = { ...state, run };
      return state.phase === 'compensating' ? undo(next, port).resume() : next;
    },
    table: {
      running: {
        'child.done': (state, event: ActorEvent, port) => turn(state, port).childEnded(...endOf(event)),
        'child.failed': (state, event: ActorEvent, port) => turn(state, port).childEnded(...endOf(event)),
        'child.quarantined': (state, event: ActorEvent, port) => turn(state, port).childEnded(...endOf(event)),
        'item.parked': (state, event: ActorEvent, port) =>
          turn(state, port).itemRests(event['address'] as string, true),
        'item.unparked': (state, event: ActorEvent, port) =>
          turn(state, port).itemRests(event['address'] as string, false),
        'flow.items': (state, event: ActorEvent, port) => turn(state, port).goOn(event['step'] as string),
        'flow.cancel': (state, event: ActorEvent, port) => turn(state, port).cancel(event['error'] as ErrorBody),
        'task.signal': (state, event: ActorEvent, port) => {
          for (const address of turn(state, port).runningSteps()) port.send(address, event);
          return state;
        },
        'flow.migrate': (state, event: ActorEvent, port) => moved(state, event, port, planOf, newTask),
      },
      compensating: {
        'child.done': (state, event: ActorEvent, port) => undo(state, port).childEnded(...endOf(event)),
        'child.failed': (state, event: ActorEvent, port) => undo(state, port).childEnded(...endOf(event)),
        'child.quarantined': (state, event: ActorEvent, port) => undo(state, port).childEnded(...endOf(event)),
        'flow.undo': (state, _event, port) => undo(state, port).goOn(),
        'timer.settle': (state, _event, port) => undo(state, port).cutOff(),
        'timer.compensation': (state, _event, port) => undo(state, port).giveUp(),
        'task.signal': (state, event: ActorEvent, port) => {
          if (state.undoing) port.send(state.undoing, event);
          return state;
        },
        'flow.migrate': (state, event: ActorEvent, port) => {
          const error = new OperatingError(
            'STATE_CONFLICT',
            'It undoes what it has done, and goes on by no other version.',
          );
          port.send(String(event['replyTo']), { type: 'rejected', error: error.toBody() });
          return state;
        },
      },
      done: {},
    },
    final: { done: (state) => ({ output: state.outcome }) },
    keep: ({ run: _run, ...state }) => state,
    describe: ({ phase, run }) => {
      const { ended, underWay } = run.figures();
      return `${phase}, ${ended} of ${run.plan.steps.length} steps done, ${underWay} running`;
    },
  };
}

/** Goes on by another version of the workflow, where that fits what has been done so far. */
function moved(state: FlowState, event: ActorEvent, port: CellPort, planOf: Planner, newTask: () => string): FlowState {
  const from = startOf(port);
  const to = event['to'] as FlowVersion;
  const replyTo = String(event['replyTo']);
  try {
    assertFunded(to.graph, port);
    assertMovable(from, to, (step) => state.run.statusOf(step));
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    port.send(replyTo, { type: 'rejected', error: error.toBody() });
    return state;
  }
  port.send(replyTo, { type: 'flow.migrated', from: from.reference, to: to.reference });
  if (from.reference === to.reference) return state;
  port.attach(MOVED_ROW, to);
  const start = { ...from, ...to };
  const run = new FlowRun(to.graph, planOf(to.graph), start.input).restore(port.attached());
  const isNew = (step: string): boolean => !state.run.isUnderWay(step);
  return new FlowTurn({ ...state, run }, port, newTask, start).goOnBy(from.reference, event['awaits'], isNew);
}

/** How a child ended, from the kernel's news of it. */
function endOf(event: ActorEvent): [address: string, outcome: StepOutcome] {
  const address = event['address'] as string;
  if (event.type === 'child.done') return [address, event['output'] as StepOutcome];
  return [address, { ok: false, error: event['error'] as ErrorBody, events: [], attempts: 0 }];
}

/** One turn of a flow: gathers what changes, and the lines for the log, and says them once. */
class FlowTurn {
  readonly #port: CellPort;
  readonly #start: FlowStart;
  readonly #run: FlowRun;
  readonly #newTask: () => string;
  readonly #lines: EventDraft[] = [];
  /** Rows are written at the end of the turn: they go with the flow, where that ends with it. */
  readonly #rows: PendingRows;
  #state: FlowState;

  constructor(state: FlowState, port: CellPort, newTask: () => string, start = startOf(port)) {
    this.#state = state;
    this.#port = port;
    this.#start = start;
    this.#run = state.run;
    this.#newTask = newTask;
    this.#rows = new PendingRows(port);
  }

  begin(ready: readonly string[]): FlowState {
    this.#startAll(ready);
    return this.#done();
  }

  /** It has another plan from here on; of what may begin by that, some has begun already. */
  goOnBy(from: string | undefined, awaits: unknown, isNew: (step: string) => boolean): FlowState {
    const events = [{ kind: 'task.planned', data: { workflow: this.#start.reference, from } }];
    const compensationMs = compensationMsOf(this.#start);
    this.#port.send(`task/${this.#start.task}`, { type: 'task.progress', events, awaits, compensationMs });
    this.#startAll(this.#run.ready.filter(isNew));
    return this.#done();
  }

  childEnded(address: string, outcome: StepOutcome): FlowState {
    const [, , path = '', item] = address.split('/');
    const id = stepIdOf(path);
    const step = this.#run.plan.byId.get(id);
    if (step === undefined || !this.#run.isUnderWay(id)) return this.#state;
    this.#lines.push(...outcome.events);
    if (item === undefined) this.#stepEnded(step, outcome);
    else this.#itemEnded(step, Number(item), outcome);
    return this.#done();
  }

  /** An item that waits for a person gives its place to the next one. */
  itemRests(address: string, rests: boolean): FlowState {
    const { within } = this.#start;
    // What rests in here makes the whole of it rest, in a fan-out further out.
    if (within !== undefined) this.#port.send(within.stage, { type: rests ? 'item.parked' : 'item.unparked', address });
    const [, , path = '', item] = address.split('/');
    const id = stepIdOf(path);
    const step = this.#run.plan.byId.get(id);
    const fan = this.#run.fan(id);
    const index = Number(item);
    if (step === undefined || fan?.rest(index, rests) !== true) return this.#state;
    this.#run.noteRest(this.#rows, step, index, rests);
    if (rests) this.#startAll(this.#tend(step, fan));
    return this.#done();
  }

  /** Starts more items of a fan-out, where one turn was too short for all that could begin. */
  goOn(id: string): FlowState {
    const step = this.#run.plan.byId.get(id);
    const fan = this.#run.fan(id);
    if (step !== undefined && fan !== undefined) this.#startAll(this.#tend(step, fan));
    return this.#done();
  }

  cancel(error: ErrorBody): FlowState {
    this.#fail(error);
    return this.#done();
  }

  /** Addresses of the steps' actors at work. */
  runningSteps(): string[] {
    return this.#run.underWay().map(({ planned, item }) => workAddress(this.#start, planned, item));
  }

  /** What a step is called outside of this flow. */
  #pathOf({ id }: PlannedStep): string {
    return stepPath(this.#start.within?.path, id);
  }

  #startAll(ready: readonly string[]): void {
    // A step that is skipped may make others ready at once: a list of work, not a recursion.
    const todo = [...ready];
    for (let at = 0; at < todo.length && this.#state.phase === 'running'; at++) {
      const step = this.#run.plan.byId.get(todo[at] as string) as PlannedStep;
      try {
        todo.push(...this.#startStep(step));
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        this.#say('step.failed', { step: this.#pathOf(step), ...noteOf(error) });
        todo.push(...this.#stepFailed(step, error.toBody()));
      }
    }
  }

  /** Starts a step, or ends it at once: gives the steps that become ready by that. */
  #startStep(step: PlannedStep): readonly string[] {
    if (!isWanted(step, this.#run.scope())) {
      this.#say('step.skipped', { step: this.#pathOf(step) });
      return this.#end(step, null, { as: 'skipped' });
    }
    const items = this.#run.items(step);
    openStepAccount(step.step, this.#port);
    if (items === undefined) {
      this.#startActor(step, this.#run.scope());
      return [];
    }
    this.#say('step.started', { step: this.#pathOf(step), items: items.length });
    return this.#tend(step, this.#run.beginFan(step, items));
  }

  /** Starts items while there is room for them, and ends the fan-out when it is over. */
  #tend(step: PlannedStep, fan: FanOut): readonly string[] {
    let started = 0;
    for (; fan.verdict === 'open' && fan.hasRoom && started < ITEMS_PER_TURN; started++) {
      const index = fan.begin();
      try {
        this.#startActor(step, this.#run.scope({ value: fan.items[index], index }), index);
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        this.#say('step.failed', { step: this.#pathOf(step), item: index, ...noteOf(error) });
        const fault = this.#itemFailed(step, fan, index, error.toBody());
        if (fault !== undefined) return this.#stepFailed(step, fault);
      }
    }
    if (fan.verdict !== 'open') return this.#fanOver(step, fan);
    if (started > 0) this.#run.noteFan(this.#rows, step, fan);
    if (started === ITEMS_PER_TURN && fan.hasRoom)
      this.#port.send(this.#port.address, { type: 'flow.items', step: step.id });
    return [];
  }

  /** Throws OperatingError INVALID_INPUT: an expression of the step cannot be evaluated. */
  #startActor(planned: PlannedStep, scope: Scope, item?: number): void {
    const { address } = this.#port;
    const place = {
      path: this.#pathOf(planned),
      ...(item !== undefined && { item }),
      ...((item !== undefined || this.#start.within !== undefined) && { rests: address }),
    };
    const { staged, step } = planned;
    const orders = this.#ordersOf(step);
    this.#port.startChild(
      staged === undefined
        ? agentCallSpec(orders, address, place, step, inputOf(planned, scope))
        : stageSpec(orders, address, place, planned, staged, scope),
    );
  }

  #ordersOf(step: WorkflowStep): FlowStart {
    const account = stepAccount(step, this.#port);
    const orders = account === undefined ? this.#start : { ...this.#start, account };
    // A kept result is the work of another task, and would be undone for that one as well.
    return step.compensate === undefined ? orders : { ...orders, cache: false };
  }

  #stepEnded(step: PlannedStep, outcome: StepOutcome): void {
    const { degraded } = outcome;
    const error = outcome.ok ? this.#run.refusal(outcome.output) : outcome.error;
    if (outcome.ok && error === undefined) {
      const how = degraded === undefined ? {} : { degraded };
      this.#startAll(this.#end(step, outcome.output, how));
    } else if (error !== undefined) this.#startAll(this.#stepFailed(step, error, degraded));
  }

  #itemEnded(step: PlannedStep, index: number, outcome: StepOutcome): void {
    const fan = this.#run.fan(step.id);
    if (fan?.isUnderWay(index) !== true) return;
    const error = outcome.ok ? this.#run.refusal(outcome.output) : outcome.error;
    const fault =
      outcome.ok && error === undefined
        ? faultOf(() => this.#run.completeItem(this.#rows, step, fan, index, outcome))
        : this.#itemFailed(step, fan, index, error as ErrorBody);
    this.#startAll(fault === undefined ? this.#tend(step, fan) : this.#stepFailed(step, fault));
  }

  /** @returns what fails the whole step by that */
  #itemFailed(step: PlannedStep, fan: FanOut, index: number, error: ErrorBody): ErrorBody | undefined {
    const fault = faultOf(() => this.#run.failItem(this.#rows, step, fan, index, error));
    if (fault !== undefined) return fault;
    if (fan.verdict === 'lost' && step.step.optional !== true) return itemError(fan, index, error);
    this.#say('step.degraded', { step: this.#pathOf(step), item: index, ...noteOf(error) });
    return undefined;
  }

  /** Enough items have ended, well or not. Those that nobody needs any more are stopped. */
  #fanOver(step: PlannedStep, fan: FanOut): readonly string[] {
    const { verdict, counts } = fan;
    if (verdict === 'lost') return this.#stepFailed(step, lostError(fan));
    const note = noteOfItems(fan);
    const degraded = note === undefined ? [] : [this.#reasonOf(step, note)];
    const data = { step: this.#pathOf(step), ...counts, ...this.#stopItems(step, fan) };
    if (verdict === 'partial') {
      this.#say('step.degraded', { ...data, ...note });
      return this.#endFan(step, fan, { as: 'degraded', degraded });
    }
    const fault = step.reduce === undefined ? undefined : outputFault(fan.output, `the fold of step ${step.id}`);
    if (fault !== undefined) return this.#stepFailed(step, fault.toBody());
    this.#say('step.completed', data);
    return this.#endFan(step, fan, degraded.length === 0 ? {} : { degraded });
  }

  /** Its account is closed after its items are stopped: what those held is settled first, each by itself. */
  #endFan(step: PlannedStep, fan: FanOut, how: Parameters<FlowRun['endFan']>[3]): readonly string[] {
    closeStepAccount(step.step, this.#port);
    return this.#run.endFan(this.#rows, step, fan, how);
  }

  #stopItems(step: PlannedStep, { underWay }: FanOut): { readonly canceled?: number } {
    for (const item of underWay) this.#port.stopChild(workAddress(this.#start, step, item));
    return underWay.length === 0 ? {} : { canceled: underWay.length };
  }

  #reasonOf(step: PlannedStep, note: Note): Degradation {
    return { step: this.#pathOf(step), ...note };
  }

  #stepFailed(step: PlannedStep, error: ErrorBody, degraded: readonly Degradation[] = []): readonly string[] {
    const fan = this.#run.fan(step.id);
    if (step.step.optional === true) {
      if (fan !== undefined) this.#stopItems(step, fan);
      this.#run.dropFan(this.#rows, step);
      const reason = this.#reasonOf(step, noteOf(error));
      this.#say('step.degraded', { ...reason });
      return this.#end(step, null, { as: 'degraded', degraded: [...degraded, reason] });
    }
    this.#run.fail(this.#rows, step, degraded);
    const message = `Step ${step.id} failed: ${error.message}`;
    const details = { step: this.#pathOf(step), ...(error.details !== undefined && { cause: error.details }) };
    this.#fail({ ...error, message, details });
    return [];
  }

  #end(step: PlannedStep, output: unknown, how: Parameters<FlowRun['end']>[3]): readonly string[] {
    closeStepAccount(step.step, this.#port);
    return this.#run.end(this.#rows, step, output, how);
  }

  /**
   * What still runs is stopped, unless it may have something to undo: that has a moment to end first, and a workflow that a
   * step calls has the time to undo itself.
   */
  #fail(error: ErrorBody): void {
    const { compensates } = this.#run.plan;
    const cancels = callsUndoable(this.#start);
    let settling = 0;
    for (const { planned, item } of this.#run.underWay()) {
      const address = workAddress(this.#start, planned, item);
      const isCall = cancels && planned.staged !== undefined;
      if (isCall) this.#port.send(address, { type: 'flow.cancel', error });
      if (isCall || planned.compensate !== undefined) settling++;
      else this.#port.stopChild(address);
    }
    if (!compensates && settling === 0) return this.#finish({ ok: false, error, events: [], attempts: 0 });
    this.#state = { ...this.#state, phase: 'compensating', cause: error };
    if (settling === 0) this.#port.send(this.#port.address, { type: 'flow.undo' });
    else this.#port.setTimer('settle', this.#port.nowMs() + settleMsOf(this.#start));
  }

  #done(): FlowState {
    if (this.#state.phase === 'running' && this.#run.isOver) this.#conclude();
    const { outcome } = this.#state;
    if (outcome === undefined) this.#rows.write();
    if (outcome !== undefined) return { ...this.#state, outcome: { ...outcome, events: this.#lines } };
    if (this.#lines.length > 0) this.#port.send(`task/${this.#start.task}`, taskNews(this.#lines, this.#port));
    return this.#state;
  }

  #conclude(): void {
    try {
      const output = this.#run.result();
      const fault = outputFault(output, 'the workflow');
      if (fault !== undefined) throw fault;
      const order = orderOf(this.#run, output, this.#start, this.#newTask);
      if (order !== undefined) this.#port.send(chainAddress(this.#start.task), { ...order });
      for (const { task, workflow } of order?.next ?? []) this.#say('task.chained', { task, workflow });
      this.#finish({ ok: true, output, events: [], attempts: 0 });
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.#fail(error.toBody());
    }
  }

  #finish(outcome: StepOutcome): void {
    const degraded = this.#run.degraded();
    this.#state = {
      ...this.#state,
      phase: 'done',
      outcome: degraded.length === 0 ? outcome : { ...outcome, degraded },
    };
  }

  #say(kind: EventKind, data: EventDraft['data']): void {
    this.#lines.push({ kind, data });
  }
}

function faultOf(happen: () => void): ErrorBody | undefined {
  try {
    happen();
    return undefined;
  } catch (error) {
    if (error instanceof OperatingError) return error.toBody();
    throw error;
  }
}
