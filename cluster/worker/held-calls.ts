/** The calls that a worker has not forgotten, by their names and tokens. What comes for another dispatch of one changes nothing. */
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { namesOf } from '../../actors/agent-names.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { MeshMessage, MeshMessageOf } from '../../protocol/mesh-messages.ts';
import type { Post } from './post.ts';
import { WorkerCall, type WorkerCallDeps } from './worker-call.ts';

/** How long a call that still runs waits for an owner that has come back to ask for it. */
const UNASKED_MS_MAX = LIMITS.meshLostMs * 10;

/** How many there are: held, and of all that were begun those whose code still runs. */
export interface HeldFigures {
  readonly held: number;
  readonly running: number;
}

/** The calls of one worker. */
export class HeldCalls {
  readonly #deps: WorkerCallDeps;
  readonly #agents: ReadonlyMap<string, AgentDefinition>;
  readonly #calls = new Map<string, WorkerCall>();
  /** Those whose code runs, whether they are held or not. */
  readonly #running = new Set<WorkerCall>();
  /** What calls waited for at the last look. */
  readonly #restedOn = new WeakMap<WorkerCall, number>();
  #isDraining = false;
  #onEmpty: (() => void) | undefined;

  constructor(deps: Omit<WorkerCallDeps, 'onStopped' | 'onForgotten'>, agents: readonly AgentDefinition[]) {
    this.#agents = new Map(agents.map((agent) => [namesOf(agent).reference, agent]));
    this.#deps = {
      ...deps,
      onStopped: (call) => void this.#running.delete(call),
      onForgotten: (call) => this.#forgotten(call),
    };
  }

  /** What the owner says. */
  hear(message: MeshMessage, post: Post): void {
    if (message.type === 'call.start') return this.#start(message, post);
    if (message.type === 'call.join') return this.#join(message, post);
    if (!('token' in message)) return;
    const call = this.#calls.get(message.call);
    if (call === undefined || call.token !== message.token) return;
    switch (message.type) {
      case 'call.cancel':
        return call.cancel(OperatingError.fromBody(message.error), post);
      case 'call.settled':
        return call.settled();
      case 'request.done':
        return call.answer(message);
      case 'function.invoke':
        return call.invoke(message);
      default:
    }
  }

  /** What an owner in a new session is told first. A call that it could not join is not held any longer. */
  holds(): MeshMessageOf<'node.holds'> {
    for (const call of this.#calls.values()) {
      if (call.state === 'ended' || call.requests.isJoinable) continue;
      call.drop(
        new OperatingError('UNAVAILABLE', 'The owner was away, and the call has asked for too much to be joined.'),
      );
    }
    const held = [...this.#calls.values()].filter(({ isWanted }) => isWanted);
    const calls = held.map(({ name, token, state }) => ({ call: name, token, state }));
    return { type: 'node.holds', calls };
  }

  /** Then it hears of what has ended; what runs waits to be joined, but not for ever. */
  meet(post: Post): void {
    for (const call of this.#calls.values()) {
      if (call.state === 'ended') call.tell(post);
      else call.watch(UNASKED_MS_MAX, post);
    }
  }

  /** Takes nothing new any more. @returns resolves once nothing is held. */
  drain(): Promise<void> {
    this.#isDraining = true;
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      if (this.#calls.size === 0) resolve();
    });
  }

  /** Stops what still runs, and leaves it to others. */
  handBack(post: Post): void {
    for (const call of [...this.#calls.values()]) this.#handBack(call, post);
  }

  /** The same for what only waits, and did at the last look: a node need not stay for that. */
  handBackResting(post: Post): void {
    for (const call of [...this.#calls.values()]) {
      const { restsOn } = call.requests;
      if (restsOn !== undefined && this.#restedOn.get(call) === restsOn) this.#handBack(call, post);
      else if (restsOn !== undefined) this.#restedOn.set(call, restsOn);
    }
  }

  #handBack(call: WorkerCall, post: Post): void {
    if (call.state === 'ended') return;
    const error = new OperatingError('DRAINING', 'The node that made this call is stopping.');
    call.drop(error);
    post.sendSurely({ type: 'call.handback', call: call.name, token: call.token, reason: error.message });
  }

  figures(): HeldFigures {
    return { held: this.#calls.size, running: this.#running.size };
  }

  #start(start: MeshMessageOf<'call.start'>, post: Post): void {
    const held = this.#calls.get(start.call);
    if (held?.token === start.token) return;
    held?.drop(new OperatingError('CANCELED', 'The call is made anew.'));
    const agent = this.#agents.get(start.agent);
    const reason = this.#refusal(start.agent, agent);
    if (agent === undefined || reason !== undefined) return handBack(post, start, reason ?? '');
    const call = new WorkerCall(this.#deps, start, post);
    this.#calls.set(start.call, call);
    this.#running.add(call);
    call.begin(agent);
  }

  #refusal(reference: string, agent: AgentDefinition | undefined): string | undefined {
    if (this.#isDraining) return 'The node is stopping.';
    if (agent === undefined) return `The node does not offer ${reference}.`;
    // Code that does not heed its signal takes its place for as long as it runs.
    const taken = Math.max(this.#calls.size, this.#running.size);
    return taken < LIMITS.workerCallsMax ? undefined : `The node holds ${LIMITS.workerCallsMax} calls.`;
  }

  #join(join: MeshMessageOf<'call.join'>, post: Post): void {
    const call = this.#calls.get(join.call);
    if (call === undefined || !call.isWanted) return handBack(post, join, 'The node does not hold this call.');
    if (call.token === join.token) return;
    if (call.requests.isJoinable) return call.join(join.token, post);
    call.drop(new OperatingError('UNAVAILABLE', 'The call has asked for too much to be joined.'));
    handBack(post, join, 'The call has asked for too much to be joined; it was stopped.');
  }

  #forgotten(call: WorkerCall): void {
    if (this.#calls.get(call.name) !== call) return;
    this.#calls.delete(call.name);
    if (this.#calls.size === 0) this.#onEmpty?.();
  }
}

function handBack(
  post: Post,
  { call, token }: { readonly call: string; readonly token: string },
  reason: string,
): void {
  post.sendSurely({ type: 'call.handback', call, token, reason });
}
