/**
 * A network in memory for links: frames are lost, come twice, late and out of order, and connections are cut, all by the
 * randomness of the world that it is made with. The same seed gives the same run.
 */
import type { Connect, Wire, WireEars } from '../../cluster/link/wire.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { World } from '../../runtime/world.ts';

/** How bad it is. Chances from 0 to 1. */
export interface Weather {
  readonly loss: number;
  readonly duplication: number;
  /** Each frame takes up to so long, by itself; 0: all at once, in order. */
  readonly delayMaxMs: number;
}

/** A quiet day. */
export const CALM: Weather = { loss: 0, duplication: 0, delayMaxMs: 0 };

/** One network, to one listener. */
export interface LossyNet {
  readonly connect: Connect;
  /** Connections that were wanted, and that were made. */
  readonly tried: number;
  readonly made: number;
  /** Frames that were handed over to be sent, and bytes that are on their way. */
  readonly frames: number;
  readonly bytesUnderWay: number;
  weather: Weather;
  /** Nobody can connect. */
  isDown: boolean;
  /** Loses all connections; both ends notice. */
  cut(): void;
  /** All connections swallow what is sent from now on, and nobody notices. */
  swallow(): void;
  /** Who takes the listener's end of new connections. */
  accept: (wire: Wire) => void;
  /** Sees each frame before it is sent, and may change it, or keep it (undefined). */
  tamper: ((frame: Buffer, from: 'dialer' | 'listener') => Buffer | undefined) | undefined;
}

interface End {
  ears: WireEars | undefined;
  isOpen: boolean;
}

/** Makes one. `accept` takes the listener's end of each connection. */
export function createLossyNet(world: World, accept: (wire: Wire) => void, weather: Weather = CALM): LossyNet {
  const pairs = new Set<{ readonly ends: readonly End[]; isSwallowing: boolean }>();
  const figures = { tried: 0, made: 0, frames: 0, bytesUnderWay: 0 };

  const pair = (): readonly [Wire, Wire] => {
    const ends: readonly [End, End] = [
      { ears: undefined, isOpen: true },
      { ears: undefined, isOpen: true },
    ];
    const one = { ends, isSwallowing: false };
    pairs.add(one);
    const lose = (end: End, why: string): void => {
      if (!end.isOpen) return;
      end.isOpen = false;
      world.defer(() => end.ears?.onClose(why));
    };
    const wireOf = (own: End, other: End, from: 'dialer' | 'listener'): Wire => ({
      security: { isTls: false },
      remoteAddress: 'memory',
      isReliable: false,
      bufferedAmount: 0,
      hear: (ears) => void (own.ears = ears),
      send: (sent) => {
        if (!own.isOpen || one.isSwallowing) return;
        figures.frames++;
        const frame = net.tamper === undefined ? Buffer.from(sent) : net.tamper(Buffer.from(sent), from);
        if (frame === undefined || world.random() < net.weather.loss) return;
        const copies = world.random() < net.weather.duplication ? 2 : 1;
        for (let copy = 0; copy < copies; copy++) {
          figures.bytesUnderWay += frame.length;
          const deliver = (): void => {
            figures.bytesUnderWay -= frame.length;
            if (other.isOpen && !one.isSwallowing) other.ears?.onFrame(Buffer.from(frame));
          };
          if (net.weather.delayMaxMs === 0) world.defer(deliver);
          else world.after(world.random() * net.weather.delayMaxMs, deliver);
        }
      },
      close: (code, reason) => {
        lose(own, `${code} ${reason}`);
        // What was sent before comes first.
        if (!one.isSwallowing) world.after(net.weather.delayMaxMs + 1, () => lose(other, `${code} ${reason}`));
        pairs.delete(one);
      },
      cut: () => lose(own, 'cut'),
    });
    return [wireOf(ends[0], ends[1], 'dialer'), wireOf(ends[1], ends[0], 'listener')];
  };

  const net: LossyNet = {
    weather,
    isDown: false,
    tamper: undefined,
    accept,
    get tried() {
      return figures.tried;
    },
    get made() {
      return figures.made;
    },
    get frames() {
      return figures.frames;
    },
    get bytesUnderWay() {
      return figures.bytesUnderWay;
    },
    connect: (hopes) => {
      let isOver = false;
      figures.tried++;
      world.defer(() => {
        if (isOver) return;
        if (net.isDown) {
          hopes.onFailed(new OperatingError('UNAVAILABLE', 'The network is down.'));
          return;
        }
        figures.made++;
        const [dialer, listener] = pair();
        net.accept(listener);
        hopes.onOpen(dialer);
      });
      return () => {
        isOver = true;
      };
    },
    cut: () => {
      for (const { ends } of pairs) {
        for (const end of ends) {
          if (!end.isOpen) continue;
          end.isOpen = false;
          world.defer(() => end.ears?.onClose('cut'));
        }
      }
      pairs.clear();
    },
    swallow: () => {
      for (const one of pairs) one.isSwallowing = true;
    },
  };
  return net;
}
