import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeMerge, type MergeVerdict, neededOf } from '../../../actors/workflow/merge.ts';

type Row = readonly [merge: string, items: number, completed: number, failed: number, strict: string, optional: string];

const MATRIX: readonly Row[] = [
  ['all', 0, 0, 0, 'met', 'met'],
  ['all', 3, 2, 0, 'open', 'open'],
  ['all', 3, 3, 0, 'met', 'met'],
  ['all', 3, 1, 1, 'lost', 'open'],
  ['all', 3, 2, 1, 'lost', 'partial'],
  ['all', 3, 0, 3, 'lost', 'lost'],
  ['reduce', 0, 0, 0, 'met', 'met'],
  ['reduce', 2, 1, 1, 'lost', 'partial'],
  ['any', 0, 0, 0, 'lost', 'lost'],
  ['any', 3, 0, 2, 'open', 'open'],
  ['any', 3, 1, 0, 'met', 'met'],
  ['any', 3, 0, 3, 'lost', 'lost'],
  ['first:2', 1, 0, 0, 'lost', 'open'],
  ['first:2', 1, 1, 0, 'lost', 'partial'],
  ['first:2', 4, 1, 2, 'open', 'open'],
  ['first:2', 4, 2, 0, 'met', 'met'],
  ['first:2', 4, 1, 3, 'lost', 'partial'],
  ['first:2', 4, 0, 3, 'lost', 'open'],
  ['quorum', 0, 0, 0, 'lost', 'lost'],
  ['quorum', 1, 0, 0, 'open', 'open'],
  ['quorum', 4, 2, 0, 'open', 'open'],
  ['quorum', 4, 3, 0, 'met', 'met'],
  ['quorum', 4, 0, 2, 'lost', 'open'],
  ['quorum', 5, 3, 2, 'met', 'met'],
  ['quorum', 5, 2, 2, 'open', 'open'],
  ['quorum', 5, 2, 3, 'lost', 'partial'],
];

describe('the merge of a fan-out', () => {
  it.each(MATRIX)('%s of %i items, of which %i ended well and %i failed: %s, optional %s', (merge, ...row) => {
    const [items, completed, failed, strict, optional] = row;
    expect(judgeMerge(merge, { items, completed, failed }, false)).toBe(strict);
    expect(judgeMerge(merge, { items, completed, failed }, true)).toBe(optional);
  });

  it('is decided at the latest with its last item, and what was decided stays decided', () => {
    const merges = fc.constantFrom('all', 'any', 'first:1', 'first:3', 'quorum', 'reduce');
    fc.assert(
      fc.property(merges, fc.array(fc.boolean(), { maxLength: 12 }), fc.boolean(), (merge, ends, isOptional) => {
        const counts = { items: ends.length, completed: 0, failed: 0 };
        let decided: MergeVerdict | undefined;
        const look = (): void => {
          const verdict = judgeMerge(merge, counts, isOptional);
          // A strict step is over as soon as it is lost; nothing that ends later can make it met.
          if (decided === 'lost') expect(verdict).not.toBe('met');
          if (decided === 'met') expect(verdict).toBe('met');
          if (verdict === 'met') expect(counts.completed).toBeGreaterThanOrEqual(neededOf(merge, ends.length));
          if (verdict !== 'open') decided ??= verdict;
        };
        look();
        for (const isGood of ends) {
          if (isGood) counts.completed++;
          else counts.failed++;
          look();
        }
        expect(decided).toBeDefined();
        expect(judgeMerge(merge, counts, isOptional)).not.toBe('open');
      }),
    );
  });
});
