/** What a worker sends in one session: what must arrive waits here while the link takes no more. */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { MeshMessage } from '../../protocol/mesh-messages.ts';
import type { Link } from '../link/link.ts';

/** The worker's way into one session. Once that has ended, nothing is sent and nothing fails: all of it is said again in the next. */
export class Post {
  readonly #link: Link;
  #waiting: MeshMessage[] = [];
  #isOpen = true;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Now, or not at all. Errors: BUSY, PROTOCOL_TOO_BIG. */
  send(message: MeshMessage): void {
    if (!this.#isOpen) return;
    if (this.#waiting.length > 0) throw new OperatingError('BUSY', 'The link to the owner takes no more at present.');
    this.#pass(message);
  }

  /** As soon as there is room. Errors: PROTOCOL_TOO_BIG. */
  sendSurely(message: MeshMessage): void {
    if (!this.#isOpen) return;
    if (this.#waiting.length === 0 && this.#goes(message)) return;
    this.#waiting.push(message);
    if (this.#waiting.length <= LIMITS.linkQueueMessagesMax) return;
    this.#link.end(new OperatingError('BUSY', 'The owner has not taken what it was sent for too long.'));
  }

  /** There is room again. */
  flush(): void {
    const sent = this.#waiting.findIndex((message) => !this.#goes(message));
    this.#waiting = sent < 0 ? [] : this.#waiting.slice(sent);
  }

  /** The session has ended. */
  close(): void {
    this.#isOpen = false;
    this.#waiting = [];
  }

  /** False: the link is full. */
  #goes(message: MeshMessage): boolean {
    try {
      this.#pass(message);
      return true;
    } catch (error) {
      if (error instanceof OperatingError && error.code === 'BUSY') return false;
      throw error;
    }
  }

  #pass(message: MeshMessage): void {
    try {
      this.#link.send(message);
    } catch (error) {
      // Its end is about to be told.
      if (!(error instanceof OperatingError) || error.code !== 'UNAVAILABLE') throw error;
    }
  }
}
