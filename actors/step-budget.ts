/**
 * A step and the budget that it works within: what it reserves before an attempt, what it says of it afterwards, and what it does
 * when it gets nothing.
 */
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { BudgetPolicy, TaskUsage } from '../protocol/tasks.ts';
import type { CellPort, EventDraft } from '../runtime/cell-port.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { namesOf } from './agent-names.ts';
import { type Amounts, DIMENSIONS, wordsOf } from './budget/amounts.ts';
import type { BudgetClaim, BudgetRefusal } from './budget/budget.ts';
import { addUsage, spendRows, spentIn } from './budget/usage.ts';
import type { Choice } from './selection/choice.ts';
import type { StepDeps, StepState } from './step.ts';
import { type AttemptOver, failureLine, placeOf } from './step-end.ts';

/** Candidates that are looked at for one that is cheap enough. */
const LOOKS_MAX = 16;

/** Asks for what one attempt by this agent may use at most. `asks`: a person may be asked before it is refused. */
export function claim(state: StepState, agent: AgentDefinition, port: CellPort, asks: boolean): StepState {
  const { input, attempt } = state;
  if (input.account === undefined) return state;
  const request: BudgetClaim = {
    ...placeOf(input),
    holder: port.address,
    account: input.account.account,
    attempt: attempt + 1,
    need: needOf(state, agent),
    agent: namesOf(agent).reference,
    ...(asks && { asks }),
  };
  port.send(input.account.budget, { type: 'budget.reserve', ...request });
  return { ...state, phase: 'reserving' };
}

function needOf({ input }: StepState, agent: AgentDefinition): Amounts {
  const { usd = 0, tokens = 0 } = agent.cost ?? {};
  const ownMs = agent.machine === undefined && agent.timeoutMs > 0 ? agent.timeoutMs : LIMITS.durationMaxMs;
  return { usd, tokens, steps: 1, timeMs: input.timeoutMs ?? ownMs };
}

/** The line that says what an attempt has reserved: as much of each as its budget limits. */
export function reservedLine(state: StepState, held: Amounts, left: Partial<Amounts>): EventDraft {
  const limited = DIMENSIONS.filter((dimension) => left[dimension] !== undefined);
  const reserved = Object.fromEntries(limited.map((dimension) => [dimension, held[dimension]]));
  return { kind: 'budget.reserved', data: { ...placeOf(state.input), attempt: state.attempt + 1, reserved, left } };
}

/** The line of a breach, and what is done about it. */
export function exceededLine(state: StepState, refusal: BudgetRefusal, policy: BudgetPolicy): EventDraft {
  const { label, exceeded, need, left, limit, said } = refusal;
  const needed = Object.fromEntries(exceeded.map((dimension) => [dimension, need[dimension]]));
  const data = { ...placeOf(state.input), attempt: state.attempt + 1, budget: label, exceeded, policy, need: needed };
  return { kind: 'budget.exceeded', data: { ...data, left, limit, ...(said !== undefined && { said }) } };
}

/** Why a step ends whose next attempt got nothing. */
export function exceededError({ label, exceeded, need, left, limit, said }: BudgetRefusal, agent: string): ErrorBody {
  const named = (amounts: Partial<Amounts>): Partial<Amounts> =>
    Object.fromEntries(exceeded.map((dimension) => [dimension, amounts[dimension] ?? 0]));
  const why = said === undefined ? '' : ` It was not raised: ${said}.`;
  const figures =
    exceeded.length === 0
      ? ''
      : `: the next attempt of ${agent} may use ${needWords(named(need))}, and ${wordsOf(named(left))} of ${wordsOf(named(limit))} is left`;
  const message = `The budget of ${label} is used up${figures}.${why} Give it a larger one, or let a person raise it (onExceed: ["ask"]).`;
  const details = { budget: label, exceeded, need: named(need), left, limit };
  return new OperatingError('BUDGET_EXCEEDED', message, { retryable: false, details }).toBody();
}

function needWords({ timeMs, ...rest }: Partial<Amounts>): string {
  if (timeMs === undefined || timeMs < LIMITS.durationMaxMs)
    return wordsOf({ ...rest, ...(timeMs !== undefined && { timeMs }) });
  return [wordsOf(rest), 'any time'].filter((words) => words !== '').join(', ');
}

/** The lines of an attempt that used more than there was. */
export function overspentLines(state: StepState, error: ErrorBody, over: AttemptOver): readonly EventDraft[] {
  const { left } = (error.details ?? {}) as { readonly left?: Partial<Amounts> };
  const exceeded = DIMENSIONS.filter((dimension) => (left?.[dimension] ?? 0) < 0);
  const data = { ...placeOf(state.input), attempt: state.attempt, exceeded, policy: 'stop', ...(left && { left }) };
  return [{ kind: 'budget.exceeded', data }, failureLine(state, error, over)];
}

/** An agent that offers the same and fits into what is left. */
export function cheaperChoice(
  state: StepState,
  refusal: BudgetRefusal,
  choose: StepDeps['choose'],
): Choice | undefined {
  const { usd: leftUsd, tokens: leftTokens } = refusal.left;
  if (state.input.capability === undefined || refusal.exceeded.some((one) => one !== 'usd' && one !== 'tokens')) return;
  const { capability, select } = state.input;
  const chosen = select === undefined ? {} : { select };
  const not = [...(state.priced ?? []), state.agent];
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    let choice: Choice;
    try {
      choice = choose({ capability, ...chosen, not, ...(leftUsd !== undefined && { budgetLeftUsd: leftUsd }) });
    } catch (error) {
      if (error instanceof OperatingError) return undefined;
      throw error;
    }
    const { usd = 0, tokens = 0 } = choice.agent.cost ?? {};
    const { reference } = namesOf(choice.agent);
    if (!not.includes(reference) && usd <= (leftUsd ?? Infinity) && tokens <= (leftTokens ?? Infinity)) return choice;
    not.push(reference);
  }
  return undefined;
}

/** What an attempt that is over has used: what it reported, else what its agent declares. The task knows of reports already. */
interface AttemptUsage {
  readonly usage: TaskUsage | undefined;
  readonly untold: TaskUsage | undefined;
}

/** Counts an attempt that is over, and gives back what it has not used of what it had reserved. */
export function settleAttempt(state: StepState, agent: AgentDefinition | undefined, port: CellPort): AttemptUsage {
  const { attempt, held, input, startedAtMs } = state;
  if (held !== undefined && input.account !== undefined) {
    const timeMs = port.nowMs() - (startedAtMs ?? port.nowMs());
    port.send(input.account.budget, { type: 'budget.settle', holder: port.address, began: true, timeMs });
  }
  const rows = port.attached();
  const reported = rows.size === 0 ? undefined : spentIn(rows, attempt);
  if (reported !== undefined) {
    for (const row of spendRows(rows)) port.attach(row, undefined);
    return { usage: reported, untold: undefined };
  }
  // What was reserved is what the budget counts, also where the agent declares something else by now.
  const { usd = 0, tokens = 0 } = held ?? agent?.cost ?? {};
  if (usd === 0 && tokens === 0) return { usage: undefined, untold: undefined };
  const declared = addUsage(undefined, { usd, tokensIn: tokens });
  return { usage: declared, untold: declared };
}

/** What was reserved goes back as it is: the attempt did not begin. */
export function release(state: StepState, port: CellPort): void {
  if (state.held === undefined || state.input.account === undefined) return;
  port.send(state.input.account.budget, { type: 'budget.settle', holder: port.address, began: false, timeMs: 0 });
}
