/**
 * One turn of a flow that undoes what it has done, since it failed or was canceled. First the steps that could be undone and
 * are still under way have a moment to end: what is cut off between its effect and its record could not be undone. Then one
 * after the other is undone, the last that ended first; each is a step of its own, retried as it says. One that cannot be
 * undone does not keep the others from it; it is reported with the end.
 */
import { type ErrorBody, OperatingError } from '../../protocol/errors.ts';
import type { EventKind } from '../../protocol/tasks.ts';
import type { CellPort, EventDraft } from '../../runtime/cell-port.ts';
import { closeStepAccount } from '../budget/flow-accounts.ts';
import { STEP_LOGIC, type StepInput, type StepOutcome, type StepStart } from '../step.ts';
import { taskNews } from '../task-news.ts';
import {
  type Compensation,
  type CompensationReport,
  mergeReports,
  type Place,
  type Undo,
  undoAddress,
  type UndoneRow,
} from './compensation.ts';
import { callsUndoable, ownCompensationMs } from './compensation-time.ts';
import type { FlowState } from './flow.ts';
import { startOf } from './flow-migration.ts';
import { rowKey } from './flow-rows.ts';
import type { FlowStart } from './flow-start.ts';
import type { StepStatus } from './graph-order.ts';
import { type PlannedStep, undoInputOf } from './graph-plan.ts';
import { noteOf } from './note.ts';
import { stepIdOf, stepPath } from './stage-path.ts';
import { workerSpec } from './step-call.ts';
import { workAddress } from './work-address.ts';

/** Steps whose undoing is tried in one turn, where it cannot even begin; more of them wait for the next. */
const TRIES_PER_TURN = 128;

/** How those steps stand that did not get as far as an end of their own. */
const ENDED_WITHOUT_OUTPUT: ReadonlySet<StepStatus> = new Set(['running', 'failed']);

/** One turn. */
export class UndoTurn {
  readonly #port: CellPort;
  readonly #start: FlowStart;
  readonly #lines: EventDraft[] = [];
  #state: FlowState;
  #isUndoing = false;

  constructor(state: FlowState, port: CellPort) {
    this.#state = state;
    this.#port = port;
    this.#start = startOf(port);
  }

  /** After a restart the time begins anew: that in which there was no node does not count. */
  resume(): FlowState {
    if (this.#state.undoing !== undefined) this.#setTimer();
    return this.#state;
  }

  childEnded(address: string, outcome: StepOutcome): FlowState {
    if (address === this.#state.undoing) this.#undone(outcome);
    else this.#endedLate(address, outcome);
    return this.#done();
  }

  /** Begins to undo, or goes on with it. */
  goOn(): FlowState {
    // It may have been asked for twice.
    if (this.#state.undoing) return this.#state;
    if (this.#state.undoing === undefined) this.#begin();
    this.#next();
    return this.#done();
  }

  /** Those that had a moment to end have had it. */
  cutOff(): FlowState {
    const settling = this.#settling();
    for (const { planned, item } of settling) this.#port.stopChild(workAddress(this.#start, planned, item));
    const cutOff = settling.map(({ step, item }) => placeOf({ step, item }));
    this.#state = { ...this.#state, cutOff };
    this.#port.send(this.#port.address, { type: 'flow.undo' });
    return this.#state;
  }

  /** There is no time left: what is not undone by now stays as it is. */
  giveUp(): FlowState {
    const { undoing } = this.#state;
    if (undoing) this.#port.stopChild(undoing);
    const message = `It was not undone within the ${this.#limitMs} ms that undoing may take in all.`;
    this.#finish({ code: 'DEADLINE_EXCEEDED', message });
    return this.#done();
  }

  get #compensation(): Compensation {
    return this.#state.run.compensation(this.#port);
  }

  get #limitMs(): number {
    return ownCompensationMs(this.#start.graph);
  }

  #setTimer(): void {
    this.#port.setTimer('compensation', this.#port.nowMs() + this.#limitMs);
  }

  /** Steps, and items, that could be undone and have not ended; and workflows that undo themselves. */
  #settling(): readonly (Place & { readonly planned: PlannedStep })[] {
    if (this.#state.cutOff !== undefined) return [];
    return this.#state.run.underWay().filter(({ planned }) => this.#settles(planned));
  }

  #settles({ compensate, staged }: PlannedStep): boolean {
    return compensate !== undefined || (staged !== undefined && callsUndoable(this.#start));
  }

  /** It ended when the workflow had failed already: what it did is undone with the rest. */
  #endedLate(address: string, outcome: StepOutcome): void {
    const { run } = this.#state;
    const [, , path = '', itemText] = address.split('/');
    const id = stepIdOf(path);
    const planned = run.plan.byId.get(id);
    if (planned === undefined || !run.isUnderWay(id) || this.#state.undoing !== undefined) return;
    this.#lines.push(...outcome.events);
    const item = itemText === undefined ? undefined : Number(itemText);
    this.#record(planned, item, outcome);
    this.#noteInner(outcome);
    const cutOff = this.#state.cutOff?.filter((place) => place.step !== id || place.item !== item);
    if (cutOff !== undefined) this.#state = { ...this.#state, cutOff };
    if (!this.#settles(planned) || this.#settling().length > 0) return;
    this.#port.clearTimer('settle');
    this.#port.send(this.#port.address, { type: 'flow.undo' });
  }

  /** A workflow that a step called may have something left that it could not undo. */
  #noteInner(outcome: StepOutcome): void {
    const { compensation } = ((outcome.ok ? undefined : outcome.error.details) ?? {}) as {
      readonly compensation?: CompensationReport | string;
    };
    if (typeof compensation !== 'object') return;
    this.#state = { ...this.#state, inner: mergeReports(this.#state.inner, compensation) };
  }

  #record(planned: PlannedStep, item: number | undefined, outcome: StepOutcome): void {
    const { run } = this.#state;
    const fan = run.fan(planned.id);
    try {
      if (fan === undefined || item === undefined) {
        if (outcome.ok) run.end(this.#port, planned, outcome.output);
        else run.fail(this.#port, planned, outcome.degraded);
      } else if (!fan.isUnderWay(item)) return;
      else if (outcome.ok) run.completeItem(this.#port, planned, fan, item, outcome);
      else run.failItem(this.#port, planned, fan, item, outcome.error);
    } catch (error) {
      // What its fold would have come to does not matter any more.
      if (!(error instanceof OperatingError)) throw error;
    }
  }

  #begin(): void {
    this.#state = { ...this.#state, undoing: '' };
    this.#closeAccounts();
    const { left } = this.#compensation;
    if (left === 0) return;
    const { code, message } = noteOf(this.#cause);
    this.#say('task.waiting', { for: 'compensation', steps: left, code, message });
    this.#setTimer();
    // A workflow that a step calls is not all of the task: that goes on.
    this.#isUndoing = this.#start.within === undefined;
  }

  /** Of the steps that were under way when it failed, none works any more. Undoing draws on no budget. */
  #closeAccounts(): void {
    const { run } = this.#state;
    for (const { id, step } of run.plan.steps)
      if (ENDED_WITHOUT_OUTPUT.has(run.statusOf(id))) closeStepAccount(step, this.#port);
  }

  #next(): void {
    for (let tries = 0; tries < TRIES_PER_TURN; tries++) {
      const undo = this.#compensation.current;
      if (undo === undefined) return this.#finish({ code: 'CANCELED', message: '' });
      try {
        this.#startUndo(undo);
        return;
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        this.#say('step.failed', { ...this.#named(undo), compensation: true, ...noteOf(error) });
        this.#over(undo, noteOf(error));
      }
    }
    this.#state = { ...this.#state, undoing: '' };
    this.#port.send(this.#port.address, { type: 'flow.undo' });
  }

  #startUndo(undo: Undo): void {
    const { task, priority, select } = this.#start;
    const { input, call } = this.#state.run.inScopeOf(undo, (planned, scope) => ({
      input: undoInputOf(planned, scope),
      call: planned.compensate?.call,
    }));
    const work: StepInput = {
      // What has undone another step has not undone this one.
      ...{ task, ...this.#named(undo), compensates: true, input, priority, cache: false },
      ...(call?.agent !== undefined && { agent: call.agent }),
      ...(call?.capability !== undefined && { capability: call.capability }),
      ...(call?.retry !== undefined && { retry: call.retry }),
      ...(call?.timeoutMs !== undefined && { timeoutMs: call.timeoutMs }),
      ...(select !== undefined && { select }),
    };
    const start: StepStart = { work, owner: `task/${task}` };
    const address = undoAddress(task, this.#named(undo));
    // The deadline of the task is not that of undoing.
    this.#port.startChild(
      workerSpec({ task, priority }, this.#port.address, { address, logic: STEP_LOGIC, input: start }),
    );
    this.#state = { ...this.#state, undoing: address };
  }

  #undone(outcome: StepOutcome): void {
    const undo = this.#compensation.current;
    if (undo === undefined) return;
    if (outcome.ok) {
      this.#say('step.compensated', { ...this.#named(undo), attempt: outcome.attempts });
      this.#over(undo, {});
    } else {
      this.#lines.push(...outcome.events);
      this.#over(undo, noteOf(outcome.error));
    }
    this.#next();
  }

  #over(undo: Undo, row: UndoneRow): void {
    this.#port.attach(rowKey('undone', undo.step, undo.item), row);
    this.#compensation.over(row);
  }

  get #cause(): ErrorBody {
    return this.#state.cause as ErrorBody;
  }

  /** The end: `why` is what is said of those that are left. */
  #finish(why: Pick<ErrorBody, 'code' | 'message'>): void {
    const { cutOff = [], inner, run } = this.#state;
    const own = this.#compensation.report(why, cutOff, (place) => this.#named(place));
    const report = inner === undefined ? own : mergeReports(inner, own);
    const { undone, remaining = [], cutOff: cut = [] } = report;
    const isQuiet = undone === 0 && remaining.length === 0 && cut.length === 0;
    const details = isQuiet
      ? this.#cause.details
      : { ...(this.#cause.details as object | undefined), compensation: report };
    const message = `${this.#cause.message}${wordsOf(remaining.length, cut.length)}`;
    const error = { ...this.#cause, message, ...(details !== undefined && { details }) };
    const degraded = run.degraded();
    const outcome = { ok: false, error, events: [], attempts: 0, ...(degraded.length > 0 && { degraded }) } as const;
    this.#state = { ...this.#state, phase: 'done', outcome };
  }

  /** A place as the log names it. */
  #named({ step, item }: Place): Place {
    return placeOf({ step: stepPath(this.#start.within?.path, step), item });
  }

  #done(): FlowState {
    const { outcome } = this.#state;
    if (outcome !== undefined) return { ...this.#state, outcome: { ...outcome, events: this.#lines } };
    if (this.#lines.length > 0 || this.#isUndoing) {
      const undoing = this.#isUndoing ? { undoing: this.#limitMs } : {};
      this.#port.send(`task/${this.#start.task}`, { ...taskNews(this.#lines, this.#port), ...undoing });
    }
    return this.#state;
  }

  #say(kind: EventKind, data: EventDraft['data']): void {
    this.#lines.push({ kind, data });
  }
}

function placeOf({ step, item }: { readonly step: string; readonly item?: number | undefined }): Place {
  return item === undefined ? { step } : { step, item };
}

function wordsOf(remaining: number, cutOff: number): string {
  const parts = [
    remaining > 0 ? `${remaining} of what it had done could not be undone` : '',
    cutOff > 0 ? `${cutOff} that could have been undone were cut off before they ended` : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : ` ${parts.join(', and ')}: see details.compensation.`;
}
