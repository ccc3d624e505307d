/**
 * Answers of dispatches that are over: their node was lost, or nobody wants them any more. They are written down as late, and change
 * nothing.
 */
import type { EffectPlan, Effects } from '../../runtime/effects.ts';
import type { EffectOutcome } from '../../runtime/host.ts';

/** A dispatch that is over, as far as its answer needs it. */
type Past = Pick<EffectPlan, 'address' | 'key' | 'name' | 'kind' | 'lane'>;

/** Dispatches that are remembered, the last ones. */
const PAST_MAX = 10_000;

/** The dispatches of one owner that are over without an answer. */
export class LateAnswers {
  readonly #effects: Pick<Effects, 'witness'>;
  readonly #past = new Map<string, Past>();
  /** Dispatches whose answers were taken: their workers say them again where they have not heard so. */
  readonly #answered = new Set<string>();

  constructor(effects: Pick<Effects, 'witness'>) {
    this.#effects = effects;
  }

  /** A dispatch is over, and its answer may come yet. */
  expect(node: string, token: string, past: Past): void {
    if (this.#past.size >= PAST_MAX) this.#past.delete(this.#past.keys().next().value ?? '');
    const { address, key, name, kind, lane } = past;
    this.#past.set(`${node} ${token}`, { address, key, name, kind, lane });
  }

  /** A dispatch has had its answer. */
  answered(node: string, token: string): void {
    if (this.#answered.size >= PAST_MAX) this.#answered.delete(this.#answered.values().next().value ?? '');
    this.#answered.add(`${node} ${token}`);
  }

  /** Whether an answer of it has been taken already. */
  wasAnswered(node: string, token: string): boolean {
    return this.#answered.has(`${node} ${token}`);
  }

  /** Writes an answer down. False for one that nobody was asked for. */
  note(node: string, token: string, outcome: EffectOutcome): boolean {
    const past = this.#past.get(`${node} ${token}`);
    if (past === undefined) return false;
    this.#past.delete(`${node} ${token}`);
    this.#effects.witness?.late(past as EffectPlan, outcome);
    return true;
  }
}
