/**
 * One step of a task: it chooses the agent, starts an actor of it, and repeats failed attempts as the policy says. It ends
 * normally in any case: its output says how it went, and carries the last lines for the task's log.
 *
 *   working ──child.done──────────────► done
 *     │  ▲
 *     │  └─timer.retry── waiting ◄──child.failed (retryable, attempts left)── working
 *     │  └─breaker.retry─┘ ▲ └──the agent's breaker is open: an attempt is used up; half-open: none is
 *     ├──child.failed (otherwise), child.quarantined, timer.timeout ────────► done
 *     └──run.parked──► parked ──run.unparked──► working; child.done, child.failed as above
 *     └──run.asks────► parked ──the end of the approval──► working
 */
import { LIFECYCLE_VERSIONS } from './lifecycle-versions.ts';
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import type { Degradation } from '../protocol/tasks.ts';
import type { Select } from '../protocol/selection.ts';
import type { CellPort, EventDraft } from '../runtime/cell-port.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import type { FlatLogic } from '../runtime/flat-logic.ts';
import type { ActorEvent } from '../runtime/host.ts';
import { type AgentDefinition, type RetryPolicy } from './agent-definition.ts';
import { namesOf } from './agent-names.ts';
import { approvalOf, isOfApproval, recordAnswer } from './approvals/approval-answers.ts';
import type { BreakerGate } from './breaker-gate.ts';
import { outputFault } from './output-fault.ts';
import { DEFAULT_RETRY, pauseMs } from './retry-pause.ts';
import type { RunInput, RunSeed } from './run.ts';
import { isBound } from './selection/binding.ts';
import type { Choice, SelectRequest } from './selection/choice.ts';
import { stepWaits } from './step-waits.ts';

/** What a step works on: exactly one of `agent` and `capability`. */
export interface StepInput {
  readonly task: string;
  readonly step: string;
  readonly item?: number;
  /** Which round of a loop this is, and which of the calls that the step falls back to, both from 1. */
  readonly round?: number;
  readonly fallback?: number;
  readonly agent?: string;
  readonly capability?: string;
  /** How an agent is chosen for the capability. */
  readonly select?: Select;
  readonly input: unknown;
  readonly retry?: Partial<RetryPolicy>;
  /** A limit on one attempt, waiting included; without it the agent's own limit on its calls holds. */
  readonly timeoutMs?: number;
  readonly priority: number;
  readonly deadlineAtMs?: number;
  readonly seed?: RunSeed;
  /** It undoes the step that it is named after. */
  readonly compensates?: true;
}

/** How a step went. `attempts` counts those that began, and those that an open breaker turned away. */
export type StepOutcome = {
  readonly events: readonly EventDraft[];
  readonly attempts: number;
  readonly degraded?: readonly Degradation[];
} & ({ readonly ok: true; readonly output: unknown } | { readonly ok: false; readonly error: ErrorBody });

/** The state of one step. */
export interface StepState {
  readonly phase: 'working' | 'waiting' | 'parked' | 'done';
  readonly input: StepInput;
  readonly owner: string;
  readonly attempt: number;
  /** The agent's actor of this attempt. */
  readonly run: string;
  readonly agent: string;
  /** Agents that were chosen for the capability and have failed. */
  readonly failedAgents?: readonly string[];
  /** The era of the breaker in which this attempt was let in; absent for 0. */
  readonly era?: number;
  /** It waits for a breaker, which may be over at any time, and not for its own pause after a failure. */
  readonly isTurnedAway?: true;
  /** How the last attempt failed that began: who is turned away in the end wants to know that too. */
  readonly failure?: { readonly code: string; readonly message: string };
  /** Ids of the calls and approvals that someone must say something about. */
  readonly parked?: readonly string[];
  /** Signals that came while nobody worked: for the next attempt. */
  readonly signals?: readonly ActorEvent[];
  readonly outcome?: StepOutcome;
}

/** What a step's cell is started with. */
export interface StepStart {
  readonly work: StepInput;
  /** Hears `task.progress` and, through the kernel, the outcome. */
  readonly owner: string;
  /** The flow, which hears `item.parked` and `item.unparked` where this is an item of a fan-out. */
  readonly flow?: string;
}

/** What a step needs of the rest of the node. */
export interface StepDeps {
  /** Errors: NO_AGENT, BUDGET_EXCEEDED. */
  choose(request: SelectRequest): Choice;
  /** Who would be chosen. Errors: as `choose`. */
  peek(request: SelectRequest): AgentDefinition;
  /** Also one that gets no new work any more. */
  agent(reference: string): AgentDefinition | undefined;
  readonly breakers: BreakerGate;
  /** A person's answer is recorded in the journal of this step, and committed. */
  answered(owner: string, entry: string): void;
  random(): number;
}

/** The name of the logic in the kernel. */
export const STEP_LOGIC = 'step';
/** The address of a step's actor. */
export function stepAddress(task: string, step: string, item?: number): string {
  return item === undefined ? `step/${task}/${step}` : `step/${task}/${step}/${item}`;
}

/** The logic of steps. */
export function stepLogic(deps: StepDeps): FlatLogic<StepState, StepStart> {
  const begin = ({ work, owner }: StepStart, port: CellPort): StepState =>
    retry({ phase: 'working', input: work, owner, attempt: 0, run: '', agent: '' }, port);

  /** Whether an agent is to be chosen: at first, and again where the last one has failed, is gone, or its breaker turns calls away. */
  const isChoiceDue = ({ input, agent, failedAgents }: StepState, port: CellPort): boolean => {
    if (agent === '') return true;
    if (input.capability === undefined || isBound(port.attached())) return false;
    if (failedAgents?.includes(agent) === true || deps.agent(agent) === undefined) return true;
    return deps.breakers.waitMs(nameOf(agent)) > 0;
  };

  /** Starts the next attempt, or waits for the breaker. */
  const startRun = (state: StepState, port: CellPort): StepState => {
    const { input } = state;
    const choice = isChoiceDue(state, port) ? deps.choose(wishOf(state)) : undefined;
    const agent = choice?.agent ?? deps.agent(state.agent);
    if (agent === undefined) throw new OperatingError('NO_AGENT', `The agent ${state.agent} is no longer loaded.`);
    const { reference } = namesOf(agent);
    const attempt = state.attempt + 1;
    const run = `run/${port.address.slice('step/'.length)}/${attempt}`;
    const place = placeOf(input);
    const events: EventDraft[] = [];
    if (choice !== undefined) events.push({ kind: 'agent.selected', data: { ...place, ...choice.data } });
    const entry = deps.breakers.enter(agent.name, run);
    if (!entry.isIn) {
      // Its probe is under way: that is no open breaker, and soon over.
      const met = { ...state, agent: reference, attempt: entry.isProbing ? state.attempt : attempt };
      return goOn(met, turnedAway(state, entry.error.toBody()), port, events, agent.name);
    }
    port.startChild(runSpec(state, port, agent, run, attempt));
    if (input.seed?.event !== undefined) port.send(run, input.seed.event);
    for (const signal of state.signals ?? []) port.send(run, signal);
    const isParked = state.parked !== undefined;
    if (input.timeoutMs !== undefined && agent.machine !== undefined && !isParked)
      port.setTimer('timeout', port.nowMs() + input.timeoutMs);
    events.push({ kind: 'step.started', data: { ...place, attempt, agent: reference } });
    port.send(state.owner, { type: 'task.progress', events });
    const { era: _era, isTurnedAway: _wait, signals: _given, ...rest } = state;
    const next = { ...rest, phase: isParked ? 'parked' : 'working', attempt, run, agent: reference } as const;
    return entry.era === 0 ? next : { ...next, era: entry.era };
  };

  /** A failed attempt: the breaker is told, and the step goes on. */
  const attemptFailed = (state: StepState, error: ErrorBody, port: CellPort): StepState => {
    port.clearTimer('timeout');
    deps.breakers.failed(nameOf(state.agent), state.run, state.era ?? 0, error);
    const { code, message } = error;
    const failure = { code, message };
    return goOn({ ...state, failure, ...withFailed(state) }, error, port, [], undefined);
  };

  /** Again after a pause, or the end; `before` are lines for the log that come first, `by` the agent whose breaker turned it away. */
  const goOn = (
    state: StepState,
    error: ErrorBody,
    port: CellPort,
    before: readonly EventDraft[],
    by: string | undefined,
  ): StepState => {
    const policy: RetryPolicy = { ...DEFAULT_RETRY, ...deps.agent(state.agent)?.retry, ...state.input.retry };
    const line: EventDraft = {
      kind: 'step.failed',
      data: { ...placeOf(state.input), attempt: state.attempt, code: error.code, message: error.message },
    };
    if (!error.retryable || state.attempt >= policy.attempts) return failed(state, error, [...before, line]);
    // Whoever has just failed can know that it would be turned away: it does not spend an attempt to be told so.
    const { name: next, isFresh } = by === undefined ? nextOf(state, port) : { name: by, isFresh: false };
    const pause = by === undefined ? pauseMs(policy, state.attempt, deps.random) : 0;
    // The pause is for those that have failed; another need not wait for it.
    const ownMs = isFresh ? 0 : Math.max(error.retryAfterMs ?? 0, pause);
    const breakerMs = by === undefined ? deps.breakers.waitMs(next) : ownMs;
    const delayMs = Math.max(ownMs, breakerMs);
    const { deadlineAtMs } = state.input;
    if (deadlineAtMs !== undefined && port.nowMs() + delayMs >= deadlineAtMs)
      return failed(state, error, [...before, line]);
    port.setTimer('retry', port.nowMs() + delayMs);
    const retried: EventDraft = {
      kind: 'step.retried',
      data: { ...placeOf(state.input), attempt: state.attempt + 1, delayMs, code: error.code, message: error.message },
    };
    port.send(state.owner, { type: 'task.progress', events: [...before, retried] });
    const { isTurnedAway: _before, ...rest } = state;
    if (by === undefined && breakerMs <= ownMs) return { ...rest, phase: 'waiting' };
    deps.breakers.expect(next, port.address);
    return { ...rest, phase: 'waiting', isTurnedAway: true };
  };

  /** Who would make the next attempt, and whether that is the first of this one. */
  const nextOf = (state: StepState, port: CellPort): { readonly name: string; readonly isFresh: boolean } => {
    const same = { name: nameOf(state.agent), isFresh: false };
    if (!isChoiceDue(state, port)) return same;
    try {
      const next = namesOf(deps.peek(wishOf(state)));
      const isFresh = next.reference !== state.agent && state.failedAgents?.includes(next.reference) !== true;
      return { name: nameOf(next.reference), isFresh };
    } catch (error) {
      // Nobody offers it any more: the next attempt will say so.
      if (error instanceof OperatingError) return same;
      throw error;
    }
  };

  const retry = (state: StepState, port: CellPort): StepState => {
    try {
      return startRun(state, port);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      return failed(state, error.toBody(), []);
    }
  };

  /** The run goes on with the last word that it waited for. */
  const goesOn = (next: StepState, port: CellPort): StepState => {
    if (next.phase !== 'parked' || next.parked !== undefined) return next;
    const { timeoutMs } = next.input;
    const isMachine = deps.agent(next.agent)?.machine !== undefined;
    if (timeoutMs !== undefined && isMachine) port.setTimer('timeout', port.nowMs() + timeoutMs);
    return { ...next, phase: 'working' };
  };

  const unparked = (state: StepState, event: ActorEvent, port: CellPort): StepState =>
    goesOn(unpark(state, event, port), port);

  /** What is heard that is not of this run: the end of an approval that the run has asked for, or nothing. */
  const ofOthers = (state: StepState, event: ActorEvent, port: CellPort): StepState => {
    if (!isOfApproval(event)) return state;
    const entry = recordAnswer(event, port);
    if (entry !== undefined) port.afterCommit(() => deps.answered(port.address, entry));
    return goesOn(freed(state, approvalOf(event), port), port);
  };

  const ofThisRun = (state: StepState, event: ActorEvent): boolean => event['address'] === state.run;

  const atWork: FlatLogic<StepState, StepStart>['table']['working'] = {
    'child.done': (state, event: ActorEvent, port) => {
      if (!ofThisRun(state, event)) return ofOthers(state, event, port);
      const fault = outputFault(event['output'], state.agent);
      if (fault !== undefined) return attemptFailed(state, fault.toBody(), port);
      deps.breakers.passed(nameOf(state.agent), state.run, state.era ?? 0);
      return completed(state, event['output']);
    },
    'child.failed': (state, event: ActorEvent, port) =>
      ofThisRun(state, event) ? attemptFailed(state, event['error'] as ErrorBody, port) : ofOthers(state, event, port),
    'child.quarantined': (state, event: ActorEvent, port) => {
      if (!ofThisRun(state, event)) return ofOthers(state, event, port);
      const error = event['error'] as ErrorBody;
      port.stopChild(state.run);
      deps.breakers.failed(nameOf(state.agent), state.run, state.era ?? 0, error);
      return failed(state, error, [
        {
          kind: 'task.quarantined',
          data: { ...placeOf(state.input), attempt: state.attempt, message: error.message, ...capsuleOf(error) },
        },
      ]);
    },
    'run.parked': park,
    'run.asks': asks,
    'timer.timeout': (state, _event, port) => {
      port.stopChild(state.run);
      const limitMs = state.input.timeoutMs ?? 0;
      return attemptFailed(
        state,
        new OperatingError('TIMEOUT', `The attempt took longer than its limit of ${limitMs} ms.`).toBody(),
        port,
      );
    },
    'task.signal': (state, event: ActorEvent, port) => {
      port.send(state.run, event['event'] as ActorEvent);
      return state;
    },
  };

  return {
    name: STEP_LOGIC,
    version: LIFECYCLE_VERSIONS.step,
    initial: begin,
    restored: (state, port) => {
      if (state.isTurnedAway === true) deps.breakers.expect(nameOf(state.agent), port.address);
      return state;
    },
    table: {
      working: atWork,
      waiting: {
        'child.done': ofOthers,
        'child.failed': ofOthers,
        'child.quarantined': ofOthers,
        'run.unparked': unparked,
        'task.signal': keepSignal,
        'timer.retry': (state, _event, port) => retry(state, port),
        // Only for what waits for a breaker: the pause after a failure is as long as it is.
        'breaker.retry': (state, _event, port) => {
          if (state.isTurnedAway !== true) return state;
          port.clearTimer('retry');
          return retry(state, port);
        },
      },
      parked: { ...atWork, 'run.unparked': unparked },
      done: {},
    },
    final: { done: (state) => ({ output: state.outcome }) },
    waits: stepWaits,
    describe: (state) =>
      state.phase === 'working' ? `working, attempt ${state.attempt} by ${state.agent}` : state.phase,
  };
}

/** A signal was acknowledged: it waits for the attempt that can take it. Beyond the bound the oldest goes. */
function keepSignal(state: StepState, event: ActorEvent): StepState {
  const signals = [...(state.signals ?? []), event['event'] as ActorEvent];
  return { ...state, signals: signals.slice(-SIGNALS_MAX) };
}

/** A call of the run waits for someone's word, and with it the step: it holds no slot, and no place among its siblings. */
function park(state: StepState, event: ActorEvent, port: CellPort): StepState {
  const effect = String(event['effect']);
  const message = String(event['message']);
  const parked = state.parked ?? [];
  if (parked.includes(effect)) return state;
  const data = { ...placeOf(state.input), attempt: state.attempt, effect, name: event['name'], message };
  // A limit on an attempt is for work, not for waiting until a person comes.
  port.clearTimer('timeout');
  const news = { type: 'task.progress', events: [{ kind: 'effect.unknown', data }], parked: { effect, message } };
  port.send(state.owner, news);
  if (state.phase !== 'parked') tellFlow(port, 'item.parked');
  return { ...state, phase: 'parked', parked: [...parked, effect] };
}

/** Someone has said what came of a call. With the last of them the step goes on. */
function unpark(state: StepState, event: ActorEvent, port: CellPort): StepState {
  const effect = String(event['effect']);
  if (state.parked?.includes(effect) !== true) return state;
  const said = event['said'] as Readonly<Record<string, unknown>>;
  const data = { ...placeOf(state.input), attempt: state.attempt, effect, name: event['name'], ...said };
  const news = { type: 'task.progress', events: [{ kind: 'effect.resolved', data }], unparked: effect };
  port.send(state.owner, news);
  return freed(state, effect, port);
}

/** One word less is waited for. */
function freed(state: StepState, id: string, port: CellPort): StepState {
  if (state.parked?.includes(id) !== true) return state;
  const parked = state.parked.filter((one) => one !== id);
  const { parked: _all, ...rest } = state;
  if (parked.length > 0) return { ...rest, parked };
  tellFlow(port, 'item.unparked');
  return rest;
}

/** The run has asked a person; the approval tells the task itself. */
function asks(state: StepState, event: ActorEvent, port: CellPort): StepState {
  port.clearTimer('timeout');
  if (state.phase !== 'parked') tellFlow(port, 'item.parked');
  return { ...state, phase: 'parked', parked: [...(state.parked ?? []), approvalOf(event)] };
}

function tellFlow(port: CellPort, type: 'item.parked' | 'item.unparked'): void {
  const { flow } = port.input as StepStart;
  if (flow !== undefined) port.send(flow, { type, address: port.address });
}

/** What the step wants an agent for. Items of a fan-out are spread; the other steps of a task rather stay together. */
function wishOf({ input, failedAgents }: StepState): SelectRequest {
  const { agent, capability, select, task, item } = input;
  if (agent !== undefined) return { agent };
  return {
    ...(capability !== undefined && { capability }),
    ...(select !== undefined && { select }),
    ...(failedAgents !== undefined && { tried: failedAgents }),
    ...(item === undefined && { task }),
  };
}

/** Agents that have failed, where there may be others. */
function withFailed({ input, agent, failedAgents = [] }: StepState): Pick<StepState, 'failedAgents'> {
  if (input.capability === undefined) return {};
  return { failedAgents: [...failedAgents.filter((other) => other !== agent), agent].slice(-FAILED_MAX) };
}

/** Agents that have failed at one step, as many as are remembered. */
const FAILED_MAX = 32;
/** Signals that wait for the next attempt. */
const SIGNALS_MAX = 100;

/** The agent's actor of one attempt. */
function runSpec(state: StepState, port: CellPort, agent: AgentDefinition, run: string, attempt: number): ChildSpec {
  const { input } = state;
  const runInput: RunInput = {
    task: input.task,
    step: input.step,
    ...(input.item !== undefined && { item: input.item }),
    attempt,
    owner: port.address,
    input: input.input,
    ...(input.seed !== undefined && { seed: input.seed }),
  };
  return {
    address: run,
    logic: namesOf(agent).logic,
    input: runInput,
    supervisor: namesOf(agent).supervisor,
    owner: port.address,
    restart: 'transient',
    recovery: 'resume',
    priority: input.priority,
    durable: true,
    ...(input.deadlineAtMs !== undefined && { deadlineAtMs: input.deadlineAtMs }),
    ...(input.timeoutMs !== undefined && agent.machine === undefined && { callTimeoutMs: input.timeoutMs }),
  };
}

/** Why it cannot begin, and how it went before. */
function turnedAway({ failure }: StepState, error: ErrorBody): ErrorBody {
  if (failure === undefined) return error;
  const message = `${error.message} The attempt before failed: ${failure.message}`;
  return { ...error, message, details: { ...(error.details as object), failure } };
}

/** The name in `name@version`. */
function nameOf(reference: string): string {
  const at = reference.indexOf('@');
  return at === -1 ? reference : reference.slice(0, at);
}

/** The capsule that an error names: where to look. */
function capsuleOf({ details }: ErrorBody): { readonly capsule?: string } {
  const capsule = (details as { readonly capsule?: unknown } | undefined)?.capsule;
  return typeof capsule === 'string' ? { capsule } : {};
}

type Place = Pick<StepInput, 'step' | 'item' | 'round' | 'fallback'> & { readonly compensation?: true };

function placeOf({ step, item, round, fallback, compensates }: StepInput): Place {
  if (compensates === true) return { step, ...(item !== undefined && { item }), compensation: true };
  if (round === undefined && fallback === undefined) return item === undefined ? { step } : { step, item };
  return {
    step,
    ...(item !== undefined && { item }),
    ...(round !== undefined && { round }),
    ...(fallback !== undefined && { fallback }),
  };
}

function completed(state: StepState, output: unknown): StepState {
  const line: EventDraft = { kind: 'step.completed', data: { ...placeOf(state.input), attempt: state.attempt } };
  return { ...state, phase: 'done', outcome: { ok: true, output, events: [line], attempts: state.attempt } };
}

function failed(state: StepState, error: ErrorBody, events: readonly EventDraft[]): StepState {
  const lines =
    events.length > 0
      ? events
      : [
          {
            kind: 'step.failed',
            data: { ...placeOf(state.input), attempt: state.attempt, code: error.code, message: error.message },
          } as const,
        ];
  return { ...state, phase: 'done', outcome: { ok: false, error, events: lines, attempts: state.attempt } };
}
