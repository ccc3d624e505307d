/** A node that has proved who it is, and then says whatever it likes. */
import { DialHandshake, type Greeting, type Resume } from '../../../cluster/link/dial-handshake.ts';
import type { MeshEnd, MeshNode } from '../../../cluster/link/mesh-node.ts';
import { Line } from '../../../cluster/link/line.ts';
import { handshakeKindOf } from '../../../protocol/mesh-handshake.ts';
import type { Wire } from '../../../cluster/link/wire.ts';
import { type Indoors } from './indoors.ts';
import { nodeOf, SECRET } from './rig.ts';

/** What it has heard, and what it says with. */
export interface Impostor {
  readonly wire: Wire;
  readonly frames: Buffer[];
  /** Its own, in the order of sending. */
  readonly said: Buffer[];
  readonly closes: string[];
  greeting: Greeting | undefined;
  /** Sends frames as a link does, sealed and stamped. */
  line: Line;
  counts: { received: number; done: number; doneBytes: number };
}

/** Connects one to a door. It answers the handshake and is silent afterwards. */
export function impostor(
  { world, net }: Pick<Indoors, 'world' | 'net'>,
  self: Partial<MeshNode> = {},
  resume?: Resume,
): Impostor {
  const end: MeshEnd = {
    world,
    auth: { mode: 'secret', secrets: [SECRET] },
    self: nodeOf({ role: 'worker', ...self }),
    onLink: () => undefined,
  };
  const counts = { received: 0, done: 0, doneBytes: 0 };
  const made: { one?: Impostor } = {};
  net.connect({
    onFailed: () => undefined,
    onOpen: (wire) => {
      const handshake = new DialHandshake(end, wire, { cluster: undefined, node: undefined }, resume);
      const one: Impostor = {
        ...{ wire, frames: [], said: [handshake.hello], closes: [], greeting: undefined, counts },
        line: new Line('', () => counts),
      };
      made.one = one;
      wire.hear({
        onFrame: (frame) => {
          one.frames.push(frame);
          if (one.greeting !== undefined || handshakeKindOf(frame) === 'refusal') return;
          const step = handshake.take(frame);
          if (step === undefined) return;
          if ('answer' in step) {
            one.said.push(step.answer);
            wire.send(step.answer);
          } else {
            one.greeting = step.greeting;
            one.line = new Line(step.greeting.session, () => counts);
            one.line.attach(wire, step.greeting.seal);
          }
        },
        onClose: (why) => void one.closes.push(why),
      });
      wire.send(handshake.hello);
    },
  });
  world.run();
  if (made.one === undefined) throw new Error('The network is down.');
  return made.one;
}
