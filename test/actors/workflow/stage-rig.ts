/** What the tests of stages do to a node. */
import { expect } from 'vitest';
import type { WorkNode } from '../../support/work-node.ts';

type Line = readonly [kind: string, data: Readonly<Record<string, unknown>>];

/** The log of a task. */
export async function linesOf(node: WorkNode, task: string): Promise<Line[]> {
  return (await node.events(task)).map(({ kind, data }) => [kind, data] as const);
}

/** Submits a graph, and lets what can happen now happen. */
export async function begun(
  node: WorkNode,
  steps: readonly object[],
  input: unknown = {},
  options: object = {},
): Promise<string> {
  const { task } = node.submit({ graph: { steps } }, input, { options });
  await node.world.settle();
  return task;
}

/** Sends one, and resolves once it is durable. */
export async function signal(node: WorkNode, task: string, name: string, data: unknown = {}): Promise<void> {
  const sent = node.desk.signal('loopback', task, name, data);
  void sent.catch(() => undefined);
  await node.world.settle();
  await sent;
}

/** Answers an approval. */
export async function decide(node: WorkNode, address: string, said: object): Promise<void> {
  node.kernel.deliver(address, { type: 'approval.resolve', by: 'ada', replyTo: 'nobody', ...said });
  await node.world.settle();
}

/** The output of a task that is to complete. */
export async function outputOf(node: WorkNode, task: string): Promise<unknown> {
  const { status, result } = await node.end(task);
  expect(result?.error).toBeUndefined();
  expect(status).toBe('completed');
  return result?.output;
}

/** The error of a task that is to fail. */
export async function errorOf(node: WorkNode, task: string) {
  const { status, result } = await node.end(task);
  expect(status).toBe('failed');
  return result?.error;
}

/** Registers a workflow, of version 1.0.0 where none is given. */
export function register(node: WorkNode, graph: object): void {
  node.registry.registerWorkflow(node.plans.admit({ version: '1.0.0', ...graph }), 'registered');
}
