/**
 * The short form of an agent as an actor: one attempt at one piece of work, whose only outside call is the function. The
 * call's intent is this state, committed; a restart asks for the call again, under the same key.
 */
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { FlatLogic } from '../runtime/flat-logic.ts';
import type { ActorEvent, EffectKind } from '../runtime/host.ts';
import type { AccountRef } from './budget/account-ref.ts';

/** The state that a machine's actor goes on from, instead of beginning with its input: that of one before it. */
export interface RunSeed {
  readonly structureHash: string;
  readonly snapshot: Uint8Array;
  /** What it handles then. */
  readonly event?: ActorEvent;
}

/** What an agent's actor is given to do. The same for functions and machines. */
export interface RunInput {
  readonly task: string;
  readonly step: string;
  readonly item?: number;
  readonly attempt: number;
  /** The step's address: it keeps the journal, so that another attempt finds what an earlier one recorded. */
  readonly owner: string;
  readonly input: unknown;
  readonly seed?: RunSeed;
  /** What it draws on, where there is a budget. */
  readonly account?: AccountRef;
  /** Labels that the node it is made on rather has. */
  readonly prefer?: Readonly<Record<string, string>>;
}

/** The state of one attempt. */
export interface RunState {
  readonly phase: 'calling' | 'done' | 'failed';
  readonly output?: unknown;
  readonly error?: ErrorBody;
}

/** The key of the one call that a function is. */
export const RUN_CALL = 'run';

/** Makes the logic for agents whose function is of this kind. */
export function runLogic(name: string, version: string, kind: EffectKind): FlatLogic<RunState, RunInput> {
  const call = (port: CellPort, again: boolean): void =>
    port.effect({ key: RUN_CALL, name: RUN_CALL, kind, input: undefined, again });
  return {
    name,
    version,
    initial: (_input, port) => {
      call(port, false);
      return { phase: 'calling' };
    },
    restored: (state, port) => {
      if (state.phase === 'calling') call(port, true);
      return state;
    },
    table: {
      calling: {
        'effect.done': (state, event: { readonly value: unknown }) => ({
          ...state,
          phase: 'done',
          output: event.value,
        }),
        'effect.failed': (state, event: { readonly error: ErrorBody }) => ({
          ...state,
          phase: 'failed',
          error: event.error,
        }),
      },
      done: {},
      failed: {},
    },
    final: {
      done: (state) => ({ output: state.output }),
      failed: (state) => ({ error: OperatingError.fromBody(state.error as ErrorBody) }),
    },
  };
}
