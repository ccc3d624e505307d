/** Someone who watches the links of one node. */
import type { Link, LinkState } from '../../../cluster/link/link.ts';
import type { MeshEnd } from '../../../cluster/link/mesh-node.ts';
import type { OperatingError } from '../../../protocol/errors.ts';
import type { MeshMessage } from '../../../protocol/mesh-messages.ts';

/** What one node has seen of its links. */
export interface Seen {
  readonly links: Link[];
  readonly messages: MeshMessage[];
  readonly dones: (() => void)[];
  readonly states: LinkState[];
  readonly ends: OperatingError[];
  readonly refusals: OperatingError[];
  credits: number;
}

/** Notes all that happens; says `done` of each message at once, unless it is told to keep it. */
export function witness(isKeeping = false): { readonly seen: Seen; readonly onLink: MeshEnd['onLink'] } {
  const seen: Seen = { links: [], messages: [], dones: [], states: [], ends: [], refusals: [], credits: 0 };
  const onLink: MeshEnd['onLink'] = (link, setEars) => {
    seen.links.push(link);
    setEars({
      onMessage(message, done) {
        seen.messages.push(message);
        if (isKeeping) seen.dones.push(done);
        else done();
      },
      onState: (state) => void seen.states.push(state),
      onCredit: () => void seen.credits++,
      onEnd: (reason) => void seen.ends.push(reason),
    });
  };
  return { seen, onLink };
}
