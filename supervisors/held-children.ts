/**
 * Children that crashed and wait behind an open breaker: which they are, and how they come back. They keep their state and
 * their mail; nothing of them is remembered here, since a crashed cell that no restart is planned for is one that waits.
 */
import type { Cell } from '../runtime/cell.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import { isAwaited } from './restart-plan.ts';
import type { ChildCrashed, SupervisorContext } from './supervisor-context.ts';

/** So many come back in one turn, with a pause before the next: a breaker that opens again keeps the others. */
const RELEASE_MAX = 8;
const RELEASE_PAUSE_MS = 50;

/**
 * Puts a cell that was just loaded back behind the breaker, where it waited when the node stopped: a message of its mailbox
 * has crashed it before, and would again at once. Before its first turn.
 */
export function holdLoaded(cell: Cell): void {
  const { control, user } = cell.mailbox.waiting();
  if ([...control, ...user].some(({ deliveries }) => deliveries > 0)) cell.phase = 'crashed';
}

/** Whether children must wait. */
export function isShut({ seat }: SupervisorContext): boolean {
  const phase = seat.input.breaker?.phase() ?? 'closed';
  return phase !== 'closed';
}

function heldChildren(context: SupervisorContext): readonly ChildCrashed[] {
  const { deps } = context.seat.input;
  return deps.crashedChildren(context.seat.port.address).filter(({ address }) => !isAwaited(context, address));
}

function bringBack(context: SupervisorContext, port: CellPort, { address, recovery }: ChildCrashed): void {
  context.seat.input.deps.restart(port, address, recovery);
}

/** In half-open the first that waits is the probe, unless another call is. */
export function probeHeld(context: SupervisorContext): void {
  const { breaker } = context.seat.input;
  const [first] = heldChildren(context);
  if (first !== undefined && breaker?.claim(first.address) === true) bringBack(context, context.seat.port, first);
}

/** Once it is closed all come back, some at a time. */
export function releaseHeld(context: SupervisorContext): void {
  if (isShut(context)) return;
  const { port, input } = context.seat;
  const held = heldChildren(context);
  for (const child of held.slice(0, RELEASE_MAX)) bringBack(context, port, child);
  if (held.length > RELEASE_MAX) input.deps.later(port, RELEASE_PAUSE_MS, { type: 'breaker.release' });
}
