/** A link that somebody looks over the shoulder of: what is sent and heard over it is seen first. */
import type { Link, LinkEars, LinkFigures, LinkState, Peer } from '../../../cluster/link/link.ts';
import type { OperatingError } from '../../../protocol/errors.ts';
import type { MeshMessage } from '../../../protocol/mesh-messages.ts';

/** Who looks. */
export interface LinkWatch {
  sending(message: MeshMessage): void;
  /** It was taken on. */
  sent(message: MeshMessage): void;
  heard(message: MeshMessage): void;
  ended(): void;
}

/** The link as those who use it see it. */
export class WatchedLink implements Link {
  readonly #link: Link;
  readonly #watch: LinkWatch;

  constructor(link: Link, watch: LinkWatch) {
    this.#link = link;
    this.#watch = watch;
  }

  get peer(): Peer {
    return this.#link.peer;
  }

  get state(): LinkState {
    return this.#link.state;
  }

  get hasCredit(): boolean {
    return this.#link.hasCredit;
  }

  get figures(): LinkFigures {
    return this.#link.figures;
  }

  get peerLives(): boolean {
    return this.#link.peerLives;
  }

  send(message: MeshMessage): void {
    this.#watch.sending(message);
    this.#link.send(message);
    this.#watch.sent(message);
  }

  end(reason: OperatingError, peerLives?: boolean): void {
    this.#link.end(reason, peerLives);
  }

  /** The ears of those who use it, with the watch in front. */
  watched(ears: LinkEars): LinkEars {
    return {
      onMessage: (message, done) => {
        this.#watch.heard(message);
        ears.onMessage(message, done);
      },
      onState: (state) => ears.onState?.(state),
      onCredit: () => ears.onCredit?.(),
      onEnd: (reason) => {
        this.#watch.ended();
        ears.onEnd(reason);
      },
    };
  }
}
