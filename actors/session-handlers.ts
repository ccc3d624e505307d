/** What a session does with each type of message: asks the desk, and answers. */
import type { ClientMessage, ClientMessageOf, ClientMessageType } from '../protocol/client-messages.ts';
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { TaskEvent, TaskResult } from '../protocol/tasks.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { Connection, SessionDeps, SessionState } from './session.ts';
import { errorFrame, resultView, submissionOf, taskView } from './session-frames.ts';
import { createRequests, OK, type Request, type Requests } from './session-requests.ts';
import { StateWatch } from './state/state-requests.ts';
import { Watch, type WatchMode, type WatchReader, type WatchSource } from './watch.ts';

const DONE = Promise.resolve();
const READS: ReadonlySet<ClientMessageType> = new Set(['task.get', 'task.list', 'agent.list']);

/** The handlers of one node's sessions. */
export class SessionHandlers {
  readonly #deps: SessionDeps;
  readonly #requests: Requests;
  readonly #source: WatchSource;
  /** The last of the reads that each connection waits for. */
  readonly #reads = new WeakMap<Connection, Promise<void>>();
  /** One reader for all watches of a connection. */
  readonly #readers = new WeakMap<Connection, WatchReader>();

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#requests = createRequests(deps);
    const { desk, feed } = deps;
    this.#source = {
      feed,
      events: (task, after, limit) => desk.events(task, after, limit),
      end: (task) => desk.endOf(task),
    };
  }

  #readerOf(connection: Connection): WatchReader {
    let reader = this.#readers.get(connection);
    if (reader === undefined) this.#readers.set(connection, (reader = readerOf(connection)));
    return reader;
  }

  /** Handles one message in the session's turn. Errors: any of the desk's, for the session to answer. */
  handle(state: SessionState, message: ClientMessage, port: CellPort): void {
    if (message.type === 'task.submit') return this.#submit(state, message, port);
    if (message.type === 'task.watch') return this.#startWatch(state, message);
    if (message.type === 'task.unwatch') return this.#unwatch(state, message);
    if (message.type === 'state.watch') return this.#watchState(state, message);
    const request = this.#requests[message.type] as Request<ClientMessage> | undefined;
    if (request === undefined) throw new OperatingError('UNKNOWN_TYPE', `No session handles ${message.type}.`);
    const answer = (): Promise<object> => request(message, state);
    if (READS.has(message.type)) this.#read(state.connection, message.id, answer);
    else reply(state.connection, message.id, answer());
  }

  /** What is read may be large: the reads of one connection follow one another, at the pace of its reader. */
  #read(connection: Connection, re: string | undefined, read: () => Promise<object>, then?: () => void): void {
    const before = this.#reads.get(connection) ?? DONE;
    const next = before.then(async () => {
      await connection.ready();
      try {
        connection.send(withRe(await read(), re));
        then?.();
      } catch (error) {
        connection.send(errorFrame(error, re));
      }
    });
    this.#reads.set(connection, next);
  }

  #submit(state: SessionState, message: ClientMessageOf<'task.submit'>, port: CellPort): void {
    const { desk } = this.#deps;
    const submission = submissionOf(message);
    // Before the task is taken on: what is refused must not have begun.
    if (message.watch !== false) admitWatch(state);
    const take = (at: CellPort): void => {
      const { task, duplicate } = desk.submit(at, state.principal, submission);
      this.#accepted(state, message, at, task, duplicate);
    };
    if (submission.key === undefined) return take(port);
    // The key may be in the store alone: what follows the look-up is a turn of its own.
    const inTurn = (task: string | undefined): void =>
      desk.inTurn((at) => (task === undefined ? take(at) : this.#accepted(state, message, at, task, true)));
    desk
      .duplicateOf(state.principal, submission)
      .then(inTurn)
      .catch((error: unknown) => state.connection.send(errorFrame(error, message.id)));
  }

  /**
   * Answers once the task is committed: for a new one that is its first line, which the watch that is opened here hears
   * too, after the answer.
   */
  #accepted(
    state: SessionState,
    message: ClientMessageOf<'task.submit'>,
    port: CellPort,
    task: string,
    duplicate: boolean,
  ): void {
    const mode = message.watch ?? 'events';
    const answer = (): void => state.connection.send(withRe({ type: 'task.accepted', task, duplicate }, message.id));
    if (duplicate) {
      port.afterCommit(() => {
        answer();
        if (mode !== false) this.#watch(state, task, mode, 0, false);
      });
      return;
    }
    const unlisten = this.#deps.feed.listen(task, () => {
      unlisten();
      answer();
    });
    if (mode !== false) this.#watch(state, task, mode, 0, true);
  }

  #startWatch(state: SessionState, message: ClientMessageOf<'task.watch'>): void {
    const { connection, principal } = state;
    const { task, after = 0, id } = message;
    let from = after;
    const read = async (): Promise<object> => {
      const record = await this.#deps.desk.get(principal, task);
      admitWatch(state, task);
      from = Math.min(after, record.seq);
      return { type: 'task.status', ...taskView(record) };
    };
    this.#read(connection, id, read, () => this.#watch(state, task, 'events', from, false));
  }

  /** Behind the reads: a watch that is yet to be opened is meant as well. */
  #unwatch(state: SessionState, { task, id }: ClientMessageOf<'task.unwatch'>): void {
    const unwatch = async (): Promise<object> => {
      state.watches.get(task)?.stop();
      return OK;
    };
    this.#read(state.connection, id, unwatch);
  }

  #watchState(state: SessionState, { scope, name, id }: ClientMessageOf<'state.watch'>): void {
    const watch = new StateWatch(this.#deps.state, state, { scope, name });
    this.#read(
      state.connection,
      id,
      () => watch.open(),
      () => watch.begin(),
    );
  }

  #watch(state: SessionState, task: string, mode: WatchMode, after: number, isNew: boolean): void {
    if (state.connection.lost) return;
    state.watches.get(task)?.stop();
    const onEnd = (): void => {
      if (state.watches.get(task) === watch) state.watches.delete(task);
    };
    const watch: Watch = new Watch(this.#source, this.#readerOf(state.connection), task, { mode, after, isNew, onEnd });
    state.watches.set(task, watch);
  }
}

/** Errors: BUSY. A task that is watched already is watched anew, not twice. */
function admitWatch({ watches }: SessionState, task?: string): void {
  if (watches.size < LIMITS.sessionWatchesMax || (task !== undefined && watches.has(task))) return;
  throw new OperatingError('BUSY', `A connection watches at most ${LIMITS.sessionWatchesMax} tasks.`, {
    retryAfterMs: 1_000,
  });
}

function reply(connection: Connection, re: string | undefined, promise: Promise<object>): void {
  promise.then(
    (frame) => connection.send(withRe(frame, re)),
    (error: unknown) => connection.send(errorFrame(error, re)),
  );
}

function withRe(frame: object, re: string | undefined): object {
  return re === undefined ? frame : { ...frame, re };
}

function readerOf(connection: Connection): WatchReader {
  return {
    event: (task: string, { seq, at, kind, data }: TaskEvent) =>
      connection.send({ type: 'task.event', task, seq, at, kind, data }),
    result: (task: string, seq: number, result: TaskResult) =>
      connection.send({ type: 'task.result', task, seq, ...resultView(result) }),
    gap: (task: string, from: number, to: number) => connection.send({ type: 'gap', task, from, to }),
    failed: (task: string, error: ErrorBody) => connection.send({ type: 'error', ...error, details: { task } }),
    ready: () => connection.ready(),
  };
}
