/** Agents that fail or crash as long as a test says, and what is done with their breakers, on a node that stands still. */
import { type AgentDefinition, type AgentOptions, defineAgent } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { BreakerView } from '../../supervisors/breaker-view.ts';
import { createWorkNode, type WorkNode, type WorkNodeOptions } from './work-node.ts';

/** What an agent of the tests does, moved by the test. */
export interface Will {
  broken: boolean;
  error: () => Error;
  calls: number;
  running: number;
  runningMax: number;
  /** Calls wait for this, where it is set. */
  gate: Promise<void> | undefined;
}

/** An agent that fails. */
export function willing(): Will {
  return {
    broken: true,
    error: () => new OperatingError('AGENT_FAILED', 'The provider is away.'),
    calls: 0,
    running: 0,
    runningMax: 0,
    gate: undefined,
  };
}

/** Fails as long as the test says. */
export function fickle(will: Will, more: Partial<AgentOptions> = {}): AgentDefinition {
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

/** The same node after its process was killed. */
export async function killed(node: WorkNode, agents: readonly AgentDefinition[], startMs?: number): Promise<WorkNode> {
  node.kill();
  return await nodeOf(agents, { disk: node.disk, seed: 2, startMs: startMs ?? node.world.nowMs() });
}

/** How something that is asked of the desk ends, while the world goes on. */
export async function outcomeOf(node: WorkNode, asked: Promise<unknown>, ms = 100): Promise<unknown> {
  const outcome = asked.then(
    (value) => value,
    (error: unknown) => error,
  );
  await node.world.elapse(ms);
  return await outcome;
}

/** The breaker of an agent, as it shows itself. */
export const breakerOf = (node: WorkNode, agent = 'fickle'): BreakerView => node.breakers.view(agent);

/** Submits tasks of one attempt until the breaker has opened. */
export async function openIt(node: WorkNode, agent = 'fickle'): Promise<void> {
  while (breakerOf(node, agent).state === 'closed') {
    node.submit({ agent });
    await node.world.elapse(10);
  }
}

/** A node with these agents beside the lab's. */
export async function nodeOf(agents: readonly AgentDefinition[], more: WorkNodeOptions = {}): Promise<WorkNode> {
  return await createWorkNode({ agents, ...more });
}
