/** The sessions of this node: opens one per connection, hands messages to its actor, closes all of them when the node drains. */
import type { ClientMessage } from '../protocol/client-messages.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { Registers } from '../runtime/registers.ts';
import { type Connection, SESSION_LOGIC, type SessionStart } from './session.ts';

/** The supervisor of all sessions. */
export const DOORS_SUPERVISOR = 'supervisor/doors';

/** One open session, as its door holds it. */
export interface SessionHandle {
  readonly id: string;
  /** Errors: BUSY when the client sends faster than its messages are handled. */
  message(message: ClientMessage, bytes: number): void;
  /** The connection is gone. */
  closed(): void;
}

/** All sessions of one node. */
export class Sessions {
  readonly #kernel: Kernel;
  readonly #registers: Registers;
  readonly #connections = new Map<string, Connection>();

  constructor(kernel: Kernel, registers: Registers) {
    this.#kernel = kernel;
    this.#registers = registers;
  }

  get size(): number {
    return this.#connections.size;
  }

  open(connection: Connection, principal: string, codec: string): SessionHandle {
    const id = this.#kernel.world.id();
    const address = `session/${id}`;
    const start: SessionStart = { connection, principal };
    const spec: ChildSpec = {
      address,
      logic: SESSION_LOGIC,
      input: start,
      supervisor: DOORS_SUPERVISOR,
      restart: 'temporary',
      recovery: 'reset',
      priority: 5,
      durable: false,
    };
    this.#kernel.startCell(spec);
    this.#connections.set(address, connection);
    this.#registers.trigger.sessionOpened({ entry: { id, principal, codec, sinceMs: this.#kernel.nowMs() } });
    return {
      id,
      message: (message, bytes) => this.#kernel.deliver(address, { type: 'session.message', message }, bytes),
      closed: () => {
        if (!this.#connections.delete(address)) return;
        this.#registers.trigger.sessionClosed({ id });
        if (this.#kernel.cells.has(address)) this.#kernel.post(address, { type: 'session.closed' });
      },
    };
  }

  /** A session's actor has crashed: its connection is closed, nothing else is touched. */
  crashed(address: string): void {
    this.#connections.get(address)?.close(1011, 'The session failed; connect again.');
  }

  /** Tells every client to connect elsewhere. */
  drain(): void {
    for (const address of this.#connections.keys()) this.#kernel.post(address, { type: 'session.drain' });
  }
}
