/**
 * One step of a task: it chooses the agent, starts an actor of it, and repeats failed attempts as the policy says. It ends
 * normally in any case: its output says how it went, and carries the last lines for the task's log.
 *
 *   working ──child.done──────────────► done
 *     │  ▲
 *     │  └─timer.retry── waiting ◄──child.failed (retryable, attempts left)── working
 *     ├──child.failed (otherwise), child.quarantined, timer.timeout ────────► done
 *     └──run.parked──► parked ──child.done, child.failed──► as above
 */
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import type { CellPort, EventDraft } from '../runtime/cell-port.ts';
import type { FlatLogic } from '../runtime/flat-logic.ts';
import type { ActorEvent } from '../runtime/host.ts';
import { type AgentDefinition, agentSupervisor, type RetryPolicy } from './agent-definition.ts';
import { outputFault } from './output-fault.ts';
import type { RunInput } from './run.ts';
import type { Choice } from './selector.ts';

/** What a step works on: exactly one of `agent` and `capability`. */
export interface StepInput {
  readonly task: string;
  readonly step: string;
  readonly item?: number;
  readonly agent?: string;
  readonly capability?: string;
  readonly input: unknown;
  readonly retry?: Partial<RetryPolicy>;
  /** A limit on one attempt, waiting included; without it the agent's own limit on its calls holds. */
  readonly timeoutMs?: number;
  readonly priority: number;
  readonly deadlineAtMs?: number;
}

/** How a step went. `attempts` counts those that began. */
export type StepOutcome = { readonly events: readonly EventDraft[]; readonly attempts: number } & (
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly error: ErrorBody }
);

/** The state of one step. */
export interface StepState {
  readonly phase: 'working' | 'waiting' | 'parked' | 'done';
  readonly input: StepInput;
  readonly owner: string;
  readonly attempt: number;
  /** The agent's actor of this attempt. */
  readonly run: string;
  readonly agent: string;
  readonly outcome?: StepOutcome;
}

/** What a step's cell is started with. */
export interface StepStart {
  readonly work: StepInput;
  /** Hears `task.progress` and, through the kernel, the outcome. */
  readonly owner: string;
}

/** What a step needs of the rest of the node. */
export interface StepDeps {
  /** Errors: NO_AGENT, UNAVAILABLE. `not` are agents (`name@version`) that failed already. */
  choose(target: { readonly agent?: string; readonly capability?: string }, not: readonly string[]): Choice;
  agent(reference: string): AgentDefinition | undefined;
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
  const begin = (start: StepStart, port: CellPort): StepState => {
    const base = { input: start.work, owner: start.owner, attempt: 0, run: '', agent: '' } as const;
    try {
      return startRun({ ...base, phase: 'working' }, port, []);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      return failed({ ...base, phase: 'working' }, error.toBody(), []);
    }
  };

  /** Starts the next attempt; `before` are lines for the log that come first. */
  const startRun = (state: StepState, port: CellPort, before: readonly EventDraft[]): StepState => {
    const { input } = state;
    const choice = state.attempt === 0 ? deps.choose(input, []) : undefined;
    const agent = choice?.agent ?? deps.agent(state.agent);
    if (agent === undefined) throw new OperatingError('NO_AGENT', `The agent ${state.agent} is no longer loaded.`);
    const reference = `${agent.name}@${agent.version}`;
    const attempt = state.attempt + 1;
    const run = `run/${port.address.slice('step/'.length)}/${attempt}`;
    const place = placeOf(input);
    const runInput: RunInput = {
      task: input.task,
      step: input.step,
      ...(input.item !== undefined && { item: input.item }),
      attempt,
      owner: port.address,
      input: input.input,
    };
    port.startChild({
      address: run,
      logic: `agent:${reference}`,
      input: runInput,
      supervisor: agentSupervisor(agent.name),
      owner: port.address,
      restart: 'transient',
      recovery: 'resume',
      priority: input.priority,
      durable: true,
      ...(input.deadlineAtMs !== undefined && { deadlineAtMs: input.deadlineAtMs }),
      ...(input.timeoutMs !== undefined && agent.machine === undefined && { callTimeoutMs: input.timeoutMs }),
    });
    if (input.timeoutMs !== undefined && agent.machine !== undefined)
      port.setTimer('timeout', port.nowMs() + input.timeoutMs);
    const events = [...before];
    if (choice !== undefined) events.push({ kind: 'agent.selected', data: { ...place, ...choice.data } });
    events.push({ kind: 'step.started', data: { ...place, attempt, agent: reference } });
    port.send(state.owner, { type: 'task.progress', events });
    return { ...state, phase: 'working', attempt, run, agent: reference };
  };

  /** A failed attempt: again after a pause, or the end. */
  const attemptFailed = (state: StepState, error: ErrorBody, port: CellPort): StepState => {
    port.clearTimer('timeout');
    const policy: RetryPolicy = { ...DEFAULT_RETRY, ...deps.agent(state.agent)?.retry, ...state.input.retry };
    const line: EventDraft = {
      kind: 'step.failed',
      data: { ...placeOf(state.input), attempt: state.attempt, code: error.code, message: error.message },
    };
    if (!error.retryable || state.attempt >= policy.attempts) return failed(state, error, [line]);
    const delayMs = Math.max(error.retryAfterMs ?? 0, pauseMs(policy, state.attempt, deps.random));
    const { deadlineAtMs } = state.input;
    if (deadlineAtMs !== undefined && port.nowMs() + delayMs >= deadlineAtMs) return failed(state, error, [line]);
    port.setTimer('retry', port.nowMs() + delayMs);
    const retried: EventDraft = {
      kind: 'step.retried',
      data: { ...placeOf(state.input), attempt: state.attempt + 1, delayMs, code: error.code, message: error.message },
    };
    port.send(state.owner, { type: 'task.progress', events: [retried] });
    return { ...state, phase: 'waiting' };
  };

  const ofThisRun = (state: StepState, event: ActorEvent): boolean => event['address'] === state.run;

  const ends: FlatLogic<StepState, StepStart>['table']['working'] = {
    'child.done': (state, event: ActorEvent, port) => {
      if (!ofThisRun(state, event)) return state;
      const fault = outputFault(event['output'], state.agent);
      return fault === undefined ? completed(state, event['output']) : attemptFailed(state, fault.toBody(), port);
    },
    'child.failed': (state, event: ActorEvent, port) =>
      ofThisRun(state, event) ? attemptFailed(state, event['error'] as ErrorBody, port) : state,
    'child.quarantined': (state, event: ActorEvent, port) => {
      if (!ofThisRun(state, event)) return state;
      const error = event['error'] as ErrorBody;
      port.stopChild(state.run);
      return failed(state, error, [
        { kind: 'task.quarantined', data: { ...placeOf(state.input), attempt: state.attempt, message: error.message } },
      ]);
    },
  };

  return {
    name: STEP_LOGIC,
    version: '1',
    initial: begin,
    table: {
      working: {
        ...ends,
        'run.parked': (state, event: ActorEvent, port) => {
          const error = event['error'] as ErrorBody;
          const line: EventDraft = {
            kind: 'effect.unknown',
            data: { ...placeOf(state.input), attempt: state.attempt, message: error.message },
          };
          port.clearTimer('timeout');
          port.send(state.owner, { type: 'task.progress', events: [line], parked: error.message });
          return { ...state, phase: 'parked' };
        },
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
      },
      waiting: {
        'timer.retry': (state, _event, port) => {
          try {
            return startRun(state, port, []);
          } catch (error) {
            if (!(error instanceof OperatingError)) throw error;
            return failed(state, error.toBody(), []);
          }
        },
      },
      parked: ends,
      done: {},
    },
    final: { done: (state) => ({ output: state.outcome }) },
    describe: (state) =>
      state.phase === 'working' ? `working, attempt ${state.attempt} by ${state.agent}` : state.phase,
  };
}

const DEFAULT_RETRY: RetryPolicy = { attempts: 1, backoffMs: 200, factor: 2, maxBackoffMs: 30_000, jitter: true };

/** The pause before the attempt after `attempt`. */
function pauseMs(policy: RetryPolicy, attempt: number, random: () => number): number {
  const fullMs = Math.min(policy.backoffMs * policy.factor ** (attempt - 1), policy.maxBackoffMs);
  return Math.round(policy.jitter ? fullMs * (1 - random() / 2) : fullMs);
}

function placeOf(input: StepInput): { readonly step: string; readonly item?: number } {
  return input.item === undefined ? { step: input.step } : { step: input.step, item: input.item };
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
