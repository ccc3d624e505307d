/** Breakers on a node without doors, in a world that stands still: from the failures of agents to what waits, and back. */
import { describe, expect, it } from 'vitest';
import { type AgentDefinition, type AgentOptions, defineAgent } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { BreakerView } from '../../supervisors/breaker-view.ts';
import { createWorkNode, type WorkNode, type WorkNodeOptions } from '../support/work-node.ts';

/** What an agent of the tests does, moved by the test. */
interface Will {
  broken: boolean;
  error: () => Error;
  calls: number;
  running: number;
  runningMax: number;
  /** Calls wait for this, where it is set. */
  gate: Promise<void> | undefined;
}

function willing(): Will {
  return {
    broken: true,
    error: () => new OperatingError('AGENT_FAILED', 'The provider is away.'),
    calls: 0,
    running: 0,
    runningMax: 0,
    gate: undefined,
  };
}

function fickle(will: Will, more: Partial<AgentOptions> = {}): AgentDefinition {
  return defineAgent({
    name: 'fickle',
    version: '1.0.0',
    capabilities: ['work'],
    run: async () => {
      will.calls++;
      will.running++;
      will.runningMax = Math.max(will.runningMax, will.running);
      await will.gate;
      will.running--;
      if (will.broken) throw will.error();
      return 'done';
    },
    ...more,
  });
}

const breakerOf = (node: WorkNode, agent = 'fickle'): BreakerView => node.breakers.view(agent);

/** Submits tasks of one attempt until the breaker has opened. */
async function openIt(node: WorkNode, agent = 'fickle'): Promise<void> {
  while (breakerOf(node, agent).state === 'closed') {
    node.submit({ agent });
    await node.world.elapse(10);
  }
}

async function nodeOf(agents: readonly AgentDefinition[], more: WorkNodeOptions = {}): Promise<WorkNode> {
  return await createWorkNode({ agents, ...more });
}

describe('The failures of an agent', () => {
  it('open its breaker at the fifth, and the state says so', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 } })]);
    for (let task = 1; task <= 4; task++) await node.finish({ agent: 'fickle' });
    expect(breakerOf(node)).toMatchObject({ state: 'closed', failures: 4, opens: 0, openedAt: null });
    await node.finish({ agent: 'fickle' });
    expect(breakerOf(node)).toMatchObject({
      breaker: 'agent:fickle',
      state: 'open',
      opens: 1,
      lastError: { code: 'AGENT_FAILED', message: 'The provider is away.' },
    });
    const { openedAt, retryAt } = breakerOf(node);
    expect((retryAt ?? 0) - (openedAt ?? 0)).toBeGreaterThanOrEqual(10_000);
    expect((retryAt ?? 0) - (openedAt ?? 0)).toBeLessThanOrEqual(11_000);
  });

  it('turn the next attempt away: it waits within its retries, and ends UNAVAILABLE with retryAfterMs', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will, { retry: { attempts: 1 } })]);
    await openIt(node);
    const { calls } = will;
    const { result } = await node.finish({ agent: 'fickle' });
    expect(result).toMatchObject({ status: 'failed', error: { code: 'UNAVAILABLE', retryable: true } });
    expect(result?.error?.retryAfterMs).toBeGreaterThan(9_000);
    expect(will.calls).toBe(calls);
  });

  it('let the tasks that wait go on once the probe went well', async () => {
    const will = willing();
    const node = await nodeOf([fickle(will)]);
    await openIt(node);
    const waiting = Array.from({ length: 100 }, () => node.submit({ agent: 'fickle' }).task);
    await node.world.elapse(1_000);
    expect(breakerOf(node).waiting).toBeGreaterThanOrEqual(100);
    will.broken = false;
    const ends = [];
    for (const task of waiting) ends.push((await node.end(task)).status);
    expect(ends.filter((status) => status === 'completed')).toHaveLength(100);
    expect(breakerOf(node)).toMatchObject({ state: 'closed', waiting: 0 });
    expect(node.log.map(({ message }) => message)).toEqual(
      expect.arrayContaining(['A breaker opened.', 'A breaker is half-open: one call may try.', 'A breaker closed.']),
    );
  });
});
