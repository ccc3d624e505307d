import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCycles, findLevels } from '../../../actors/workflow/graph-cycles.ts';
import { needsArbitrary } from './graph-lookups.ts';

/** Whether a node can reach itself: tried from each node, edge by edge. */
function reachesItself(edges: readonly (readonly number[])[], start: number): boolean {
  const seen = new Set<number>();
  const visit = (node: number): boolean =>
    (edges[node] ?? []).some((need) => {
      if (need === start) return true;
      if (seen.has(need)) return false;
      seen.add(need);
      return visit(need);
    });
  return visit(start);
}

describe('cycles', () => {
  it('are found exactly where a naive search finds them', () => {
    fc.assert(
      fc.property(needsArbitrary({ acyclic: false }), (edges) => {
        const inCycles = edges.map((_, node) => node).filter((node) => reachesItself(edges, node));
        const cycles = findCycles(edges);
        expect(cycles.length > 0).toBe(inCycles.length > 0);
        for (const cycle of cycles) {
          expect(new Set(cycle).size).toBe(cycle.length);
          cycle.forEach((node, i) => expect(edges[node]).toContain(cycle[(i + 1) % cycle.length]));
        }
        // Steps that need each other are one group, and each group is named once.
        for (const node of inCycles) {
          const group = inCycles.filter((other) => reaches(edges, node, other) && reaches(edges, other, node));
          expect(cycles.filter(([first]) => first !== undefined && group.includes(first))).toHaveLength(1);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are as short as they can be, and begin at the first of their steps', () => {
    expect(findCycles([[2], [0], [1, 0]])).toStrictEqual([[0, 2]]);
    expect(findCycles([[], [3], [1], [2]])).toStrictEqual([[1, 3, 2]]);
    expect(findCycles([[1], [0], [3], [2], [0]])).toStrictEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it('are not seen in steps that need themselves, or in graphs without any', () => {
    expect(findCycles([[0], [0]])).toStrictEqual([]);
    fc.assert(
      fc.property(needsArbitrary({ acyclic: true }), (edges) => {
        expect(findCycles(edges)).toStrictEqual([]);
      }),
    );
  });

  it('are found in a chain of 100,000 without running out of stack', () => {
    const chain = Array.from({ length: 100_000 }, (_, i) => (i === 0 ? [99_999] : [i - 1]));
    expect(findCycles(chain)[0]).toHaveLength(100_000);
  });
});

describe('levels', () => {
  it('are one more than the highest level needed', () => {
    fc.assert(
      fc.property(needsArbitrary({ acyclic: true }), (edges) => {
        const levels = findLevels(edges);
        edges.forEach((needs, node) =>
          expect(levels[node]).toBe(needs.length === 0 ? 0 : 1 + Math.max(...needs.map((need) => levels[need] ?? -1))),
        );
      }),
    );
  });

  it('are -1 in cycles and behind them', () => {
    expect(findLevels([[], [2], [1], [1], [0]])).toStrictEqual([0, -1, -1, -1, 1]);
  });
});

function reaches(edges: readonly (readonly number[])[], from: number, to: number): boolean {
  const seen = new Set([from]);
  for (const node of seen) for (const need of edges[node] ?? []) seen.add(need);
  return seen.has(to);
}
