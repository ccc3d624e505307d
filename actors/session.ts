/**
 * One connection's actor: it takes a client's messages one after another, asks the desk, and answers. A session belongs to
 * this run of the process: it is not stored, and when it crashes its connection is closed and nothing else is touched.
 *
 *   ready ──session.drain──► draining ──session.closed──► closed
 *     └────────session.closed────────────────────────────► closed
 *
 * Answers to what changes something leave after the commit that holds it; answers to reads come from what is committed.
 */
import type { ClientMessage } from '../protocol/client-messages.ts';
import { OperatingError } from '../protocol/errors.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { Feed } from '../runtime/feed.ts';
import { ChurnMap } from '../runtime/churn-map.ts';
import type { FlatLogic } from '../runtime/flat-logic.ts';
import type { ApprovalDesk } from './approvals/approval-desk.ts';
import type { AgentView } from './roster/agent-view.ts';
import type { AgentQuery } from './roster/roster.ts';
import type { Desk } from './desk.ts';
import { errorFrame } from './session-frames.ts';
import { SessionHandlers } from './session-handlers.ts';
import type { StateDesk } from './state/state-desk.ts';
import type { TopicDesk } from './topics/topic-desk.ts';
import type { Watch } from './watch.ts';

/** The other end of a session. Frames are encoded and sent in the order they are given. */
export interface Connection {
  send(frame: object): void;
  /** Live output was given up: the reader is too slow, or is gone. */
  readonly lost: boolean;
  /** Resolves when what was sent has mostly left. */
  ready(): Promise<void>;
  close(code: number, reason: string): void;
}

/** What a session's cell is started with. */
export interface SessionStart {
  readonly connection: Connection;
  readonly principal: string;
}

/** Something that a session follows. */
export interface Follow {
  stop(): void;
}

/** The state of one session. */
export interface SessionState {
  readonly phase: 'ready' | 'draining' | 'closed';
  readonly connection: Connection;
  readonly principal: string;
  /** Open watches by task. Not part of the state proper: it is only ever changed by the session's own turns. */
  readonly watches: ChurnMap<string, Watch>;
  /** What it follows beside tasks (topics, shared state), by a name of the follower's own; at most `sessionSubscriptionsMax`. */
  readonly follows: ChurnMap<string, Follow>;
}

/** What sessions need of their node. */
export interface SessionDeps {
  readonly desk: Desk;
  readonly approvals: ApprovalDesk;
  readonly topics: TopicDesk;
  readonly feed: Feed;
  readonly state: StateDesk;
  agents(
    query: AgentQuery,
    limit: number,
    cursor?: string,
  ): { readonly agents: readonly AgentView[]; readonly cursor: string | null };
}

/** The name of the logic in the kernel. */
export const SESSION_LOGIC = 'session';

/** The logic of sessions. Messages arrive as `session.message` with the parsed `message`. */
export function sessionLogic(deps: SessionDeps): FlatLogic<SessionState, SessionStart> {
  const handlers = new SessionHandlers(deps);
  const onMessage = (state: SessionState, event: { readonly message: ClientMessage }, port: CellPort): SessionState => {
    const { message } = event;
    try {
      handlers.handle(state, message, port);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      const frame = errorFrame(error, message.id);
      port.afterCommit(() => state.connection.send(frame));
    }
    return state;
  };
  const closed = (state: SessionState): SessionState => {
    for (const watch of [...state.watches.values(), ...state.follows.values()]) watch.stop();
    return { ...state, phase: 'closed' };
  };
  return {
    name: SESSION_LOGIC,
    version: '1',
    initial: (start) => ({
      phase: 'ready',
      connection: start.connection,
      principal: start.principal,
      watches: new ChurnMap(),
      follows: new ChurnMap(),
    }),
    table: {
      ready: {
        'session.message': onMessage,
        'session.closed': closed,
        'session.drain': (state) => {
          state.connection.close(1012, 'This node is stopping; connect again elsewhere or later.');
          return { ...state, phase: 'draining' };
        },
      },
      draining: { 'session.closed': closed },
      closed: {},
    },
    final: { closed: () => ({ output: undefined }) },
    describe: (state) => `${state.phase}, ${state.watches.size} watches`,
  };
}
