/** The spec of a cell that belongs to this run of the process alone: it is never written and never restarted. */
import type { ChildSpec } from './child-spec.ts';

/** `logic` is the name it is installed under; the address where none is given. */
export function volatileSpec(address: string, logic = address, input?: unknown): ChildSpec {
  return {
    address,
    logic,
    input,
    supervisor: '',
    restart: 'temporary',
    recovery: 'reset',
    priority: 5,
    durable: false,
  };
}
