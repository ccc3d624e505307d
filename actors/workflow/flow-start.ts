/** What a workflow at work is started with. */
import type { WorkflowGraph } from '../../protocol/graph.ts';
import type { Select } from '../../protocol/selection.ts';
import type { TaskOptions } from '../../protocol/tasks.ts';
import { type AccountRef, taskAccount } from '../budget/account-ref.ts';
import { limitOf } from '../budget/amounts.ts';
import type { ChainLink } from './chain-link.ts';

/** The name of the logic in the kernel. */
export const FLOW_LOGIC = 'flow';

/** What a flow's cell is started with. */
export interface FlowStart {
  readonly task: string;
  readonly graph: WorkflowGraph;
  readonly input: unknown;
  readonly priority: number;
  readonly deadlineAtMs?: number;
  /** How agents are chosen for the steps that do not say it. */
  readonly select?: Select;
  /** What its steps draw on, where there is a budget above. */
  readonly account?: AccountRef;
  /** What its task says of kept results. */
  readonly cache?: boolean;
  /** `name@version`, where the graph is that of a registered workflow. */
  readonly reference?: string;
  /** The workflows that its steps call, and those that these call, as they were when the task began: by the names they are called by. */
  readonly pinned?: PinnedWorkflows;
  /** What the workflows that follow it are started with; absent where none do. */
  readonly chain?: ChainLink;
  /** Where it does the work of a step of another workflow: the path that its own steps go on from, and the stage that waits for it. */
  readonly within?: { readonly path: string; readonly stage: string };
}

export type PinnedWorkflows = Readonly<Record<string, WorkflowGraph>>;

/** The address of a task's flow, or of one inside of it. */
export function flowAddress(task: string, path?: string): string {
  return path === undefined ? `flow/${task}` : `flow/${task}/${path}`;
}

const PRIORITY = 5;

/** What the options of a task say to all that works for it. */
export function ordersOf(
  { priority = PRIORITY, deadlineMs, budget, cache }: TaskOptions,
  task: string,
  nowMs: number,
): Pick<FlowStart, 'task' | 'priority' | 'deadlineAtMs' | 'account' | 'cache'> {
  return {
    ...{ task, priority },
    ...(deadlineMs !== undefined && { deadlineAtMs: nowMs + deadlineMs }),
    ...(limitOf(budget) !== undefined && { account: taskAccount(task) }),
    ...(cache !== undefined && { cache }),
  };
}
