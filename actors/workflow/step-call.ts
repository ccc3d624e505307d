/** The cells that do the work of workflows' steps: what every one of them is made of, and those that call agents. */
import type { WorkflowCall, WorkflowStep } from '../../protocol/graph.ts';
import type { Select } from '../../protocol/selection.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import type { AccountRef } from '../budget/account-ref.ts';
import { wishOf } from '../cache/cache-terms.ts';
import { STEP_LOGIC, type StepInput, type StepStart, stepAddress } from '../step.ts';
import { TASKS_SUPERVISOR } from '../task.ts';
import { type Turn, turnPath } from './stage-path.ts';

/** For whom the work is done. */
export interface Orders {
  readonly task: string;
  readonly priority: number;
  readonly deadlineAtMs?: number;
  /** How agents are chosen where the call does not say it. */
  readonly select?: Select;
  /** What it draws on, where there is a budget. */
  readonly account?: AccountRef;
  /** What the task says of kept results. */
  readonly cache?: boolean;
}

/** The work of one step, as its actors name it. */
export interface StepPlace {
  readonly path: string;
  readonly item?: number;
  /** The actor that hears `item.parked` and `item.unparked`, where the work is part of a fan-out. */
  readonly rests?: string;
}

/** Whom a step calls, and how. */
export type AgentCall = Pick<WorkflowCall, 'agent' | 'capability' | 'retry' | 'timeoutMs'> &
  Pick<WorkflowStep, 'cache'> & { readonly select?: Select };

/** A cell that works for `owner`. */
export function workerSpec(
  { priority, deadlineAtMs }: Orders,
  owner: string,
  cell: Pick<ChildSpec, 'address' | 'logic' | 'input'>,
): ChildSpec {
  return {
    ...cell,
    supervisor: TASKS_SUPERVISOR,
    owner,
    restart: 'transient',
    recovery: 'resume',
    priority,
    durable: true,
    ...(deadlineAtMs !== undefined && { deadlineAtMs }),
  };
}

/** The step actor that calls an agent for a step. `turn`: which piece of the step's work this is, where there are several. */
export function agentCallSpec(
  orders: Orders,
  owner: string,
  { path, item, rests }: StepPlace,
  { agent, capability, retry, timeoutMs, cache: own, select = orders.select }: AgentCall,
  input: unknown,
  { round, fallback }: Pick<Turn, 'round' | 'fallback'> = { fallback: 0 },
): ChildSpec {
  const { task, priority, deadlineAtMs, account } = orders;
  const cache = wishOf(own, orders.cache);
  // Field by field: a dozen spreads of what is mostly not there cost more than the rest of the step's start.
  const work: { -readonly [Field in keyof StepInput]: StepInput[Field] } = { task, step: path, input, priority };
  if (agent !== undefined) work.agent = agent;
  if (capability !== undefined) work.capability = capability;
  if (deadlineAtMs !== undefined) work.deadlineAtMs = deadlineAtMs;
  if (item !== undefined) work.item = item;
  if (round !== undefined) work.round = round;
  if (fallback > 0) work.fallback = fallback;
  if (select !== undefined) work.select = select;
  if (retry !== undefined) work.retry = retry;
  if (timeoutMs !== undefined) work.timeoutMs = timeoutMs;
  if (account !== undefined) work.account = account;
  if (cache !== undefined) work.cache = cache;
  const start: StepStart = { work, owner: `task/${task}`, ...(rests !== undefined && { flow: rests }) };
  const address = stepAddress(task, turnPath(path, { round, fallback }), item);
  return workerSpec(orders, owner, { address, logic: STEP_LOGIC, input: start });
}
