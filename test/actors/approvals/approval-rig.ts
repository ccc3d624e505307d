/** Nodes whose agents ask people, and what people see of that. */
import { type AgentDefinition, defineAgent } from '../../../actors/agent-definition.ts';
import type { ApprovalRequest } from '../../../actors/approvals/approval-calls.ts';
import type { ApprovalView } from '../../../actors/approvals/approval-view.ts';
import type { Resolution } from '../../../actors/approvals/approval-desk.ts';
import type { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { settled } from '../../support/indoor-node.ts';
import { createWorkNode, type WorkNode, type WorkNodeOptions } from '../../support/work-node.ts';

/** Asks what its input says, one after another, and gives the answers. */
export const asker: AgentDefinition = defineAgent({
  name: 'asker',
  version: '1.0.0',
  concurrency: 2,
  timeoutMs: 5_000,
  retry: { attempts: 2, backoffMs: 10, jitter: false },
  run: async ({ input, ctx }) => {
    const answers: unknown[] = [];
    for (const request of (input as { readonly ask: readonly ApprovalRequest[] }).ask)
      answers.push(await ctx.approval(request));
    return answers;
  },
});

/** Who reaches a node without keys. */
export const ME = 'loopback';

/** A node with such an agent, and hands for its people. */
export interface AskingNode extends WorkNode {
  /** Submits a task that asks this. */
  ask(...requests: readonly ApprovalRequest[]): string;
  pending(): Promise<readonly ApprovalView[]>;
  resolve(id: string, resolution: Resolution, principal?: string): Promise<ApprovalView>;
  /** The task's lines of these kinds, as `kind data`. */
  lines(task: string): Promise<readonly (readonly [string, object])[]>;
}

/** Makes one. */
export async function createAskingNode(options: WorkNodeOptions = {}): Promise<AskingNode> {
  const node = await createWorkNode({ agents: [asker], ...options });
  const { world, approvals } = node;
  return {
    ...node,
    ask: (...requests) => node.submit({ agent: 'asker' }, { ask: requests }).task,
    pending: async () => (await settled(world, approvals.list(ME, { limit: 200 }))).approvals,
    resolve: async (id, resolution, principal = ME) =>
      await settled(world, approvals.resolve(principal, id, resolution)),
    lines: async (task) =>
      (await node.events(task))
        .filter(({ kind }) => kind.startsWith('approval.'))
        .map(({ kind, data }) => [kind, data] as const),
  };
}

/** The node dies, and another begins on its disk, at the same time of day. */
export async function reborn(node: AskingNode, disk: MemoryDisk, options: WorkNodeOptions = {}): Promise<AskingNode> {
  const startMs = node.world.nowMs();
  node.kill();
  return await createAskingNode({ disk, seed: 1 + Math.floor(startMs % 1_000_000), startMs, ...options });
}
