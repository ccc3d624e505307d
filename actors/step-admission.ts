/**
 * What comes before an attempt: a result that is kept may stand for it, and where there is a budget, what it may use is reserved
 * first. Steps that have to do with neither begin at once.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { CellPort, EventDraft } from '../runtime/cell-port.ts';
import type { ActorEvent } from '../runtime/host.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { namesOf } from './agent-names.ts';
import type { Amounts } from './budget/amounts.ts';
import type { BudgetRefusal } from './budget/budget.ts';
import { isBound } from './selection/binding.ts';
import type { Choice } from './selection/choice.ts';
import { cheaperChoice, claim, exceededError, exceededLine, release, reservedLine } from './step-budget.ts';
import { leave, look, peekAddress, termsOf } from './step-cache.ts';
import { completed, end, failed, failureLine, placeOf } from './step-end.ts';
import type { StepDeps, StepState } from './step.ts';
import { taskNews } from './task-news.ts';

/** Starts the agent's actor, or waits for its breaker; `lines` are for the log. */
type Begin = (state: StepState, agent: AgentDefinition, lines: readonly EventDraft[], port: CellPort) => StepState;

/** What cannot be done ends the step. */
export function orFail(state: StepState, port: CellPort, go: () => StepState): StepState {
  try {
    return go();
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    release(state, port);
    return end(failed(state, error.toBody(), []), port);
  }
}

/** The way of a step's attempts to their beginning. */
export class Admission {
  readonly #deps: StepDeps;
  readonly #begin: Begin;

  constructor(deps: StepDeps, begin: Begin) {
    this.#deps = deps;
    this.#begin = begin;
  }

  /** By this agent, which may just have been chosen. */
  start(state: StepState, agent: AgentDefinition, choice: Choice | undefined, port: CellPort): StepState {
    const { reference } = namesOf(agent);
    const selected: readonly EventDraft[] =
      choice === undefined ? [] : [{ kind: 'agent.selected', data: { ...placeOf(state.input), ...choice.data } }];
    const isCached = termsOf(state, agent) !== undefined;
    if (!isCached && state.input.account === undefined) return this.#begin(state, agent, selected, port);
    const next: StepState = { ...state, agent: reference, lines: [...(state.lines ?? []), ...selected] };
    const looked = isCached ? look(next, agent, port) : leave(next, port);
    return looked.phase === 'looking' ? looked : this.#afford(looked, agent, port);
  }

  /** There is a result: it is the step's, and costs nothing. */
  found(state: StepState, event: ActorEvent, port: CellPort): StepState {
    const { making: _it, refusal, ...rest } = state;
    const lines = [...(state.lines ?? []), ...(refusal === undefined ? [] : [exceededLine(state, refusal, 'cache')])];
    const saved = { cached: true, savedUsd: event['usd'], savedMs: event['durationMs'] };
    return end(completed({ ...rest, lines }, event['value'], saved), port);
  }

  /** There is none: this step makes it, or goes on with what else may be done about its budget. */
  missed(state: StepState, port: CellPort): StepState {
    const { refusal, making: _none, ...rest } = state;
    if (refusal !== undefined) return this.#help({ ...rest, refusal }, refusal, port);
    return this.#withAgent(state, port, (agent) => this.#afford(state, agent, port));
  }

  granted(state: StepState, event: ActorEvent, port: CellPort): StepState {
    if (event['attempt'] !== state.attempt + 1) return state;
    const held = event['held'] as Amounts;
    const line = reservedLine(state, held, event['left'] as Partial<Amounts>);
    const { refusal: _over, tried: _done, priced: _left, ...rest } = state;
    const next: StepState = { ...rest, held, lines: [...(state.lines ?? []), line] };
    return this.#withAgent(next, port, (agent) => this.#begin(next, agent, [], port));
  }

  refused(state: StepState, event: ActorEvent, port: CellPort): StepState {
    if (event['attempt'] !== state.attempt + 1) return state;
    const refusal = event['refusal'] as BudgetRefusal;
    return this.#fitting(state, refusal, port) ?? this.#help(state, refusal, port);
  }

  /**
   * Whoever costs more than is left is not chosen: only where nobody fits is the budget exceeded. Where `cheaper` is named, that is
   * said in the log, and in its turn.
   */
  #fitting(state: StepState, refusal: BudgetRefusal, port: CellPort): StepState | undefined {
    if (refusal.onExceed.includes('cheaper') || isBound(port.attached())) return undefined;
    const choice = cheaperChoice(state, refusal, this.#deps.choose);
    if (choice === undefined) return undefined;
    const { lines = [], priced = [] } = state;
    // The choice that nothing came of is no line of its own: this one says of it what there is to say.
    const kept = lines.filter(({ kind, data }) => kind !== 'agent.selected' || data['agent'] !== state.agent);
    const why = `${String(choice.data['why'])}; ${state.agent} may use more than is left of the budget`;
    const next: StepState = { ...state, lines: kept, priced: [...priced, state.agent] };
    return orFail(next, port, () => this.start(next, choice.agent, { ...choice, data: { ...choice.data, why } }, port));
  }

  /** Where there is a budget, and the breaker would let the attempt in: not before what it may use is reserved. */
  #afford(state: StepState, agent: AgentDefinition, port: CellPort): StepState {
    const isOut = state.input.account === undefined || this.#deps.breakers.waitMs(agent.name) > 0;
    return isOut ? this.#begin(state, agent, [], port) : claim(state, agent, port, false);
  }

  /** The budget has too little left: the first thing that helps is done. */
  #help(before: StepState, refusal: BudgetRefusal, port: CellPort): StepState {
    let state: StepState = { ...before, refusal };
    for (const policy of refusal.onExceed) {
      const mark = `${refusal.label} ${policy}`;
      const { tried = [] } = state;
      if (policy === 'stop') break;
      if (policy !== 'cheaper' && tried.includes(mark)) continue;
      state = { ...state, tried: [...tried, mark] };
      const helped =
        policy === 'cheaper'
          ? this.#cheaper(state, refusal, port)
          : policy === 'cache'
            ? this.#peek(state, port)
            : this.#ask(state, refusal, port);
      if (helped !== undefined) return helped;
    }
    const error = exceededError(refusal, state.agent);
    const lines = [...(state.lines ?? []), exceededLine(state, refusal, 'stop'), failureLine(state, error)];
    return end(failed(state, error, lines), port);
  }

  #cheaper(state: StepState, refusal: BudgetRefusal, port: CellPort): StepState | undefined {
    // No other agent finds what this one has recorded: it would make the unsafe call that has begun a second time.
    if (isBound(port.attached())) return undefined;
    const choice = cheaperChoice(state, refusal, this.#deps.choose);
    if (choice === undefined) return undefined;
    const { refusal: _helped, lines = [], priced = [], ...rest } = state;
    const next: StepState = {
      ...rest,
      lines: [...lines, exceededLine(state, refusal, 'cheaper')],
      priced: [...priced, state.agent],
    };
    return orFail(next, port, () => this.start(next, choice.agent, choice, port));
  }

  #peek(state: StepState, port: CellPort): StepState | undefined {
    const agent = this.#deps.agent(state.agent);
    const address = agent && peekAddress(state, agent, (at) => this.#deps.cached.has(at));
    if (address === undefined) return undefined;
    port.send(address, { type: 'cache.peek', replyTo: port.address });
    return { ...state, phase: 'looking' };
  }

  #ask(state: StepState, refusal: BudgetRefusal, port: CellPort): StepState {
    const { lines = [], refusal: _asked, ...rest } = state;
    const events = [...lines, exceededLine(state, refusal, 'ask')];
    port.send(state.owner, taskNews(events, port));
    const { lines: _told, ...next } = rest as StepState;
    return this.#withAgent(next, port, (agent) => claim(next, agent, port, true));
  }

  #withAgent(state: StepState, port: CellPort, go: (agent: AgentDefinition) => StepState): StepState {
    return orFail(state, port, () => {
      const agent = this.#deps.agent(state.agent);
      if (agent === undefined) throw new OperatingError('NO_AGENT', `The agent ${state.agent} is no longer loaded.`);
      return go(agent);
    });
  }
}
