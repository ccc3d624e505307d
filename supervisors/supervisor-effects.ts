/** What supervisors have done for them by the kernel: the only part of this room that touches it. */
import { DOORS_SUPERVISOR } from '../actors/sessions.ts';
import { TASK_LOGIC } from '../actors/task.ts';
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import type { Cell } from '../runtime/cell.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { KernelLog } from '../runtime/kernel-options.ts';
import type { World } from '../runtime/world.ts';
import { childStops } from './child-stops.ts';
import { endLostTask } from './lost-task.ts';
import type { ChildPresence } from './procedure.ts';
import type { SupervisorDeps } from './supervisor-context.ts';

/** What is needed to make them. */
export interface EffectsDeps {
  readonly kernel: Kernel;
  readonly world: World;
  readonly log: KernelLog;
  onRootExhausted(error: OperatingError): void;
  onSessionCrashed(address: string): void;
}

const UNHEARD = new OperatingError('AGENT_CRASHED', 'It crashed while its supervisor was away.');

/** The effects of all supervisors of one node. What a turn asks for is done when it has ended well, as with every cell. */
export function kernelEffects({ kernel, world, log, onRootExhausted, onSessionCrashed }: EffectsDeps): SupervisorDeps {
  const afterTurn = (port: CellPort, op: () => void): void => {
    const cell = kernel.cells.get(port.address);
    if (cell !== undefined) kernel.note(cell, op);
  };
  const abandon = (cell: Cell, error: ErrorBody): void => {
    const { address, logic, supervisor } = cell.spec;
    if (logic === TASK_LOGIC) endLostTask(kernel, cell, error);
    kernel.abandon(address, OperatingError.fromBody(error));
    if (supervisor === DOORS_SUPERVISOR) world.defer(() => onSessionCrashed(address));
  };
  return {
    log,
    monotonicMs: () => world.monotonicMs(),
    random: () => world.random(),
    presenceOf: (address) => presenceOf(kernel.cells.get(address)),
    crashedChildren: (supervisor) =>
      [...kernel.cells.values()]
        .filter((cell) => cell.phase === 'crashed' && cell.spec.supervisor === supervisor)
        .map(({ spec: { address, restart, recovery } }) => ({
          type: 'child.crashed',
          address,
          error: UNHEARD.toBody(),
          restart,
          recovery,
        })),
    restart: (port, address, mode, error) => afterTurn(port, () => kernel.restart(address, mode, error)),
    ...childStops(kernel, world, afterTurn),
    end: (port, error) =>
      afterTurn(port, () => {
        const cell = kernel.cells.get(port.address);
        if (cell !== undefined) kernel.endCell(cell, { reason: 'shutdown', ...(error && { error }) });
      }),
    abandon: (port, address, error) =>
      afterTurn(port, () => {
        const cell = kernel.cells.get(address);
        if (cell?.phase === 'crashed') abandon(cell, error);
      }),
    later: (port, delayMs, event) =>
      afterTurn(port, () => {
        world.after(delayMs, () => kernel.act((door) => door.send(port.address, { ...event })));
      }),
    exhaust: (port, error) => afterTurn(port, () => world.defer(() => onRootExhausted(error))),
  };
}

function presenceOf(cell: Cell | undefined): ChildPresence {
  if (cell === undefined || cell.phase === 'ended') return 'absent';
  return cell.phase === 'crashed' || cell.phase === 'stopping' ? 'idle' : 'live';
}
