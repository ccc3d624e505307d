/** What clients know of the ledgers: which messages were taken, which were refused, which nobody knows of; and all answers. */
import type { Answer } from './simulated-client.ts';
import type { Frame, Judge } from './judge.ts';

interface Account {
  /** Answered with ok. */
  readonly taken: Set<string>;
  /** Answered with an error: it was not taken. */
  readonly refused: Set<string>;
  readonly poison: Set<string>;
  /** The longest list that anyone was shown. */
  shown: readonly string[];
}

/** The book of one run. */
export class LedgerBook {
  readonly #judge: Judge;
  readonly #accounts = new Map<string, Account>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  #of(key: string): Account {
    let account = this.#accounts.get(key);
    if (account === undefined) {
      account = { taken: new Set(), refused: new Set(), poison: new Set(), shown: [] };
      this.#accounts.set(key, account);
    }
    return account;
  }

  /** An answer to a message for a ledger, or none. */
  told({ key, event }: Frame, answer: Answer): void {
    const { op, poison } = event as { readonly op: string; readonly poison?: boolean };
    const account = this.#of(String(key));
    if (poison === true) account.poison.add(op);
    else if (answer?.type === 'ok') account.taken.add(op);
    else if (answer !== undefined) account.refused.add(op);
  }

  /** A task says that it has told a ledger. */
  toldByTask(key: string, op: string): void {
    this.#of(key).taken.add(op);
  }

  /** Asks; what the answer must hold at least is what is known now. */
  async look(key: string, ask: () => Promise<Answer>): Promise<Answer> {
    const account = this.#of(key);
    const [taken, { length }] = [[...account.taken], account.shown];
    const answer = await ask();
    if (answer?.type !== 'agent.reply' || this.#judge.isDamaged(`sim.ledger/${key}`)) return answer;
    const { ops } = answer['value'] as { readonly ops: readonly string[] };
    const judge = this.#judge;
    const have = new Set(ops);
    judge.expect(have.size === ops.length, 'counter', () => `the ledger ${key} counts a message twice: ${twice(ops)}`);
    for (const op of taken)
      judge.expect(
        have.has(op),
        'counter',
        () => `the ledger ${key} does not know of ${op}, which was answered with ok`,
      );
    for (const op of account.refused)
      judge.expect(!have.has(op), 'counter', () => `the ledger ${key} knows of ${op}, which was refused`);
    judge.expect(
      ops.length >= length,
      'reads',
      () => `the ledger ${key} had ${length} messages, and now ${ops.length}`,
    );
    const [shorter, longer] = ops.length < account.shown.length ? [ops, account.shown] : [account.shown, ops];
    judge.expect(
      shorter.every((op, at) => longer[at] === op),
      'reads',
      () => `the ledger ${key} was ${shorter.join()}, and is ${longer.join()}`,
    );
    account.shown = longer;
    return answer;
  }
}

function twice(ops: readonly string[]): string {
  return ops.filter((op, at) => ops.indexOf(op) !== at).join();
}
