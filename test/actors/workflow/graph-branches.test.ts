import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { lintGraph } from '../../../actors/workflow/graph-lint.ts';
import { createWorkNode } from '../../support/work-node.ts';
import { graphOf, lookups, planOf } from './graph-lookups.ts';

const say = (id: string, fields: object): object => ({ id, agent: 'echo', input: id, ...fields });

const sizes = [
  say('small', { when: '${input.n < 10}' }),
  say('medium', { else: 'small', when: 'input.n < 1000 // not much' }),
  say('large', { else: 'medium' }),
];

function faultsOf(...steps: object[]): readonly string[] {
  return lintGraph(graphOf(steps), lookups).faults.map(({ code, at }) => `${code} ${at}`);
}

describe('A branch', () => {
  const echo = defineAgent({ name: 'echo', version: '1.0.0', run: ({ input }) => input });

  it.each([
    [5, 'small'],
    [50, 'medium'],
    [5_000, 'large'],
  ])('does exactly one of its steps: of %d, %s', async (n, done) => {
    const node = await createWorkNode({ agents: [echo] });
    const { task } = node.submit({ graph: { steps: sizes } }, { n });
    const nothing = { small: null, medium: null, large: null };
    expect((await node.end(task)).result).toMatchObject({ status: 'completed', output: { ...nothing, [done]: done } });
    const events = await node.events(task);
    expect(events.filter(({ kind }) => kind === 'step.skipped')).toHaveLength(2);
    expect(events.filter(({ kind }) => kind === 'step.started')).toHaveLength(1);
  });

  it('needs what the conditions before it read, and not the steps', () => {
    const plan = planOf([
      { id: 'find', agent: 'search', input: {} },
      say('few', { when: 'steps.find.output.total < 3' }),
      say('many', { else: 'few' }),
    ]);
    expect(plan.byId.get('many')?.needs).toEqual(['find']);
  });

  it.each<[string, object[], string[]]>([
    ['of no step', [say('a', { else: 'b' })], ['UNKNOWN_STEP /steps/0/else']],
    ['of itself', [say('a', { else: 'a', when: 'input.x' })], ['SELF_REFERENCE /steps/0/else']],
    ['of a step that is always done', [say('a', {}), say('b', { else: 'a' })], ['OUT_OF_PLACE /steps/1/else']],
    [
      'in a circle',
      [say('a', { else: 'b', when: 'input.x' }), say('b', { else: 'a', when: 'input.y' })],
      ['CYCLE /steps/0/else', 'CYCLE /steps/1/else'],
    ],
    [
      'of what is no expression, told once',
      [say('a', { when: '1 +' }), say('b', { else: 'a' })],
      ['SYNTAX /steps/0/when'],
    ],
    [
      'of a condition with a fault, told once',
      [say('a', { when: 'steps.nobody.output' }), say('b', { else: 'a' })],
      ['UNKNOWN_STEP /steps/0/when'],
    ],
    [
      'of a step that waits for it',
      [say('a', { when: 'steps.b.output == 1' }), say('b', { else: 'a' })],
      ['SELF_REFERENCE /steps/1/else'],
    ],
  ])('is refused as the else %s', (_what, steps, faults) => {
    expect(faultsOf(...steps)).toEqual(faults);
  });

  it('is not split up by an operator of its own', () => {
    const { faults } = lintGraph(graphOf([say('a', { when: 'input.x || input.y' }), say('b', { else: 'a' })]), lookups);
    expect(faults).toEqual([]);
    expect(planOf([say('a', { when: 'input.x || input.y' }), say('b', { else: 'a' })]).byId.get('b')?.when?.text).toBe(
      '!(input.x || input.y)',
    );
  });
});
