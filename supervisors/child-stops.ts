/** How the children of a supervisor are stopped: cells by the kernel, supervisors by a message, since they have children too. */
import type { Cell } from '../runtime/cell.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import { SHUTDOWN_MS } from '../runtime/child-spec.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { World } from '../runtime/world.ts';
import type { StopStep } from './procedure.ts';
import { SUPERVISOR_LOGIC } from './supervisor.ts';
import type { SupervisorDeps } from './supervisor-context.ts';

/** What is done of it, once the turn that asks has ended well. */
export function childStops(
  kernel: Kernel,
  world: World,
  afterTurn: (port: CellPort, op: () => void) => void,
): Pick<SupervisorDeps, 'stop' | 'cutOff' | 'stopUnlisted'> {
  return {
    stop: (port, step) => afterTurn(port, () => stopOne(kernel, port.address, step)),
    cutOff: (port, step) => afterTurn(port, () => cutOffOne(kernel, port.address, step)),
    stopUnlisted: (port, keep) => afterTurn(port, () => stopOthers(kernel, world, port.address, keep)),
  };
}

function stopOne(kernel: Kernel, supervisor: string, { address, keep }: StopStep): void {
  const cell = kernel.cells.get(address);
  const done = (): void => kernel.post(supervisor, { type: 'child.stopped', address });
  if (cell === undefined) return done();
  if (!isSupervisor(cell)) return kernel.shutDown(cell, keep, done);
  if (cell.phase === 'live') return kernel.post(address, { type: 'supervisor.shutdown', keep });
  endBranch(kernel, cell, keep);
  done();
}

function cutOffOne(kernel: Kernel, supervisor: string, { address, keep }: StopStep): void {
  const cell = kernel.cells.get(address);
  if (cell === undefined) return;
  if (!isSupervisor(cell)) return kernel.cutOff(cell);
  endBranch(kernel, cell, keep);
  kernel.post(supervisor, { type: 'child.stopped', address });
}

/** Those that are not listed, all at once, as OTP does with the children of a dynamic supervisor. */
function stopOthers(kernel: Kernel, world: World, supervisor: string, keep: boolean): void {
  const cells = childrenOf(kernel, supervisor).filter(({ spec }) => spec.listed !== true && !(keep && spec.durable));
  let left = cells.length;
  const done = (): void => {
    if (--left <= 0) kernel.post(supervisor, { type: 'child.stopped', address: supervisor });
  };
  if (left === 0) done();
  for (const cell of cells) {
    const { shutdown = SHUTDOWN_MS } = cell.spec;
    kernel.shutDown(cell, false, done);
    if (shutdown === 'brutal-kill') kernel.cutOff(cell);
    else if (shutdown !== 'infinity' && cell.phase === 'stopping')
      world.after(shutdown, () => kernel.act(() => kernel.cutOff(cell)));
  }
}

/** Ends a supervisor that can no longer do it itself, and all below it, at once. `keep`: what is durable below it rests. */
function endBranch(kernel: Kernel, supervisor: Cell, keep: boolean): void {
  for (const cell of childrenOf(kernel, supervisor.address)) {
    if (isSupervisor(cell)) endBranch(kernel, cell, keep);
    else if (!keep || !cell.spec.durable) kernel.endCell(cell, { reason: 'killed' }, false);
    else if (cell.spec.listed === true) {
      kernel.shutDown(cell, true, () => undefined);
      kernel.cutOff(cell);
    }
  }
  kernel.endCell(supervisor, { reason: 'killed' }, false);
}

function isSupervisor({ logic }: Cell): boolean {
  return logic.name === SUPERVISOR_LOGIC;
}

function childrenOf(kernel: Kernel, supervisor: string): readonly Cell[] {
  return [...kernel.cells.values()].filter(({ spec }) => spec.supervisor === supervisor);
}
