import { describe, expect, it } from 'vitest';
import { FIGURES_EVERY_MS, FIGURES_ROWS_MAX, FiguresKeeper } from '../../../actors/figures/figures-keeper.ts';
import { FIGURES_MAX, NodeFigures } from '../../../actors/figures/node-figures.ts';
import { RunFigure } from '../../../actors/figures/run-figure.ts';
import type { DefinitionWrite } from '../../../runtime/stores/store.ts';
import { createManualWorld } from '../../support/manual-world.ts';

const run = (durationMs: number, code?: string) => ({
  durationMs,
  usd: 0,
  tokens: 0,
  ...(code !== undefined && { code }),
});

describe('Figures', () => {
  it('are of the version that was named, or of the one that ran last', () => {
    const figures = new NodeFigures();
    figures.agentRan('x@1.0.0', run(10), 1);
    figures.agentRan('x@2.0.0', run(20), 2);
    figures.agentRan('x@1.0.0', run(10), 3);
    expect([figures.ofAgent('x@2.0.0')?.runs, figures.ofAgent('x')?.runs, figures.ofAgent('y')]).toEqual([
      1,
      2,
      undefined,
    ]);
  });

  it('forget what ran least recently where there are too many', () => {
    const figures = new NodeFigures();
    for (let n = 0; n < FIGURES_MAX.agent; n++) figures.agentRan(`a${n}@1.0.0`, run(1), n === 0 ? 1e6 : n);
    figures.agentRan('new@1.0.0', run(1), 2e6);
    expect([figures.ofAgent('a1'), figures.ofAgent('a0')?.runs, figures.ofAgent('new')?.runs]).toEqual([
      undefined,
      1,
      1,
    ]);
    expect([...figures.agents()].length).toBe(FIGURES_MAX.agent);
  });

  it('give evidence that counts for less the older it is', () => {
    const figure = new RunFigure();
    for (let n = 0; n < 8; n++) figure.record(run(100, n < 4 ? 'TIMEOUT' : undefined), 1_000);
    const now = figure.evidence(1_000);
    const later = figure.evidence(61_000);
    expect(now.bad + now.good).toBeGreaterThan(7);
    expect([later.bad / now.bad, later.timed / now.timed]).toEqual([0.5, 0.5]);
    expect(later.p50Ms).toBe(100);
  });

  it('count codes apart as long as they are few', () => {
    const figure = new RunFigure();
    for (let n = 0; n < 40; n++) figure.record(run(1, `CODE_${n}`), 1);
    const { codes, failures } = figure.view();
    expect([Object.keys(codes).length, codes['other'], failures]).toEqual([13, 28, 40]);
  });
});

describe('The keeper of figures', () => {
  function rig(stored: readonly DefinitionWrite[] = []) {
    const world = createManualWorld();
    const rows: DefinitionWrite[] = [];
    const warned: string[] = [];
    const figures = new NodeFigures();
    const keeper = new FiguresKeeper(figures, {
      world,
      store: { definitions: async () => stored },
      log: { warn: (message) => void warned.push(message) },
      define: (write) => void rows.push(write),
    });
    return { world, rows, warned, figures, keeper };
  }

  it('writes what has changed now and then, once for many runs, and nothing while nothing runs', async () => {
    const { world, rows, figures, keeper } = rig();
    await keeper.start();
    for (let n = 0; n < 500; n++) figures.agentRan('x@1.0.0', run(n), n);
    expect(rows).toEqual([]);
    await world.elapse(FIGURES_EVERY_MS);
    expect(rows.map(({ kind, name }) => [kind, name])).toEqual([['figures', 'agent:x@1.0.0']]);
    await world.elapse(10 * FIGURES_EVERY_MS);
    expect([rows.length, world.timersPending]).toEqual([1, 0]);
  });

  it('writes so many rows at a time, and all of them in the end', async () => {
    const { world, rows, figures, keeper } = rig();
    await keeper.start();
    for (let n = 0; n < 2.5 * FIGURES_ROWS_MAX; n++) figures.agentRan(`a${n}@1.0.0`, run(1), n);
    await world.elapse(FIGURES_EVERY_MS);
    expect(rows.length).toBe(FIGURES_ROWS_MAX);
    await world.elapse(FIGURES_EVERY_MS);
    expect(rows.length).toBe(2 * FIGURES_ROWS_MAX);
    keeper.stop();
    expect(new Set(rows.map(({ name }) => name)).size).toBe(2.5 * FIGURES_ROWS_MAX);
  });

  it('gives back what was stored, and removes what is forgotten', async () => {
    const one = rig();
    await one.keeper.start();
    for (let n = 0; n < 30; n++) {
      one.figures.agentRan('x@1.0.0', run(100 + n, n === 7 ? 'TIMEOUT' : undefined), 5);
      one.figures.workflowRan('w@1.0.0', run(900), 5);
      one.figures.stepRan('w@1.0.0', 's', run(50), 5);
    }
    one.keeper.stop();
    const two = rig(one.rows.map((row) => ({ ...row, body: JSON.parse(JSON.stringify(row.body)) as unknown })));
    await two.keeper.start();
    const before = one.figures.ofAgent('x');
    const after = two.figures.ofAgent('x');
    expect(after).toMatchObject({ runs: 30, failures: 1, codes: { TIMEOUT: 1 } });
    expect(after?.durationMs.p50).toBeCloseTo(before?.durationMs.p50 ?? 0, 0);
    expect(after?.durationMs.samples).toBe(before?.durationMs.samples);
    expect([two.figures.ofWorkflow('w')?.runs, two.figures.ofStep('w@1.0.0', 's')?.runs]).toEqual([30, 30]);
    for (let n = 0; n < FIGURES_MAX.agent; n++) two.figures.agentRan(`a${n}@1.0.0`, run(1), 10);
    two.keeper.stop();
    expect(two.rows).toContainEqual({ kind: 'figures', version: '1', name: 'agent:x@1.0.0', body: null });
  });

  it.each([
    ['agent:x@1.0.0', { format: 99 }],
    ['agent:x@1.0.0', 'no record'],
    ['planet:x@1.0.0', {}],
    ['constructor:x@1.0.0', {}],
  ])('leaves alone what it cannot read (%s, %o), and says so', async (name, body) => {
    const { figures, keeper, warned, rows } = rig([{ kind: 'figures', version: '1', name, body }]);
    await keeper.start();
    keeper.stop();
    expect([figures.ofAgent('x'), warned.length, rows]).toEqual([undefined, 1, []]);
  });
});
