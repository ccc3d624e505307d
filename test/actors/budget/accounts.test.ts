/** The accounts against a book-keeper who knows nothing of payers: whatever happens in whatever order, nothing is given away twice. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Accounts,
  close,
  leftAt,
  leftFor,
  NO_ACCOUNTS,
  open,
  type Opening,
  raise,
  reserve,
  settle,
  type Shortage,
  spend,
} from '../../../actors/budget/accounts.ts';
import { type Amounts, DIMENSIONS, NOTHING } from '../../../actors/budget/amounts.ts';

const opening = (limit: Partial<Amounts>, parent?: string): Opening => ({
  label: 'x',
  limit,
  onExceed: ['stop'],
  ...(parent !== undefined && { parent }),
});
const need = (more: Partial<Amounts> = {}): Amounts => ({ ...NOTHING, steps: 1, timeMs: 1_000, ...more });

function reserved(book: Accounts, holder: string, account: string, amounts: Amounts): Accounts {
  const outcome = reserve(book, { holder, account, attempt: 1, need: amounts }, 0);
  if (!('book' in outcome)) throw new TypeError(`not reserved: ${JSON.stringify(outcome)}`);
  return outcome.book;
}

function short(book: Accounts, account: string, amounts: Amounts): Shortage {
  const outcome = reserve(book, { holder: 'step/x', account, attempt: 1, need: amounts }, 0);
  if ('book' in outcome) throw new TypeError('it was reserved');
  return outcome;
}

describe('An account', () => {
  const root = open(NO_ACCOUNTS, 'root', opening({ usd: 0.3, steps: 10 }));

  it('gives what is left of it, and no more', () => {
    let book = root;
    for (const holder of ['a', 'b', 'c']) book = reserved(book, holder, 'root', need({ usd: 0.1 }));
    expect(leftAt(book, 'root')).toEqual({ usd: 0, steps: 7 });
    expect(short(book, 'root', need({ usd: 0.1 }))).toEqual({
      account: 'root',
      dimensions: ['usd'],
      missing: { usd: 0.1 },
      left: { usd: 0, steps: 7 },
      isPassing: true,
    });
  });

  it('takes back what was not used, and says when nothing can come back', () => {
    let book = reserved(root, 'a', 'root', need({ usd: 0.3 }));
    book = spend(book, { holder: 'a', account: 'root', attempt: 1 }, { usd: 0.05, tokens: 0 });
    book = settle(book, 'a', { began: true, timeMs: 1 });
    expect(leftAt(book, 'root')).toEqual({ usd: 0.25, steps: 9 });
    expect(short(book, 'root', need({ usd: 0.26 }))).toMatchObject({ isPassing: false, missing: { usd: 0.01 } });
  });

  it('counts what was declared where a run says nothing, and nothing where it never began', () => {
    const book = reserved(root, 'a', 'root', need({ usd: 0.1 }));
    expect(leftAt(settle(book, 'a', { began: true, timeMs: 1 }), 'root')).toEqual({ usd: 0.2, steps: 9 });
    expect(leftAt(settle(book, 'a', { began: false, timeMs: 0 }), 'root')).toEqual({ usd: 0.3, steps: 10 });
  });

  it('is in deficit when a run uses more than there is, and gives nothing to anyone then, however little they need', () => {
    let book = reserved(root, 'a', 'root', need({ usd: 0.1 }));
    book = spend(book, { holder: 'a', account: 'root', attempt: 1 }, { usd: 0.35, tokens: 0 });
    expect(leftFor(book, 'a')).toEqual({ usd: -0.05, steps: 9 });
    expect(short(book, 'root', need())).toMatchObject({ dimensions: ['usd'] });
    book = settle(book, 'a', { began: true, timeMs: 1 });
    expect(leftAt(book, 'root')).toEqual({ usd: -0.05, steps: 9 });
  });

  it('counts what a run says after it was over', () => {
    let book = settle(reserved(root, 'a', 'root', need({ usd: 0.1 })), 'a', { began: true, timeMs: 1 });
    book = spend(book, { holder: 'a', account: 'root', attempt: 1 }, { usd: 0.05, tokens: 0 });
    expect(leftAt(book, 'root')['usd']).toBe(0.15);
  });

  it('gives of time what is left, and refuses it only when there is none', () => {
    const timed = open(NO_ACCOUNTS, 'root', opening({ timeMs: 1_500 }));
    let book = reserved(timed, 'a', 'root', need());
    book = reserved(book, 'b', 'root', need());
    expect(book.holds['b']?.held.timeMs).toBe(500);
    expect(short(book, 'root', need())).toMatchObject({ dimensions: ['timeMs'], isPassing: true });
    for (const holder of ['a', 'b']) book = settle(book, holder, { began: true, timeMs: 9_999 });
    expect(short(book, 'root', need())).toMatchObject({ dimensions: ['timeMs'], isPassing: false });
  });

  it('limits what draws on it, and what draws on those below it; what is not used is there for all', () => {
    let book = open(open(root, 'sub', opening({ usd: 0.2 }, 'root')), 'other', opening({ usd: 0.2 }, 'root'));
    book = reserved(book, 'a', 'sub', need({ usd: 0.2 }));
    expect(leftAt(book, 'root')).toEqual({ usd: 0.1, steps: 9 });
    expect(leftAt(book, 'sub')).toEqual({ usd: 0, steps: 9 });
    expect(leftAt(book, 'other')['usd']).toBe(0.1);
    // It is the one above that has too little, as long as others work.
    expect(short(book, 'other', need({ usd: 0.2 }))).toMatchObject({ account: 'root', isPassing: true });
    expect(short(book, 'sub', need({ usd: 0.01 }))).toMatchObject({ account: 'sub', isPassing: true });
    book = settle(spend(book, { holder: 'a', account: 'sub', attempt: 1 }, { usd: 0.05, tokens: 0 }), 'a', {
      began: true,
      timeMs: 1,
    });
    book = close(book, 'sub');
    expect(leftAt(book, 'root')).toEqual({ usd: 0.25, steps: 9 });
    book = reserved(book, 'b', 'other', need({ usd: 0.2 }));
    expect(short(book, 'other', need({ usd: 0.3 }))).toMatchObject({ account: 'other', isPassing: false });
  });

  it('settles those who still hold something when it is closed, with all that is below it', () => {
    let book = open(open(root, 'sub', opening({ usd: 0.2 }, 'root')), 'below', opening({ usd: 0.1 }, 'sub'));
    book = reserved(book, 'a', 'below', need({ usd: 0.07 }));
    book = close(book, 'sub');
    expect(Object.keys(book.accounts)).toEqual(['root']);
    expect(book.holds).toEqual({});
    expect(leftAt(book, 'root')).toEqual({ usd: 0.23, steps: 9 });
  });

  it('that was raised gives more', () => {
    let book = reserved(root, 'a', 'root', need({ usd: 0.3 }));
    book = raise(book, 'root', { usd: 0.2, tokens: 5 });
    expect(leftAt(book, 'root')).toEqual({ usd: 0.2, steps: 9 });
    book = open(book, 'sub', opening({ usd: 0.1 }, 'root'));
    book = raise(book, 'sub', { usd: 0.05 });
    expect(leftAt(book, 'sub')['usd']).toBe(0.15);
  });
});

// ---- random trees

type Act =
  | { readonly do: 'open'; readonly under: number; readonly limit: Partial<Amounts> }
  | { readonly do: 'close'; readonly which: number }
  | { readonly do: 'reserve'; readonly under: number; readonly need: Amounts }
  | { readonly do: 'spend'; readonly which: number; readonly usd: number; readonly tokens: number }
  | { readonly do: 'settle'; readonly which: number; readonly began: boolean; readonly timeMs: number }
  | { readonly do: 'raise'; readonly which: number; readonly by: Partial<Amounts> };

const cents = fc.integer({ min: 0, max: 100 }).map((amount) => amount / 100);
const someLimits: fc.Arbitrary<Partial<Amounts>> = fc.record(
  { usd: cents, tokens: fc.nat(100), steps: fc.nat(8), timeMs: fc.nat(100) },
  { requiredKeys: [] },
);
const someNeed: fc.Arbitrary<Amounts> = fc.record({
  usd: cents,
  tokens: fc.nat(50),
  steps: fc.constant(1),
  timeMs: fc.integer({ min: 1, max: 50 }),
});
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ do: fc.constant('open' as const), under: fc.nat(5), limit: someLimits }),
  fc.record({ do: fc.constant('close' as const), which: fc.nat(5) }),
  fc.record({ do: fc.constant('reserve' as const), under: fc.nat(5), need: someNeed }),
  fc.record({ do: fc.constant('reserve' as const), under: fc.nat(5), need: someNeed }),
  fc.record({ do: fc.constant('spend' as const), which: fc.nat(5), usd: cents, tokens: fc.nat(50) }),
  fc.record({
    do: fc.constant('settle' as const),
    which: fc.nat(5),
    began: fc.boolean(),
    timeMs: fc.nat(60),
  }),
  fc.record({ do: fc.constant('raise' as const), which: fc.nat(5), by: someLimits }),
);

const NEAR = 1e-6;

/** One who writes down every attempt with the accounts above it, and adds up. */
class BookKeeper {
  book: Accounts = NO_ACCOUNTS;
  readonly accounts = new Map<
    string,
    { limit: Partial<Amounts>; readonly above: readonly string[]; isOpen: boolean }
  >();
  readonly runs = new Map<
    string,
    { readonly under: readonly string[]; used: Amounts; need: Amounts; isOver: boolean }
  >();
  /** Claims that were told to wait in vain, or not to wait. */
  readonly misjudged: string[] = [];
  #made = 0;
  /** How much runs used beyond what they had reserved. */
  readonly beyond: Record<keyof Amounts, number> = { usd: 0, tokens: 0, steps: 0, timeMs: 0 };

  constructor(limit: Partial<Amounts>) {
    this.#open('root', limit, []);
  }

  #open(id: string, limit: Partial<Amounts>, above: readonly string[]): void {
    this.book = open(this.book, id, opening(limit, above[0]));
    this.accounts.set(id, { limit, above, isOpen: true });
  }

  #nth<T>(list: readonly T[], at: number): T | undefined {
    return list.length === 0 ? undefined : list[at % list.length];
  }

  #openIds(): string[] {
    return [...this.accounts].flatMap(([id, { isOpen }]) => (isOpen ? [id] : []));
  }

  #going(): string[] {
    return [...this.runs].flatMap(([id, { isOver }]) => (isOver ? [] : [id]));
  }

  do(one: Act): void {
    const account = this.#nth(this.#openIds(), 'under' in one ? one.under : 'which' in one ? one.which : 0) ?? 'root';
    const run = this.#nth(this.#going(), 'which' in one ? one.which : 0);
    const above = [account, ...(this.accounts.get(account)?.above ?? [])];
    if (one.do === 'open') this.#open(`account ${++this.#made}`, one.limit, above);
    else if (one.do === 'close' && account !== 'root') this.#close(account);
    else if (one.do === 'raise') this.#raise(account, one.by);
    else if (one.do === 'reserve') {
      const holder = `run ${++this.#made}`;
      const outcome = reserve(this.book, { holder, account, attempt: 1, need: one.need }, 0);
      if (!('book' in outcome)) {
        const later = this.#atBest(above, one.need);
        const isRefused = !('book' in later) && !later.isPassing;
        // Who waits gets it or is refused when all others have ended; who is refused would not get it then.
        if (outcome.isPassing ? !('book' in later) && !isRefused : !isRefused)
          this.misjudged.push(`${account}: ${JSON.stringify(one.need)}`);
        return;
      }
      this.book = outcome.book;
      this.runs.set(holder, { under: above, used: NOTHING, need: outcome.held, isOver: false });
    } else if (run !== undefined && one.do === 'spend') this.#spend(run, one);
    else if (run !== undefined && one.do === 'settle') this.#settle(run, one);
  }

  /** What it would get, if all others ended now and used nothing more. */
  #atBest(above: readonly string[], wanted: Amounts): ReturnType<typeof reserve> {
    let rest = this.book;
    for (const [holder, { account }] of Object.entries(rest.holds)) {
      rest = spend(rest, { holder, account, attempt: 1 }, { usd: 0, tokens: 0 });
      rest = settle(rest, holder, { began: true, timeMs: 0 });
    }
    return reserve(rest, { holder: 'x', account: above[0] ?? '', attempt: 1, need: wanted }, 0);
  }

  #raise(account: string, by: Partial<Amounts>): void {
    this.book = raise(this.book, account, by);
    const known = this.accounts.get(account);
    if (known === undefined) return;
    for (const dimension of DIMENSIONS)
      if (known.limit[dimension] !== undefined)
        known.limit = { ...known.limit, [dimension]: (known.limit[dimension] ?? 0) + (by[dimension] ?? 0) };
  }

  #close(account: string): void {
    this.book = close(this.book, account);
    for (const [id, known] of this.accounts) if (id === account || known.above.includes(account)) known.isOpen = false;
    for (const [, run] of this.runs)
      if (!run.isOver && run.under.includes(account)) {
        run.isOver = true;
        if (run.used.usd + run.used.tokens === 0 && !this.reported.has(run)) run.used = run.need;
        run.used = { ...run.used, steps: run.need.steps, timeMs: run.need.timeMs };
      }
  }

  readonly reported = new Set<object>();

  #spend(holder: string, { usd, tokens }: { readonly usd: number; readonly tokens: number }): void {
    const run = this.runs.get(holder);
    if (run === undefined) return;
    this.reported.add(run);
    this.book = spend(this.book, { holder, account: run.under[0] ?? '', attempt: 1 }, { usd, tokens });
    const before = run.used;
    run.used = { ...run.used, usd: run.used.usd + usd, tokens: run.used.tokens + tokens };
    for (const dimension of ['usd', 'tokens'] as const)
      this.beyond[dimension] +=
        Math.max(0, run.used[dimension] - run.need[dimension]) - Math.max(0, before[dimension] - run.need[dimension]);
  }

  #settle(holder: string, { began, timeMs }: { readonly began: boolean; readonly timeMs: number }): void {
    const run = this.runs.get(holder);
    if (run === undefined) return;
    this.book = settle(this.book, holder, { began, timeMs });
    run.isOver = true;
    if (!began) run.used = { ...run.used, steps: 0, timeMs: 0 };
    else {
      if (!this.reported.has(run)) run.used = run.need;
      run.used = { ...run.used, steps: 1, timeMs: Math.min(timeMs, run.need.timeMs) };
    }
  }

  /** What is wrong now. */
  faults(): string[] {
    const faults: string[] = [...this.misjudged];
    for (const [id, { limit, isOpen }] of this.accounts) {
      for (const dimension of DIMENSIONS) {
        const most = limit[dimension];
        if (most === undefined || !isOpen) continue;
        const held = this.book.accounts[id]?.held ?? NOTHING;
        const total = this.total(id, dimension);
        if (total > most + this.beyond[dimension] + NEAR) faults.push(`${id}: ${total} of ${most} ${dimension}`);
        if (held[dimension] < -NEAR) faults.push(`${id} holds ${held[dimension]} ${dimension}`);
      }
    }
    return faults;
  }

  /** What all runs under an account have used, or may use. */
  total(account: string, dimension: keyof Amounts): number {
    let total = 0;
    for (const { under, used, need: most, isOver } of this.runs.values())
      if (under.includes(account)) total += isOver ? used[dimension] : Math.max(used[dimension], most[dimension]);
    return total;
  }
}

describe('Random trees of accounts', () => {
  it('never let runs under any account have more than its limit, but for what they use beyond what they reserved', () => {
    let reservations = 0;
    fc.assert(
      fc.property(someLimits, fc.array(act, { minLength: 10, maxLength: 60 }), (limit, acts) => {
        const keeper = new BookKeeper(limit);
        for (const one of acts) {
          keeper.do(one);
          expect(keeper.faults()).toEqual([]);
        }
        reservations += keeper.runs.size;
      }),
      { numRuns: 300 },
    );
    expect(reservations).toBeGreaterThan(300);
  });

  it('add up to what was used when all is over, and nothing stays held', () => {
    fc.assert(
      fc.property(someLimits, fc.array(act, { minLength: 10, maxLength: 60 }), (limit, acts) => {
        const keeper = new BookKeeper(limit);
        for (const one of acts) keeper.do(one);
        for (const [holder, { isOver }] of keeper.runs)
          if (!isOver) keeper.do({ do: 'settle', which: 0, began: true, timeMs: holder.length });
        for (const [id, { isOpen, above }] of [...keeper.accounts].reverse())
          if (isOpen && above.length > 0) keeper.book = close(keeper.book, id);
        const root = keeper.book.accounts['root'];
        expect(Object.keys(keeper.book.accounts)).toEqual(['root']);
        expect(keeper.book.holds).toEqual({});
        for (const dimension of DIMENSIONS) {
          if (limit[dimension] === undefined) continue;
          expect(root?.held[dimension]).toBeCloseTo(0, 6);
          expect(root?.used[dimension]).toBeCloseTo(keeper.total('root', dimension), 6);
        }
      }),
      { numRuns: 300 },
    );
  });
});
