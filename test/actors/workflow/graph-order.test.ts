import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunOrder, type StepStatus } from '../../../actors/workflow/graph-order.ts';
import { needsArbitrary, planOf } from './graph-lookups.ts';
import { refusalOf } from './evaluation.ts';

type Statuses = Record<string, StepStatus>;

const diamond = [
  { id: 'a', agent: 'echo' },
  { id: 'b', agent: 'echo', needs: ['a'] },
  { id: 'c', agent: 'echo', needs: ['a'] },
  { id: 'd', agent: 'echo', needs: ['b', 'c'] },
];

function stepsOf(needs: readonly (readonly number[])[]): unknown[] {
  return needs.map((list, i) => ({ id: `s${i}`, agent: 'echo', needs: list.map((need) => `s${need}`) }));
}

/** What may run, asked of all statuses anew: the rules as they are told to people. */
function naive(needs: readonly (readonly number[])[], statuses: Statuses): { ready: string[]; blocked: string[] } {
  const good = (need: number): boolean => ['completed', 'skipped', 'degraded'].includes(statuses[`s${need}`] ?? '');
  const bad = new Set<number>();
  for (let changed = true; changed; ) {
    changed = false;
    needs.forEach((list, i) => {
      if (bad.has(i) || statuses[`s${i}`] !== 'pending') return;
      if (list.some((need) => bad.has(need) || statuses[`s${need}`] === 'failed')) changed = bad.add(i) !== undefined;
    });
  }
  const pending = needs.map((_, i) => i).filter((i) => statuses[`s${i}`] === 'pending');
  return {
    ready: pending.filter((i) => (needs[i] ?? []).every(good)).map((i) => `s${i}`),
    blocked: [...bad].map((i) => `s${i}`),
  };
}

describe('the readiness of a run', () => {
  it('is that of a naive interpreter, whatever ends how and when', () => {
    const endings = fc.constantFrom<StepStatus>('completed', 'completed', 'completed', 'skipped', 'degraded', 'failed');
    const runs = fc.tuple(needsArbitrary({ acyclic: true }), fc.infiniteStream(fc.tuple(fc.nat(), endings)));
    fc.assert(
      fc.property(runs, ([needs, choices]) => {
        const plan = planOf(stepsOf(needs));
        const order = new RunOrder(plan);
        const statuses: Statuses = Object.fromEntries(plan.steps.map(({ id }) => [id, 'pending' as const]));
        const startable = new Set<string>();
        const blocked = new Set<string>();
        const take = (found: readonly string[], of: Set<string>): void => {
          for (const id of found) {
            expect(of.has(id)).toBe(false);
            of.add(id);
          }
        };
        take(order.ready, startable);
        for (;;) {
          const expected = naive(needs, statuses);
          expect([...startable].sort()).toStrictEqual(expected.ready.sort());
          expect([...blocked].sort()).toStrictEqual(expected.blocked.sort());
          const restarted = new RunOrder(plan, statuses);
          expect([...restarted.ready].sort()).toStrictEqual(expected.ready);
          expect(restarted.openSteps).toBe(order.openSteps);
          const candidates = [...startable];
          const { value } = choices.next();
          const id = candidates[(value?.[0] ?? 0) % Math.max(1, candidates.length)];
          if (id === undefined || value === undefined) break;
          const status = value[1] as 'completed' | 'skipped' | 'degraded' | 'failed';
          startable.delete(id);
          statuses[id] = status;
          const consequences = order.end(id, status);
          take(consequences.ready, startable);
          take(consequences.blocked, blocked);
        }
        expect(order.openSteps).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it('begins with the steps that need none, and goes on as needs are met', () => {
    const order = new RunOrder(planOf(diamond));
    expect(order.ready).toStrictEqual(['a']);
    expect(order.end('a', 'completed')).toStrictEqual({ ready: ['b', 'c'], blocked: [] });
    expect(order.end('c', 'completed')).toStrictEqual({ ready: [], blocked: [] });
    expect(order.end('b', 'completed')).toStrictEqual({ ready: ['d'], blocked: [] });
    expect(order.openSteps).toBe(1);
    expect(order.end('d', 'completed')).toStrictEqual({ ready: [], blocked: [] });
    expect(order.openSteps).toBe(0);
  });

  it.each(['skipped', 'degraded'] as const)('lets the steps behind a %s one run', (status) => {
    const order = new RunOrder(planOf(diamond));
    expect(order.end('a', status).ready).toStrictEqual(['b', 'c']);
  });

  it('blocks what is behind a failed step, and lets the rest go on', () => {
    const order = new RunOrder(planOf(diamond));
    order.end('a', 'completed');
    expect(order.end('b', 'failed')).toStrictEqual({ ready: [], blocked: ['d'] });
    expect(order.openSteps).toBe(1);
    expect(order.end('c', 'completed')).toStrictEqual({ ready: [], blocked: [] });
    expect(order.openSteps).toBe(0);
  });

  it('goes on where a run was cut off, and does not start twice what is running', () => {
    const plan = planOf(diamond);
    const order = new RunOrder(plan, { a: 'completed', b: 'running', c: 'ready' });
    expect(order.ready).toStrictEqual(['c']);
    expect(order.openSteps).toBe(3);
    expect(order.end('b', 'completed').ready).toStrictEqual([]);
    expect(order.end('c', 'completed').ready).toStrictEqual(['d']);
    const broken = new RunOrder(plan, { a: 'failed' });
    expect(broken.ready).toStrictEqual([]);
    expect(broken.openSteps).toBe(0);
  });

  it('refuses ends that cannot be', () => {
    const order = new RunOrder(planOf(diamond));
    expect(refusalOf(() => order.end('d', 'completed'))).toMatchObject({
      code: 'STATE_CONFLICT',
      message: 'Step `d` cannot end: it is waiting.',
    });
    expect(refusalOf(() => order.end('x', 'completed')).message).toContain('it is unknown');
    order.end('a', 'failed');
    expect(refusalOf(() => order.end('a', 'completed')).message).toContain('it is ended');
    expect(refusalOf(() => order.end('b', 'completed')).message).toContain('it is blocked');
  });

  it('takes time linear in the edges of the graph', () => {
    const timeOf = (width: number, depth: number): number => {
      const steps = Array.from({ length: width * depth }, (_, i) => ({
        id: `s${i}`,
        agent: 'echo',
        needs: i < width ? [] : Array.from({ length: width }, (__, j) => `s${(Math.floor(i / width) - 1) * width + j}`),
      }));
      const plan = planOf(steps);
      const start = performance.now();
      const order = new RunOrder(plan);
      const todo = [...order.ready];
      for (const id of todo) todo.push(...order.end(id, 'completed').ready);
      expect(todo).toHaveLength(width * depth);
      return performance.now() - start;
    };
    timeOf(10, 50);
    // 2,000 steps with 19,900 edges: some ms, also on a busy machine far from this, where each end looks at its own dependents only.
    expect(Math.min(...[1, 2, 3].map(() => timeOf(10, 200)))).toBeLessThan(300);
  });
});
