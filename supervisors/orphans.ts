/**
 * Crashed cells that have no supervisor: the root, and those whose supervisor is gone. Their restarts have a budget as well,
 * so that nothing can crash for ever because nobody is responsible for it.
 */
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import type { Cell } from '../runtime/cell.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { KernelLog } from '../runtime/kernel-options.ts';
import type { World } from '../runtime/world.ts';
import { restartDelayMs } from './backoff.ts';
import { book, hasRoom, recent, type RestartWindow } from './intensity.ts';
import type { SupervisorPolicy } from './policy.ts';
import { SUPERVISOR_LOGIC } from './supervisor.ts';
import type { SupervisorInput } from './supervisor-context.ts';

/** What is needed to care for them. */
export interface OrphanDeps {
  readonly kernel: Kernel;
  readonly world: World;
  readonly log: KernelLog;
  /** The address of the root, and how often it may crash itself: beyond it, the process must end. */
  readonly root: string;
  readonly rootPolicy: SupervisorPolicy;
  /** For all the others together: beyond it, the one that crashed is given up. */
  readonly policy: SupervisorPolicy;
  onRootExhausted(error: OperatingError): void;
}

/** Has the kernel ask here what becomes of them. */
export function careForOrphans(deps: OrphanDeps): void {
  const { kernel, world, log } = deps;
  const windows = new Map<SupervisorPolicy, RestartWindow>();
  kernel.onOrphan = (cell, error) => {
    const { address, recovery, supervisor } = cell.spec;
    // It is heard of by the supervisor that is about to take its place.
    if (isExpected(kernel, supervisor)) return;
    const isRoot = address === deps.root;
    const policy = isRoot ? deps.rootPolicy : deps.policy;
    const window = windows.get(policy) ?? [];
    const nowMs = world.monotonicMs();
    if (hasRoom(window, policy, nowMs)) {
      const earlier = recent(window, policy, nowMs).filter((restart) => restart.address === address).length;
      const delayMs = restartDelayMs(policy.backoff, earlier, () => world.random());
      windows.set(policy, book(window, policy, nowMs, address, delayMs));
      world.after(delayMs, () => kernel.act(() => kernel.restart(address, recovery, error)));
    } else if (isRoot) {
      const excess = excessOf(cell, policy, error);
      log.error('The root of the tree crashes again and again.', { error: excess.message });
      world.defer(() => deps.onRootExhausted(excess));
    } else {
      log.error('An actor without a supervisor was given up.', { actor: address, code: error.code });
      kernel.abandon(address, OperatingError.fromBody(error));
    }
  };
}

/** Whether a supervisor that is not there is listed by one that is, and will be made anew. */
function isExpected(kernel: Kernel, address: string): boolean {
  for (const { logic, phase, spec } of kernel.cells.values()) {
    if (logic.name !== SUPERVISOR_LOGIC || phase === 'ended') continue;
    if ((spec.input as SupervisorInput).children().some((child) => child.address === address)) return true;
  }
  return false;
}

function excessOf({ address }: Cell, { intensity, periodMs }: SupervisorPolicy, error: ErrorBody): OperatingError {
  const words = `${address} crashed itself more than ${intensity} times in ${periodMs} ms: ${error.message}`;
  return new OperatingError(error.code, words, { details: { supervisor: address, intensity, periodMs, cause: error } });
}
