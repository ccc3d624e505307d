/**
 * An actor that makes one outside call through its cell: it records the wish in the turn, under a key that is minted once
 * and kept with it, and ends with the outcome. runtime/machine-effects.ts has those that machines may invoke.
 */
import type { ActorLogic, Snapshot } from 'xstate';
import { OperatingError } from '../protocol/errors.ts';
import type { ActorEvent, EffectKind, EffectOutcome } from './host.ts';
import { type LiveActor, type LiveScope, ownerOf, type SystemOwner } from './machine-xstate.ts';

/** One outside call of a machine. */
export interface OutsideCall {
  readonly name: string;
  readonly kind: EffectKind;
  readonly input: unknown;
}

/** A call as a machine asks for it. */
export type CallWish = Omit<OutsideCall, 'kind'> & { readonly kind: EffectKind | undefined };

/** What makes the calls: the machine's host. */
export interface CallMaker extends SystemOwner {
  mintKey(name: string): string;
  /** What kind of call the host knows a name to be. */
  kindOf(name: string): EffectKind | undefined;
  request(actor: LiveActor, key: string, call: OutsideCall, again: boolean): void;
  abandon(key: string): void;
}

type CallSnapshot = Snapshot<unknown> & { readonly key: string; readonly call: OutsideCall };

/** The logic of such an actor. */
export type CallLogic<Input> = ActorLogic<CallSnapshot, ActorEvent, Input>;

/** The event that carries an outcome to the child that waits for it. */
const SETTLED = 'troupe.settled';

/** The event that ends one. */
export function settledEvent(outcome: EffectOutcome): ActorEvent {
  return { type: SETTLED, outcome };
}

function makerOf(scope: unknown): CallMaker {
  const owner = ownerOf(scope as LiveScope);
  if (owner === undefined) {
    throw new OperatingError(
      'UNSUPPORTED_LOGIC',
      'This actor makes outside calls for machines that the product hosts; plain XState cannot run it.',
    );
  }
  return owner as CallMaker;
}

/** All that were made. */
const CALL_LOGICS = new WeakSet<object>();

/** Makes the logic; `read` takes the call from the input, and may refuse it. `fallback` is its kind where nobody says. */
export function callLogic<Input>(read: (input: Input) => CallWish, fallback: EffectKind): CallLogic<Input> {
  const logic: CallLogic<Input> = {
    getInitialSnapshot: (scope, input) => {
      const wish = read(input);
      const maker = makerOf(scope);
      const call = { ...wish, kind: wish.kind ?? maker.kindOf(wish.name) ?? fallback };
      return { status: 'active', output: undefined, error: undefined, key: maker.mintKey(call.name), call };
    },
    getPersistedSnapshot: (snapshot) => snapshot,
    restoreSnapshot: (snapshot) => snapshot as CallSnapshot,
    start: ({ status, key, call }, scope) => {
      const self = scope.self as unknown as LiveActor;
      if (status === 'active') makerOf(scope).request(self, key, call, self.options['snapshot'] !== undefined);
    },
    transition: (snapshot, event, scope) => {
      if (snapshot.status !== 'active') return snapshot;
      if (event.type === 'xstate.stop') {
        makerOf(scope).abandon(snapshot.key);
        return { ...snapshot, status: 'stopped' };
      }
      if (event.type !== SETTLED) return snapshot;
      const outcome = event['outcome'] as EffectOutcome;
      if (outcome.ok) return { ...snapshot, status: 'done', output: outcome.value };
      return {
        ...snapshot,
        status: 'error',
        error: OperatingError.fromBody(outcome.error),
      };
    },
  };
  CALL_LOGICS.add(logic);
  return logic;
}

/** Whether a logic makes outside calls through the cell: it starts inside of the turn, which only records its wish. */
export function isCallLogic(logic: object): boolean {
  return CALL_LOGICS.has(logic);
}
