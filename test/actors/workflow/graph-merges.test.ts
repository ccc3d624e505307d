/** What the lint says of merges, folds, compensation and what follows. */
import { describe, expect, it } from 'vitest';
import type { GraphFault } from '../../../actors/workflow/graph-faults.ts';
import { lintGraph } from '../../../actors/workflow/graph-lint.ts';
import { parseInlineGraph } from '../../../protocol/graph.ts';
import { graphOf, lookups, withNext } from './graph-lookups.ts';

const find = { id: 'find', agent: 'search', input: { query: '${input.topic}' } };

describe('The lint of what becomes of a step', () => {
  it.each<[string, object, Partial<GraphFault>]>([
    ['a merge without items', { merge: 'any' }, { code: 'OUT_OF_PLACE', at: '/steps/1/merge' }],
    ['a fold without items', { reduce: { with: 'acc' } }, { code: 'OUT_OF_PLACE', at: '/steps/1/reduce' }],
    [
      'a fold that nothing asks for',
      { forEach: [1], reduce: { with: 'acc' } },
      { code: 'OUT_OF_PLACE', at: '/steps/1/reduce', message: 'Step `s` has `reduce`; it also needs merge: reduce.' },
    ],
    [
      'a merge that does not say how to fold',
      { forEach: [1], merge: 'reduce' },
      {
        code: 'VALUE',
        at: '/steps/1/merge',
        message: 'Step `s` has merge: reduce; it also needs `reduce`: {initial, with}.',
      },
    ],
    [
      'more items than there can be',
      { forEach: [1, 2], merge: 'first:3' },
      { code: 'VALUE', at: '/steps/1/merge', message: '`first:3` can never be had of 2 items.' },
    ],
    [
      'more items than any step has',
      { forEach: '${input.tags}', merge: 'first:25001' },
      { code: 'VALUE', at: '/steps/1/merge' },
    ],
    [
      'kinds that do not fit in a fold',
      { agent: 'count', forEach: [1], merge: 'reduce', reduce: { initial: 0, with: 'output + "x"' } },
      { code: 'TYPE', at: '/steps/1/reduce/with' },
    ],
    [
      'a field that is not in the item of a fold',
      { forEach: '${steps.find.output.hits}', merge: 'reduce', reduce: { with: 'acc + item.no' } },
      { code: 'TYPE', at: '/steps/1/reduce/with' },
    ],
    [
      'what is folded, outside of the fold',
      { forEach: [1], input: '${acc}' },
      { code: 'OUT_OF_PLACE', at: '/steps/1/input' },
    ],
    [
      'an output without the step that it is of',
      { input: '${output}' },
      {
        code: 'OUT_OF_PLACE',
        at: '/steps/1/input',
        message: '`output` reads `output`, which has a value only in `reduce.with`, and in `then`.',
      },
    ],
    [
      'a workflow as compensation',
      { compensate: { workflow: 'brief' } },
      { code: 'NOT_AVAILABLE', at: '/steps/1/compensate/workflow' },
    ],
  ])('finds %s', (_what, step, fault) => {
    const graph = graphOf([find, { id: 's', agent: 'echo', ...step }]);
    expect(lintGraph(graph, lookups).faults).toMatchObject([fault]);
  });

  it('finds faults in what follows the graph', () => {
    const graph = withNext({ name: 'itself', steps: [find] }, [
      { workflow: 'breif', input: '${steps.fnd.output}' },
      { workflow: 'brief', when: 'size(output.anything)', input: { a: '${item}', b: '${output.whatever + 1}' } },
      { workflow: 'itself' },
    ]);
    expect(lintGraph(parseInlineGraph(graph), lookups).faults).toMatchObject([
      { code: 'OUT_OF_PLACE', at: '/then/1/input/a' },
      { code: 'NO_AGENT', at: '/then/0/workflow', suggestion: 'brief' },
      { code: 'UNKNOWN_STEP', at: '/then/0/input', suggestion: 'find' },
      { code: 'TYPE', at: '/then/1/when' },
    ]);
  });
});
