/**
 * One connection's actor: it takes a client's messages one after another, asks the desk, and answers. A session belongs to
 * this run of the process: it is not stored, and when it crashes its connection is closed and nothing else is touched.
 *
 *   ready ──session.drain──► draining ──session.closed──► closed
 *     └────────session.closed────────────────────────────► closed
 *
 * Answers to what changes something leave after the commit that holds it; answers to reads come from what is committed.
 */
import { type ErrorBody, OperatingError, toErrorBody } from '../protocol/errors.ts';
import type { ClientMessage, ClientMessageOf, TaskRequest } from '../protocol/client-messages.ts';
import { LIMITS } from '../protocol/limits.ts';
import { type TaskEvent, type TaskResult } from '../protocol/tasks.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { Feed } from '../runtime/feed.ts';
import type { FlatLogic } from '../runtime/flat-logic.ts';
import type { AgentEntry } from '../runtime/registers.ts';
import type { TaskRecord } from '../runtime/stores/store.ts';
import type { Desk, Submission } from './desk.ts';
import { Watch, type WatchMode, type WatchReader } from './watch.ts';

/** The other end of a session. Frames are encoded and sent in the order they are given. */
export interface Connection {
  send(frame: object): void;
  /** Live output was given up: the reader is too slow, or is gone. */
  readonly lost: boolean;
  /** Resolves when what was sent has mostly left. */
  ready(): Promise<void>;
  close(code: number, reason: string): void;
}

export interface SessionStart {
  readonly connection: Connection;
  readonly principal: string;
}

export interface SessionState {
  readonly phase: 'ready' | 'draining' | 'closed';
  readonly connection: Connection;
  readonly principal: string;
  /** Open watches by task. Not part of the state proper: it is only ever changed by the session's own turns. */
  readonly watches: Map<string, Watch>;
}

export interface SessionDeps {
  readonly desk: Desk;
  readonly feed: Feed;
  agents(capability: string | undefined): readonly AgentEntry[];
}

export const SESSION_LOGIC = 'session';

/** The logic of sessions. Messages arrive as `session.message` with the parsed `message`. */
export function sessionLogic(deps: SessionDeps): FlatLogic<SessionState, SessionStart> {
  const handlers = createHandlers(deps);
  const onMessage = (state: SessionState, event: { readonly message: ClientMessage }, port: CellPort): SessionState => {
    const { message } = event;
    try {
      handlers[message.type]?.(state, message, port);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      sendAfterCommit(state, port, errorFrame(error, message.id));
    }
    return state;
  };
  const closed = (state: SessionState): SessionState => {
    for (const watch of [...state.watches.values()]) watch.stop();
    return { ...state, phase: 'closed' };
  };
  return {
    name: SESSION_LOGIC,
    version: '1',
    initial: (start) => ({ phase: 'ready', connection: start.connection, principal: start.principal, watches: new Map() }),
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

/** The frame of an error; `re` is the id of the message it answers. */
export function errorFrame(error: unknown, re: string | undefined): object {
  return { type: 'error', ...(re !== undefined && { re }), ...toErrorBody(error) };
}

/** A task as `task.status` and pages show it. */
export function taskView(record: TaskRecord): object {
  const { id, status, seq, waiting, result } = record;
  return { task: id, status, seq, ...(waiting !== undefined && { waiting }), ...(result !== undefined && { result: resultView(result) }) };
}

/** A result without fields that are not set. */
export function resultView(result: TaskResult): object {
  const { status, output, error, degraded, usage, durationMs } = result;
  return { status, ...(output !== undefined && { output }), ...(error !== undefined && { error }), ...(degraded !== undefined && { degraded }), usage, durationMs };
}

/** What a request asks of the desk. */
export function submissionOf(request: TaskRequest): Submission {
  const { agent, capability, workflow, graph, goal, input, options, key } = request;
  const target = {
    ...(agent !== undefined && { agent }), ...(capability !== undefined && { capability }), ...(workflow !== undefined && { workflow }),
    ...(graph !== undefined && { graph }), ...(goal !== undefined && { goal }),
  };
  return { target, input, options: options ?? {}, ...(key !== undefined && { key }) };
}

type Handler = (state: SessionState, message: never, port: CellPort) => void;
type Handlers = Partial<Record<ClientMessage['type'], { bivariant(state: SessionState, message: ClientMessage, port: CellPort): void }['bivariant']>>;

function sendAfterCommit(state: SessionState, port: CellPort, frame: object): void {
  port.afterCommit(() => state.connection.send(frame));
}

/** Answers when a promise of the desk settles; what it gives is committed. */
function answer(state: SessionState, re: string | undefined, promise: Promise<object>): void {
  const { connection } = state;
  promise.then(
    (frame) => connection.send(re === undefined ? frame : { ...frame, re }),
    (error: unknown) => connection.send(errorFrame(error, re)),
  );
}

function createHandlers(deps: SessionDeps): Handlers {
  const { desk } = deps;
  const source = { feed: deps.feed, events: desk.events.bind(desk), result: (task: string) => desk.resultOf(task) };

  const watch = (state: SessionState, task: string, mode: WatchMode, after: number, isNew: boolean): void => {
    state.watches.get(task)?.stop();
    if (state.watches.size >= LIMITS.sessionWatchesMax) throw new OperatingError('BUSY', `A connection watches at most ${LIMITS.sessionWatchesMax} tasks.`);
    const onEnd = (): void => {
      if (state.watches.get(task) === opened) state.watches.delete(task);
    };
    const opened: Watch = new Watch(source, readerOf(state.connection), task, { mode, after, isNew, onEnd });
    state.watches.set(task, opened);
  };

  const submit = (state: SessionState, message: ClientMessageOf<'task.submit'>, port: CellPort): void => {
    const submission = submissionOf(message);
    const mode = message.watch ?? 'events';
    const take = (at: CellPort): void => {
      const { task, duplicate } = desk.submit(at, state.principal, submission);
      accepted(at, task, duplicate);
    };
    const accepted = (at: CellPort, task: string, duplicate: boolean): void => {
      at.afterCommit(() => {
        state.connection.send({ type: 'task.accepted', ...(message.id !== undefined && { re: message.id }), task, duplicate });
        if (duplicate && mode !== false) watch(state, task, mode, 0, false);
      });
      if (!duplicate && mode !== false) watch(state, task, mode, 0, true);
    };
    if (submission.key === undefined) return take(port);
    const fail = (error: unknown): void => state.connection.send(errorFrame(error, message.id));
    desk.duplicateOf(state.principal, submission).then((task) => {
      try {
        desk.inTurn((at) => (task === undefined ? take(at) : accepted(at, task, true)));
      } catch (error) {
        fail(error);
      }
    }, fail);
  };

  const startWatch = (state: SessionState, message: ClientMessageOf<'task.watch'>): void => {
    desk.get(state.principal, message.task).then(
      (record) => {
        const { connection } = state;
        connection.send({ type: 'task.status', ...(message.id !== undefined && { re: message.id }), ...taskView(record) });
        if (!connection.lost) watch(state, message.task, 'events', Math.min(message.after ?? 0, record.seq), false);
      },
      (error: unknown) => state.connection.send(errorFrame(error, message.id)),
    );
  };

  return {
    ping: (state, message) => state.connection.send({ type: 'pong', ...(message.id !== undefined && { re: message.id }) }),
    auth: (state, message) => state.connection.send({ type: 'ok', ...(message.id !== undefined && { re: message.id }) }),
    'task.submit': submit as Handler,
    'task.watch': startWatch as Handler,
    'task.unwatch': ((state: SessionState, message: ClientMessageOf<'task.unwatch'>) => {
      state.watches.get(message.task)?.stop();
      answer(state, message.id, Promise.resolve({ type: 'ok' }));
    }) as Handler,
    'task.get': ((state: SessionState, message: ClientMessageOf<'task.get'>) =>
      answer(state, message.id, desk.get(state.principal, message.task).then((record) => ({ type: 'task.status', ...taskView(record) })))) as Handler,
    'task.list': ((state: SessionState, message: ClientMessageOf<'task.list'>) =>
      answer(state, message.id, listTasks(desk, state.principal, message))) as Handler,
    'task.cancel': ((state: SessionState, message: ClientMessageOf<'task.cancel'>) =>
      answer(state, message.id, desk.cancel(state.principal, message.task, message.reason).then(() => ({ type: 'ok' })))) as Handler,
    'task.signal': ((state: SessionState, message: ClientMessageOf<'task.signal'>) =>
      answer(state, message.id, desk.signal(state.principal, message.task, message.name, message.data).then(() => ({ type: 'ok' })))) as Handler,
    'agent.list': ((state: SessionState, message: ClientMessageOf<'agent.list'>) =>
      answer(state, message.id, Promise.resolve({ type: 'agent.page', agents: deps.agents(message.capability), cursor: null }))) as Handler,
    'agent.tell': ((state: SessionState, message: ClientMessageOf<'agent.tell'>) =>
      answer(state, message.id, desk.tell(message.agent, message.key, message.event).then(() => ({ type: 'ok' })))) as Handler,
    'agent.ask': ((state: SessionState, message: ClientMessageOf<'agent.ask'>) =>
      answer(state, message.id, ask(desk, message))) as Handler,
    ...notAvailable(['approval.resolve', 'topic.subscribe', 'topic.unsubscribe', 'topic.publish', 'state.get', 'state.set', 'state.watch']),
  };
}

async function listTasks(desk: Desk, principal: string, message: ClientMessageOf<'task.list'>): Promise<object> {
  const { status, labels, cursor, limit = LIMITS.listDefault } = message;
  const page = await desk.list(principal, {
    limit, ...(status !== undefined && { status }), ...(labels !== undefined && { labels }), ...(cursor !== undefined && { cursor }),
  });
  return { type: 'task.page', tasks: page.tasks.map(taskView), cursor: page.cursor ?? null };
}

async function ask(desk: Desk, message: ClientMessageOf<'agent.ask'>): Promise<object> {
  const value = await desk.ask(message.agent, message.key, message.event, message.timeoutMs ?? LIMITS.askTimeoutDefaultMs);
  return { type: 'agent.reply', agent: message.agent, key: message.key, value };
}

function notAvailable(types: readonly ClientMessage['type'][]): Handlers {
  return Object.fromEntries(
    types.map((type) => [type, () => {
      throw new OperatingError('NOT_AVAILABLE', `${type} is not part of this version.`);
    }]),
  );
}

function readerOf(connection: Connection): WatchReader {
  return {
    event: (task: string, event: TaskEvent) => connection.send({ type: 'task.event', task, seq: event.seq, at: event.at, kind: event.kind, data: event.data }),
    result: (task: string, seq: number, result: TaskResult) => connection.send({ type: 'task.result', task, seq, ...resultView(result) }),
    failed: (task: string, error: ErrorBody) => connection.send({ type: 'error', ...error, details: { task } }),
    ready: () => connection.ready(),
  };
}
