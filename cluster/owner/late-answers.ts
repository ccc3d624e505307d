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
  readonly #past = new Map<string, Past | undefined>();

  constructor(effects: Pick<Effects, 'witness'>) {
    this.#effects = effects;
  }

  /** A dispatch is over, and its answer may come yet. Without a past it is of no interest to anybody. */
  expect(node: string, token: string, past: Past | undefined): void {
    if (this.#past.size >= PAST_MAX) this.#past.delete(this.#past.keys().next().value ?? '');
    this.#past.set(`${node} ${token}`, past === undefined ? undefined : pick(past));
  }

  /** Writes an answer down. False for one that nobody was asked for. */
  note(node: string, token: string, outcome: EffectOutcome): boolean {
    const past = this.#past.get(`${node} ${token}`);
    if (!this.#past.delete(`${node} ${token}`)) return false;
    if (past !== undefined) this.#effects.witness?.late(past as EffectPlan, outcome);
    return true;
  }
}

function pick({ address, key, name, kind, lane }: Past): Past {
  return { address, key, name, kind, lane };
}
