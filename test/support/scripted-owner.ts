/** The owner's end of a link, by a table: says what it is told to say, answers requests as the table has it, and keeps all it heard. */
import type { Link } from '../../cluster/link/link.ts';
import { OperatingError, toErrorBody } from '../../protocol/errors.ts';
import {
  MESH_MESSAGES,
  type MeshMessage,
  type MeshMessageOf,
  type MeshMessageType,
} from '../../protocol/mesh-messages.ts';
import type { PairEnd } from './link-pair.ts';

/** A request, and the way to the functions that came with it. */
export interface Asked extends MeshMessageOf<'call.request'> {
  /** Has a function of it made. Rejects with what it threw, as that came over. */
  run(which: 'do' | 'probe', ...args: unknown[]): Promise<unknown>;
}

/** By verb: what is answered, or thrown; `undefined` in the table: it is left open. */
export type Answers = Readonly<Record<string, ((asked: Asked) => unknown) | undefined>>;

type Start = MeshMessageOf<'call.start'>;
type Given = Partial<Start> & { readonly workInput?: unknown };

/** A call to start, where nothing else is said. */
const START = {
  ...{ type: 'call.start', call: 'run/t/s/1 run', token: 'token-1', agent: 'worker.one@1.0.0', address: 'run/t/s/1' },
  ...{ key: 'run', name: 'run', kind: 'keyed', input: undefined, again: false, life: 0 },
  work: { task: 't', step: 's', attempt: 1, owner: 'step/t/s', input: undefined },
} as const satisfies Start;

/** The owner of one session. */
export class ScriptedOwner {
  readonly heard: MeshMessage[] = [];
  /** Functions that it wanted, in order: `1 do`, `2 probe`. */
  readonly invoked: string[] = [];
  /** Settles calls when it hears of their outcomes. */
  settles = true;
  /** What answers carry of the budget. */
  left: Readonly<Record<string, number>> | undefined;
  readonly #link: Link;
  readonly #answers: Answers;
  readonly #invocations = new Map<number, (outcome: MeshMessageOf<'function.done'>) => void>();
  #last = 0;

  constructor(end: PairEnd, answers: Answers = {}, firstInvocation = 0) {
    this.#link = end;
    this.#answers = answers;
    this.#last = firstInvocation;
    end.ears = {
      onMessage: (message, done) => {
        // What is not said as the protocol has it ends the test.
        MESH_MESSAGES.worker[message.type as keyof typeof MESH_MESSAGES.worker].parse(message);
        this.heard.push(message);
        this.#hear(message);
        done();
      },
      onEnd: () => undefined,
    };
  }

  /** Begins a call. `workInput`: the input of the work. */
  start(given?: Given): void {
    this.say(this.starting(given));
  }

  /** What begins a call. */
  starting({ workInput, ...fields }: Given = {}): Start {
    const work = { ...START.work, ...fields.work, ...(workInput !== undefined && { input: workInput }) };
    return { ...START, ...fields, work };
  }

  join(token: string, call: string = START.call): void {
    this.say({ type: 'call.join', call, token });
  }

  cancel(token: string = START.token, call: string = START.call): void {
    const error = new OperatingError('CANCELED', 'The task was canceled.').toBody();
    this.say({ type: 'call.cancel', call, token, error });
  }

  say(message: MeshMessage): void {
    this.#link.send(message);
  }

  /** All of a type that it heard, in order. */
  of<T extends MeshMessageType>(type: T): MeshMessageOf<T>[] {
    return this.heard.filter((message): message is MeshMessageOf<T> => message.type === type);
  }

  /** The requests that it heard, as `number verb`, and where they were asked for within a function `number verb <invocation`. */
  requests(): string[] {
    return this.of('call.request').map(
      ({ request, verb, within }) => `${request} ${verb}${within === undefined ? '' : ` <${within}`}`,
    );
  }

  #hear(message: MeshMessage): void {
    if (message.type === 'call.request') void this.#answer(message);
    if (message.type === 'function.done') this.#invocations.get(message.invocation)?.(message);
    if (message.type === 'call.outcome' && this.settles)
      this.say({ type: 'call.settled', call: message.call, token: message.token });
  }

  async #answer(request: MeshMessageOf<'call.request'>): Promise<void> {
    const answer = this.#answers[request.verb];
    if (answer === undefined) return;
    const place = { type: 'request.done', call: request.call, token: request.token, request: request.request } as const;
    const left = () => (this.left === undefined ? {} : { left: this.left });
    try {
      const value = await answer({ ...request, run: (which, ...args) => this.#invoke(request, which, args) });
      this.say({ ...place, ok: true, value, ...left() });
    } catch (error) {
      this.say({ ...place, ok: false, error: toErrorBody(error), ...left() });
    }
  }

  async #invoke(asked: MeshMessageOf<'call.request'>, which: 'do' | 'probe', args: unknown[]): Promise<unknown> {
    const { call, token, request } = asked;
    const invocation = ++this.#last;
    this.invoked.push(`${request} ${which}`);
    const done = new Promise<MeshMessageOf<'function.done'>>((resolve) => {
      this.#invocations.set(invocation, resolve);
    });
    this.say({ type: 'function.invoke', call, token, request, invocation, which, args });
    const { ok, value, error } = await done;
    if (!ok && error !== undefined) throw OperatingError.fromBody(error);
    return value;
  }
}
