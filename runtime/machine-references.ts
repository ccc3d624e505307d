/**
 * References that a machine may hold beside those to its own children: addresses of other actors of the node, and children
 * that have ended. Both stand where XState expects an actor reference: in `sendTo`, in context, events and input.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { AnyActorRef } from 'xstate';
import { parseAddress } from '../protocol/addresses.ts';
import { OperatingError } from '../protocol/errors.ts';
import type { ActorEvent, HostPort } from './host.ts';

/** The machine that the current code belongs to. */
export interface MachineScope {
  readonly port: HostPort;
  /** The key of the call that it makes, outside of turns. */
  readonly call?: string;
  /** Sends a message to another actor of the node: in a turn with its output, outside of one as a turn of its own. */
  forward(address: string, event: ActorEvent): void;
  /** What a `log` action says; absent for code that is no machine's. */
  log?(what: readonly unknown[]): void;
}

/** Follows every turn and every registered actor into what it starts: promises, timers, callbacks. */
export const machineScopes = new AsyncLocalStorage<MachineScope>();

/**
 * The cell that the current code belongs to, also after any number of `await`s and in the handlers of `uncaughtException`
 * and `unhandledRejection`: an error that escapes there goes to its `fail`. Undefined for code of no machine.
 */
export function currentCell(): HostPort | undefined {
  return machineScopes.getStore()?.port;
}

/** The key of the call that the current code belongs to; undefined in a turn, and for what a machine runs by itself. */
export function currentCall(): string | undefined {
  return machineScopes.getStore()?.call;
}

const NOTHING = { unsubscribe: (): void => {} };

/** Another actor of the node, by its address. Its state cannot be read and it cannot be stopped: only its supervisor may. */
export class ActorAddress {
  readonly address: string;

  constructor(address: string) {
    this.address = address;
  }

  get id(): string {
    return this.address;
  }

  /** Errors: STATE_CONFLICT outside of a machine, where nobody could send it. */
  send(event: ActorEvent): void {
    const scope = machineScopes.getStore();
    if (scope === undefined) {
      throw new OperatingError(
        'STATE_CONFLICT',
        `Only a machine can send to ${this.address} this way: the current code belongs to none.`,
      );
    }
    scope.forward(this.address, event);
  }

  /** XState's own way to deliver. */
  _send(event: ActorEvent): void {
    this.send(event);
  }

  getSnapshot(): { readonly status: 'active'; readonly output: undefined; readonly error: undefined } {
    return { status: 'active', output: undefined, error: undefined };
  }

  toJSON(): { readonly address: string } {
    return { address: this.address };
  }
}

/**
 * A reference to another actor of the node (`task/01J…`, `agent/reviewer/42`), for `sendTo` and for context and events:
 * `sendTo(({ event }) => addressOf(event.replyTo), { type: 'answer' })`. Errors: INVALID_INPUT for what is no address, such as
 * the `replyTo` of a message that nobody waits to be answered: the turn fails, and not whoever would deliver.
 */
export function addressOf(address: string): AnyActorRef {
  // Events come from outside: whatever their type says, this may be anything.
  if (typeof address !== 'string' || parseAddress(address) === undefined) {
    throw new OperatingError('INVALID_INPUT', `addressOf needs the address of an actor, and got ${typeof address}.`);
  }
  return new ActorAddress(address) as unknown as AnyActorRef;
}

/** A child that has ended, as a reference to it comes back after a restart: it takes events and does nothing with them. */
export class EndedActor {
  readonly id: string;
  readonly sessionId: string;
  readonly status: string;
  /** XState checks whose child it is before it stops one. */
  readonly _parent: object | undefined;
  /** XState's number for a stopped actor. */
  readonly _processingStatus = 2;

  constructor(id: string, sessionId: string, status: string, parent: object | undefined) {
    this.id = id;
    this.sessionId = sessionId;
    this.status = status;
    this._parent = parent;
  }

  send(): void {}
  _send(): void {}
  _stop(): void {}
  start(): this {
    return this;
  }

  getSnapshot(): { readonly status: string; readonly output: undefined; readonly error: undefined } {
    return { status: this.status, output: undefined, error: undefined };
  }

  subscribe(): typeof NOTHING {
    return NOTHING;
  }

  on(): typeof NOTHING {
    return NOTHING;
  }
}
