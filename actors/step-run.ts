/** The agent's actor of one attempt. */
import { LIMITS } from '../protocol/limits.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { namesOf } from './agent-names.ts';
import type { RunInput } from './run.ts';
import type { StepState } from './step.ts';

/** The spec of the run. */
export function runSpec(
  state: StepState,
  port: CellPort,
  agent: AgentDefinition,
  run: string,
  attempt: number,
): ChildSpec {
  const { input } = state;
  const runInput: RunInput = {
    task: input.task,
    step: input.step,
    ...(input.item !== undefined && { item: input.item }),
    attempt,
    owner: port.address,
    input: input.input,
    ...(input.seed !== undefined && { seed: input.seed }),
    ...(input.account !== undefined && { account: input.account }),
    ...(input.select?.prefer !== undefined && { prefer: input.select.prefer }),
  };
  const limitMs = agent.machine === undefined ? attemptLimitMs(state) : undefined;
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
    ...(limitMs !== undefined && { callTimeoutMs: limitMs }),
  };
}

/** The limit of one attempt, where the step or its budget sets one. */
export function attemptLimitMs({ input, held }: Pick<StepState, 'input' | 'held'>): number | undefined {
  const { timeoutMs } = input;
  if (held === undefined || held.timeMs >= LIMITS.durationMaxMs) return timeoutMs;
  return Math.max(1, Math.min(timeoutMs ?? Infinity, held.timeMs));
}
