/**
 * Questions from outside of turns to actors: a message with an address to answer to, and the wait for that answer. An answer
 * leaves its actor with the commit of the turn that gave it, so that nothing is told that a crash could take back.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { ActorEvent } from '../runtime/host.ts';
import type { Kernel } from '../runtime/kernel.ts';
import { refusalIn, unanswered } from './answers.ts';

const PREFIX = 'ask';

/** Whom and what to ask. */
export interface Question {
  readonly address: string;
  readonly event: ActorEvent;
  readonly timeoutMs: number;
  /** How the event, with the address to answer to, is put to that actor. Default: as it is. */
  wrap?(event: ActorEvent): ActorEvent;
  /** Ends the wait; what was asked may still be handled. */
  readonly signal?: AbortSignal;
  /** How the asked is called in errors. Default: its address. */
  readonly who?: string;
}

/** The questions of one node that wait for an answer. */
export class Asks {
  readonly #kernel: Kernel;
  readonly #waiting = new Map<string, (event: ActorEvent) => void>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    kernel.installSink(PREFIX, (address, event) => {
      const settle = this.#waiting.get(address);
      if (settle !== undefined) return settle(event);
      // Who asked has given up, or has gone. What somebody keeps is not lost by that.
      if (event['isKept'] !== true) kernel.deadLetters.add({ reason: 'no_asker', to: address, event });
    });
  }

  /**
   * What the actor sends to the `replyTo` of the event, without its type.
   * Errors: what it answers with as `rejected`; BUSY, NOT_FOUND (it cannot be written to); TIMEOUT, which leaves open what
   * came of it; the reason of the signal.
   */
  async ask(question: Question): Promise<Readonly<Record<string, unknown>>> {
    const { address, event, timeoutMs, signal, who = address, wrap } = question;
    const { world } = this.#kernel;
    signal?.throwIfAborted();
    const replyTo = `${PREFIX}/${world.id()}`;
    return await new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(replyTo);
        cancel();
        signal?.removeEventListener('abort', leave);
      };
      const leave = (): void => {
        end();
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', leave, { once: true });
      const cancel = world.after(timeoutMs, () => {
        end();
        reject(unanswered(who, timeoutMs));
      });
      this.#waiting.set(replyTo, (answer) => {
        end();
        const { type, ...fields } = answer;
        if (type !== 'rejected') resolve(fields);
        else reject(OperatingError.fromBody(refusalIn(answer, who)));
      });
      try {
        const asked = { ...event, replyTo };
        this.#kernel.deliver(address, wrap === undefined ? asked : wrap(asked));
      } catch (error) {
        end();
        reject(error);
      }
    });
  }
}
