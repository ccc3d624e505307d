/**
 * A remote node as an actor of the owner, at `node/NAME`: it lives for as long as the owner hears of the node, so that others can
 * monitor it, or link to it, like any actor (runtime/bonds.ts). It does nothing else.
 *
 *   there ──node.left──► left      in good order
 *     └────node.lost──► lost       its monitors hear `down`, with why
 */
import { type ErrorBody, OperatingError } from '../../protocol/errors.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { Peer } from '../link/link.ts';

interface NodeState {
  readonly phase: 'there' | 'left' | 'lost';
  readonly incarnation: string;
  readonly error?: ErrorBody;
}

/** The name of the logic in the kernel. */
export const NODE_LOGIC = 'node';
/** Nobody restarts a node from here: its end is told to those who want to know. */
const SUPERVISOR = 'supervisor/services';

/** The address of a node's actor. */
export function nodeAddress(node: string): string {
  return `node/${node}`;
}

/** The spec of one. */
export function nodeSpec({ node, incarnation }: Peer): ChildSpec {
  return {
    ...{ address: nodeAddress(node), logic: NODE_LOGIC, input: { incarnation }, supervisor: SUPERVISOR },
    ...{ restart: 'temporary', recovery: 'reset', priority: 5, durable: false },
  };
}

/** The logic of remote nodes. */
export const nodeLogic: FlatLogic<NodeState, { readonly incarnation: string }> = {
  name: NODE_LOGIC,
  version: '1',
  initial: ({ incarnation }) => ({ phase: 'there', incarnation }),
  table: {
    there: {
      'node.left': (state) => ({ ...state, phase: 'left' }),
      'node.lost': (state, { error }: { readonly error: ErrorBody }) => ({ ...state, phase: 'lost', error }),
    },
    left: {},
    lost: {},
  },
  final: {
    left: () => ({ output: undefined }),
    lost: ({ error }) => ({
      error:
        error === undefined ? new OperatingError('UNAVAILABLE', 'The node is lost.') : OperatingError.fromBody(error),
    }),
  },
};
