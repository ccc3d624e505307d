/** Asks the agents of a worker whether they can work: each at its own interval, for as long as the worker is there. */
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { namesOf } from '../../actors/agent-names.ts';
import type { HealthPlan } from '../../actors/health-plan.ts';
import { outcomeOf } from '../../actors/call-outcome.ts';
import { HealthBook } from '../../actors/roster/health-book.ts';
import { OperatingError, toErrorBody } from '../../protocol/errors.ts';
import { machineScopes } from '../../runtime/machine-references.ts';
import type { Cancel, World } from '../../runtime/world.ts';
import { codeScope } from './call-scope.ts';

/** So much of the interval is left to chance, so that many agents are not asked together. */
const JITTER = 0.2;

/** The health of the agents of one worker. */
export class AgentHealth {
  readonly #world: World;
  readonly #book = new HealthBook();
  readonly #timers = new Map<string, Cancel>();

  /** `onTurn`: an agent has begun to fail its checks, or has ended to. */
  constructor(world: World, agents: readonly AgentDefinition[], onTurn: () => void) {
    this.#world = world;
    this.#book.onTurn = onTurn;
    for (const agent of agents)
      if (agent.health !== undefined) void this.#check(namesOf(agent).reference, agent.health);
  }

  isHealthy(agent: AgentDefinition): boolean {
    return !this.#book.isFailing(namesOf(agent).reference);
  }

  stop(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  async #check(reference: string, plan: HealthPlan): Promise<void> {
    const world = this.#world;
    const { promise: given, resolve: giveUp } = Promise.withResolvers<unknown>();
    this.#timers.set(
      reference,
      world.after(plan.timeoutMs, () => giveUp(lateError(plan))),
    );
    const scope = codeScope(
      `the health check of ${reference}`,
      () => world.nowMs(),
      (error) => giveUp(toErrorBody(error)),
    );
    const checked = machineScopes.run(scope, () => outcomeOf(() => this.#book.ask(reference, plan)));
    const error = await Promise.race([checked.then((outcome) => (outcome.ok ? undefined : outcome.error)), given]);
    if (!this.#timers.has(reference)) return;
    this.#timers.get(reference)?.();
    this.#book.checked(reference, plan, world.nowMs(), error === undefined ? undefined : wordsOf(error));
    const pauseMs = Math.round(plan.intervalMs * (1 + JITTER * (world.random() - 1 / 2)));
    this.#timers.set(
      reference,
      world.after(pauseMs, () => void this.#check(reference, plan)),
    );
  }
}

function lateError({ timeoutMs }: HealthPlan): OperatingError {
  return new OperatingError('TIMEOUT', `The check took longer than its limit of ${timeoutMs} ms.`);
}

function wordsOf(error: unknown): string {
  const isBody = typeof error === 'object' && error !== null && 'message' in error;
  return isBody ? String(error.message) : toErrorBody(error).message;
}
