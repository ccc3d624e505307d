/**
 * What anyone may ask about calls whose outcome was not known, whatever door they came through: lists, one of them, and the
 * decision about it. Everything it answers is committed. What belongs to others' tasks is not there.
 */
import { CODES, type ErrorCode, OperatingError } from '../protocol/errors.ts';
import { isTerminal } from '../protocol/tasks.ts';
import type { EffectPage, EffectQuery, EffectRecord, Store } from '../runtime/stores/store.ts';
import type { Principal } from './desk.ts';
import { type Ledger, settledAlready, type Verdict } from './ledger.ts';

/** A decision as it is asked for. `output` belongs to `done`, `error` to `failed`. */
export interface Decision {
  readonly decision: 'done' | 'failed' | 'retry';
  readonly output?: unknown;
  readonly error?: { readonly code: string; readonly message?: string };
  readonly comment?: string;
}

/** Open ones that one step of loading brings. */
const LOAD_LIMIT = 200;

/** The desk for effects of one node. */
export class EffectDesk {
  readonly #ledger: Ledger;
  readonly #store: Store;

  constructor(ledger: Ledger, store: Store) {
    this.#ledger = ledger;
    this.#store = store;
  }

  /** Before unfinished work goes on: what an earlier run of the process left open. */
  async load(): Promise<void> {
    let cursor: string | undefined;
    do {
      const page: EffectPage = await this.#store.listEffects({
        limit: LOAD_LIMIT,
        ...(cursor !== undefined && { cursor }),
      });
      this.#ledger.adopt(page.effects);
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  /** After unfinished work was taken up: open ones whose task has ended meanwhile are closed. */
  async sweep(): Promise<void> {
    for (const { id, task } of this.#ledger.strays()) {
      if (task === undefined) continue;
      const record = await this.#store.readTask(task);
      if (record === undefined || isTerminal(record.status)) this.#ledger.abandon(id);
    }
  }

  /** Errors: STORE_UNAVAILABLE. A page may be shorter than its limit and still have a cursor. */
  async list(principal: Principal, query: EffectQuery): Promise<EffectPage> {
    const page = await this.#store.listEffects(query);
    const own = await Promise.all(page.effects.map((effect) => this.#belongsTo(principal, effect)));
    return { ...page, effects: page.effects.filter((_effect, index) => own[index]) };
  }

  /** Errors: NOT_FOUND, STORE_UNAVAILABLE, STORE_CORRUPT. */
  async get(principal: Principal, id: string): Promise<EffectRecord> {
    const effect = await this.#store.readEffect(id);
    if (effect === undefined || !(await this.#belongsTo(principal, effect)))
      throw new OperatingError('NOT_FOUND', `There is no effect ${id} whose outcome was in doubt.`);
    return effect;
  }

  /**
   * Says what came of a call; resolves once that is committed, with the effect as it stands then.
   * Errors: NOT_FOUND, STATE_CONFLICT (it was said already), INVALID_INPUT, UNAVAILABLE (what waits for it is not loaded).
   */
  async resolve(principal: Principal, id: string, decision: Decision): Promise<EffectRecord> {
    const verdict = verdictOf(decision, principal);
    const { state } = await this.get(principal, id);
    if (state !== 'unknown') throw settledAlready(id);
    return await this.#ledger.resolve(id, verdict);
  }

  async #belongsTo(principal: Principal, { task }: EffectRecord): Promise<boolean> {
    if (task === undefined) return true;
    const record = await this.#store.readTask(task);
    return record === undefined || record.principal === principal;
  }
}

function verdictOf({ decision, output, error, comment }: Decision, by: string): Verdict {
  const said = { how: decision, by, ...(comment !== undefined && { comment }) } as const;
  if (output !== undefined && decision !== 'done')
    throw new OperatingError('INVALID_INPUT', `\`output\` belongs to the decision "done", not "${decision}".`);
  if (error !== undefined && decision !== 'failed')
    throw new OperatingError('INVALID_INPUT', `\`error\` belongs to the decision "failed", not "${decision}".`);
  if (decision === 'done') return { ...said, output };
  if (decision === 'retry') return said;
  const code = error?.code ?? 'AGENT_FAILED';
  if (!Object.hasOwn(CODES, code))
    throw new OperatingError('INVALID_INPUT', `${code} is not an error code; docs/errors.md lists those there are.`);
  const message = error?.message ?? 'The call failed.';
  return { ...said, error: new OperatingError(code as ErrorCode, message, { retryable: false }).toBody() };
}
