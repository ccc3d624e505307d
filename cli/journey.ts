/** What a client sees of one task through a crash: which steps were done, done twice, or cut off and run again. */
import type { TaskHandle, TaskNews } from '../client/index.ts';

type TaskEnd = Extract<TaskNews, { readonly type: 'task.result' }>;

/** Follows a task from its first line to its end. */
export class Journey {
  readonly name: string;
  readonly #started = new Map<string, number>();
  readonly #completed = new Map<string, number>();
  readonly #end: Promise<TaskEnd>;
  #repeated = 0;
  #cutOff = 0;
  #resumed = false;
  #open = new Set<string>();
  readonly #waiters: { readonly steps: number; readonly resolve: () => void }[] = [];

  constructor(name: string, handle: TaskHandle, onChange: () => void) {
    this.name = name;
    this.#end = handle.result();
    void this.#follow(handle, onChange);
  }

  get stepsStarted(): number {
    return this.#started.size;
  }

  get stepsCompleted(): number {
    return this.#completed.size;
  }

  /** Steps (or items) that were done, and then begun or done again. */
  get stepsRepeated(): number {
    return this.#repeated;
  }

  /** Steps that were under way when the node went away. */
  get stepsCutOff(): number {
    return this.#cutOff;
  }

  end(): Promise<TaskEnd> {
    return this.#end;
  }

  /** Resolves when so many steps are done, or the task is at its end. */
  stepsDone(steps: number): Promise<void> {
    if (this.#completed.size >= steps) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ steps, resolve }));
  }

  async #follow(handle: TaskHandle, onChange: () => void): Promise<void> {
    try {
      for await (const news of handle) {
        if (news.type === 'task.event') this.#take(news);
        for (const { steps, resolve } of this.#waiters) if (this.#completed.size >= steps) resolve();
        onChange();
      }
    } catch {
      // The end tells why.
    }
    for (const { resolve } of this.#waiters) resolve();
  }

  #take({ kind, data }: Extract<TaskNews, { readonly type: 'task.event' }>): void {
    if (kind === 'task.resumed' && !this.#resumed) {
      this.#resumed = true;
      this.#cutOff = this.#open.size;
    }
    // A fan-out as a whole has lines of its own; its items are what counts.
    if ((kind !== 'step.started' && kind !== 'step.completed') || data['attempt'] === undefined) return;
    // What undoes a step does not do it again.
    if (data['compensation'] === true) return;
    const place = JSON.stringify([data['step'], data['item']]);
    if (this.#completed.has(place)) this.#repeated++;
    const book = kind === 'step.started' ? this.#started : this.#completed;
    book.set(place, (book.get(place) ?? 0) + 1);
    if (kind === 'step.started') this.#open.add(place);
    else this.#open.delete(place);
  }
}
