/**
 * The accounts of one budget as plain data: a tree of limits, and what each attempt under way has reserved. Pure.
 *
 * What an attempt may use is held in its own account and in all above, as far as they limit it, in one step; what it did use counts
 * in the same ones. So of every account: used + held ≤ limit, as long as no attempt uses more than it has reserved.
 *
 * An account holds nothing for those who may come: two parts of a workflow that each kept some of what both lack would wait for each
 * other for ever. Attempts are all that is waited for, and they end.
 */
// tidy-allow exports: the accounts and all that can happen to them are one page
import type { BudgetPolicy } from '../../protocol/tasks.ts';
import { type Amounts, DIMENSIONS, type Dimension, NOTHING, plus, sum } from './amounts.ts';

/** One account. */
export interface Account {
  readonly parent?: string;
  /** For people: `the task`, `step read`. */
  readonly label: string;
  readonly limit: Partial<Amounts>;
  /** By attempts that are over, here and below. */
  readonly used: Amounts;
  /** For attempts under way, here and below. */
  readonly held: Amounts;
  readonly onExceed: readonly BudgetPolicy[];
}

/** What an attempt under way has reserved. */
export interface Hold {
  readonly account: string;
  readonly attempt: number;
  /** At least what it has used so far. */
  readonly held: Amounts;
  readonly spent: Amounts;
  /** It has said itself what it used. */
  readonly isReported: boolean;
  readonly sinceMs: number;
}

/** All accounts of one budget, by id, and the holds, by the address of the step. */
export interface Accounts {
  readonly accounts: Readonly<Record<string, Account>>;
  readonly holds: Readonly<Record<string, Hold>>;
}

/** What one run needs at most. Of time it takes what is left, where that is less. */
export interface Claim {
  readonly holder: string;
  readonly account: string;
  readonly attempt: number;
  readonly need: Amounts;
}

/** Why something cannot be reserved: an account has too little left of this. */
export interface Shortage {
  readonly account: string;
  readonly dimensions: readonly Dimension[];
  /** Of these, how much is missing. */
  readonly missing: Partial<Amounts>;
  readonly left: Partial<Amounts>;
  /** It may be enough when attempts that are under way have given back what they do not use. */
  readonly isPassing: boolean;
}

/** No accounts. */
export const NO_ACCOUNTS: Accounts = Object.freeze({ accounts: {}, holds: {} });

/** What an account that is opened is given. */
export type Opening = Pick<Account, 'parent' | 'label' | 'limit' | 'onExceed'>;

/** Opens an account, once. */
export function open(book: Accounts, id: string, opening: Opening): Accounts {
  if (book.accounts[id] !== undefined) return book;
  return put(book, id, { ...opening, used: NOTHING, held: NOTHING });
}

/** Reserves what one run needs, of all dimensions or of none. */
export function reserve(
  book: Accounts,
  { holder, account, attempt, need }: Claim,
  nowMs: number,
): { readonly book: Accounts; readonly held: Amounts } | Shortage {
  const chain = chainOf(book, account);
  let held = need;
  // Any time will do, and more than is left cannot be had.
  const leftMs = leftAt(book, account).timeMs ?? need.timeMs;
  if (leftMs < need.timeMs) held = { ...need, timeMs: Math.max(1, leftMs) };
  const short = chain.filter((id) => DIMENSIONS.some((dimension) => lacks(book, id, dimension, held)));
  const [first] = short;
  if (first !== undefined) return shortageOf(book, first, short, held);
  const fresh: Hold = { account, attempt, held, spent: NOTHING, isReported: false, sinceMs: nowMs };
  const next = DIMENSIONS.reduce((at, dimension) => hold(at, chain, dimension, held[dimension]), book);
  return { book: { ...next, holds: { ...next.holds, [holder]: fresh } }, held };
}

/** A run says that it has used so much more. What goes beyond its hold is held from here on as well, also where nothing is left. */
export function spend(
  book: Accounts,
  place: { readonly holder: string; readonly account: string; readonly attempt: number },
  more: { readonly usd: number; readonly tokens: number },
): Accounts {
  const known = book.holds[place.holder];
  const chain = chainOf(book, known?.account ?? place.account);
  let next = book;
  if (known === undefined || known.attempt !== place.attempt) {
    // It is over, and has gone on all the same.
    for (const dimension of ['usd', 'tokens'] as const) next = use(next, chain, dimension, more[dimension]);
    return next;
  }
  let { held, spent } = known;
  for (const dimension of ['usd', 'tokens'] as const) {
    spent = plus(spent, dimension, more[dimension]);
    const beyond = sum(dimension, spent[dimension], -held[dimension]);
    if (beyond <= 0) continue;
    held = plus(held, dimension, beyond);
    next = hold(next, chain, dimension, beyond);
  }
  return { ...next, holds: { ...next.holds, [place.holder]: { ...known, held, spent, isReported: true } } };
}

/** What is known of a run when its hold ends. */
export interface Settlement {
  /** False where it never began: no step and no time of it count. */
  readonly began: boolean;
  readonly timeMs: number;
}

/** A run is over: what it used counts, and the rest of what it held goes back. Where it said nothing, all that it held counts. */
export function settle(book: Accounts, holder: string, { began, timeMs }: Settlement): Accounts {
  const known = book.holds[holder];
  if (known === undefined) return book;
  const { account, held, spent, isReported } = known;
  const used: Amounts = began
    ? {
        usd: isReported ? spent.usd : held.usd,
        tokens: isReported ? spent.tokens : held.tokens,
        steps: held.steps,
        timeMs: Math.min(timeMs, held.timeMs),
      }
    : spent;
  const { [holder]: _over, ...holds } = book.holds;
  const chain = chainOf(book, account);
  return DIMENSIONS.reduce(
    (next, dimension) => use(hold(next, chain, dimension, -held[dimension]), chain, dimension, used[dimension]),
    { ...book, holds } as Accounts,
  );
}

/** Closes an account and those below it. Runs that are still under it count in full. */
export function close(book: Accounts, id: string): Accounts {
  if (book.accounts[id] === undefined) return book;
  let next = book;
  for (const [below, { parent }] of Object.entries(book.accounts)) if (parent === id) next = close(next, below);
  for (const [holder, one] of Object.entries(next.holds))
    if (one.account === id) next = settle(next, holder, { began: true, timeMs: one.held.timeMs });
  const { [id]: _closed, ...accounts } = next.accounts;
  return { ...next, accounts };
}

/** Raises what an account limits. */
export function raise(book: Accounts, id: string, by: Partial<Amounts>): Accounts {
  const account = book.accounts[id];
  if (account === undefined) return book;
  let { limit } = account;
  for (const dimension of DIMENSIONS)
    if (limit[dimension] !== undefined) limit = plus(limit, dimension, by[dimension] ?? 0);
  return put(book, id, { ...account, limit });
}

/** What could be reserved under an account now; a dimension that nothing limits is not there. */
export function leftAt(book: Accounts, id: string): Partial<Amounts> {
  let left: Partial<Amounts> = {};
  for (const at of chainOf(book, id)) {
    for (const dimension of DIMENSIONS) {
      const here = leftOf(book, at, dimension);
      if (here < (left[dimension] ?? Infinity)) left = { ...left, [dimension]: here };
    }
  }
  return left;
}

/** What a run may still use, by what is left where it draws; a dimension that nothing limits is not there. */
export function leftFor(book: Accounts, holder: string): Partial<Amounts> {
  const known = book.holds[holder];
  if (known === undefined) return {};
  const { account, held, spent } = known;
  const left = { ...leftAt(book, account) };
  // What it holds is its own to use; its step it has taken already, and more time than it was given it does not get.
  if (left.usd !== undefined) left.usd = sum('usd', left.usd, held.usd - spent.usd);
  if (left.tokens !== undefined) left.tokens += held.tokens - spent.tokens;
  return left.timeMs === undefined ? left : { ...left, timeMs: held.timeMs };
}

/** An account and those above it. */
export function chainOf(book: Accounts, id: string): readonly string[] {
  const chain: string[] = [];
  for (let at: string | undefined = id; at !== undefined; at = book.accounts[at]?.parent)
    if (book.accounts[at] !== undefined) chain.push(at);
  return chain;
}

/** Infinity where it does not limit it. */
function leftOf({ accounts }: Accounts, id: string, dimension: Dimension): number {
  const { limit, used, held } = accounts[id] as Account;
  const most = limit[dimension];
  return most === undefined ? Infinity : sum(dimension, most, -used[dimension] - held[dimension]);
}

function lacks(book: Accounts, id: string, dimension: Dimension, need: Amounts): boolean {
  return need[dimension] > leftOf(book, id, dimension);
}

/** `id`: the account that is told of, the nearest of those that have too little. */
function shortageOf(book: Accounts, id: string, short: readonly string[], need: Amounts): Shortage {
  const { limit } = book.accounts[id] as Account;
  const dimensions = DIMENSIONS.filter((dimension) => lacks(book, id, dimension, need));
  const amounts = (of: readonly Dimension[], amount: (dimension: Dimension) => number): Partial<Amounts> =>
    Object.fromEntries(of.map((dimension) => [dimension, amount(dimension)]));
  return {
    account: id,
    dimensions,
    missing: amounts(dimensions, (dimension) => sum(dimension, need[dimension], -leftOf(book, id, dimension))),
    left: amounts(
      DIMENSIONS.filter((dimension) => limit[dimension] !== undefined),
      (dimension) => leftOf(book, id, dimension),
    ),
    isPassing: short.every((at) => DIMENSIONS.every((dimension) => need[dimension] <= atBest(book, at, dimension))),
  };
}

/** What would be left of an account if the attempts under way used nothing more. A step that has begun is used. */
function atBest(book: Accounts, id: string, dimension: Dimension): number {
  let left = leftOf(book, id, dimension);
  if (dimension === 'steps' || left === Infinity) return left;
  for (const { account, held, spent } of Object.values(book.holds))
    if (chainOf(book, account).includes(id)) left = sum(dimension, left, held[dimension] - spent[dimension]);
  return left;
}

/** So much more is used. */
function use(book: Accounts, chain: readonly string[], dimension: Dimension, amount: number): Accounts {
  return changed(book, chain, amount, (account) => ({ ...account, used: plus(account.used, dimension, amount) }));
}

function hold(book: Accounts, chain: readonly string[], dimension: Dimension, amount: number): Accounts {
  return changed(book, chain, amount, (account) => ({ ...account, held: plus(account.held, dimension, amount) }));
}

function changed(
  book: Accounts,
  chain: readonly string[],
  amount: number,
  change: (account: Account) => Account,
): Accounts {
  if (amount === 0) return book;
  const accounts = { ...book.accounts };
  for (const id of chain) accounts[id] = change(accounts[id] as Account);
  return { ...book, accounts };
}

function put(book: Accounts, id: string, account: Account): Accounts {
  return { ...book, accounts: { ...book.accounts, [id]: account } };
}
