/**
 * Clients over sockets and REST that ask a node for everything at once, go on over its crashes, and write down what they
 * did and saw. What was not answered is unknown; a submission with a key is repeated until it is answered.
 */
import type { History, Operation } from '../support/history/history.ts';
import { type Frame, Wire } from '../support/wire.ts';
import { pass } from './fault-rig.ts';

/** What a load is made of. */
export interface LoadOptions {
  readonly url: string;
  readonly socketUrl: string;
  readonly history: History;
  /** Numbers from 0 to 1. */
  readonly random: () => number;
  readonly sockets?: number;
  readonly restClients?: number;
  /** Pause of one client between two things it asks for. */
  readonly pauseMs?: number;
  readonly inFlightMax?: number;
  /** Share of what sockets ask for that are messages to keyed actors; 0: none at all. Default: 0.3. */
  readonly messageShare?: number;
  /** So many tasks that are followed may be at work before no more are asked for. Default: any number. */
  readonly unfinishedMax?: number;
  /** What is asked for. Default: what fault nodes offer. */
  readonly wish?: (mark: string, key: string | undefined, random: () => number) => Wish;
}

/** A submission, and what is known of it before. */
export interface Wish {
  readonly operation: Extract<Operation, { op: 'submit' }>;
  readonly target: object;
}

/** Answers after which nobody knows what came of it. */
const UNKNOWN = new Set(['INTERNAL', 'TIMEOUT', 'CANCELED']);
const RECONNECT_MS = 25;
const ACTORS = 4;
const WAIT_MS_MAX = 400;
/** So often a message crashes its actor and waits in the store to be delivered again: well within what supervisors allow. */
const STUMBLE_EVERY_MS = 700;

/** Load from several clients, until it is stopped. */
export class MixedLoad {
  readonly #options: LoadOptions;
  readonly #clients: Promise<void>[] = [];
  #running = true;
  #marks = 0;
  #connections = 0;
  /** Keyed wishes that were not answered. */
  readonly #again: Wish[] = [];
  /** Answered ones, to be asked for once more. */
  readonly #answered: { readonly wish: Wish; readonly task: string }[] = [];
  #stumbledAtMs = -Infinity;
  /** What is followed and has not ended, and what of it waits for a person. */
  readonly #followed = new Set<string>();
  readonly #doubted = new Set<string>();
  acknowledged = 0;
  refused = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    const { sockets = 2, restClients = 1 } = options;
    for (let index = 0; index < sockets; index++) this.#clients.push(this.#socketClient(`s${index}`));
    for (let index = 0; index < restClients; index++) this.#clients.push(this.#restClient());
  }

  /** Stops asking; resolves when each client has its last answer, or knows that none will come. */
  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#clients);
  }

  // ---- over sockets

  async #socketClient(name: string): Promise<void> {
    const { pauseMs = 4, inFlightMax = 24 } = this.#options;
    const unfinished = new Map<string, number>();
    const sent = new Map<string, number>();
    while (this.#running) {
      const wire = await Wire.open(this.#options.socketUrl).catch(() => undefined);
      if (wire === undefined) {
        await pass(RECONNECT_MS);
        continue;
      }
      const gone = wire.closed.then(() => true);
      const connection = `${name}-${++this.#connections}`;
      this.#follow(wire, connection, unfinished);
      const open = new Set<Promise<void>>();
      let isGone = false;
      void gone.then(() => (isGone = true));
      while (this.#running && !isGone) {
        if (open.size < inFlightMax && !this.#isFull) {
          const asked = this.#ask(wire, connection, name, sent, unfinished).finally(() => open.delete(asked));
          open.add(asked);
        }
        await pass(pauseMs * 2 * this.#options.random());
        wire.frames.length = 0;
      }
      await Promise.race([Promise.all(open), gone]);
      if (!isGone) await wire.close();
      await Promise.all(open);
    }
  }

  /** Notes what is shown of tasks, and watches on where an earlier connection was cut off. */
  #follow(wire: Wire, connection: string, unfinished: Map<string, number>): void {
    const { history } = this.#options;
    wire.listen((frame) => {
      const { task } = frame;
      if (task === undefined) return;
      noteShown(history, connection, task, frame);
      if (frame.type === 'task.result') unfinished.delete(task);
      else if (frame.type === 'task.event') unfinished.set(task, Number(frame.seq));
      if (frame.type === 'task.result') this.#followed.delete(task);
      if (frame.kind === 'effect.unknown') this.#doubted.add(task);
      else if (frame.type === 'task.result' || frame.kind === 'effect.resolved') this.#doubted.delete(task);
    });
    for (const [task, after] of unfinished) {
      history.note({ type: 'watch', connection, task, after });
      wire.send({ type: 'task.watch', id: `w-${task}`, task, after });
    }
  }

  async #ask(
    wire: Wire,
    connection: string,
    name: string,
    sent: Map<string, number>,
    unfinished: Map<string, number>,
  ): Promise<void> {
    const { random, messageShare = 0.3 } = this.#options;
    if (messageShare === 0) return await this.#submit(wire, connection, unfinished);
    const actor = `a${Math.floor(random() * ACTORS)}`;
    // The first thing that is asked of each life of the node, too: few other messages are cut while they still wait.
    const stumbles = performance.now() - this.#stumbledAtMs >= STUMBLE_EVERY_MS;
    const choice = random() / messageShare;
    if (stumbles) {
      this.#stumbledAtMs = performance.now();
      return await this.#append(wire, name, actor, sent, true);
    }
    if (choice < 0.5) {
      const operation = { op: 'add', actor, n: 1 + Math.floor(random() * 9) } as const;
      const event = { type: 'add', n: operation.n };
      return await this.#message(
        operation,
        wire.request({ type: 'agent.tell', agent: 'lab.counter', key: actor, event }),
      );
    }
    if (choice < 0.7) {
      const event = { type: 'get' };
      const request = wire.request({ type: 'agent.ask', agent: 'lab.counter', key: actor, event, timeoutMs: 10_000 });
      return await this.#message({ op: 'total', actor }, request, ({ value }) => (value as { total: number }).total);
    }
    if (choice < 1) return await this.#append(wire, name, actor, sent, false);
    await this.#submit(wire, connection, unfinished);
  }

  async #submit(wire: Wire, connection: string, unfinished: Map<string, number>): Promise<void> {
    const { history } = this.#options;
    const wish = this.#wish();
    const { operation } = wish;
    const id = history.invoke(operation);
    const end = wire.listen((frame) => {
      if (frame.type !== 'task.accepted' || frame.re !== `x${id}`) return;
      // From here on its log is shown from the beginning.
      history.note({ type: 'watch', connection, task: String(frame.task), after: 0 });
      unfinished.set(String(frame.task), 0);
      this.#followed.add(String(frame.task));
    });
    await this.#submitted(wish, id, this.#answer(wire, { type: 'task.submit', ...wish.target }, `x${id}`));
    end();
  }

  async #append(
    wire: Wire,
    sender: string,
    actor: string,
    sent: Map<string, number>,
    stumbles: boolean,
  ): Promise<void> {
    const n = (sent.get(actor) ?? 0) + 1;
    sent.set(actor, n);
    const event = { type: 'append', sender, n, ...(stumbles && { stumble: `${actor}-${sender}-${n}` }) };
    const request = wire.request({ type: 'agent.tell', agent: 'fault.list', key: actor, event });
    await this.#message({ op: 'append', actor, sender, n }, request);
  }

  #answer(wire: Wire, message: object, id: string): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const end = wire.listen((frame) => {
        if (frame.re !== id) return;
        end();
        resolve(frame);
      });
      void wire.closed.then(reject);
      wire.send({ ...message, id });
    });
  }

  async #message(
    operation: Operation,
    request: Promise<Frame>,
    valueOf: (frame: Frame) => number | undefined = () => undefined,
  ): Promise<void> {
    const { history } = this.#options;
    const id = history.invoke(operation);
    const frame = await request.catch(() => undefined);
    if (frame === undefined) return history.info(id, 'the connection ended');
    if (frame.type !== 'error') return history.ok(id, valueOf(frame));
    this.#refuse(id, String(frame.code));
  }

  async #submitted(wish: Wish, id: number, answer: Promise<Frame>): Promise<void> {
    const { history } = this.#options;
    const frame = await answer.catch(() => undefined);
    if (frame?.task !== undefined && frame.type === 'task.accepted') {
      history.ok(id, frame.task);
      this.#accepted(wish, frame.task);
    } else {
      if (frame === undefined) history.info(id, 'the connection ended');
      else this.#refuse(id, String(frame.code));
      this.#later(wish, frame?.code);
    }
  }

  // ---- over REST

  async #restClient(): Promise<void> {
    const { url, random, history, pauseMs = 4 } = this.#options;
    while (this.#running) {
      if (this.#isFull) {
        await pass(RECONNECT_MS);
        continue;
      }
      const wish = this.#wish();
      const id = history.invoke(wish.operation);
      const answer = await post(`${url}/api/v1/tasks`, wish.target);
      if (answer === undefined) {
        history.info(id, 'no answer');
        this.#later(wish, undefined);
        await pass(RECONNECT_MS);
      } else if (answer.task !== undefined) {
        history.ok(id, answer.task);
        this.#accepted(wish, answer.task);
      } else {
        this.#refuse(id, answer.code ?? 'INTERNAL');
        this.#later(wish, answer.code);
      }
      await pass(pauseMs * 2 * random());
    }
  }

  // ---- wishes

  get #isFull(): boolean {
    // What waits for a word keeps nobody from asking for more.
    return this.#followed.size - this.#doubted.size >= (this.#options.unfinishedMax ?? Infinity);
  }

  #refuse(id: number, code: string): void {
    if (UNKNOWN.has(code)) return this.#options.history.info(id, code);
    this.refused += 1;
    this.#options.history.fail(id, code);
  }

  #accepted(wish: Wish, task: string): void {
    this.acknowledged += 1;
    if (wish.operation.key !== undefined && this.#answered.length < 50) this.#answered.push({ wish, task });
  }

  #later(wish: Wish, code: string | undefined): void {
    if (wish.operation.key !== undefined && code !== 'IDEMPOTENCY_MISMATCH') this.#again.push(wish);
  }

  #wish(): Wish {
    const { random } = this.#options;
    const again = this.#again.shift();
    if (again !== undefined) return again;
    if (random() < 0.08) {
      // Of one that is followed still there would be two watches, and no telling which of them stands.
      const at = this.#answered.findIndex(({ task }) => !this.#followed.has(task));
      const repeated = at < 0 ? undefined : this.#answered.splice(at, 1)[0]?.wish;
      if (repeated !== undefined) return random() < 0.5 ? repeated : anotherBody(repeated);
    }
    return this.#fresh(`m${++this.#marks}`);
  }

  #fresh(mark: string): Wish {
    const { random } = this.#options;
    const key = random() < 0.5 ? `key-${mark}` : undefined;
    const { wish } = this.#options;
    if (wish !== undefined) return wish(mark, key, random);
    const choice = random();
    const output = JSON.stringify(mark);
    if (choice < 0.35) return wishOf(mark, key, { agent: 'lab.echo', input: mark }, { expect: output });
    if (choice < 0.6)
      return wishOf(mark, key, { agent: 'fault.keyed', input: { mark } }, { expect: output, call: 'keyed' });
    if (choice < 0.7) return wishOf(mark, key, { agent: 'fault.unsafe', input: { mark } }, { call: 'unsafe' });
    if (choice < 0.9) {
      const input = { ms: Math.floor(random() * WAIT_MS_MAX), mark };
      return wishOf(mark, key, { agent: 'fault.wait', input }, { expect: output });
    }
    const steps = [
      { id: 'one', agent: 'lab.echo', input: '${input}' },
      { id: 'two', agent: 'lab.echo', needs: ['one'], input: '${steps.one.output}' },
    ];
    const graph = { steps, output: '${steps.two.output}' };
    return wishOf(mark, key, { graph, input: mark }, { expect: output });
  }
}

/** Notes one frame of a task. */
function noteShown(history: History, connection: string, task: string, frame: Frame): void {
  const { seq, at, kind, status, data } = frame;
  if (frame.type === 'task.event') {
    const event = { seq: Number(seq), at: Number(at), kind: String(kind), data: JSON.stringify(data) };
    history.note({ type: 'event', connection, task, ...event });
  } else if (frame.type === 'task.result') {
    const value = resultText(frame.output, frame.error);
    history.note({ type: 'result', connection, task, seq: Number(seq), status: String(status), value });
  } else if (frame.type === 'gap')
    history.note({ type: 'gap', connection, task, from: Number(frame['from']), to: Number(frame['to']) });
}

/** A result as histories keep it. */
export function resultText(output: unknown, error: { readonly code: string } | undefined): string {
  return error === undefined ? (JSON.stringify(output) ?? 'undefined') : error.code;
}

/** The wish for a request; `more` is what is known of it before. */
export function wishOf(
  mark: string,
  key: string | undefined,
  request: object,
  more: Partial<Extract<Operation, { op: 'submit' }>> = {},
): Wish {
  const target = { ...request, ...(key !== undefined && { key }), options: { labels: { mark } } };
  const operation = {
    op: 'submit',
    mark,
    body: JSON.stringify(target),
    ...(key !== undefined && { key }),
    ...more,
  } as const;
  return { operation, target };
}

function anotherBody({ operation, target }: Wish): Wish {
  const other = { ...target, input: { mark: 'another', ms: 1 } };
  return { operation: { ...operation, body: JSON.stringify(other) }, target: other };
}

async function post(url: string, body: object): Promise<{ task?: string; code?: string } | undefined> {
  try {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    return (await response.json()) as { task?: string; code?: string };
  } catch {
    return undefined;
  }
}
