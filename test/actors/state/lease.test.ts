import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  grant,
  type LeaseBook,
  leaseOf,
  nextChangeMs,
  release,
  turnOver,
  type Waiter,
} from '../../../actors/state/lease.ts';

const NO_LEASES: LeaseBook = { tokens: 0, waiters: [] };
const waiter = (holder: string, untilMs: number): Waiter => ({ replyTo: `ask/${holder}`, holder, ttlMs: 10, untilMs });

describe('A lease', () => {
  it('holds until its time is over, and not a moment longer', () => {
    const book = grant(NO_LEASES, 'a', 10, 100);
    expect(leaseOf(book, 109)?.holder).toBe('a');
    expect(leaseOf(book, 110)).toBeUndefined();
  });

  it('has the same token for who holds it already, and its time anew', () => {
    const first = grant(NO_LEASES, 'a', 10, 100);
    const again = grant(first, 'a', 10, 105);
    expect(again.lease).toEqual({ holder: 'a', token: first.lease.token, expiresAtMs: 115 });
  });

  it('has a higher token for each grant, also after it was forgotten that there were any', () => {
    const first = grant(NO_LEASES, 'a', 10, 100);
    const second = grant(first, 'b', 10, 110);
    const again = grant(second, 'a', 10, 120);
    const forgotten = grant(NO_LEASES, 'c', 10, 200);
    expect(second.lease.token).toBeGreaterThan(first.lease.token);
    expect(again.lease.token).toBeGreaterThan(second.lease.token);
    expect(forgotten.lease.token).toBeGreaterThan(again.lease.token);
  });

  it('passes on to who waited first and still waits', () => {
    const held = {
      ...grant(NO_LEASES, 'a', 10, 100),
      waiters: [waiter('late', 105), waiter('b', 200), waiter('c', 200)],
    };
    const still = turnOver(held, 104);
    expect(still.granted).toBeUndefined();
    expect(still.late).toEqual([]);
    const over = turnOver(held, 110);
    expect(over.late.map(({ holder }) => holder)).toEqual(['late']);
    expect(over.granted?.waiter.holder).toBe('b');
    expect(over.granted?.lease).toEqual({ holder: 'b', token: held.lease.token + 10, expiresAtMs: 120 });
    expect(over.book.waiters.map(({ holder }) => holder)).toEqual(['c']);
  });

  it('says when something changes by time alone', () => {
    expect(nextChangeMs(NO_LEASES)).toBeUndefined();
    const held: LeaseBook = { ...grant(NO_LEASES, 'a', 10, 100), waiters: [waiter('b', 105)] };
    expect(nextChangeMs(held)).toBe(105);
    expect(nextChangeMs({ ...held, waiters: [] })).toBe(110);
    expect(nextChangeMs(release({ ...held, waiters: [] }))).toBeUndefined();
  });

  it('never has two holders, nor a token that was given before to another', () => {
    const move = fc.record({
      by: fc.constantFrom('a', 'b', 'c'),
      what: fc.constantFrom('lock', 'unlock', 'wait'),
      passMs: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
        let book: LeaseBook = NO_LEASES;
        let nowMs = 1_000;
        const tokens = new Map<number, string>();
        const note = (lease: { readonly token: number; readonly holder: string } | undefined): void => {
          if (lease === undefined) return;
          expect(tokens.get(lease.token) ?? lease.holder).toBe(lease.holder);
          expect(lease.token).toBeGreaterThanOrEqual(Math.max(0, ...tokens.keys()));
          tokens.set(lease.token, lease.holder);
        };
        for (const { by, what, passMs } of moves) {
          nowMs += passMs;
          const held = leaseOf(book, nowMs);
          if (what === 'lock' && (held === undefined || held.holder === by))
            note((book = grant(book, by, 10, nowMs)).lease);
          else if (what === 'wait') book = { ...book, waiters: [...book.waiters, waiter(by, nowMs + 15)] };
          else if (what === 'unlock' && held?.holder === by) book = release(book);
          const { book: next, granted } = turnOver(book, nowMs);
          if (granted !== undefined) note(granted.lease);
          book = next;
        }
      }),
    );
  });
});
