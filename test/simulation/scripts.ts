/** What clients do, each thing as a script of its own: submit and follow a task to its end, tell and ask ledgers, read. */
import { isTerminal, type TaskStatus } from '../../protocol/tasks.ts';
import type { Frame, Judge } from './judge.ts';
import { LedgerBook } from './ledger-book.ts';
import type { Outside } from './outside.ts';
import type { Rng } from './rng.ts';
import type { Answer, SimulatedClient } from './simulated-client.ts';
import { NOBODY, type SimulatedWorld } from './simulated-world.ts';
import { type End, type Job, LEDGER_KEYS, type Maker, makeJob, makeTell } from './workload.ts';

/** What scripts work with. */
export interface ScriptParts {
  readonly world: SimulatedWorld;
  readonly judge: Judge;
  readonly outside: Outside;
  readonly rng: Rng;
  readonly clients: readonly SimulatedClient[];
  /** The wall clock jumps in this run. */
  readonly jumps: boolean;
  readonly makers: readonly Maker[];
}

/** What became of one job. */
export interface Followed {
  readonly job: Job;
  readonly task: string;
  end: End | undefined;
  /** It waited for a person, and was canceled. */
  parked: boolean;
}

const AGAIN_CODES: ReadonlySet<unknown> = new Set(['BUSY', 'STORE_UNAVAILABLE', 'DRAINING', 'TIMEOUT', 'UNAVAILABLE']);
/** Nobody has come yet who has what the work needs. */
const LACKING_CODES: ReadonlySet<unknown> = new Set(['NO_AGENT', 'WORKFLOW_INVALID']);
const PAUSE_MS = 1_500;
/** Of scripts: more messages at once than a mailbox holds. */
const BURST = 0.0008;
const BURST_MESSAGES = 1_100;
/** A timer may fire a little early by the platform's clock; a cell's never does by the wall clock. */
const SLACK_MS = 2;

/** All scripts of one run. */
export class Scripts {
  readonly book: LedgerBook;
  /** Tasks that were acknowledged. */
  readonly followed = new Map<string, Followed>();
  readonly #parts: ScriptParts;
  readonly #keys = new Map<string, string>();
  #running = 0;
  #names = 0;

  constructor(parts: ScriptParts) {
    this.#parts = parts;
    this.book = new LedgerBook(parts.judge);
  }

  /** Scripts that are not at their end. */
  get running(): number {
    return this.#running;
  }

  /** Begins some script after a time. */
  later(delayMs: number): void {
    const { world, rng } = this.#parts;
    const kind = rng.next();
    const client = rng.pick(this.#parts.clients);
    this.#running++;
    const script = (): Promise<void> => {
      if (kind < BURST) return this.#burst(client);
      if (kind < 0.55) return this.#work(client);
      if (kind < 0.75) return this.#tell(client);
      if (kind < 0.87) return this.#ask(client);
      if (kind < 0.92) return this.#tellInTask(client);
      return this.#read(client);
    };
    world.at(delayMs, NOBODY, () => {
      script().then(
        () => void this.#running--,
        (error: unknown) => {
          this.#running--;
          this.#parts.judge.accuse(
            'escape',
            `a script failed: ${error instanceof Error ? error.stack : String(error)}`,
          );
        },
      );
    });
  }

  async #work(client: SimulatedClient): Promise<void> {
    const { rng, world, judge, outside, clients, makers } = this.#parts;
    const isKeyed = rng.chance(0.5);
    const job = makeJob({ rng, world, judge, outside, makers, name: `job${this.#names++}`, isKeyed });
    // Somebody else may send the same, at the same time.
    const other = isKeyed && rng.chance(0.3) ? rng.pick(clients.filter((one) => one !== client)) : undefined;
    await Promise.all([this.#follow(client, job), ...(other === undefined ? [] : [this.#follow(other, job)])]);
    if (!isKeyed || !rng.chance(0.2)) return;
    const again = await client.ask({ ...job.message, input: 'something else' });
    const code = again?.['code'];
    if (
      again !== undefined &&
      !AGAIN_CODES.has(code) &&
      !LACKING_CODES.has(code) &&
      !judge.isDamaged(`key-${job.name}`)
    )
      judge.expect(
        code === 'IDEMPOTENCY_MISMATCH',
        'idempotency',
        () => `${job.name}, sent with another body under its key, was answered ${JSON.stringify(again)}`,
      );
  }

  /** Submits, and follows it to its end. */
  async #follow(client: SimulatedClient, job: Job): Promise<Followed | undefined> {
    const { world } = this.#parts;
    const startedMs = world.nowMs;
    const task = await this.#submit(client, job);
    if (task === undefined) return undefined;
    const followed = this.followed.get(task) ?? { job, task, end: undefined, parked: false };
    this.followed.set(task, followed);
    const { promise: ended, resolve: onEnd } = Promise.withResolvers<Frame | undefined>();
    if (job.message['watch'] === false) {
      await this.#pause();
      void client.watch(task, onEnd);
    } else client.follow(task, onEnd);
    let isOver = false;
    void ended.then(() => (isOver = true));
    // Of a task that is damaged no end is expected.
    const cared = this.#care(client, followed, () => isOver).then(() => onEnd(undefined));
    const frame = await ended;
    if (frame !== undefined) this.#judgeEnd(followed, frame, startedMs);
    await cared;
    return followed;
  }

  async #submit(client: SimulatedClient, job: Job): Promise<string | undefined> {
    const { judge } = this.#parts;
    for (;;) {
      const answer = await client.ask(job.message);
      const { key } = job;
      if (answer === undefined) {
        if (key === undefined) return undefined;
        continue;
      }
      if (answer.type === 'task.accepted') {
        const task = String(answer['task']);
        if (key === undefined) return task;
        const earlier = this.#keys.get(key) ?? task;
        judge.expect(
          earlier === task,
          'idempotency',
          () => `the key ${key} gave the task ${earlier}, and then ${task}`,
        );
        this.#keys.set(key, task);
        return task;
      }
      if (answer['code'] === 'STORE_CORRUPT' && judge.isDamaged(`key-${job.name}`)) return undefined;
      if (!AGAIN_CODES.has(answer['code']) && !(job.isElsewhere === true && LACKING_CODES.has(answer['code']))) {
        judge.accuse('outcome', `${job.name} was refused: ${JSON.stringify(answer)}`);
        return undefined;
      }
      await this.#pause();
    }
  }

  /** Cancels what is to be canceled, signals what waits for it, and lets go of what waits for a person. */
  async #care(client: SimulatedClient, followed: Followed, isOver: () => boolean): Promise<void> {
    const { job, task } = followed;
    const { judge, rng } = this.#parts;
    if (job.cancels) {
      await this.#pause(rng.skewed(0, 10_000));
      if (!isOver()) await this.#cancel(client, task, isOver);
    }
    for (let round = 0; !isOver(); round++) {
      await this.#pause(PAUSE_MS * Math.min(8, 1 + round / 4));
      if (isOver() || judge.isDamaged(task)) return;
      if (job.signal !== undefined)
        await client.ask({ type: 'task.signal', task, name: 'go', data: { word: job.signal } });
      const status = await client.ask({ type: 'task.get', task });
      if (status?.['status'] !== 'input-required') continue;
      const mayPark =
        JSON.stringify(job.message).includes('unsafe') || JSON.stringify(job.message).includes('sim.once');
      judge.expect(mayPark, 'outcome', () => `${job.name} waits for a person: ${JSON.stringify(status)}`);
      followed.parked = true;
      await this.#cancel(client, task, isOver);
    }
  }

  async #cancel(client: SimulatedClient, task: string, isOver: () => boolean): Promise<void> {
    const { judge } = this.#parts;
    while (!isOver() && !judge.isDamaged(task)) {
      const answer = await client.ask({ type: 'task.cancel', task, reason: 'enough' });
      if (answer?.type === 'ok') {
        const status = await client.ask({ type: 'task.get', task });
        if (status?.type === 'task.status')
          judge.expect(
            status['status'] === 'canceled',
            'outcome',
            () => `${task} was canceled with ok, and is ${JSON.stringify(status)}`,
          );
        return;
      }
      if (answer?.['code'] === 'STATE_CONFLICT') return;
      await this.#pause();
    }
  }

  #judgeEnd(followed: Followed, frame: Frame, startedMs: number): void {
    const { judge, world, jumps } = this.#parts;
    const { job, task } = followed;
    const end = frame as unknown as End & { readonly durationMs: number };
    followed.end = end;
    if (judge.isDamaged(task)) return;
    const parked = end.status === 'canceled' && followed.parked;
    const fault = parked ? undefined : job.judge(end);
    judge.expect(
      fault === undefined,
      'outcome',
      () => `${job.name} (${JSON.stringify(job.message)}) ended as ${JSON.stringify(frame)}: ${fault}`,
    );
    if (end.status !== 'completed' || job.waitsMs === 0) return;
    const first = judge.historyOf(task).events.get(1);
    const at = first === undefined ? undefined : (JSON.parse(first) as { readonly at: number }).at;
    const waitedMs = jumps
      ? Math.max(world.nowMs - startedMs, at === undefined ? Infinity : world.latestWallSince(startedMs) - at)
      : end.durationMs;
    judge.expect(
      waitedMs + SLACK_MS >= job.waitsMs,
      'timer',
      () => `${job.name} waited ${waitedMs} ms instead of ${job.waitsMs}: ${JSON.stringify(frame)}`,
    );
  }

  async #tell(client: SimulatedClient): Promise<void> {
    const { rng } = this.#parts;
    const count = rng.int(1, 6);
    await Promise.all(
      Array.from({ length: count }, async () => {
        const message = makeTell(rng, `op-${this.#names++}-`, true);
        this.book.told(message, await client.ask(message));
      }),
    );
  }

  async #burst(client: SimulatedClient): Promise<void> {
    const [key = ''] = LEDGER_KEYS;
    await Promise.all(
      Array.from({ length: BURST_MESSAGES }, async () => {
        const event = { type: 'add', op: `op-${this.#names++}-` };
        const message = { type: 'agent.tell', agent: 'sim.ledger', key, event };
        this.book.told(message, await client.ask(message));
      }),
    );
  }

  async #tellInTask(client: SimulatedClient): Promise<void> {
    const [key, op] = [this.#parts.rng.pick(LEDGER_KEYS), `op-${this.#names++}-`];
    const submissionKey = `key-${op}`;
    const followed = await this.#follow(client, {
      ...{ name: op, key: submissionKey, waitsMs: 0, cancels: false },
      message: { type: 'task.submit', agent: 'sim.teller', input: { key, op, kind: 'unsafe' }, key: submissionKey },
      judge: ({ status, error }) => (status === 'completed' || error !== undefined ? undefined : 'expected an output'),
    });
    if (followed?.end?.status === 'completed') this.book.toldByTask(key, op);
  }

  async #ask(client: SimulatedClient): Promise<void> {
    const key = this.#parts.rng.pick(LEDGER_KEYS);
    await this.lookAt(client, key);
  }

  /** Asks a ledger for all it has. */
  async lookAt(client: SimulatedClient, key: string): Promise<Answer> {
    return await this.book.look(key, () =>
      client.ask({ type: 'agent.ask', agent: 'sim.ledger', key, event: { type: 'get' }, timeoutMs: 20_000 }),
    );
  }

  /** What was shown of a task once is there ever after. */
  async #read(client: SimulatedClient): Promise<void> {
    const { rng, judge } = this.#parts;
    const tasks = [...this.followed.keys()];
    if (rng.chance(0.2)) await client.ask(rng.pick([{ type: 'ping' }, { type: 'agent.list', capability: 'sim.work' }]));
    if (tasks.length === 0 || rng.chance(0.2)) {
      await client.ask({ type: 'task.list', limit: rng.int(1, 50), ...(rng.chance(0.5) && { status: 'working' }) });
      return;
    }
    await this.readTask(client, rng.pick(tasks), judge);
  }

  /** Reads a task, and holds it against all that was seen of it. False when there was no answer to judge by. */
  async readTask(client: SimulatedClient, task: string, judge: Judge): Promise<boolean> {
    const { seq, end } = judge.historyOf(task);
    const answer = await client.ask({ type: 'task.get', task });
    if (answer === undefined || AGAIN_CODES.has(answer['code'])) return false;
    if (judge.isDamaged(task)) return true;
    judge.expect(
      answer['code'] !== 'NOT_FOUND',
      'acknowledged-lost',
      () => `${task} was acknowledged, and is not there`,
    );
    if (answer.type !== 'task.status') return true;
    judge.expect(
      Number(answer['seq']) >= seq,
      'reads',
      () => `${task} was seen at ${seq}, and is at ${String(answer['seq'])}`,
    );
    judge.expect(
      end === undefined || isTerminal(answer['status'] as TaskStatus),
      'end',
      () => `${task} had ended, and is ${String(answer['status'])}`,
    );
    return true;
  }

  #pause(ms = PAUSE_MS): Promise<void> {
    const { world, rng } = this.#parts;
    return new Promise((resolve) => void world.at(ms * (0.5 + rng.next()), NOBODY, resolve));
  }
}
