/**
 * The end of a task whose own actor was given up: nobody else would ever say that it has failed. It is ended by the task's
 * own logic, as if its work had failed, from its state after the last turn that ended well.
 */
import { type TaskStart, type TaskState, taskLogic } from '../actors/task.ts';
import type { ErrorBody } from '../protocol/errors.ts';
import type { Cell } from '../runtime/cell.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { ActorEvent } from '../runtime/host.ts';
import type { Kernel } from '../runtime/kernel.ts';

/** Writes the end of the task into its log. Where that fails too, the log of the node says so. */
export function endLostTask(kernel: Kernel, cell: Cell, error: ErrorBody): void {
  const port = loggingPort(kernel, cell);
  try {
    const state = (cell.checkpoint ?? taskLogic.initial(cell.input as TaskStart, port)) as TaskState;
    const failed: ActorEvent = { type: 'child.failed', address: state.child, error };
    taskLogic.table[state.phase]['child.failed']?.(state, failed as never, port);
  } catch (again) {
    const words = again instanceof Error ? again.message : String(again);
    kernel.log.error('A task that was given up could not be ended.', { actor: cell.address, error: words });
  }
}

/** Lets through what goes into the task's log; its actor will not live to see the rest. */
function loggingPort(kernel: Kernel, { address, input }: Cell): CellPort {
  return {
    address,
    input,
    nowMs: () => kernel.nowMs(),
    logTask: (write) => kernel.logTask(write),
    attached: () => new Map(),
    afterCommit: nothing,
    attach: nothing,
    cancelEffect: nothing,
    claimKey: nothing,
    define: nothing,
    clearTimer: nothing,
    effect: nothing,
    fail: nothing,
    link: nothing,
    monitor: () => '',
    demonitor: nothing,
    reenter: nothing,
    send: nothing,
    setTimer: nothing,
    startChild: nothing,
    stopChild: nothing,
    tell: nothing,
    trapExit: nothing,
    unlink: nothing,
  };
}

function nothing(): void {}
