/**
 * One step of a task: it chooses the agent, starts an actor of it, and repeats failed attempts as the policy says. It ends
 * normally in any case: its output says how it went, and carries the last lines for the task's log.
 *
 * Where results are kept it looks for one first, and where there is a budget it reserves what the attempt may use; other steps
 * begin to work at once.
 *
 *   looking ──cache.hit──► done
 *     └───────cache.miss──► reserving ──budget.granted──► working
 *                             └────────budget.refused──► reserving (cheaper, or a person is asked), looking, done
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
import type { Select } from '../protocol/selection.ts';
import type { Degradation, TaskUsage } from '../protocol/tasks.ts';
import type { CellPort, EventDraft } from '../runtime/cell-port.ts';
import type { FlatLogic } from '../runtime/flat-logic.ts';
import type { ActorEvent } from '../runtime/host.ts';
import type { AgentDefinition, RetryPolicy } from './agent-definition.ts';
import { namesOf } from './agent-names.ts';
import { approvalOf, isOfApproval, recordAnswer } from './approvals/approval-answers.ts';
import type { BreakerGate } from './breaker-gate.ts';
import type { AccountRef } from './budget/account-ref.ts';
import type { Amounts } from './budget/amounts.ts';
import type { BudgetRefusal } from './budget/budget.ts';
import { addUsage } from './budget/usage.ts';
import type { CacheWish } from './cache/cache-terms.ts';
import { outputFault } from './output-fault.ts';
import { pauseMs, retryPolicy } from './retry-pause.ts';
import { takeNode } from './made-on.ts';
import type { RunSeed } from './run.ts';
import { isBound } from './selection/binding.ts';
import type { Choice, SelectRequest } from './selection/choice.ts';
import { Admission, orFail } from './step-admission.ts';
import { overspentLines, release, settleAttempt } from './step-budget.ts';
import { keep } from './step-cache.ts';
import { type AttemptOver, completed, end, failed, failureLine, overIn, placeOf, turnedAway } from './step-end.ts';
import { asks, freed, keepSignal, park, unpark } from './step-park.ts';
import { attemptLimitMs, runSpec } from './step-run.ts';
import { stepWaits } from './step-waits.ts';
import { taskNews } from './task-news.ts';

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
  /** What its attempts draw on, where there is a budget. */
  readonly account?: AccountRef;
  /** Whether a kept result may be taken; where nothing is said, its agent decides. */
  readonly cache?: CacheWish;
  /** It is all of its task: what it used is told with its outcome. */
  readonly alone?: true;
  /** It undoes the step that it is named after. */
  readonly compensates?: true;
}

/**
 * How a step went. `attempts` counts those that began, and those that an open breaker turned away; `usage` is what the task has
 * not been told yet.
 */
export type StepOutcome = {
  readonly events: readonly EventDraft[];
  readonly attempts: number;
  readonly degraded?: readonly Degradation[];
  readonly usage?: TaskUsage;
} & ({ readonly ok: true; readonly output: unknown } | { readonly ok: false; readonly error: ErrorBody });

/** The state of one step. */
export interface StepState {
  readonly phase: 'looking' | 'reserving' | 'working' | 'waiting' | 'parked' | 'done';
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
  /** For the log, with the next news. */
  readonly lines?: readonly EventDraft[];
  /** What was used and the task has not been told. */
  readonly untold?: TaskUsage;
  /** The kept result that it looks for, or is to make. */
  readonly making?: string;
  /** What this attempt has reserved. */
  readonly held?: Amounts;
  /** When this attempt began, where someone wants to know how long it takes. */
  readonly startedAtMs?: number;
  /** The last refusal of its budget, what was done about refusals for this attempt, and the agents that were too expensive. */
  readonly refusal?: BudgetRefusal;
  readonly tried?: readonly string[];
  readonly priced?: readonly string[];
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

/** Why an attempt came to nothing: it failed, or the breaker of an agent turned it away before it began. */
interface Setback {
  /** Lines for the log that come first. */
  readonly before?: readonly EventDraft[];
  /** The agent whose breaker it was. */
  readonly by?: string;
  /** The attempt that failed. */
  readonly over?: AttemptOver;
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
  /** The results that are kept. */
  readonly cached: { has(address: string): boolean };
  random(): number;
}

/**
 * The state without what an attempt takes along when it begins. Most have none of it, and a copy without some fields costs several
 * times a whole one.
 */
function unburdened(state: StepState): StepState {
  if ((state.era ?? state.isTurnedAway ?? state.signals ?? state.lines) === undefined) return state;
  const { era: _era, isTurnedAway: _wait, signals: _given, lines: _told, ...rest } = state;
  return rest;
}

/** The name of the logic in the kernel. */
export const STEP_LOGIC = 'step';
/** The address of a step's actor. */
export function stepAddress(task: string, step: string, item?: number): string {
  return item === undefined ? `step/${task}/${step}` : `step/${task}/${step}/${item}`;
}

/** The logic of steps. */
export function stepLogic(deps: StepDeps): FlatLogic<StepState, StepStart> {
  const first = ({ work, owner }: StepStart, port: CellPort): StepState =>
    retry({ phase: 'working', input: work, owner, attempt: 0, run: '', agent: '' }, port);

  /** Whether an agent is to be chosen: at first, and again where the last one has failed, is gone, or its breaker turns calls away. */
  const isChoiceDue = ({ input, agent, failedAgents }: StepState, port: CellPort): boolean => {
    if (agent === '') return true;
    if (input.capability === undefined || isBound(port.attached())) return false;
    if (failedAgents?.includes(agent) === true || deps.agent(agent) === undefined) return true;
    return deps.breakers.waitMs(nameOf(agent)) > 0;
  };

  /** Begins the next attempt: chooses, looks for a kept result, reserves, starts. */
  const startRun = (state: StepState, port: CellPort): StepState => {
    const choice = isChoiceDue(state, port) ? deps.choose(wishOf(state)) : undefined;
    const agent = choice?.agent ?? deps.agent(state.agent);
    if (agent === undefined) throw new OperatingError('NO_AGENT', `The agent ${state.agent} is no longer loaded.`);
    return admission.start(state, agent, choice, port);
  };

  /** Starts the agent's actor, or waits for the breaker. */
  const begin = (
    state: StepState,
    agent: AgentDefinition,
    selected: readonly EventDraft[],
    port: CellPort,
  ): StepState => {
    const { input } = state;
    const { reference } = namesOf(agent);
    const attempt = state.attempt + 1;
    const run = `run/${port.address.slice('step/'.length)}/${attempt}`;
    const events: EventDraft[] = [...(state.lines ?? []), ...selected];
    const entry = deps.breakers.enter(agent.name, run);
    if (!entry.isIn) {
      release(state, port);
      const { held: _given, lines: _told, ...free } = state;
      // Its probe is under way: that is no open breaker, and soon over.
      const met = { ...free, agent: reference, attempt: entry.isProbing ? state.attempt : attempt };
      return goOn(met, turnedAway(state, entry.error.toBody()), port, { before: events, by: agent.name });
    }
    port.startChild(runSpec(state, port, agent, run, attempt));
    if (input.seed?.event !== undefined) port.send(run, input.seed.event);
    for (const signal of state.signals ?? []) port.send(run, signal);
    const isParked = state.parked !== undefined;
    const limitMs = agent.machine === undefined || isParked ? undefined : attemptLimitMs(state);
    if (limitMs !== undefined) port.setTimer('timeout', port.nowMs() + limitMs);
    events.push({ kind: 'step.started', data: { ...placeOf(input), attempt, agent: reference } });
    port.send(state.owner, taskNews(events, port));
    const next = {
      ...unburdened(state),
      phase: isParked ? 'parked' : 'working',
      attempt,
      run,
      agent: reference,
    } as const;
    const isTimed = state.held !== undefined || state.making !== undefined;
    const timed = isTimed ? { ...next, startedAtMs: port.nowMs() } : next;
    return entry.era === 0 ? timed : { ...timed, era: entry.era };
  };

  /** The attempt is over: what it used counts, for the task, its budget and, where it failed, the agent's breaker. */
  const attemptOver = (
    state: StepState,
    port: CellPort,
    hasFailed: boolean,
  ): { readonly state: StepState; readonly over: AttemptOver } => {
    const over = { node: takeNode(state.attempt, port) };
    const { usage, untold } = settleAttempt(state, deps.agent(state.agent), port);
    if (hasFailed && usage !== undefined)
      deps.breakers.spent(nameOf(state.agent), { usd: usage.usd, tokens: usage.tokensIn + usage.tokensOut });
    if (state.held === undefined && untold === undefined) return { state, over: { ...over, usage } };
    const { held: _back, ...rest } = state;
    const told = untold === undefined ? rest : { ...rest, untold: addUsage(state.untold, untold) };
    return { state: told, over: { ...over, usage } };
  };

  const succeeded = (state: StepState, output: unknown, port: CellPort): StepState => {
    const { state: next, over } = attemptOver(state, port, false);
    const kept = keep(next, deps.agent(state.agent), { output, usd: over.usage?.usd ?? 0 }, port);
    return end(completed(kept, output, overIn(over)), port);
  };

  /** A failed attempt: the breaker is told, and the step goes on. */
  const attemptFailed = (before: StepState, error: ErrorBody, port: CellPort): StepState => {
    port.clearTimer('timeout');
    const { state, over } = attemptOver(before, port, true);
    deps.breakers.failed(nameOf(state.agent), state.run, state.era ?? 0, error);
    const { code, message } = error;
    if (code === 'BUDGET_EXCEEDED') return end(failed(state, error, overspentLines(state, error, over)), port);
    return goOn({ ...state, failure: { code, message }, ...withFailed(state) }, error, port, { over });
  };

  /** Again after a pause, or the end. */
  const goOn = (state: StepState, error: ErrorBody, port: CellPort, { before = [], by, over }: Setback): StepState => {
    const policy = retryPolicy(deps.agent(state.agent), state.input.retry);
    const lines = [...before, failureLine(state, error, over)];
    if (!error.retryable || state.attempt >= policy.attempts) return end(failed(state, error, lines), port);
    // Whoever has just failed can know that it would be turned away: it does not spend an attempt to be told so.
    const { name: next, isFresh } = by === undefined ? nextOf(state, port) : { name: by, isFresh: false };
    const pause = by === undefined ? pauseMs(policy, state.attempt, deps.random) : 0;
    // The pause is for those that have failed; another need not wait for it.
    const ownMs = isFresh ? 0 : Math.max(error.retryAfterMs ?? 0, pause);
    const breakerMs = by === undefined ? deps.breakers.waitMs(next) : ownMs;
    const delayMs = Math.max(ownMs, breakerMs);
    const { deadlineAtMs } = state.input;
    if (deadlineAtMs !== undefined && port.nowMs() + delayMs >= deadlineAtMs)
      return end(failed(state, error, lines), port);
    port.setTimer('retry', port.nowMs() + delayMs);
    const { code, message } = error;
    const again = { ...placeOf(state.input), attempt: state.attempt + 1, delayMs, code, message };
    const retried: EventDraft = { kind: 'step.retried', data: { ...again, ...overIn(over) } };
    const { isTurnedAway: _before, untold, ...rest } = state;
    const news = taskNews([...before, retried], port);
    port.send(state.owner, untold === undefined ? news : { ...news, usage: untold });
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

  const admission = new Admission(deps, begin);

  const retry = (state: StepState, port: CellPort): StepState => orFail(state, port, () => startRun(state, port));

  /** The run goes on with the last word that it waited for. */
  const goesOn = (next: StepState, port: CellPort): StepState => {
    if (next.phase !== 'parked' || next.parked !== undefined) return next;
    const limitMs = attemptLimitMs(next);
    const isMachine = deps.agent(next.agent)?.machine !== undefined;
    if (limitMs !== undefined && isMachine) port.setTimer('timeout', port.nowMs() + limitMs);
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
      return succeeded(state, event['output'], port);
    },
    'child.failed': (state, event: ActorEvent, port) =>
      ofThisRun(state, event) ? attemptFailed(state, event['error'] as ErrorBody, port) : ofOthers(state, event, port),
    'child.quarantined': (state, event: ActorEvent, port) => {
      if (!ofThisRun(state, event)) return ofOthers(state, event, port);
      const error = event['error'] as ErrorBody;
      port.stopChild(state.run);
      const { state: next, over } = attemptOver(state, port, true);
      deps.breakers.failed(nameOf(state.agent), state.run, state.era ?? 0, error);
      const data = { ...placeOf(state.input), attempt: state.attempt, message: error.message, ...capsuleOf(error) };
      return end(failed(next, error, [{ kind: 'task.quarantined', data: { ...data, ...overIn(over) } }]), port);
    },
    'run.parked': park,
    'run.asks': asks,
    'timer.timeout': (state, _event, port) => {
      port.stopChild(state.run);
      const limitMs = attemptLimitMs(state) ?? 0;
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
    initial: first,
    restored: (state, port) => {
      if (state.isTurnedAway === true) deps.breakers.expect(nameOf(state.agent), port.address);
      return state;
    },
    table: {
      looking: {
        'cache.hit': (state, event: ActorEvent, port) => admission.found(state, event, port),
        'cache.miss': (state, _event, port) => admission.missed(state, port),
        // What keeps it cannot be loaded.
        rejected: (state, _event, port) => admission.missed(state, port),
        'run.unparked': unparked,
        'task.signal': keepSignal,
      },
      reserving: {
        'budget.granted': (state, event: ActorEvent, port) => admission.granted(state, event, port),
        'budget.refused': (state, event: ActorEvent, port) => admission.refused(state, event, port),
        'run.unparked': unparked,
        'task.signal': keepSignal,
      },
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
    describe: ({ phase, attempt, agent }) => {
      if (phase === 'working') return `working, attempt ${attempt} by ${agent}`;
      if (phase === 'reserving') return `waiting for its budget, attempt ${attempt + 1} by ${agent}`;
      return phase === 'looking' ? `waiting for a kept result of ${agent}` : phase;
    },
  };
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
