/** Two ends of a link without a wire: what one sends, the other hears a moment later. For tests of those who stand above links. */
import type { Link, LinkEars, LinkState, Peer } from '../../cluster/link/link.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { MeshMessage } from '../../protocol/mesh-messages.ts';
import { packState, unpackState } from '../../runtime/state-codec.ts';
import type { World } from '../../runtime/world.ts';

/** One end. */
export interface PairEnd extends Link {
  ears: LinkEars | undefined;
}

/** Two ends, and the wire between them. */
export interface LinkPair {
  readonly owner: PairEnd;
  readonly worker: PairEnd;
  /** Nothing gets through, and both notice. */
  suspect(): void;
  /** What waited gets through. */
  heal(): void;
  /** The session ends on both sides. `peerLives`: the processes go on, as far as is known. */
  lose(peerLives?: boolean): void;
}

const FIGURES = {
  waiting: 0,
  waitingBytes: 0,
  sent: 0,
  received: 0,
  sockets: 1,
  resent: 0,
  roundTripMs: undefined,
} as const;

const PEER = { cluster: 'test', version: '0.0.0', protocol: 1, remoteAddress: 'memory' } as const;

/** Makes a pair. The worker is named `worker`, and has this incarnation. */
export function linkPair(world: World, worker = 'worker', incarnation = `${worker}-1`): LinkPair {
  let state: LinkState = 'up';
  let peerLives = false;
  const held: (() => void)[] = [];
  const end = (peer: Peer, other: () => PairEnd): PairEnd => ({
    ...{ peer, hasCredit: true, figures: FIGURES, ears: undefined },
    get state() {
      return state;
    },
    send(message) {
      if (state === 'ended') throw lost();
      // As it would come over a wire: a copy of it.
      const bytes = packState(message);
      const deliver = (): void => {
        if (state !== 'ended') other().ears?.onMessage(unpackState(bytes) as MeshMessage, () => undefined);
      };
      if (state === 'up') world.defer(deliver);
      else held.push(deliver);
    },
    get peerLives() {
      return peerLives;
    },
    end: (reason, lives = false) => finish(reason, lives),
  });
  const owner: PairEnd = end({ ...PEER, role: 'worker', node: worker, incarnation }, () => far);
  const far: PairEnd = end({ ...PEER, role: 'owner', node: 'owner', incarnation: 'owner-1' }, () => owner);
  const to = (next: LinkState): void => {
    state = next;
    for (const one of [owner, far]) one.ears?.onState?.(next);
  };
  function finish(reason: OperatingError, lives: boolean): void {
    if (state === 'ended') return;
    peerLives = lives;
    to('ended');
    for (const one of [owner, far]) one.ears?.onEnd(reason);
  }
  return {
    ...{ owner, worker: far },
    suspect: () => to('suspect'),
    heal: () => {
      to('up');
      for (const deliver of held.splice(0)) world.defer(deliver);
    },
    lose: (lives = false) => finish(lost(), lives),
  };
}

function lost(): OperatingError {
  return new OperatingError('UNAVAILABLE', 'The link is lost.', { retryable: true });
}
