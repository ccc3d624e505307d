/**
 * The keeper of a budget: one durable actor for a task (or a workflow) that has one. Before each attempt a step reserves here what
 * the attempt may use at most, and after it settles what it did use; both as messages, so that a crash loses neither. It watches
 * those who hold something: what a canceled attempt held does not stay reserved.
 *
 *   budget.reserve ──► budget.granted, or budget.refused with what is left and what may be done about it
 *                  └─► waits, while others hold what would be enough
 *                  └─► waits for a person, where the step asks for that (`asks`): an approval raises the limit
 *
 * What the accounts are, and who pays for what, is in accounts.ts.
 */
import type { ErrorBody } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { TaskUsage } from '../../protocol/tasks.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { type ApprovalDecision, approvalSpec } from '../approvals/approval.ts';
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';
import { BUDGET_LOGIC, type BudgetStart, ROOT } from './account-ref.ts';
import {
  type Accounts,
  chainOf,
  type Claim,
  close,
  NO_ACCOUNTS,
  open,
  type Opening,
  leftAt,
  raise,
  reserve,
  settle,
  type Settlement,
  type Shortage,
  spend,
} from './accounts.ts';
import { type Amounts, DIMENSIONS, type Dimension, sum, wordsOf } from './amounts.ts';

/** What a step asks for: `holder` is its address, where the answer goes. */
export interface BudgetClaim extends Claim {
  readonly step: string;
  readonly item?: number;
  /** `name@version`. */
  readonly agent: string;
  /** A person is to be asked before it is refused. */
  readonly asks?: true;
}

/** An approval that is waited for. */
interface Ask {
  readonly account: string;
  readonly by: Partial<Amounts>;
}

/** The state of one budget. */
export interface BudgetState {
  readonly phase: 'open';
  readonly book: Accounts;
  /** In the order in which they came. */
  readonly waiting: readonly BudgetClaim[];
  /** By the address of the approval. */
  readonly asks: Readonly<Record<string, Ask>>;
  readonly asked: number;
  /** Steps that are watched. */
  readonly holders: readonly string[];
  /** What uses an account: it is closed with that. */
  readonly users: Readonly<Record<string, readonly string[]>>;
}

/** Why a step gets nothing. */
export interface BudgetRefusal {
  /** For people: whose budget it is. */
  readonly label: string;
  readonly exceeded: readonly Dimension[];
  readonly need: Amounts;
  readonly left: Partial<Amounts>;
  readonly limit: Partial<Amounts>;
  readonly onExceed: Opening['onExceed'];
  /** What the person said who was asked, or why nobody could be. */
  readonly said?: string;
}

/** A person is asked for what is missing, and for no less than this part of the limit. */
const RAISE_PART = 5;

/** The logic of budgets. */
export const budgetLogic: FlatLogic<BudgetState, BudgetStart> = {
  name: BUDGET_LOGIC,
  version: LIFECYCLE_VERSIONS.budget,
  initial: ({ label, limit, onExceed }) => ({
    phase: 'open',
    book: open(NO_ACCOUNTS, ROOT, { label, limit, onExceed }),
    waiting: [],
    asks: {},
    asked: 0,
    holders: [],
    users: {},
  }),
  table: {
    open: {
      'budget.open': openOne,
      'budget.close': (state, event: ActorEvent, port) => closeAll(state, [String(event['account'])], port),
      'budget.reserve': take,
      'budget.settle': (state, event: ActorEvent, port) => {
        const { holder, began, timeMs } = event as unknown as Settlement & { readonly holder: string };
        return serve({ ...state, book: settle(state.book, holder, { began, timeMs }) }, port);
      },
      'budget.spent': (state, event: ActorEvent, port) => {
        const { holder, account, attempt, usage } = event as unknown as SpentEvent;
        const { usd = 0, tokensIn = 0, tokensOut = 0 } = usage;
        const book = spend(state.book, { holder, account, attempt }, { usd, tokens: tokensIn + tokensOut });
        return serve({ ...state, book }, port);
      },
      down,
      'child.done': (state, event: ActorEvent, port) =>
        answered(state, String(event['address']), event['output'] as ApprovalDecision, port),
      'child.failed': unanswered,
      'child.quarantined': unanswered,
    },
  },
  final: {},
  describe: ({ book, waiting, asks }) => {
    const root = book.accounts[ROOT];
    const limit = wordsOf(root?.limit ?? {});
    const wait = waiting.length === 0 ? '' : `, ${waiting.length} waiting`;
    const ask = Object.keys(asks).length === 0 ? '' : ', a person is asked';
    return `${wordsOf(pick(root?.used, root?.limit))} of ${limit} used, ${Object.keys(book.holds).length} reserved${wait}${ask}`;
  },
};

/** What a run says that it has used. */
interface SpentEvent {
  readonly holder: string;
  readonly account: string;
  readonly attempt: number;
  readonly usage: Partial<TaskUsage>;
}

function openOne(state: BudgetState, event: ActorEvent, port: CellPort): BudgetState {
  const { account, opening, user } = event as unknown as { account: string; opening: Opening; user: string };
  if (state.book.accounts[account] !== undefined) return state;
  const known = state.users[user];
  if (known === undefined) port.monitor(user);
  const users = { ...state.users, [user]: [...(known ?? []), account] };
  return { ...state, users, book: open(state.book, account, opening) };
}

function closeAll(state: BudgetState, ids: readonly string[], port: CellPort): BudgetState {
  const users = Object.fromEntries(
    Object.entries(state.users).map(([user, accounts]) => [user, accounts.filter((id) => !ids.includes(id))]),
  );
  return serve({ ...state, users, book: ids.reduce((book, id) => close(book, id), state.book) }, port);
}

function take(state: BudgetState, event: ActorEvent, port: CellPort): BudgetState {
  const { type: _type, ...claim } = event as unknown as BudgetClaim & { readonly type: string };
  if (state.waiting.length >= LIMITS.budgetWaitersMax) {
    const said = `${LIMITS.budgetWaitersMax} attempts wait for it already`;
    refuse(
      state,
      claim,
      { account: claim.account, dimensions: [], missing: {}, left: {}, isPassing: false },
      port,
      said,
    );
    return state;
  }
  const isKnown = state.holders.includes(claim.holder);
  // Once for all attempts of a step: its end is told once.
  if (!isKnown) port.monitor(claim.holder);
  const holders = isKnown ? state.holders : [...state.holders, claim.holder];
  return serve({ ...state, holders, waiting: [...state.waiting, claim] }, port);
}

/** Whoever was watched has ended: a step, with what it held; or what used accounts, with those. */
function down(state: BudgetState, event: ActorEvent, port: CellPort): BudgetState {
  const address = String(event['address']);
  // Nobody more can be watched: what this one holds is given back by itself alone.
  if ((event['error'] as ErrorBody | undefined)?.code === 'BUSY') return state;
  const { [address]: accounts = [], ...users } = state.users;
  const held = state.book.holds[address];
  if (held !== undefined && !held.isReported && held.held.usd + held.held.tokens > 0) {
    // It was cut off in the middle: what it may have used counts, here and for the task.
    const usage = { usd: held.held.usd, tokensIn: held.held.tokens };
    port.send(`task/${(port.input as BudgetStart).task}`, { type: 'task.spent', usage });
  }
  const timeMs = held === undefined ? 0 : port.nowMs() - held.sinceMs;
  const next: BudgetState = {
    ...state,
    users,
    holders: state.holders.filter((one) => one !== address),
    waiting: state.waiting.filter(({ holder }) => holder !== address),
    book: settle(state.book, address, { began: true, timeMs }),
  };
  return closeAll(next, accounts, port);
}

/** Gives to those who wait what can be given, in their order; who waits for something is not overtaken in that. */
function serve(state: BudgetState, port: CellPort): BudgetState {
  let next = state;
  const waiting: BudgetClaim[] = [];
  const awaited = new Set<string>();
  for (const claim of state.waiting) {
    if (awaited.size > 0 && claimsAny(next.book, claim, awaited)) {
      waiting.push(claim);
      continue;
    }
    const outcome = reserveFor(next.book, claim, port.nowMs());
    if ('held' in outcome) {
      next = { ...next, book: outcome.book };
      grant(next, claim, outcome.held, port);
    } else if (outcome.isPassing) {
      waiting.push(claim);
      for (const dimension of outcome.dimensions) awaited.add(`${outcome.account} ${dimension}`);
    } else if (claim.asks !== true || next.book.accounts[outcome.account]?.onExceed.includes('ask') !== true) {
      refuse(next, claim, outcome, port);
    } else if (hasAsk(next, outcome) || next.asked < LIMITS.budgetAsksMax) {
      waiting.push(claim);
      next = askFor(next, claim, outcome, port);
    } else refuse(next, claim, outcome, port, TOO_OFTEN);
  }
  return withdraw({ ...next, waiting }, port);
}

const TOO_OFTEN = `it was asked for ${LIMITS.budgetAsksMax} times already`;

function reserveFor(book: Accounts, claim: BudgetClaim, nowMs: number): ReturnType<typeof reserve> {
  if (book.accounts[claim.account] !== undefined) return reserve(book, claim, nowMs);
  // Closed already: it belongs to something that is over.
  return { account: claim.account, dimensions: [], missing: {}, left: {}, isPassing: false };
}

/** Whether it needs something that others wait for. */
function claimsAny(book: Accounts, { account, need }: BudgetClaim, awaited: ReadonlySet<string>): boolean {
  const needed = DIMENSIONS.filter((dimension) => need[dimension] > 0);
  return chainOf(book, account).some((id) => needed.some((dimension) => awaited.has(`${id} ${dimension}`)));
}

function grant({ book }: BudgetState, { holder, attempt, account }: BudgetClaim, held: Amounts, port: CellPort): void {
  port.send(holder, { type: 'budget.granted', attempt, held, left: leftAt(book, account) });
}

function refuse(state: BudgetState, claim: BudgetClaim, short: Shortage, port: CellPort, said?: string): void {
  const account = state.book.accounts[short.account];
  const refusal: BudgetRefusal = {
    label: account?.label ?? 'a part of the task that is over',
    exceeded: short.dimensions,
    need: claim.need,
    left: short.left,
    limit: account?.limit ?? {},
    onExceed: account?.onExceed ?? ['stop'],
    ...(said !== undefined && { said }),
  };
  port.send(claim.holder, { type: 'budget.refused', attempt: claim.attempt, refusal });
}

function hasAsk({ asks }: BudgetState, { account }: Shortage): boolean {
  return Object.values(asks).some((ask) => ask.account === account);
}

/** One question for each account at a time; all that lack something there wait for its answer. */
function askFor(state: BudgetState, claim: BudgetClaim, short: Shortage, port: CellPort): BudgetState {
  if (hasAsk(state, short)) return state;
  const { task, priority } = port.input as BudgetStart;
  const { label, limit } = state.book.accounts[short.account] as { label: string; limit: Partial<Amounts> };
  const by = Object.fromEntries(
    short.dimensions.map((dimension) => {
      const part = (limit[dimension] ?? 0) / RAISE_PART;
      const least = Math.max(short.missing[dimension] ?? 0, part);
      return [dimension, dimension === 'usd' ? sum('usd', least, 0) : Math.ceil(least)];
    }),
  );
  const { step, item, agent, need } = claim;
  const rest = `${wordsOf(pick(short.left, by))} of ${wordsOf(pick(limit, by))}`;
  const spec = approvalSpec({
    ...{ task, step, name: `budget-${state.asked + 1}`, owner: port.address, priority },
    ...(item !== undefined && { item }),
    approval: { role: 'budget' },
    message: `The budget of ${label} is used up: ${rest} left. Raise it by ${wordsOf(by)}?`,
    details: {
      budget: label,
      exceeded: short.dimensions,
      limit,
      left: short.left,
      need: { ...need },
      agent,
      raise: by,
    },
  });
  port.startChild(spec);
  return {
    ...state,
    asked: state.asked + 1,
    asks: { ...state.asks, [spec.address]: { account: short.account, by } },
  };
}

/** Nobody waits for the answer any more. */
function withdraw(state: BudgetState, port: CellPort): BudgetState {
  if (Object.keys(state.asks).length === 0 || state.waiting.some(({ asks }) => asks === true)) return state;
  for (const address of Object.keys(state.asks)) port.stopChild(address);
  return { ...state, asks: {} };
}

function answered(state: BudgetState, address: string, said: ApprovalDecision, port: CellPort): BudgetState {
  const { [address]: ask, ...asks } = state.asks;
  if (ask === undefined) return state;
  if (said.decision !== 'approve') return turnDown({ ...state, asks }, ask, `${said.by} said no`, port);
  const book = raise(state.book, ask.account, ask.by);
  if (ask.account === ROOT && port.address === `${BUDGET_LOGIC}/${(port.input as BudgetStart).task}`)
    port.send(`task/${(port.input as BudgetStart).task}`, { type: 'task.raised', limit: book.accounts[ROOT]?.limit });
  return serve({ ...state, asks, book }, port);
}

function unanswered(state: BudgetState, event: ActorEvent, port: CellPort): BudgetState {
  const { [String(event['address'])]: ask, ...asks } = state.asks;
  if (ask === undefined) return state;
  return turnDown({ ...state, asks }, ask, (event['error'] as ErrorBody).message, port);
}

/** All that wait for more of that account are refused. */
function turnDown(state: BudgetState, { account }: Ask, said: string, port: CellPort): BudgetState {
  const waiting = state.waiting.filter((claim) => {
    if (claim.asks !== true) return true;
    const outcome = reserveFor(state.book, claim, port.nowMs());
    if ('held' in outcome || outcome.isPassing || outcome.account !== account) return true;
    refuse(state, claim, outcome, port, said);
    return false;
  });
  return serve({ ...state, waiting }, port);
}

/** Of some amounts, those that others name. */
function pick(amounts: Partial<Amounts> | undefined, named: Partial<Amounts> | undefined): Partial<Amounts> {
  return Object.fromEntries(
    DIMENSIONS.filter((dimension) => named?.[dimension] !== undefined).map((dimension) => [
      dimension,
      amounts?.[dimension] ?? 0,
    ]),
  );
}
