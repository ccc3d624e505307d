/** What is known of the health of agents: in memory, and made anew with each start. */
import { OperatingError } from '../../protocol/errors.ts';
import { afterCheck, type Health, type HealthPlan, UNCHECKED } from '../health-plan.ts';

/** Where what the checks found is kept. */
export class HealthBook {
  readonly #known = new Map<string, Health>();
  /** Agents whose check is under way: one that hangs is not asked again. */
  readonly #asked = new Set<string>();
  /** An agent has begun to fail its checks, or has ended to. */
  onTurn: ((reference: string, health: Health) => void) | undefined;

  /** What is known of an agent, by `name@version`. */
  of(reference: string): Health {
    return this.#known.get(reference) ?? UNCHECKED;
  }

  isFailing(reference: string): boolean {
    return this.#known.get(reference)?.isFailing === true;
  }

  /** A check has passed, or failed with `error`. */
  checked(reference: string, plan: HealthPlan, nowMs: number, error: string | undefined): void {
    const before = this.of(reference);
    const health = afterCheck(before, plan, nowMs, error);
    this.#known.set(reference, health);
    if (health.isFailing !== before.isFailing) this.onTurn?.(reference, health);
  }

  forget(reference: string): void {
    this.#known.delete(reference);
  }

  /** Makes one check. Errors: what the check throws; UNAVAILABLE where it says no, or the one before has not come back. */
  async ask(reference: string, { check }: HealthPlan): Promise<void> {
    if (this.#asked.has(reference))
      throw new OperatingError('UNAVAILABLE', 'The check before this one has not come back.');
    this.#asked.add(reference);
    try {
      if ((await check()) === false) throw new OperatingError('UNAVAILABLE', 'It says that it cannot work now.');
    } finally {
      this.#asked.delete(reference);
    }
  }
}
