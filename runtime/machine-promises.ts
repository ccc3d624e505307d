/**
 * The promises of a machine as outside calls, for nodes that make single turns of machines and keep nothing between them: a turn asks
 * for the call, and the promise is made wherever calls are. What is known to the process alone (callbacks, observables) has no such form.
 */
import { type CallLogic, callLogic } from './machine-calls.ts';
import { unsupported } from './machine-values.ts';
import { type PromiseCreator, promiseCreatorOf } from './machine-xstate.ts';

/** What their calls are named, with the place of the promise in the machine behind it. */
const PREFIX = 'promise:';

const SHAPE = '~calls';

/** Whether the promises of a machine of this structure hash are calls. */
export function hasPromiseCalls(structureHash: string): boolean {
  return structureHash.endsWith(SHAPE);
}

/** Whether a call is one of a promise. */
export function isPromiseCall(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** The promises of one machine, and of all machines in it. */
export class PromiseCalls {
  readonly #creators = new Map<string, PromiseCreator>();

  /** Behind the hash of a machine: the state of a promise is not that of its call, and neither can go on from the other. */
  get shape(): string {
    return this.#creators.size > 0 ? SHAPE : '';
  }

  /** The logic in the place of one that starts something. Errors: UNSUPPORTED_LOGIC for what is no promise. */
  callOf(logic: object, place: string): CallLogic<unknown> {
    const creator = promiseCreatorOf(logic);
    if (creator === undefined) {
      throw unsupported(
        place,
        'logic that lives in one process (a callback, an observable)',
        'Where only workers have its code, a machine may invoke promises, effects and other machines: use one of ' +
          'these, or register the agent on the owner as well.',
      );
    }
    const name = `${PREFIX}${place}`;
    this.#creators.set(name, creator);
    return callLogic((input) => ({ name, kind: 'keyed', input }), 'keyed');
  }

  creatorOf(name: string): PromiseCreator | undefined {
    return this.#creators.get(name);
  }
}
