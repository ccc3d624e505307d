/**
 * What a flow knows while it runs: the compiled plan, the readiness of its steps, the outputs so far and the fan-outs under
 * way. It keeps this and the rows (flow-rows.ts) in step with each other: what changes one notes the other. None of it is
 * stored as a whole; after a restart it is made again from the rows, in one pass.
 */
import { type ErrorBody, OperatingError } from '../../protocol/errors.ts';
import type { WorkflowGraph } from '../../protocol/graph.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Degradation } from '../../protocol/tasks.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import { outputFault } from '../output-fault.ts';
import { Compensation, type Place, type Undo } from './compensation.ts';
import { mergeDegraded } from './degradations.ts';
import type { Scope } from './expression-frame.ts';
import { FanOut, joined } from './fan-out.ts';
import { type ItemRow, rowKey, type RowsOfStep, rowsBySteps, type StepRow } from './flow-rows.ts';
import { noteOf } from './note.ts';
import { type GraphPlan, itemsOf, type PlannedStep } from './graph-plan.ts';
import { type EndStatus, RunOrder, type StepStatus } from './graph-order.ts';
import { weightOf } from './output-weight.ts';

/** How a step ended, where that is not simply well. */
type HowEnded = Pick<StepRow, 'as' | 'degraded'>;

/** What a turn of the run may do. */
type Rows = Pick<CellPort, 'attach' | 'attached'>;

const WEIGHT_MAX = LIMITS.workflowOutputsBytesMax;

/** What came of an item. */
interface ItemEnd {
  readonly output: unknown;
  readonly degraded?: readonly Degradation[];
}

/** The run of one flow. */
export class FlowRun {
  readonly plan: GraphPlan;
  readonly graph: WorkflowGraph;
  readonly #input: unknown;
  #order: RunOrder;
  readonly #steps: Record<string, { output: unknown }> = {};
  /** Made when there is something to keep: most workflows have none of it. */
  #fans: Map<string, FanOut> | undefined;
  #lists: Map<string, readonly unknown[]> | undefined;
  readonly #statuses = new Map<string, EndStatus>();
  /** By step, and within a step by item; what is of a step as a whole comes last. */
  #degraded: Map<string, Map<number, readonly Degradation[]>> | undefined;
  #weight = 0;
  #ends = 0;
  #compensation: Compensation | undefined;

  constructor(graph: WorkflowGraph, plan: GraphPlan, input: unknown) {
    this.graph = graph;
    this.plan = plan;
    this.#input = input;
    this.#order = new RunOrder(plan);
  }

  /** Goes on with the run that has these rows. */
  restore(rows: ReadonlyMap<string, unknown>): this {
    const bySteps = rowsBySteps(rows);
    for (const { id, compensate } of this.plan.steps) {
      const of = bySteps.get(id);
      if (of === undefined) continue;
      for (const [item, { value, degraded }] of of.items) {
        this.#weight += weightOf(value);
        this.#degrade(id, item, degraded);
      }
      if (compensate !== undefined) this.#countEnds(of);
      if (of.own === undefined) continue;
      this.#statuses.set(id, of.own.as ?? 'completed');
      this.#degrade(id, undefined, of.own.degraded);
      if (of.own.as !== 'failed') this.#steps[id] = { output: outputIn(of.own, of.items) };
      if (of.own.joined === undefined) this.#weight += weightOf(of.own.value);
    }
    this.#order = new RunOrder(this.plan, Object.fromEntries(this.#statuses));
    for (const [id, of] of bySteps) {
      const step = this.plan.byId.get(id);
      if (step === undefined || of.fan === undefined || of.own !== undefined) continue;
      this.#open(step, this.items(step) ?? []).restore(of);
    }
    return this;
  }

  /** The steps that may begin at the start. */
  get ready(): readonly string[] {
    return this.#order.ready;
  }

  /** Whether every step has ended that still can. */
  get isOver(): boolean {
    return this.#order.openSteps === 0;
  }

  /** Whether a step is under way: it has begun and not ended. */
  isUnderWay(step: string): boolean {
    return this.#order.isOpen(step);
  }

  /** How a step stands. */
  statusOf(step: string): StepStatus {
    return this.#statuses.get(step) ?? (this.isUnderWay(step) ? 'running' : 'pending');
  }

  /** All that is under way. */
  underWay(): readonly (Place & { readonly planned: PlannedStep })[] {
    return this.plan.steps.flatMap((planned) => {
      const step = planned.id;
      if (!this.isUnderWay(step)) return [];
      if (planned.forEach === undefined) return [{ planned, step }];
      return (this.#fans?.get(step)?.underWay ?? []).map((item) => ({ planned, step, item }));
    });
  }

  /** A fan-out under way. */
  fan(step: string): FanOut | undefined {
    return this.#fans?.get(step);
  }

  /** What the expressions of a step, or of one of its items, see. */
  scope(item?: { readonly value: unknown; readonly index: number }): Scope {
    const scope = { input: this.#input, steps: this.#steps };
    return item === undefined ? scope : { ...scope, item: item.value, index: item.index };
  }

  /** Errors: INVALID_INPUT where `forEach` gives no list, or too long a one. */
  items(step: PlannedStep): readonly unknown[] | undefined {
    const known = this.#lists?.get(step.id);
    if (known !== undefined || step.forEach === undefined) return known;
    const items = itemsOf(step, this.scope()) ?? [];
    (this.#lists ??= new Map()).set(step.id, items);
    return items;
  }

  // ---- what happens

  /** Errors: INVALID_INPUT where the fold's beginning cannot be evaluated. */
  beginFan(step: PlannedStep, items: readonly unknown[]): FanOut {
    return this.#open(step, items);
  }

  /** Writes how far a fan-out is. */
  noteFan(port: Rows, step: PlannedStep, fan: FanOut): void {
    port.attach(rowKey('fan', step.id), { items: fan.items.length, next: fan.next });
  }

  /** Notes that an item waits for a person, or does no more. */
  noteRest(port: Rows, step: PlannedStep, item: number, rests: boolean): void {
    port.attach(rowKey('rest', step.id, item), rests ? true : undefined);
  }

  /** Why an output cannot be kept: there would be too much of them. */
  refusal(output: unknown): ErrorBody | undefined {
    const weight = weightOf(output);
    if (this.#weight + weight <= WEIGHT_MAX) {
      this.#weight += weight;
      return undefined;
    }
    const message =
      `The outputs of this workflow's steps are over ${WEIGHT_MAX} bytes together. ` +
      'Hand on where data is (a path, an id) instead of the data, or fold the items of a fan-out with merge: reduce.';
    return new OperatingError('INVALID_OUTPUT', message).toBody();
  }

  /** A step has ended well with an output of its own. @returns the steps that become ready by that */
  end(port: Rows, step: PlannedStep, output: unknown, how: HowEnded = {}): readonly string[] {
    const isUndoable = step.compensate !== undefined && step.forEach === undefined && how.as === undefined;
    const order = isUndoable ? { order: this.#ends++ } : {};
    return this.#ended(port, step, output, { value: output, ...how, ...order });
  }

  /**
   * A step has failed, and the workflow with it. It has a row where the workflow goes on after that, to undo what it did. Items of
   * it that are under way may still end.
   */
  fail(port: Rows, { id }: PlannedStep, degraded: readonly Degradation[] = []): void {
    this.#degrade(id, undefined, degraded);
    if (this.#fans?.has(id)) return;
    if (this.plan.compensates) port.attach(rowKey('out', id), { as: 'failed', degraded } satisfies StepRow);
    this.#statuses.set(id, 'failed');
    this.#order.end(id, 'failed');
  }

  /** A fan-out has ended well: its output stands in the rows of its items. */
  endFan(port: Rows, step: PlannedStep, fan: FanOut, how: HowEnded): readonly string[] {
    const { output } = fan;
    const row =
      step.reduce === undefined ? { joined: fan.joining, items: fan.items.length, ...how } : { value: output, ...how };
    this.#closeFan(port, step);
    return this.#ended(port, step, output, row);
  }

  /** A fan-out is over without an output. */
  dropFan(port: Rows, step: PlannedStep): void {
    if (this.#fans?.has(step.id)) this.#closeFan(port, step);
  }

  /** Errors: INVALID_INPUT where it cannot be folded, INVALID_OUTPUT where the fold grows too large. */
  completeItem(port: Rows, step: PlannedStep, fan: FanOut, item: number, ended: ItemEnd): void {
    const { output, degraded } = ended;
    const isUndoable = step.compensate !== undefined;
    const row: ItemRow = {
      value: output,
      ...(degraded !== undefined && { degraded }),
      ...(isUndoable && { order: this.#ends++ }),
    };
    this.#degrade(step.id, item, degraded);
    fan.complete(item, output);
    port.attach(rowKey('out', step.id, item), row);
    this.#fold(port, step, fan, isUndoable);
  }

  failItem(port: Rows, step: PlannedStep, fan: FanOut, item: number, error: ErrorBody): void {
    const note = noteOf(error);
    fan.fail(item, note);
    port.attach(rowKey('bad', step.id, item), note);
    this.#fold(port, step, fan, step.compensate !== undefined);
  }

  /** What is to be undone. Not to be asked for before all that could still end has ended. */
  compensation(port: Rows): Compensation {
    return (this.#compensation ??= new Compensation(this.plan, port.attached()));
  }

  /** Evaluates in the scope of what is undone: there, the step's own output is that of the step or item. */
  inScopeOf<T>({ step, item, output }: Undo, evaluate: (planned: PlannedStep, scope: Scope) => T): T {
    const planned = this.plan.byId.get(step) as PlannedStep;
    const before = this.#steps[step];
    const scope = item === undefined ? this.scope() : this.scope({ value: this.items(planned)?.[item], index: item });
    this.#steps[step] = { output };
    try {
      return evaluate(planned, scope);
    } finally {
      if (before === undefined) delete this.#steps[step];
      else this.#steps[step] = before;
    }
  }

  /** The workflow's output: what its template says, else the outputs of the steps that no other needs, by their ids. */
  result(): unknown {
    if (this.plan.output !== undefined) return this.plan.output.evaluate(this.scope());
    const last = this.plan.steps.filter((step) => step.dependents.length === 0);
    return Object.fromEntries(last.map((step) => [step.id, this.#steps[step.id]?.output ?? null]));
  }

  /** What went wrong without failing the workflow, in the order of the plan. */
  degraded(): readonly Degradation[] {
    const degraded = this.#degraded;
    if (degraded === undefined) return [];
    const all = this.plan.steps.flatMap(({ id }) =>
      [...(degraded.get(id) ?? [])].toSorted(([a], [b]) => a - b).flatMap(([, entries]) => entries),
    );
    return mergeDegraded([], all);
  }

  /** For people: how many steps have ended, and how many are under way. */
  figures(): { readonly ended: number; readonly underWay: number } {
    const underWay = this.plan.steps.filter(({ id }) => this.isUnderWay(id)).length;
    return { ended: Object.keys(this.#steps).length, underWay };
  }

  #open(step: PlannedStep, items: readonly unknown[]): FanOut {
    const fan = new FanOut(step, items, () => step.reduce?.initial?.evaluate(this.scope()));
    (this.#fans ??= new Map()).set(step.id, fan);
    return fan;
  }

  #closeFan(port: Rows, step: PlannedStep): void {
    this.#fans?.delete(step.id);
    this.#lists?.delete(step.id);
    port.attach(rowKey('fan', step.id), undefined);
    if (step.reduce !== undefined) port.attach(rowKey('acc', step.id), undefined);
  }

  #ended(port: Rows, step: PlannedStep, output: unknown, row: StepRow): readonly string[] {
    port.attach(rowKey('out', step.id), row);
    const status = row.as ?? 'completed';
    this.#degrade(step.id, undefined, row.degraded);
    this.#statuses.set(step.id, status);
    this.#steps[step.id] = { output: output ?? null };
    return this.#order.end(step.id, status).ready;
  }

  /** The rows of folded items go, unless something may have to be undone with them. */
  #fold(port: Rows, step: PlannedStep, fan: FanOut, keepsRows: boolean): void {
    const due = fan.fold((item, output) => {
      if (!keepsRows) this.#weight -= weightOf(output);
      return { ...this.scope({ value: fan.items[item], index: item }), output };
    });
    if (due === undefined) return;
    const fault = outputFault(due.row.value, `the fold of step ${step.id}`);
    if (fault !== undefined) throw fault;
    port.attach(rowKey('acc', step.id), due.row);
    if (keepsRows) return;
    for (let item = due.from; item < due.row.folded; item++) port.attach(rowKey('out', step.id, item), undefined);
  }

  #degrade(step: string, item: number | undefined, entries: readonly Degradation[] | undefined): void {
    if (entries === undefined || entries.length === 0) return;
    const degraded = (this.#degraded ??= new Map());
    let of = degraded.get(step);
    if (of === undefined) degraded.set(step, (of = new Map()));
    const place = item ?? Number.POSITIVE_INFINITY;
    of.set(place, [...(of.get(place) ?? []), ...entries]);
  }

  #countEnds({ own, items }: RowsOfStep): void {
    for (const { order } of [own ?? {}, ...items.map(([, row]) => row)])
      if (order !== undefined) this.#ends = Math.max(this.#ends, order + 1);
  }
}

function outputIn({ joined: joining, items: count = 0, value }: StepRow, rows: RowsOfStep['items']): unknown {
  if (joining === undefined) return value ?? null;
  const outputs = new Array<unknown>(count).fill(undefined);
  for (const [item, row] of rows) outputs[item] = row.value ?? null;
  return joined(joining, outputs);
}
