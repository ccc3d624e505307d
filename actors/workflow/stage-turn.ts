/** One turn of a stage (stage.ts): what it decides, gathered, and the lines for the log, said once. */
import { CODES, type ErrorBody, type ErrorCode, OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { isEventName } from '../../protocol/names.ts';
import type { Degradation } from '../../protocol/tasks.ts';
import type { CellPort, EventDraft } from '../../runtime/cell-port.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { type ApprovalDecision, approvalSpec } from '../approvals/approval.ts';
import { DEFAULT_RETRY, pauseMs } from '../retry-pause.ts';
import type { StepOutcome } from '../step.ts';
import { taskNews } from '../task-news.ts';
import { mergeDegraded } from './degradations.ts';
import { goesOn, inputOfCall } from './stage-expressions.ts';
import { calledBy, canUndoCall, flowCallSpec, isOfWorkflow, reference } from './stage-calls.ts';
import type { StageStart } from './stage-start.ts';
import { hasTarget } from './staged-step.ts';
import { agentCallSpec } from './step-call.ts';

/** The state of one stage. */
export interface StageState {
  readonly phase: 'delayed' | 'listening' | 'asking' | 'working' | 'pausing' | 'done';
  /** Of the loop, from 1. */
  readonly round: number;
  /** Which of the calls that the step falls back to is at work, from 1; 0 is the step's own. */
  readonly fallback: number;
  /** Of a workflow that it calls, from 1. */
  readonly attempt: number;
  /** What works for it, or is asked. */
  readonly child?: string;
  /** The signal that it waits for, where it does; and since when it waits, for whatever. */
  readonly signal?: string;
  readonly sinceMs?: number;
  /** What the last round has put out. */
  readonly output?: unknown;
  /** How the calls before this one failed, the step's own first. */
  readonly failures: readonly Failure[];
  /** What was left out on the way, by workflows that it called. */
  readonly degraded: readonly Degradation[];
  /** Those that wait for someone's word, among the actors that work for it; itself, where it waits. */
  readonly resting: readonly string[];
  /** Its flow is given up: nothing is done in place of what fails now. */
  readonly isGivenUp?: true;
  readonly outcome?: StepOutcome;
}

interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Nothing takes the place of what was called off, may not cost any more, or may have happened after all. */
const NOT_REPLACED: ReadonlySet<ErrorCode> = new Set(['CANCELED', 'BUDGET_EXCEEDED', 'EFFECT_UNKNOWN']);

/** Gathers what one message changes. Each method is one message, and gives the state after it. */
export class StageTurn {
  readonly #port: CellPort;
  readonly #start: StageStart;
  readonly #random: () => number;
  readonly #lines: EventDraft[] = [];
  #state: StageState;

  constructor(state: StageState, port: CellPort, random: () => number) {
    this.#state = state;
    this.#port = port;
    this.#start = port.input as StageStart;
    this.#random = random;
  }

  begin(): StageState {
    const { delayMs = 0 } = this.#start.step;
    if (delayMs === 0) this.#listen();
    else {
      const until = this.#port.nowMs() + delayMs;
      this.#port.setTimer('delay', until);
      this.#waits('delayed', { for: 'delay', until });
    }
    return this.#done();
  }

  delayOver(): StageState {
    this.#listen();
    return this.#done();
  }

  /** A signal of the task, whether it is the one that this waits for or not. */
  signaled({ event, number }: ActorEvent): StageState {
    const { type, ...data } = event as ActorEvent;
    if (type !== this.#start.signalName) return this.#state;
    this.#tellTask({ type: 'signal.taken', number });
    this.#port.clearTimer('signal');
    this.#rest(this.#port.address, false);
    this.#ask(data);
    return this.#done();
  }

  signalExpired(): StageState {
    const { step, signalName } = this.#start;
    this.#rest(this.#port.address, false);
    if (step.signal?.onExpire === 'continue') this.#ask(null);
    else {
      const { deadlineMs } = step.signal ?? {};
      this.#fault('DEADLINE_EXCEEDED', `The signal ${String(signalName)} did not come within ${deadlineMs} ms.`);
    }
    return this.#done();
  }

  answered({ decision, by, comment, atMs }: ApprovalDecision): StageState {
    this.#rest(this.#port.address, false);
    if (decision === 'approve') this.#work({ decision, by, ...(comment !== undefined && { comment }), atMs });
    else {
      const who = by === 'expiry' ? 'It was rejected, since nobody decided in time' : `It was rejected by ${by}`;
      this.#fault('FORBIDDEN', comment === undefined ? `${who}.` : `${who}: ${comment}`);
    }
    return this.#done();
  }

  /** Nothing came of the approval. */
  refused({ code, message, details }: ErrorBody): StageState {
    this.#rest(this.#port.address, false);
    this.#fault(code, message, details);
    return this.#done();
  }

  workEnded(outcome: StepOutcome): StageState {
    this.#lines.push(...outcome.events);
    const degraded = mergeDegraded(this.#state.degraded, outcome.degraded ?? []);
    this.#state = { ...this.#state, degraded };
    this.#wakeAll();
    if (isOfWorkflow(this.#call) && this.#call.timeoutMs !== undefined) this.#port.clearTimer('timeout');
    if (this.#state.isGivenUp === true) this.#finish(outcome);
    else if (outcome.ok) this.#succeeded(outcome.output, outcome.attempts);
    else this.#workFailed(outcome.error);
    return this.#done();
  }

  /** Its flow is given up. What works for it is ended with it, but for a workflow, which may have something to undo. */
  canceled(error: ErrorBody): StageState {
    const { phase, child } = this.#state;
    if (phase !== 'working' || child === undefined || !isOfWorkflow(this.#call))
      this.#finish({ ok: false, error, events: [], attempts: 0 });
    else {
      this.#port.clearTimer('timeout');
      this.#port.send(child, { type: 'flow.cancel', error });
      this.#state = { ...this.#state, isGivenUp: true };
    }
    return this.#done();
  }

  /** A workflow that it called has had its time. */
  timedOut(): StageState {
    const { child = '' } = this.#state;
    const message = `${reference(this.#call, this.#start)} took longer than its limit of ${this.#call.timeoutMs} ms.`;
    const error = new OperatingError('TIMEOUT', message).toBody();
    if (canUndoCall(this.#call, this.#start)) {
      // Its end comes when it has undone what it did.
      this.#port.send(child, { type: 'flow.cancel', error });
      return this.#done();
    }
    this.#port.stopChild(child);
    this.#wakeAll();
    this.#workFailed(error);
    return this.#done();
  }

  pauseOver(): StageState {
    this.#state = { ...this.#state, attempt: this.#state.attempt + 1 };
    this.#startWork();
    return this.#done();
  }

  /** Something that works for it waits for a person, or does not any more. */
  rests({ address }: ActorEvent, isResting: boolean): StageState {
    this.#rest(String(address), isResting);
    return this.#done();
  }

  #listen(): void {
    const { step, signalName } = this.#start;
    if (step.signal === undefined) return this.#ask(null);
    if (!isEventName(signalName)) {
      const message = `${JSON.stringify(signalName)?.slice(0, LIMITS.nameCharactersMax)} is not the name of a signal.`;
      return this.#fault('INVALID_INPUT', message, { at: `/steps/${this.#start.index}/signal/name` });
    }
    this.#tellTask({ type: 'signal.wanted', name: signalName, by: this.#port.address });
    const { deadlineMs } = step.signal;
    const until = deadlineMs === undefined ? {} : { until: this.#port.nowMs() + deadlineMs };
    if (until.until !== undefined) this.#port.setTimer('signal', until.until);
    this.#waits('listening', { for: 'signal', signal: signalName, ...until });
    this.#state = { ...this.#state, signal: signalName };
    this.#rest(this.#port.address, true);
  }

  #ask(before: unknown): void {
    const { task, path, item, step, input, approvalMessage, priority, deadlineAtMs } = this.#start;
    if (step.approval === undefined) return this.#work(before);
    const id = [task, path, ...(item === undefined ? [] : [item])].join('.');
    if (id.length > LIMITS.idCharactersMax) {
      const message = `The id of its approval would be ${id.length} characters long; at most ${LIMITS.idCharactersMax} can be answered.`;
      return this.#fault('INVALID_INPUT', `${message} Give the steps that lead to it shorter ids.`);
    }
    const spec = approvalSpec({
      task,
      step: path,
      ...(item !== undefined && { item }),
      owner: this.#port.address,
      priority,
      approval: step.approval,
      ...(approvalMessage !== undefined && { message: approvalMessage }),
      ...(input !== undefined && { details: { input } }),
      ...(deadlineAtMs !== undefined && { deadlineAtMs }),
    });
    this.#port.startChild(spec);
    this.#state = { ...this.#state, phase: 'asking', child: spec.address };
    this.#rest(this.#port.address, true);
  }

  /** The waits are over; `before` is what the last of them gave. */
  #work(before: unknown): void {
    if (hasTarget(this.#start.step)) return this.#startWork();
    this.#lines.push({ kind: 'step.completed', data: this.#place() });
    this.#finish({ ok: true, output: before, events: [], attempts: 0 });
  }

  #startWork(): void {
    const { round, fallback, attempt, output } = this.#state;
    const call = this.#call;
    const turn = { round: this.#start.step.loop === undefined ? undefined : round, fallback, attempt };
    try {
      const input = inputOfCall(this.#start, { round, fallback, output });
      if (isOfWorkflow(call)) {
        const spec = flowCallSpec(this.#start, this.#port.address, call, input, turn);
        this.#lines.push({
          kind: 'step.started',
          data: { ...this.#place(), attempt, workflow: reference(call, this.#start) },
        });
        if (call.timeoutMs !== undefined) this.#port.setTimer('timeout', this.#port.nowMs() + call.timeoutMs);
        this.#begun(spec.address, () => this.#port.startChild(spec));
      } else {
        const { path, item, rests } = this.#start;
        const place = {
          path,
          ...(item !== undefined && { item }),
          ...(rests !== undefined && { rests: this.#port.address }),
        };
        const spec = agentCallSpec(this.#start, this.#port.address, place, call, input, turn);
        this.#begun(spec.address, () => this.#port.startChild(spec));
      }
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      const { code, message, details } = error.toBody();
      this.#fault(code, message, details);
    }
  }

  #begun(child: string, start: () => void): void {
    start();
    const { signal: _heard, sinceMs: _over, ...rest } = this.#state;
    this.#state = { ...rest, phase: 'working', child };
  }

  #succeeded(output: unknown, attempts: number): void {
    const { loop } = this.#start.step;
    const { fallback, round } = this.#state;
    const call = this.#call;
    if (isOfWorkflow(call)) {
      const workflow = reference(call, this.#start);
      this.#lines.push({ kind: 'step.completed', data: { ...this.#place(), attempt: this.#state.attempt, workflow } });
    }
    if (loop === undefined || fallback > 0) return this.#finish({ ok: true, output, events: [], attempts });
    this.#state = { ...this.#state, output, attempt: 1 };
    let isWanted: boolean;
    try {
      isWanted = goesOn(this.#start, { round, output });
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      const { code, message, details } = error.toBody();
      return this.#fault(code, message, details);
    }
    if (!isWanted) {
      const { round: _last, ...place } = this.#place();
      this.#lines.push({ kind: 'step.completed', data: { ...place, rounds: round } });
      return this.#finish({ ok: true, output, events: [], attempts });
    }
    if (round >= loop.max) {
      const message = `Its loop is not over after ${round} rounds, the most that \`loop.max\` allows: \`${loop.while}\` still holds.`;
      return this.#fault('LIVELOCK', message, { bound: 'loop.max', rounds: round });
    }
    this.#state = { ...this.#state, round: round + 1 };
    this.#startWork();
  }

  #workFailed(error: ErrorBody): void {
    const call = this.#call;
    const { attempt } = this.#state;
    // A step's actor has said so itself, and has made its attempts.
    if (!isOfWorkflow(call)) return this.#failed(error);
    const { code, message } = error;
    const workflow = reference(call, this.#start);
    const policy = { ...DEFAULT_RETRY, ...call.retry };
    const delayMs = Math.max(error.retryAfterMs ?? 0, pauseMs(policy, attempt, this.#random));
    const dueAtMs = this.#port.nowMs() + delayMs;
    if (!error.retryable || attempt >= policy.attempts || dueAtMs >= (this.#start.deadlineAtMs ?? Infinity)) {
      this.#lines.push({ kind: 'step.failed', data: { ...this.#place(), attempt, workflow, code, message } });
      return this.#failed(error);
    }
    this.#port.setTimer('retry', dueAtMs);
    const data = { ...this.#place(), attempt: attempt + 1, workflow, delayMs, code, message };
    this.#lines.push({ kind: 'step.retried', data });
    const { child: _ended, ...rest } = this.#state;
    this.#state = { ...rest, phase: 'pausing', sinceMs: this.#port.nowMs() };
  }

  /** What goes wrong in the stage itself has a line here: nobody else has written one. */
  #fault(code: ErrorCode, message: string, details?: unknown): void {
    this.#lines.push({ kind: 'step.failed', data: { ...this.#place(), code, message } });
    const { retryable } = CODES[code];
    this.#failed({ code, message, retryable, ...(details !== undefined && { details }) });
  }

  /** The call at work has failed for good: the next one takes its place, or the step has failed. */
  #failed(error: ErrorBody): void {
    const { failures, fallback } = this.#state;
    const { code, message } = error;
    const isLate = this.#port.nowMs() >= (this.#start.deadlineAtMs ?? Infinity);
    const next = calledBy(this.#start.step, fallback + 1);
    if (next !== undefined && !isLate && !NOT_REPLACED.has(code)) {
      const known = [...failures, { code, message }];
      this.#state = { ...this.#state, failures: known, fallback: fallback + 1, attempt: 1 };
      return this.#startWork();
    }
    const [first] = failures;
    const told =
      first === undefined
        ? error
        : {
            ...error,
            message: `${message} It was done in place of what had failed with ${first.code}: ${first.message}`,
            details: { ...(error.details as object | undefined), before: failures },
          };
    this.#finish({ ok: false, error: told, events: [], attempts: 0 });
  }

  #finish(outcome: StepOutcome): void {
    const { failures, fallback } = this.#state;
    let { degraded } = this.#state;
    const [first] = failures;
    if (outcome.ok && first !== undefined) {
      const { path: step, item } = this.#start;
      const { code } = first;
      const message = `${first.message} The result is that of fallback ${fallback}, ${reference(this.#call, this.#start)}.`;
      this.#lines.push({ kind: 'step.degraded', data: { ...this.#place(), code, message } });
      degraded = mergeDegraded(degraded, [
        { step, code, message: item === undefined ? message : `Item ${item}: ${message}` },
      ]);
    }
    const { child: _ended, output: _given, ...rest } = this.#state;
    this.#state = {
      ...rest,
      phase: 'done',
      outcome: degraded.length === 0 ? outcome : { ...outcome, degraded },
    };
  }

  #waits(phase: 'delayed' | 'listening', data: Readonly<Record<string, unknown>>): void {
    this.#lines.push({ kind: 'task.waiting', data: { ...this.#place(), ...data } });
    this.#state = { ...this.#state, phase, sinceMs: this.#port.nowMs() };
  }

  /** While anything of it waits for someone's word, an item leaves its place to the next one. */
  #rest(who: string, isResting: boolean): void {
    const { rests: flow } = this.#start;
    const { resting } = this.#state;
    if (flow === undefined || resting.includes(who) === isResting) return;
    const now = isResting ? [...resting, who] : resting.filter((one) => one !== who);
    this.#state = { ...this.#state, resting: now };
    if (now.length > 0 === resting.length > 0) return;
    this.#port.send(flow, { type: isResting ? 'item.parked' : 'item.unparked', address: this.#port.address });
  }

  /** What it waited for by way of others has ended with them. */
  #wakeAll(): void {
    for (const who of this.#state.resting) this.#rest(who, false);
  }

  #tellTask(event: ActorEvent): void {
    this.#port.send(`task/${this.#start.task}`, event);
  }

  /** The call at work: the step's own, or one that it falls back to. */
  get #call() {
    return calledBy(this.#start.step, this.#state.fallback) ?? this.#start.step;
  }

  #place(): Readonly<Record<string, unknown>> {
    const { path, item, step } = this.#start;
    const { round, fallback } = this.#state;
    return {
      step: path,
      ...(item !== undefined && { item }),
      ...(step.loop !== undefined && fallback === 0 && hasBegun(this.#state) && { round }),
      ...(fallback > 0 && { fallback }),
    };
  }

  #done(): StageState {
    if (this.#state.phase !== 'done') {
      if (this.#lines.length > 0) this.#tellTask(taskNews(this.#lines, this.#port));
      return this.#state;
    }
    const outcome = this.#state.outcome as StepOutcome;
    return { ...this.#state, outcome: { ...outcome, events: this.#lines } };
  }
}

/** What waits before the first round is of no round. */
function hasBegun({ phase }: StageState): boolean {
  return phase === 'working' || phase === 'pausing' || phase === 'done';
}
