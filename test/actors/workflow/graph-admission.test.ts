import { describe, expect, it } from 'vitest';
import { admitGraph } from '../../../actors/workflow/graph-admission.ts';
import type { GraphFault } from '../../../actors/workflow/graph-faults.ts';
import type { OperatingError } from '../../../protocol/errors.ts';
import { parseGraph, parseInlineGraph } from '../../../protocol/graph.ts';
import { refusalOf } from './evaluation.ts';
import { lookups } from './graph-lookups.ts';

function places(error: OperatingError): string[] {
  return (error.details as { issues: GraphFault[] }).issues.map(({ code, at }) => `${code} ${at}`);
}

describe('a graph from outside', () => {
  it('is admitted with its plan', () => {
    const { graph, plan } = admitGraph({ steps: [{ id: 'a', agent: 'echo' }] }, parseInlineGraph, lookups);
    expect(graph).toMatchObject({ name: 'inline', version: '0.0.0' });
    expect(plan.steps.map(({ id }) => id)).toStrictEqual(['a']);
  });

  it('is refused with every fault of its meaning', () => {
    const graph = {
      name: 'g',
      version: '1.0.0',
      steps: [
        { id: 'a', agent: 'nobody', needs: ['b'] },
        { id: 'b', agent: 'echo', needs: ['a'], when: '"x"' },
      ],
    };
    const error = refusalOf(() => admitGraph(graph, parseGraph, lookups));
    expect(error).toMatchObject({ code: 'WORKFLOW_INVALID', retryable: false });
    expect(places(error)).toStrictEqual(['NO_AGENT /steps/0/agent', 'TYPE /steps/1/when', 'CYCLE /steps/0']);
    expect(error.message).toBe(
      'The workflow graph has 3 faults. ' +
        'At /steps/0/agent: Step `a` needs the agent `nobody`, which is not registered. And 2 more: see details.issues.',
    );
  });

  it('is refused with the faults of its shape and of its meaning together', () => {
    const graph = {
      steps: [
        { id: 'a', agent: 'echo', capability: 'research.search', when: '1 +' },
        { id: 'b', agent: 'echo', retry: { attempts: 0 }, input: '${steps.c.output}' },
        { id: 'not an id', agent: 'echo', timeoutMs: -1, need: ['a'] },
        'not a step',
        { agent: 'nobody' },
      ],
      output: '${steps.x.output}',
    };
    expect(places(refusalOf(() => admitGraph(graph, parseInlineGraph, lookups))).sort()).toStrictEqual(
      [
        'SYNTAX /steps/0/when',
        'UNKNOWN_STEP /output',
        'UNKNOWN_STEP /steps/1/input',
        'NO_AGENT /steps/4/agent',
        'VALUE /steps/0',
        'VALUE /steps/1/retry/attempts',
        'VALUE /steps/2',
        'VALUE /steps/2/id',
        'VALUE /steps/2/timeoutMs',
        'VALUE /steps/3',
        'VALUE /steps/4/id',
      ].sort(),
    );
  });

  it.each([null, 7, 'x', [], {}, { steps: null }, { steps: [] }, { steps: [null] }])(
    'that is none at all (%j) is refused, not crashed on',
    (value) => {
      const error = refusalOf(() => admitGraph(value, parseInlineGraph, lookups));
      expect(error.code).toBe('WORKFLOW_INVALID');
      expect(places(error).length).toBeGreaterThan(0);
    },
  );

  it('that this version cannot run yet is NOT_AVAILABLE, unless something else is wrong with it', () => {
    const early = { ...lookups, notAvailable: new Set(['loop']) };
    const step = { id: 'a', agent: 'echo', loop: { while: 'true', max: 2 } };
    const error = refusalOf(() => admitGraph({ steps: [step] }, parseInlineGraph, early));
    expect(error.code).toBe('NOT_AVAILABLE');
    expect(error.message).toContain('At /steps/0/loop: Step `a` uses `loop`, which is not available in this version.');
    expect(refusalOf(() => admitGraph({ steps: [{ ...step, needs: ['b'] }] }, parseInlineGraph, early)).code).toBe(
      'WORKFLOW_INVALID',
    );
  });

  it('passes on what the reader throws for other reasons', () => {
    const boom = new RangeError('boom');
    expect(() =>
      admitGraph(
        {},
        () => {
          throw boom;
        },
        lookups,
      ),
    ).toThrow(boom);
  });
});
