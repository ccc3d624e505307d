/**
 * Who may write to a piece of shared state for a while. A lease ends by itself: who crashed does not keep the others out. Each
 * grant has a higher token than all before it, and a write with the token of a lease that is over is refused: who was frozen
 * while the lease passed on cannot write over what came after it. Pure: decisions over plain data.
 */

/** A lease that was granted. Times are ms since the epoch. */
export interface Lease {
  readonly holder: string;
  readonly token: number;
  readonly expiresAtMs: number;
}

/** Someone who waits for it. */
export interface Waiter {
  readonly replyTo: string;
  readonly holder: string;
  readonly ttlMs: number;
  readonly untilMs: number;
}

/** All that is known about who may write. */
export interface LeaseBook {
  /** Grants so far: the token of the last one. */
  readonly tokens: number;
  readonly lease?: Lease;
  /** The one who came first is first. */
  readonly waiters: readonly Waiter[];
}

/** What has become of those who waited. */
interface Turnover {
  readonly book: LeaseBook;
  readonly granted?: { readonly waiter: Waiter; readonly lease: Lease };
  readonly late: readonly Waiter[];
}

/** The lease that holds now, if there is one. */
export function leaseOf({ lease }: LeaseBook, nowMs: number): Lease | undefined {
  return lease !== undefined && lease.expiresAtMs > nowMs ? lease : undefined;
}

/** A lease for this holder. Who holds it already has its time anew, under the same token. Only where nobody else holds it. */
export function grant(
  book: LeaseBook,
  holder: string,
  ttlMs: number,
  nowMs: number,
): LeaseBook & { readonly lease: Lease } {
  const held = leaseOf(book, nowMs);
  // Not lower than the time: one that was forgotten meanwhile must not give a token again that someone may still have.
  const token = held?.holder === holder ? held.token : Math.max(book.tokens + 1, nowMs);
  return { ...book, tokens: Math.max(book.tokens, token), lease: { holder, token, expiresAtMs: nowMs + ttlMs } };
}

/** Without its lease. */
export function release<Book extends LeaseBook>({ lease: _over, ...book }: Book): Omit<Book, 'lease'> {
  return book;
}

/** Drops those who waited too long, and gives a free lease to the first of the others. */
export function turnOver(book: LeaseBook, nowMs: number): Turnover {
  const late = book.waiters.filter(({ untilMs }) => untilMs <= nowMs);
  const waiting = book.waiters.filter(({ untilMs }) => untilMs > nowMs);
  const [first, ...rest] = waiting;
  if (first === undefined || leaseOf(book, nowMs) !== undefined) return { book: { ...book, waiters: waiting }, late };
  const next = grant({ ...release(book), waiters: rest }, first.holder, first.ttlMs, nowMs);
  return { book: next, granted: { waiter: first, lease: next.lease }, late };
}

/** When something changes by time alone: the lease ends, or a waiter has waited too long. */
export function nextChangeMs({ lease, waiters }: LeaseBook): number | undefined {
  const times = waiters.map(({ untilMs }) => untilMs);
  if (lease !== undefined) times.push(lease.expiresAtMs);
  return times.length === 0 ? undefined : Math.min(...times);
}
