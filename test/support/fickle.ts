/** Agents that fail or crash as long as a test says, and what is done with their breakers, on a node that stands still. */
import { assign, sendTo, setup } from 'xstate';
import { type AgentDefinition, type AgentOptions, defineAgent } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { addressOf } from '../../runtime/machine-references.ts';
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

/** Works as the other does, but never fails. */
export const steady = defineAgent({ name: 'steady', version: '1.0.0', capabilities: ['work'], run: () => 'steady' });

/** A machine whose action throws as long as the test says, after it has waited for a signal where `waits`. */
export function thrower(will: Will, more: Partial<AgentOptions> = {}): AgentDefinition {
  const act = (): void => {
    will.calls++;
    if (will.broken) throw will.error();
  };
  const machine = setup({
    actions: { act },
    types: { context: {} as { waits: boolean }, input: {} as { waits?: boolean } },
  }).createMachine({
    id: 'thrower',
    context: ({ input }) => ({ waits: input?.waits === true }),
    initial: 'waiting',
    states: {
      waiting: { always: { guard: ({ context }) => !context.waits, target: 'acting' }, on: { go: 'acting' } },
      acting: { entry: 'act', after: { 10: 'done' } },
      done: { type: 'final' },
    },
    output: 'done',
  });
  return defineAgent({ name: 'thrower', version: '1.0.0', machine, ...more });
}

/** A number for each key, whose machine throws as long as the test says. */
export function tally(will: Will): AgentDefinition {
  const machine = setup({
    types: { context: {} as { total: number }, events: {} as { type: 'add' } | { type: 'get'; replyTo: string } },
    actions: {
      act: () => {
        will.calls++;
        if (will.broken) throw will.error();
      },
    },
  }).createMachine({
    id: 'tally',
    context: { total: 0 },
    on: {
      add: { actions: ['act', assign({ total: ({ context }) => context.total + 1 })] },
      get: {
        actions: sendTo(
          ({ event }) => addressOf(event.replyTo),
          ({ context }) => ({ type: 'total', total: context.total }),
        ),
      },
    },
  });
  return defineAgent({ name: 'tally', version: '1.0.0', keyed: true, machine });
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
