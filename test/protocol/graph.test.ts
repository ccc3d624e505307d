import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { OperatingError } from '../../protocol/errors.ts';
import { graphSchema, parseGraph, parseInlineGraph } from '../../protocol/graph.ts';

const full = {
  name: 'brief',
  version: '1.0.0',
  description: 'reads and checks',
  steps: [
    { id: 'find', capability: 'research.search', input: { query: '${input.topic}' } },
    {
      id: 'read',
      agent: 'reader',
      forEach: '${steps.find.output.hits}',
      concurrency: 4,
      input: { url: '${item.url}' },
      merge: 'first:3',
    },
    {
      id: 'check',
      description: 'a second pair of eyes',
      agent: 'reviewer@1.0.0',
      needs: ['read'],
      when: 'size(steps.read.output) > 2',
      retry: { attempts: 2, backoffMs: 10, factor: 2, maxBackoffMs: 100, jitter: false },
      fallback: { agent: 'shout' },
      compensate: { agent: 'undo', input: 1, timeoutMs: 5, retry: { attempts: 1, backoffMs: 0, maxBackoffMs: 0 } },
      optional: true,
      cache: true,
      budget: { usd: 0.5, tokens: 10, steps: 3, timeMs: 1_000, onExceed: ['cheaper', 'cache', 'ask', 'stop'] },
      delayMs: 0,
      timeoutMs: 30_000,
    },
    { id: 'again', workflow: 'other', loop: { while: 'true', max: 3 } },
    { id: 'sign', approval: { role: 'lead', deadlineMs: 1000, onExpire: 'reject' }, needs: [] },
    { id: 'both', agent: 'a', approval: { message: 'Go on with ${input.n}?' } },
    { id: 'heard', signal: { name: 'go', deadlineMs: 1000, onExpire: 'continue' } },
    { id: 'named', signal: { name: 'paid:${input.id}' }, agent: 'a', fallback: [{ agent: 'b' }, { workflow: 'c' }] },
    { id: 'later', delayMs: 1000 },
    { id: 'list', agent: 'a', forEach: [1, 2], cache: { ttlMs: 5 } },
  ],
  output: { notes: '${steps.read.output}' },
  onNewVersion: 'drain',
  budget: { usd: 1 },
};

interface Fault {
  readonly code: string;
  readonly at: string;
  readonly message: string;
}

function faultsOf(value: unknown): readonly Fault[] {
  try {
    parseGraph(value);
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    expect(error.code).toBe('WORKFLOW_INVALID');
    return (error.details as { readonly issues: readonly Fault[] }).issues;
  }
  return [];
}

const placesOf = (steps: unknown): readonly string[] =>
  faultsOf({ name: 'a', version: '1.0.0', steps }).map(({ at }) => at);

describe('a workflow', () => {
  it('is taken with everything that it may say', () => {
    expect(parseGraph(full)).toEqual(full);
    expect(parseInlineGraph(full)).toEqual(full);
  });

  it('is refused where a budget or what is kept is not what it may be', () => {
    const budgets = [{ usd: -1 }, { tokens: 0.5 }, { onExceed: [] }, { onExceed: ['beg'] }, { euros: 1 }];
    for (const budget of budgets)
      expect(placesOf([{ id: 'a', agent: 'a', budget }]), JSON.stringify(budget)).toHaveLength(1);
    for (const cache of ['yes', { ttlMs: 0 }, { ttl: 1 }])
      expect(placesOf([{ id: 'a', agent: 'a', cache }])).toHaveLength(1);
  });

  it('needs its name and version only where it is kept', () => {
    const steps = [{ id: 'a', agent: 'lab.echo' }];
    expect(parseInlineGraph({ steps })).toEqual({ name: 'inline', version: '0.0.0', steps });
    expect(faultsOf({ steps }).map(({ at }) => at)).toEqual(['/name', '/version']);
  });

  it('is refused with the place of every fault', () => {
    const faults = faultsOf({
      name: 'no name',
      version: '1',
      steps: [
        { id: '1st', agent: 'a b', capability: 'x', need: ['a'] },
        { id: 'a' },
        { id: 'b', agent: 'a', needs: 'a', when: '', concurrency: 0, merge: 'first:0', forEach: 5, loop: { max: 0 } },
        {
          id: 'c',
          agent: 'a',
          retry: { attempts: 0, tries: 1 },
          fallback: {},
          compensate: { agent: 'a', workflow: 'b' },
        },
        { id: 'd', agent: 'a', approval: { onExpire: 'later' }, optional: 'yes', timeoutMs: -1, delayMs: 0.5 },
        7,
        {
          id: 'e',
          agent: 'a',
          fallback: [
            { agent: 'b', retry: { attempts: 0 } },
            { capability: 'x', agent: 'y' },
          ],
        },
        { id: 'f', agent: 'a', fallback: [] },
        { id: 'g', agent: 'a', fallback: 'b' },
        { id: 'h', signal: { name: 'xstate.done', deadlineMs: 0, onExpire: 'approve' } },
        { id: 'i', signal: {} },
        { id: 'j', loop: { while: 'true', max: 1 } },
      ],
      extra: true,
      onNewVersion: 'replace',
    });
    expect(faults.every(({ code, message }) => code === 'VALUE' && message.length > 0)).toBe(true);
    expect(faults.map(({ at }) => at).toSorted()).toEqual(
      [
        '/name',
        '/version',
        '/steps/0/id',
        '/steps/0/agent',
        '/steps/0',
        '/steps/0',
        '/steps/1',
        '/steps/2/needs',
        '/steps/2/when',
        '/steps/2/concurrency',
        '/steps/2/merge',
        '/steps/2/forEach',
        '/steps/2/loop/while',
        '/steps/2/loop/max',
        '/steps/3/retry/attempts',
        '/steps/3/retry',
        '/steps/3/fallback',
        '/steps/3/compensate',
        '/steps/4/approval/onExpire',
        '/steps/4/optional',
        '/steps/4/timeoutMs',
        '/steps/4/delayMs',
        '/steps/5',
        '/steps/6/fallback/0/retry/attempts',
        '/steps/6/fallback/1',
        '/steps/7/fallback',
        '/steps/8/fallback',
        '/steps/9/signal/name',
        '/steps/9/signal/deadlineMs',
        '/steps/9/signal/onExpire',
        '/steps/10/signal/name',
        '/steps/11',
        '/onNewVersion',
        '',
      ].toSorted(),
    );
  });

  it('is refused where it is no map at all', () => {
    for (const value of [null, 5, 'a', [], [full]]) expect(faultsOf(value)).toHaveLength(1);
  });

  it('has a bounded number of steps and needs', () => {
    const steps = (count: number): unknown[] =>
      Array.from({ length: count }, (_, index) => ({ id: `s${index}`, agent: 'a' }));
    expect(placesOf(steps(2_000))).toEqual([]);
    expect(placesOf(steps(2_001))).toEqual(['/steps']);
    expect(placesOf([])).toEqual(['/steps']);
    const needs = (count: number): unknown => [
      { id: 'a', agent: 'a', needs: Array.from({ length: count }, (_, index) => `s${index}`) },
    ];
    expect(placesOf(needs(256))).toEqual([]);
    expect(placesOf(needs(257))).toEqual(['/steps/0/needs']);
  });

  it('lists a bounded number of faults', () => {
    expect(placesOf(Array.from({ length: 500 }, () => 1))).toHaveLength(100);
  });

  it('has only the merges there are', () => {
    for (const merge of ['all', 'any', 'quorum', 'reduce', 'first:1', 'first:99999'])
      expect(placesOf([{ id: 'a', agent: 'a', merge }]), merge).toEqual([]);
    for (const merge of ['', 'first', 'first:', 'first:-1', 'first:100000', 'ALL', 'all '])
      expect(placesOf([{ id: 'a', agent: 'a', merge }]), merge).toEqual(['/steps/0/merge']);
  });

  it('can be described as JSON schema', () => {
    expect(z.toJSONSchema(graphSchema)).toMatchObject({
      required: ['name', 'version', 'steps'],
      additionalProperties: false,
    });
  });
});
