import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderedKeys } from '../../../runtime/stores/ordered-keys.ts';

const key = fc.nat(1_500).map((n) => `k${n}`);

describe('ordered keys', () => {
  it('give any range, both ways, as a sorted list would', () => {
    const changes = fc.array(fc.tuple(fc.constantFrom(true, true, false), key), {
      minLength: 1_000,
      maxLength: 3_000,
      size: 'max',
    });
    fc.assert(
      fc.property(changes, key, key, fc.oneof(fc.nat(50), fc.constant(9_999)), (steps, gte, lt, max) => {
        const keys = new OrderedKeys();
        const model = new Set<string>();
        for (const [adds, one] of steps) {
          if (adds && !model.has(one)) keys.add(one);
          if (!adds && model.has(one)) keys.remove(one);
          if (adds) model.add(one);
          else model.delete(one);
        }
        const inside = [...model].toSorted().filter((one) => one >= gte && one < lt);
        expect(keys.ascending(gte, lt, max)).toEqual(inside.slice(0, max));
        expect(keys.descending(gte, lt, max)).toEqual(inside.toReversed().slice(0, max));
        expect(keys.ascending('', '~', 9_999)).toEqual([...model].toSorted());
        expect(keys.descending('', '~', 9_999)).toEqual([...model].toSorted().toReversed());
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    { order: 'ascending', at: (i: number) => i },
    { order: 'descending', at: (i: number) => 99_999 - i },
    { order: 'mixed', at: (i: number) => (i * 7_919) % 20_000 },
  ])('keep keys that come in $order order, in thousands, and let go of all', ({ at }) => {
    const keys = new OrderedKeys();
    const all = Array.from({ length: 20_000 }, (_, i) => String(at(i)).padStart(6, '0'));
    for (const one of all) keys.add(one);
    expect(keys.ascending('', '~', 99_999)).toEqual(all.toSorted());
    for (const one of all) keys.remove(one);
    expect(keys.ascending('', '~', 1)).toEqual([]);
    keys.add('x');
    expect(keys.descending('', '~', 9)).toEqual(['x']);
  });
});
