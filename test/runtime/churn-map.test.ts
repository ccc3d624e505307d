import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChurnMap } from '../../runtime/churn-map.ts';

describe('A map for entries that come and go', () => {
  it('answers as a Map does, whatever is done to it', () => {
    const key = fc.integer({ min: 0, max: 9 });
    const op = fc.oneof(
      fc.record({ act: fc.constant('set' as const), key, value: fc.integer() }),
      fc.record({ act: fc.constant('delete' as const), key }),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 50 }), fc.integer({ min: 0, max: 5_000 }), (ops, before) => {
        const churned = new ChurnMap<number, number>();
        const plain = new Map<number, number>();
        // Entries that have come and gone already, so that some runs cross the point where the map begins anew.
        for (let at = 0; at < before; at++) churned.set(-1, at).delete(-1);
        for (const one of ops) {
          if (one.act === 'set') {
            churned.set(one.key, one.value);
            plain.set(one.key, one.value);
          } else expect(churned.delete(one.key)).toBe(plain.delete(one.key));
          expect(churned.size).toBe(plain.size);
          expect(churned.get(one.key)).toBe(plain.get(one.key));
          expect(churned.has(one.key)).toBe(plain.has(one.key));
        }
        expect([...churned]).toEqual([...plain]);
        expect([...churned.keys()]).toEqual([...plain.keys()]);
        expect([...churned.values()]).toEqual([...plain.values()]);
        const seen: [number, number][] = [];
        churned.forEach((value, at) => void seen.push([at, value]));
        expect(seen).toEqual([...plain.entries()]);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps many entries over the points where it begins anew', () => {
    const map = new ChurnMap<number, number>();
    for (let at = 0; at < 50_000; at++) map.set(at, at);
    for (let at = 0; at < 50_000; at += 2) map.delete(at);
    for (let at = 0; at < 200_000; at++) map.set(-1, at).delete(-1);
    expect(map.size).toBe(25_000);
    expect(map.get(49_999)).toBe(49_999);
    expect(map.has(0)).toBe(false);
  });
});
