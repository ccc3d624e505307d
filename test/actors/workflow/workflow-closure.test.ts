import { describe, expect, it } from 'vitest';
import { closeOver } from '../../../actors/workflow/workflow-closure.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { parseGraph, type WorkflowGraph } from '../../../protocol/graph.ts';

function graph(name: string, ...calls: readonly (string | object)[]): WorkflowGraph {
  const steps = calls.map((call, index) => ({
    id: `s${index}`,
    ...(typeof call === 'string' ? { workflow: call } : { agent: 'a', ...call }),
  }));
  return parseGraph({ name, version: '1.0.0', steps: steps.length > 0 ? steps : [{ id: 'x', agent: 'a' }] });
}

function closed(root: WorkflowGraph, others: readonly WorkflowGraph[], isRegistered = true, faulty = '') {
  const all = isRegistered ? [root, ...others] : others;
  const known = new Map(all.map((one) => [one.name, one]));
  return closeOver(root, {
    workflow: (reference) => known.get(reference),
    faultsOf: ({ name }) =>
      name === faulty ? [{ code: 'NO_AGENT', at: '/steps/0/agent', message: 'It is not there.' }] : [],
    isRegistered,
  });
}

describe('A workflow with all that it calls', () => {
  it('holds those that are called, by whomever and wherever, each once', () => {
    const root = graph(
      'root',
      'b',
      { fallback: [{ agent: 'a' }, { workflow: 'c' }] },
      { compensate: { workflow: 'b' } },
    );
    const { pinned, faults } = closed(root, [graph('b', 'd'), graph('c', 'd'), graph('d'), graph('e')]);
    expect(Object.keys(pinned).toSorted()).toEqual(['b', 'c', 'd']);
    expect(faults).toEqual([]);
  });

  it('leaves out what is not there: that is a fault of whoever names it', () => {
    expect(closed(graph('root', 'nothing'), [])).toEqual({ pinned: {}, faults: [] });
  });

  it('is refused where one of them comes back to one before, at the call that leads there', () => {
    const root = graph('root', {}, 'b');
    expect(closed(root, [graph('b', 'c'), graph('c', {}, 'root')]).faults).toEqual([
      {
        code: 'CYCLE',
        at: '/steps/1/workflow',
        message: 'Workflows call each other: `root@1.0.0` calls `b@1.0.0` calls `c@1.0.0` calls `root@1.0.0`.',
      },
    ]);
    expect(closed(graph('self', { fallback: { workflow: 'self' } }), []).faults).toMatchObject([
      { code: 'CYCLE', at: '/steps/0/fallback/workflow' },
    ]);
  });

  it('may have the name of another, where it came with a task: nobody can call it', () => {
    const inline = graph('b', 'b');
    expect(closed(inline, [graph('b')], false)).toMatchObject({ faults: [], pinned: { b: { name: 'b' } } });
    expect(closed(inline, [graph('b', 'b')], false).faults).toMatchObject([{ code: 'CYCLE' }]);
  });

  it('is refused for what is wrong with one of them, at each call that leads there', () => {
    const root = graph('root', 'b', 'c', 'd');
    expect(closed(root, [graph('b', 'c'), graph('c'), graph('d')], true, 'c').faults).toEqual(
      ['/steps/0/workflow', '/steps/1/workflow'].map((at) => ({
        code: 'NO_AGENT',
        at,
        message: '`c@1.0.0` cannot run: at /steps/0/agent: It is not there.',
      })),
    );
  });

  it('is refused beyond a depth, a number of steps and a size', () => {
    const chain = (length: number) =>
      Array.from({ length }, (_, index) =>
        index === length - 1 ? graph(`w${index}`) : graph(`w${index}`, `w${index + 1}`),
      );
    const [first, ...rest] = chain(LIMITS.workflowDepthMax);
    expect(closed(first as WorkflowGraph, rest).faults).toEqual([]);
    const [top, ...others] = chain(LIMITS.workflowDepthMax + 1);
    expect(closed(top as WorkflowGraph, others).faults).toMatchObject([{ code: 'TOO_BIG', at: '/steps/0/workflow' }]);
    const [far, ...more] = chain(1_000);
    expect(closed(far as WorkflowGraph, more).faults).toMatchObject([{ code: 'TOO_BIG' }]);

    const wide = graph('wide', ...Array.from({ length: 100 }, () => 'mid'));
    const mid = graph('mid', ...Array.from({ length: 98 }, () => ({})));
    expect(closed(wide, [mid]).faults).toEqual([]);
    expect(closed(graph('wide', ...Array.from({ length: 102 }, () => 'mid')), [mid]).faults).toMatchObject([
      { code: 'TOO_BIG', at: '/steps', message: expect.stringContaining('10098 steps') as string },
    ]);

    const large = graph('large', { input: 'x'.repeat(LIMITS.workflowTreeBytesMax) });
    expect(closed(graph('root', 'large'), [large]).faults).toMatchObject([{ code: 'TOO_BIG', at: '/steps' }]);
  });
});
