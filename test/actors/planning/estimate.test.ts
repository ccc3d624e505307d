import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExpectedStep, estimatePlan } from '../../../actors/planning/estimate.ts';
import { analysePlan } from '../../../actors/planning/plan-analysis.ts';
import {
  assumptionsOf,
  expectationOf,
  PRIOR,
  type StepExpectation,
} from '../../../actors/planning/step-expectation.ts';
import type { FiguresReader, RunFigures } from '../../../actors/figures/figures.ts';
import { defineAgent } from '../../../actors/agent-definition.ts';
import type { WorkflowStep } from '../../../protocol/graph.ts';
import { lintGraph } from '../../../actors/workflow/graph-lint.ts';
import type { GraphPlan } from '../../../actors/workflow/graph-plan.ts';

function planOf(steps: readonly object[], output?: unknown): GraphPlan {
  const graph = {
    name: 'g',
    version: '1.0.0',
    steps: steps as WorkflowStep[],
    ...(output !== undefined && { output }),
  };
  const { plan, faults } = lintGraph(graph, {
    hasAgent: () => true,
    hasCapability: () => true,
    hasWorkflow: () => true,
    outputSchemaOf: () => undefined,
    notAvailable: new Set(),
  });
  if (plan === undefined) throw new TypeError(JSON.stringify(faults));
  return plan;
}

const step = (id: string, ...needs: string[]) => ({ id, agent: 'a', needs });
const sure = (ms: number, usd = 0): StepExpectation => ({
  ...{ durationMs: { p50: ms, p90: ms }, usd: { p50: usd, p90: usd }, tokens: { p50: 0, p90: 0 } },
  ...{ failureShare: 0, samples: 9, basis: 'agent history' },
});

function expected(plan: GraphPlan, of: (id: string) => Partial<ExpectedStep>): ReadonlyMap<string, ExpectedStep> {
  return new Map(
    plan.steps.map((one) => [one.id, { step: one, expectation: sure(100), items: 1, attempts: 1, ...of(one.id) }]),
  );
}

describe('The analysis of a plan', () => {
  const diamond = planOf([step('a'), step('b', 'a'), step('c', 'a'), step('d', 'b', 'c')], '${steps.d.output}');

  it('has the steps by level, and how many may run at once', () => {
    const { levels, width, steps } = analysePlan(diamond, () => 1);
    expect({ levels, width, steps }).toEqual({ levels: [['a'], ['b', 'c'], ['d']], width: 2, steps: 4 });
  });

  it('has the chain that takes longest, by what each step takes', () => {
    expect(analysePlan(diamond, ({ id }) => (id === 'c' ? 5 : 1)).criticalPath).toEqual(['a', 'c', 'd']);
    expect(analysePlan(diamond, ({ id }) => (id === 'b' ? 5 : 1)).criticalPath).toEqual(['a', 'b', 'd']);
    expect(analysePlan(planOf([step('a'), step('b')]), ({ id }) => (id === 'b' ? 5 : 1)).criticalPath).toEqual(['b']);
  });

  it('has the steps whose outputs nobody uses', () => {
    const plan = planOf(
      [step('a'), step('b', 'a'), { id: 'c', agent: 'a', input: '${steps.a.output}' }],
      '${steps.c.output}',
    );
    expect(analysePlan(plan, () => 1).unusedOutputs).toEqual(['b']);
    expect(analysePlan(planOf([step('a'), step('b')]), () => 1).unusedOutputs).toEqual([]);
  });
});

describe('An estimate', () => {
  it('adds what follows one another, and takes the longest of what runs side by side', () => {
    const plan = planOf([step('a'), step('b', 'a'), step('c', 'a'), step('d', 'b', 'c')]);
    const of = (id: string) => ({ expectation: sure(id === 'c' ? 300 : 100, 0.01) });
    const { durationMs, usd, runs } = estimatePlan(plan, expected(plan, of));
    expect(durationMs).toEqual({ p50: 500, p90: 500 });
    expect(usd.p50).toBeCloseTo(0.04);
    expect(runs).toBe(4);
  });

  it('lets the items of a fan-out run as many at a time as it says', () => {
    const plan = planOf([{ id: 'a', agent: 'a', forEach: [1, 2, 3, 4, 5, 6], concurrency: 2 }]);
    const { durationMs, usd } = estimatePlan(
      plan,
      expected(plan, () => ({ items: 6, expectation: sure(100, 1) })),
    );
    expect(durationMs.p50).toBe(300);
    expect(usd.p50).toBe(6);
  });

  it('lets many items stand for all of them, without changing what they take together', () => {
    const plan = planOf([{ id: 'a', agent: 'a', forEach: '${input}', concurrency: 100 }]);
    const { durationMs, usd } = estimatePlan(
      plan,
      expected(plan, () => ({ items: 10_000, expectation: sure(100, 1) })),
    );
    expect(durationMs.p50).toBeCloseTo(10_000, -1);
    expect(usd.p50).toBeCloseTo(10_000, -1);
  });

  it('is the same each time, and P90 is never below P50', () => {
    const range = fc.record({
      p50: fc.double({ min: 0, max: 1e6, noNaN: true }),
      more: fc.double({ min: 0, max: 1e6, noNaN: true }),
    });
    fc.assert(
      fc.property(
        range,
        fc.nat(20),
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ p50, more }, items, failureShare) => {
          const plan = planOf([step('a'), step('b', 'a')]);
          const durationMs = { p50, p90: p50 + more };
          const all = expected(plan, () => ({
            items,
            attempts: 3,
            expectation: { ...sure(1), durationMs, failureShare },
          }));
          const estimate = estimatePlan(plan, all);
          expect(estimatePlan(plan, all)).toEqual(estimate);
          expect(estimate.durationMs.p90).toBeGreaterThanOrEqual(estimate.durationMs.p50);
          expect(estimate.failureShare).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(estimate.durationMs.p90)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('says how likely it is to fail: attempts make that less likely, optional steps do not count', () => {
    const flaky = { ...sure(1), failureShare: 0.5 };
    const share = (fields: object, attempts: number): number => {
      const plan = planOf([{ ...step('a'), ...fields }]);
      return estimatePlan(
        plan,
        expected(plan, () => ({ expectation: flaky, attempts })),
      ).failureShare;
    };
    expect(share({}, 1)).toBeGreaterThan(0.3);
    expect(share({}, 5)).toBeLessThan(0.15);
    expect(share({ optional: true }, 1)).toBe(0);
  });

  it('draws what is skewed so that half is below P50 and nine of ten below P90', () => {
    const plan = planOf([step('a')]);
    const durationMs = { p50: 100, p90: 1_000 };
    const estimate = estimatePlan(
      plan,
      expected(plan, () => ({ expectation: { ...sure(1), durationMs } })),
    );
    expect(estimate.durationMs.p50).toBeGreaterThan(60);
    expect(estimate.durationMs.p50).toBeLessThan(160);
    expect(estimate.durationMs.p90).toBeGreaterThan(500);
    expect(estimate.durationMs.p90).toBeLessThan(2_000);
  });
});

describe('What a step is expected to take', () => {
  const agent = defineAgent({ name: 'a', version: '1.0.0', cost: { usd: 0.02 }, run: () => 1 });
  const free = defineAgent({ name: 'b', version: '1.0.0', run: () => 1 });
  const figuresOf = (ms: number, samples: number): RunFigures => ({
    ...{
      runs: samples,
      failures: samples / 10,
      failureShare: 0.1,
      codes: {},
      durationMs: { p50: ms, p90: ms * 2, samples },
    },
    ...{ usd: { p50: 0, p90: 0, samples }, tokens: { p50: 0, p90: 0, samples } },
  });
  const reader = (known: Partial<FiguresReader>): FiguresReader => ({
    ...{ ofAgent: () => undefined, ofWorkflow: () => undefined, ofStep: () => undefined, ...known },
  });
  const question = { workflow: 'w@1.0.0', step: { id: 's', agent: 'a' } as WorkflowStep, agents: [agent] };

  it.each([
    [
      'runs of the step itself',
      { ofStep: () => figuresOf(10, 50), ofAgent: () => figuresOf(20, 50) },
      'step history',
      10,
    ],
    [
      'runs of its agent, where the step has too few',
      { ofStep: () => figuresOf(10, 2), ofAgent: () => figuresOf(20, 50) },
      'agent history',
      20,
    ],
    ['what its agent declares', {}, 'declared', PRIOR.durationMs.p50],
  ] as const)('is from %s', (_what, known, basis, p50) => {
    const found = expectationOf(question, reader(known));
    expect(found).toMatchObject({ basis, durationMs: { p50 } });
  });

  it('is the prior where nothing is known, and says so', () => {
    expect(expectationOf({ ...question, agents: [free] }, reader({}))).toBe(PRIOR);
    expect(expectationOf(question, reader({})).usd).toEqual({ p50: 0.02, p90: 0.02 });
  });

  it('has the tokens that agents declare, as it has the money', () => {
    const model = defineAgent({ name: 'm', version: '1.0.0', cost: { tokens: 100 }, run: () => 1 });
    const { tokens, usd, basis } = expectationOf({ ...question, agents: [agent, model] }, reader({}));
    expect({ tokens, usd, basis }).toEqual({
      ...{ tokens: { p50: 100, p90: 100 }, usd: { p50: 0.02, p90: 0.02 }, basis: 'declared' },
    });
  });

  it('is no work for a step that only waits; what is not counted is said', () => {
    const waits = { id: 's', delayMs: 5_000, approval: { role: 'boss' } } as WorkflowStep;
    const found = expectationOf({ ...question, step: waits, agents: [] }, reader({}));
    expect(found).toMatchObject({ durationMs: { p50: 0, p90: 0 }, failureShare: 0 });
    expect(assumptionsOf(waits, found)).toEqual(['s: how long a person takes to decide is not counted.']);
  });

  it('says that its time is assumed, also where its cost is declared, and that a loop may go on', () => {
    const step = { id: 's', agent: 'a', loop: { while: 'true', max: 9 } } as WorkflowStep;
    expect(assumptionsOf(step, expectationOf({ ...question, step }, reader({})))).toEqual([
      's: it has not run often enough; 1000 ms (P50) and 10000 ms (P90) are assumed.',
      's: one round of its loop is counted; it may take up to 9.',
    ]);
    const known = reader({ ofStep: () => figuresOf(10, 50) });
    expect(assumptionsOf({ id: 's', agent: 'a' }, expectationOf(question, known))).toEqual([]);
  });
});
