/** The actors that work for one task, each below its owner: for `GET /api/v1/tasks/{id}/tree`. Plain data, bounded. */
import type { Cell } from '../runtime/cell.ts';
import type { Kernel } from '../runtime/kernel.ts';
import { type ActorView, viewActor } from './tree-view.ts';

/** An actor with those that it owns. */
export interface TaskActorView extends ActorView {
  readonly supervisor: string;
  readonly children: readonly TaskActorView[];
}

/** All actors of a task. */
export interface TaskTreeView {
  readonly task: string;
  /** The task's own actor. */
  readonly actor: TaskActorView;
  readonly actorCount: number;
  /** Those that are not shown. */
  readonly leftOut: number;
}

/** Actors shown. */
const ACTORS_SHOWN_MAX = 500;

/** The actors that are in memory for a task; undefined where there are none: it has ended, or there is no such task. */
export function viewTask(kernel: Kernel, task: string): TaskTreeView | undefined {
  const root = kernel.cells.get(`task/${task}`);
  if (root === undefined) return undefined;
  // Breadth first, so that what is left out is the deepest and latest.
  const all: Cell[] = [root];
  for (const cell of all) for (const child of cell.owned ?? []) all.push(child);
  const shown = new Set(all.slice(0, ACTORS_SHOWN_MAX));
  const view = (cell: Cell): TaskActorView => ({
    ...viewActor(cell),
    supervisor: cell.spec.supervisor,
    children: [...(cell.owned ?? [])].filter((child) => shown.has(child)).map(view),
  });
  return { task, actor: view(root), actorCount: all.length, leftOut: all.length - shown.size };
}
