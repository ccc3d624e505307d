/** What a client has seen of one task over all its connections, and whether that can be true. */
import type { Frame, Wire } from './wire.ts';

/** One task's log, put together from every frame that came. */
export class TaskRecord {
  readonly task: string;
  readonly events = new Map<number, Frame>();
  end: Frame | undefined;
  /** What cannot be: a line that changed, two ends, a line after the end. */
  readonly faults: string[] = [];

  constructor(task: string) {
    this.task = task;
  }

  /** The last seq that came. */
  get seq(): number {
    return this.end?.seq ?? Math.max(0, ...this.events.keys());
  }

  take(frame: Frame): void {
    if (frame.task !== this.task) return;
    if (frame.type === 'task.event') this.#event(frame);
    else if (frame.type === 'task.result') {
      if (this.end !== undefined && JSON.stringify(this.end) !== JSON.stringify(frame))
        this.faults.push(`another end: ${JSON.stringify(this.end)} and ${JSON.stringify(frame)}`);
      this.end = frame;
    } else if (frame.type === 'gap') this.faults.push(`a gap: ${JSON.stringify(frame)}`);
  }

  /** The kinds in the order of their seq. */
  kinds(): string[] {
    return this.inOrder().map((event) => String(event.kind));
  }

  inOrder(): Frame[] {
    return [...this.events.values()].sort((a, b) => Number(a.seq) - Number(b.seq));
  }

  count(kind: string): number {
    return this.kinds().filter((one) => one === kind).length;
  }

  /** All that is wrong with it as the record of a task that ended. */
  faultsAtEnd(): string[] {
    const faults = [...this.faults];
    const { end } = this;
    if (end === undefined) return [...faults, 'no end'];
    for (let seq = 1; seq < Number(end.seq); seq++) if (!this.events.has(seq)) faults.push(`no event ${seq}`);
    if (this.events.size >= Number(end.seq)) faults.push('an event at or after the end');
    faults.push(...this.stepFaults());
    return faults.map((fault) => `${this.task}: ${fault}`);
  }

  /** Steps (and items) that were done, and then begun or done again. */
  stepFaults(): string[] {
    const faults: string[] = [];
    const done = new Set<string>();
    for (const { kind, data } of this.inOrder()) {
      if (data === undefined || data['attempt'] === undefined || data['compensation'] === true) continue;
      const place = JSON.stringify([data['step'], data['item']]);
      if ((kind === 'step.started' || kind === 'step.completed') && done.has(place)) faults.push(`${place}: ${kind}`);
      if (kind === 'step.completed') done.add(place);
    }
    return faults;
  }

  #event(frame: Frame): void {
    const seq = Number(frame.seq);
    const before = this.events.get(seq);
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(frame))
      this.faults.push(`event ${seq} changed: ${JSON.stringify(before)} and ${JSON.stringify(frame)}`);
    this.events.set(seq, frame);
  }
}

/** Keeps the records of many tasks over reconnects. */
export class TaskRecords {
  readonly byTask = new Map<string, TaskRecord>();

  of(task: string): TaskRecord {
    const record = this.byTask.get(task) ?? new TaskRecord(task);
    this.byTask.set(task, record);
    return record;
  }

  /** Takes what comes over this connection. */
  follow(wire: Wire): void {
    const take = (frame: Frame): void => {
      if (frame.task !== undefined && /^(?:task\.event|task\.result|gap)$/.test(frame.type))
        this.of(frame.task).take(frame);
    };
    wire.frames.forEach(take);
    wire.listen(take);
  }

  /** Watches all that have not ended, each from its last seq. */
  watchOn(wire: Wire): void {
    for (const { task, seq, end } of this.byTask.values())
      if (end === undefined) wire.send({ type: 'task.watch', id: `w-${task}`, task, after: seq });
  }

  allEnded(): boolean {
    return [...this.byTask.values()].every(({ end }) => end !== undefined);
  }
}

/** Numbers from 0 to 1 that a seed fixes (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
