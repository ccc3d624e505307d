/**
 * Judges a run by what was seen outside of the node: frames that were sent, calls that were made, and what was on stable
 * storage at that moment. Each promise has a checker with a name; what a checker finds is a violation, and fails the seed.
 */
import { taskView, resultView } from '../../actors/session-frames.ts';
import { isTerminal, type TaskStatus } from '../../protocol/tasks.ts';
import type { KeySpace } from '../../runtime/stores/key-space.ts';
import { readCell } from '../../runtime/stores/cell-reads.ts';
import { readEvents, readTask } from '../../runtime/stores/task-reads.ts';
import type { SimulatedDisk } from './simulated-disk.ts';

/** What a node sends, as plain data. */
export type Frame = { readonly type: string } & Readonly<Record<string, unknown>>;

/** The promises that are checked. docs/simulation.md says what each means. */
export type Checker =
  | 'acknowledged-lost'
  | 'bounds'
  | 'counter'
  | 'credit'
  | 'early-call'
  | 'early-frame'
  | 'early-settle'
  | 'effect-rerun'
  | 'end'
  | 'escape'
  | 'events'
  | 'frame'
  | 'idempotency'
  | 'index'
  | 'late'
  | 'leftover'
  | 'link'
  | 'liveness'
  | 'outcome'
  | 'poison'
  | 'reads'
  | 'refused'
  | 'timer'
  | 'unsafe-twice';

/** A promise that was broken. */
export interface Violation {
  readonly checker: Checker;
  readonly message: string;
}

/** All that anyone has seen of one task. */
export interface TaskHistory {
  readonly task: string;
  readonly events: Map<number, string>;
  end: { readonly seq: number; readonly text: string; readonly status: TaskStatus; readonly atMs: number } | undefined;
  /** The highest seq that anyone was shown. */
  seq: number;
  readonly stepsDone: Set<string>;
}

const VIOLATIONS_MAX = 20;

/** The judge of one run. */
export class Judge {
  readonly violations: Violation[] = [];
  readonly tasks = new Map<string, TaskHistory>();
  readonly #disk: SimulatedDisk;
  readonly #trace: (line: string) => void;
  #looking: Promise<void>[] = [];

  constructor(disk: SimulatedDisk, trace: (line: string) => void) {
    this.#disk = disk;
    this.#trace = trace;
  }

  /** A promise was broken. */
  accuse(checker: Checker, message: string): void {
    this.#trace(`VIOLATION ${checker}: ${message}`);
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push({ checker, message });
  }

  expect(ok: boolean, checker: Checker, message: () => string): void {
    if (!ok) this.accuse(checker, message());
  }

  /** Resolves when all that was to be looked up has been: without any time passing. */
  async settle(): Promise<void> {
    while (this.#looking.length > 0) {
      const looking = this.#looking;
      this.#looking = [];
      await Promise.all(looking);
    }
  }

  historyOf(task: string): TaskHistory {
    let history = this.tasks.get(task);
    if (history === undefined) {
      history = { task, events: new Map(), end: undefined, seq: 0, stepsDone: new Set() };
      this.tasks.set(task, history);
    }
    return history;
  }

  /** Whether a bit of something of this task, or of this actor, has turned over: then no work may be expected of it. */
  isDamaged(name: string): boolean {
    for (const key of this.#everDamaged) if (key.includes(name)) return true;
    return false;
  }

  readonly #everDamaged = new Set<string>();

  damaged(key: string): void {
    this.#everDamaged.add(key);
  }

  /** A frame leaves the node: all that it says must be on stable storage now. `request` is what it answers. */
  sent(frame: Frame, request: Frame | undefined): void {
    const view = this.#disk.syncedView();
    const atMs = this.#disk.world.nowMs;
    this.#look(async () => {
      if (frame.type === 'task.accepted') await this.#accepted(view, String(frame['task']));
      else if (frame.type === 'task.event') await this.#event(view, frame);
      else if (frame.type === 'task.result') await this.#result(view, frame, atMs);
      else if (frame.type === 'task.status') await this.#status(view, frame);
      else if (frame.type === 'task.page')
        for (const task of frame['tasks'] as readonly Frame[]) await this.#status(view, task);
      else if (frame.type === 'ok' && request?.type === 'agent.tell') await this.#told(view, request);
      else if (frame.type === 'agent.reply') await this.#replied(view, frame);
    });
  }

  /** Runs a look-up; what it finds damaged is no violation where something is damaged. */
  #look(look: () => Promise<void>): void {
    const looked = look().catch((error: unknown) => {
      const code = (error as { readonly code?: unknown }).code;
      if (code !== 'STORE_CORRUPT' || this.#everDamaged.size === 0)
        this.accuse('frame', `what was sent could not be looked up: ${String(error)}`);
    });
    this.#looking.push(looked);
  }

  /** A call of an outside service that is not `pure`: the cell that asks for it must be stored, with the wish in it. */
  called(address: string, wish: string, token: string): void {
    const view = this.#disk.syncedView();
    this.#look(async () => {
      const cell = await readCell(view, address);
      const texts = cell === undefined ? [] : [cell.head, ...cell.attachments.values()].map(textOf);
      const keys = cell === undefined ? [] : [...cell.attachments.keys()];
      if (!keys.some((key) => key.includes(wish)) && !texts.some((text) => text.includes(wish)))
        this.accuse(
          'early-call',
          `${address} made the call ${wish} (${token}) before the wish for it was on stable storage`,
        );
    });
  }

  /** A call whose outcome is stored already must not be made again. `receipt` is what an earlier one gave. */
  calledAgain(address: string, token: string, receipt: string): void {
    const view = this.#disk.syncedView();
    this.#look(async () => {
      const cell = await readCell(view, address);
      const texts = cell === undefined ? [] : [cell.head, ...cell.attachments.values()].map(textOf);
      if (texts.some((text) => text.includes(receipt)))
        this.accuse('effect-rerun', `${address} made the call ${token} again, whose outcome ${receipt} was recorded`);
    });
  }

  /** A worker is told to forget what came of a call: the actor that asked for it must have it on stable storage. */
  settled(address: string, mark: string): void {
    const view = this.#disk.syncedView();
    this.#look(async () => {
      const cell = await readCell(view, address);
      if (cell !== undefined && !textOf(cell.head).includes(mark))
        this.accuse('early-settle', `${address} was settled before its outcome ${mark} was on stable storage`);
    });
  }

  async #accepted(view: KeySpace, task: string): Promise<void> {
    this.historyOf(task);
    if ((await readTask(view, task)) === undefined)
      this.accuse('early-frame', `task.accepted of ${task} before the task was on stable storage`);
  }

  async #event(view: KeySpace, frame: Frame): Promise<void> {
    const { task, seq, at, kind, data } = frame;
    const text = JSON.stringify({ seq, at, kind, data });
    const [stored] = await readEvents(view, String(task), Number(seq) - 1, 1);
    if (stored === undefined || stored.seq !== seq)
      return this.accuse('early-frame', `event ${String(seq)} of ${String(task)} before it was on stable storage`);
    this.expect(
      textOfEvent(stored) === text,
      'events',
      () => `event ${String(seq)} of ${String(task)} is stored as ${textOfEvent(stored)}, sent as ${text}`,
    );
    this.#seen(this.historyOf(String(task)), Number(seq), text, frame);
  }

  #seen(history: TaskHistory, seq: number, text: string, frame: Frame): void {
    const before = history.events.get(seq);
    this.expect(
      before === undefined || before === text,
      'events',
      () => `event ${seq} of ${history.task} was ${before}, is now ${text}`,
    );
    this.expect(
      history.end === undefined || seq < history.end.seq,
      'end',
      () => `event ${seq} of ${history.task} after its end`,
    );
    history.events.set(seq, text);
    history.seq = Math.max(history.seq, seq);
    if (frame['kind'] !== 'step.completed') return;
    const { step, item } = frame['data'] as { readonly step?: string; readonly item?: number };
    history.stepsDone.add(`step/${history.task}/${step ?? 'main'}${item === undefined ? '' : `/${item}`}`);
  }

  async #result(view: KeySpace, frame: Frame, atMs: number): Promise<void> {
    const { type: _type, task, seq, ...result } = frame;
    const record = await readTask(view, String(task));
    if (record?.result === undefined)
      return this.accuse('early-frame', `the result of ${String(task)} before it was on stable storage`);
    const stored = JSON.stringify(resultView(record.result));
    const text = JSON.stringify(result);
    this.expect(stored === text, 'end', () => `the result of ${String(task)} is stored as ${stored}, sent as ${text}`);
    this.ended(String(task), Number(seq), text, result['status'] as TaskStatus, atMs);
  }

  /** Someone was shown the end of a task. */
  ended(task: string, seq: number, text: string, status: TaskStatus, atMs: number): void {
    const history = this.historyOf(task);
    const { end } = history;
    this.expect(isTerminal(status), 'end', () => `the result of ${task} has the status ${status}`);
    this.expect(
      end === undefined || (end.text === text && end.seq === seq),
      'end',
      () => `${task} ended as ${end?.seq} ${end?.text}, and then as ${seq} ${text}`,
    );
    this.expect(
      end !== undefined || seq > history.seq || !history.events.has(seq),
      'end',
      () => `the end of ${task} has the seq ${seq} of an event`,
    );
    history.end ??= { seq, text, status, atMs };
    history.seq = Math.max(history.seq, seq);
  }

  async #status(view: KeySpace, frame: Frame): Promise<void> {
    const { type: _type, re: _re, ...shown } = frame;
    const task = String(shown['task']);
    const record = await readTask(view, task);
    const seq = Number(shown['seq']);
    if (record === undefined || record.seq < seq)
      return this.accuse(
        'early-frame',
        `the status of ${task} at ${seq}, of which ${record?.seq} was on stable storage`,
      );
    if (record.seq === seq) {
      const [stored, text] = [JSON.stringify(taskView(record)), JSON.stringify(shown)];
      this.expect(stored === text, 'reads', () => `the status of ${task} is stored as ${stored}, sent as ${text}`);
    }
    const result = shown['result'];
    if (result !== undefined)
      this.ended(task, seq, JSON.stringify(result), shown['status'] as TaskStatus, this.#disk.world.nowMs);
  }

  async #told(view: KeySpace, { agent, key, event }: Frame): Promise<void> {
    const { op, poison } = event as { readonly op: string; readonly poison?: boolean };
    if (poison === true) return;
    const cell = await readCell(view, `agent/${String(agent)}/${String(key)}`);
    if (cell === undefined || !textOf(cell.head).includes(op))
      this.accuse('early-frame', `ok for the message ${op} before it was on stable storage`);
  }

  async #replied(view: KeySpace, { agent, key, value }: Frame): Promise<void> {
    const { ops } = value as { readonly ops: readonly string[] };
    if (ops.length === 0) return;
    const cell = await readCell(view, `agent/${String(agent)}/${String(key)}`);
    const text = cell === undefined ? '' : textOf(cell.head);
    for (const op of ops)
      if (!text.includes(op))
        return this.accuse('early-frame', `an answer that knows of ${op} before that was on stable storage`);
  }
}

function textOfEvent({
  seq,
  at,
  kind,
  data,
}: {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly data: unknown;
}): string {
  return JSON.stringify({ seq, at, kind, data });
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
