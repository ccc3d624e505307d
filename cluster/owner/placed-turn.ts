/** A turn of a machine as a call that looks for a place: it may be made again anywhere, at any time, and asks nothing of a context. */
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import type { PlacedCall } from '../../actors/call-placing.ts';
import type { RunInput } from '../../actors/run.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { Cell } from '../../runtime/cell.ts';
import { MACHINE_TURN } from '../machine-turn.ts';

/** The key of the turn that an actor is in: it is in one at a time. */
const TURN_KEY = 'turn';

/** The turn of a cell. */
export function placedTurn(
  definition: AgentDefinition,
  cell: Cell,
  request: Uint8Array,
  signal: AbortSignal,
): PlacedCall {
  const { address, life } = cell;
  const prefer = definition.keyed ? undefined : (cell.input as RunInput).prefer;
  return {
    definition,
    call: {
      ...{ address, life, key: TURN_KEY, name: MACHINE_TURN, kind: 'pure', input: request, again: false, signal },
      asked: undefined,
      rest: () => () => Promise.resolve(),
    },
    work: {
      ...{ task: '', step: '', attempt: 1, owner: address, input: undefined },
      ...(prefer !== undefined && { prefer }),
    },
    deadlineAtMs: undefined,
    context: absent,
    here: absent,
  };
}

function absent(): never {
  throw new OperatingError('NOT_AVAILABLE', 'A turn of a machine has no context, and its code is not on this node.');
}
