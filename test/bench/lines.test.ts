/** The bench itself: each load runs to its end and gives figures. What they are is for a quiet machine to say. */
import { describe, expect, it } from 'vitest';
import { goalOf, plannerOfHundred } from '../../bench/plans.ts';
import { selectorOf } from '../../bench/selector.ts';
import { startTroupe } from '../../bench/servers.ts';
import { measureWorkflows } from '../../bench/workflows.ts';

describe('The lines of the bench', () => {
  it('measure workflows of one, three and ten steps, and a fan-out, on a node of their own', async () => {
    const server = await startTroupe();
    try {
      const figures = await measureWorkflows(server, 60, 1);
      expect(Object.keys(figures)).toEqual(['one', 'inline', 'named', 'long', 'wide']);
      for (const { perSecond, p50Ms, p99Ms } of Object.values(figures)) {
        expect(perSecond).toBeGreaterThan(0);
        expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
      }
    } finally {
      await server.stop();
    }
  }, 60_000);

  it('choose among agents that offer the same, few of them, or nothing else', () => {
    const selector = selectorOf(25);
    const found = (target: object): string => selector.choose(target).agent.name;
    expect([found({ agent: 'agent.7' }), found({ capability: 'own.24' })]).toEqual(['agent.7', 'agent.24']);
    expect(found({ capability: 'group.2' })).toMatch(/^agent\.2[0-4]$/);
    expect(found({ capability: 'all' })).toMatch(/^agent\.\d+$/);
  });

  it.each([true, false])('plan for the template that is meant (by one of its phrases: %s)', (isPhrase) => {
    const planner = plannerOfHundred();
    const found = [0, 17, 99].map((n) => planner.fromTemplates(goalOf(n, isPhrase), undefined));
    expect(found.map((plan) => plan?.by)).toEqual(['sort-ledgers@1.0.0', 'clean-maps@1.0.0', 'check-contracts@1.0.0']);
    expect(found[1]?.input).toEqual({ path: isPhrase ? 'data/file-17.csv' : 'data/17.csv' });
  });
});
