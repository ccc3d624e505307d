/** Whose code it is that a worker runs for an owner: an error that escapes from it, however late, is that call's. */
import { OperatingError } from '../../protocol/errors.ts';
import type { HostPort } from '../../runtime/host.ts';
import type { MachineScope } from '../../runtime/machine-references.ts';

/** What is found where the code of a cell would find its cell. */
export function codeScope(
  address: string,
  nowMs: () => number,
  fail: (error: unknown) => void,
  call?: string,
): MachineScope {
  const refuse = (): never => {
    throw new OperatingError('NOT_AVAILABLE', 'The actor of this call is on another node: send to others by ctx.tell.');
  };
  const port: HostPort = {
    ...{ address, nowMs, fail, afterCommit: refuse, effect: refuse, cancelEffect: refuse, send: refuse },
    ...{ setTimer: refuse, clearTimer: refuse, reenter: refuse },
  };
  return { port, forward: refuse, ...(call !== undefined && { call }) };
}
