/** What the lint says of steps that wait, repeat, fall back and call workflows. */
import { describe, expect, it } from 'vitest';
import type { GraphFault } from '../../../actors/workflow/graph-faults.ts';
import { lintGraph } from '../../../actors/workflow/graph-lint.ts';
import { graphOf, lookups } from './graph-lookups.ts';

const find = { id: 'find', agent: 'search', input: { query: '${input.topic}' } };
const others = [
  { id: 'asked', approval: {} },
  { id: 'heard', signal: { name: 'go' } },
  { id: 'called', workflow: 'brief' },
];

function faultsOf(step: object, more: object = {}): readonly GraphFault[] {
  return lintGraph(graphOf([find, { id: 's', ...step }, ...others]), { ...lookups, ...more }).faults;
}

describe('the lint of what a step may do beyond calling an agent', () => {
  it.each<[string, object, Partial<GraphFault>]>([
    [
      'an unknown agent in a chain of fallbacks',
      { agent: 'echo', fallback: [{ agent: 'echo' }, { agent: 'sarch' }] },
      { code: 'NO_AGENT', at: '/steps/1/fallback/1/agent', suggestion: 'search' },
    ],
    [
      'a fault in the input of a chain of fallbacks',
      { agent: 'echo', fallback: [{ agent: 'echo', input: { q: '${steps.find.output.no}' } }] },
      { code: 'TYPE', at: '/steps/1/fallback/0/input/q' },
    ],
    ['a round without a loop', { agent: 'echo', input: '${round}' }, { code: 'OUT_OF_PLACE', at: '/steps/1/input' }],
    [
      'a round in what a step falls back to',
      { agent: 'echo', loop: { while: 'false', max: 1 }, fallback: { agent: 'echo', input: '${round}' } },
      {
        code: 'OUT_OF_PLACE',
        at: '/steps/1/fallback/input',
        message: '`round` reads `round`, which has a value only in the input and the condition of a step with a loop.',
      },
    ],
    [
      'an own output in the input of a step without a loop',
      { agent: 'echo', input: '${steps.s.output}' },
      { code: 'SELF_REFERENCE', at: '/steps/1/input' },
    ],
    [
      'an own output of the wrong kind in a loop over items',
      { agent: 'count', forEach: [1], loop: { while: 'size(steps.s.output) > 1', max: 2 } },
      { code: 'TYPE', at: '/steps/1/loop/while' },
    ],
    [
      'an item in the name of a signal, without items',
      { signal: { name: '${item}' } },
      { code: 'OUT_OF_PLACE', at: '/steps/1/signal/name' },
    ],
    [
      'a fault in the name of a signal',
      { signal: { name: '${steps.find.output.no}' } },
      { code: 'TYPE', at: '/steps/1/signal/name' },
    ],
    [
      'an unknown step in the message of an approval',
      { approval: { message: 'Publish ${steps.fnid.output}?' } },
      { code: 'UNKNOWN_STEP', at: '/steps/1/approval/message', suggestion: 'find' },
    ],
    [
      'a loop without work',
      { delayMs: 1, loop: { while: 'false', max: 2 } },
      {
        code: 'OUT_OF_PLACE',
        at: '/steps/1/loop',
        message: 'Step `s` only waits, and has no work for its `loop`; give it an agent, a capability or a workflow.',
      },
    ],
    ['an input without work', { approval: {}, input: 1 }, { code: 'OUT_OF_PLACE', at: '/steps/1/input' }],
    ['retries without work', { delayMs: 1, retry: {} }, { code: 'OUT_OF_PLACE', at: '/steps/1/retry' }],
    [
      'a time limit without work',
      { signal: { name: 'go' }, timeoutMs: 1 },
      { code: 'OUT_OF_PLACE', at: '/steps/1/timeoutMs' },
    ],
    [
      'a field that a decision does not have',
      { agent: 'echo', input: '${steps.asked.output.verdict}' },
      { code: 'TYPE', at: '/steps/1/input' },
    ],
  ])('finds %s', (_what, step, fault) => {
    expect(faultsOf(step)).toMatchObject([fault]);
  });

  it('finds a workflow that is draining, and names the one that has taken over', () => {
    const successorOf = (reference: string) => (reference === 'brief' ? 'brief@2.0.0' : undefined);
    const faults = faultsOf({ agent: 'echo', fallback: { workflow: 'brief' } }, { successorOf });
    expect(faults.map(({ code, at, suggestion }) => [code, at, suggestion])).toEqual([
      ['NO_AGENT', '/steps/1/fallback/workflow', 'brief@2.0.0'],
      ['NO_AGENT', '/steps/4/workflow', 'brief@2.0.0'],
    ]);
    expect(faults[0]?.message).toBe(
      'The fallback of step `s` needs the workflow `brief`, which is draining: `brief@2.0.0` has taken over.',
    );
  });

  it.each<[string, object]>([
    ['a signal alone', { signal: { name: '${input.topic}' } }],
    ['a delay alone', { delayMs: 1_000 }],
    [
      'waits before work',
      { agent: 'echo', delayMs: 1, signal: { name: 'go' }, approval: { message: '${input.topic}?' } },
    ],
    [
      'an own output and the round in a loop',
      {
        agent: 'count',
        input: '${steps.s.output == null ? 0 : steps.s.output + round}',
        loop: { while: 'steps.s.output < round', max: 5 },
      },
    ],
    [
      'an own output in a loop over items',
      { agent: 'count', forEach: [1], input: '${item}', loop: { while: 'steps.s.output < item', max: 5 } },
    ],
    [
      'items in names and messages',
      { forEach: [1], signal: { name: 'go:${item}' }, approval: { message: '${index}?' } },
    ],
    ['what was decided', { agent: 'echo', input: '${steps.asked.output.decision + steps.asked.output.by}' }],
    ['what a signal brings', { agent: 'echo', input: '${steps.heard.output.anything}' }],
    ['what a workflow puts out', { agent: 'echo', input: '${steps.called.output.anything}' }],
    ['a chain of fallbacks', { agent: 'echo', fallback: [{ agent: 'echo' }, { workflow: 'brief' }] }],
  ])('takes %s', (_what, step) => {
    expect(faultsOf(step)).toStrictEqual([]);
  });
});
