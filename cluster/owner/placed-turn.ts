/** A turn of a machine as a call that looks for a place: it may be made again anywhere, at any time, and asks nothing of a context. */
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { type PlacedCall, TURN_KEY } from '../../actors/call-placing.ts';
import type { RunInput } from '../../actors/run.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { Cell } from '../../runtime/cell.ts';
import type { RefusableCall } from '../../runtime/effects.ts';
import { MACHINE_TURN } from '../machine-turn.ts';

/** The turn of a cell. */
export function placedTurn(
  definition: AgentDefinition,
  cell: Cell,
  request: Uint8Array,
  signal: AbortSignal,
): PlacedCall {
  const { address } = cell;
  const prefer = definition.keyed ? undefined : (cell.input as RunInput).prefer;
  return {
    definition,
    call: new TurnCall(cell, request, signal),
    work: {
      ...{ task: '', step: '', attempt: 1, owner: address, input: undefined },
      ...(prefer !== undefined && { prefer }),
    },
    deadlineAtMs: undefined,
    context: absent,
    here: absent,
    madeOn: () => undefined,
  };
}

/** The call that it is. */
class TurnCall implements RefusableCall {
  readonly address: string;
  readonly life: number;
  readonly key = TURN_KEY;
  readonly name = MACHINE_TURN;
  readonly kind = 'pure';
  readonly again = false;
  readonly asked = undefined;
  readonly input: Uint8Array;
  readonly signal: AbortSignal;
  #listener: (() => void) | undefined;

  constructor({ address, life }: Cell, request: Uint8Array, signal: AbortSignal) {
    this.address = address;
    this.life = life;
    this.input = request;
    this.signal = signal;
  }

  get refusal(): OperatingError | undefined {
    return this.signal.aborted ? (this.signal.reason as OperatingError) : undefined;
  }

  onRefused(fn: ((refusal: OperatingError) => void) | undefined): void {
    if (this.#listener !== undefined) this.signal.removeEventListener('abort', this.#listener);
    this.#listener = fn === undefined ? undefined : () => fn(this.signal.reason as OperatingError);
    if (this.#listener !== undefined) this.signal.addEventListener('abort', this.#listener, { once: true });
  }

  rest(): () => Promise<void> {
    return () => Promise.resolve();
  }

  unbegun(): () => void {
    return () => undefined;
  }
}

function absent(): never {
  throw new OperatingError('NOT_AVAILABLE', 'A turn of a machine has no context, and its code is not on this node.');
}
