/**
 * Alarms: keyed actors whose timers are due are brought back into memory on time. The store has an index of them by due time;
 * in memory is a window of the nearest ones, so that it does not matter how many actors wait, or for how long.
 *
 *   due:   now ───────── mark ─────────────────────►
 *               window    │  known to the store alone; the mark moves on as time does
 *
 * An actor that is in memory has its timers there, and is not in the window.
 */
import type { Cell } from './cell.ts';
import type { Kernel } from './kernel.ts';
import type { Alarm, Store } from './stores/store.ts';
import { TimerQueue } from './timer-queue.ts';
import type { Waking } from './waking.ts';
import type { Cancel } from './world.ts';

/** How far ahead of time the window reaches. */
const HORIZON_MS = 600_000;
/** How often the mark is moved. Short enough that a wall clock that was set forward is noticed. */
const LOOK_MS = 60_000;
/** Alarms that one look brings, and that are woken together. */
const BATCH_ALARMS = 1_000;
/** Alarms in the window; at twice as many the later half is left to the store again. */
const WINDOW_MAX = 10_000;

/** The alarms of one kernel's cells. */
export class Alarms {
  readonly #kernel: Kernel;
  readonly #store: Store;
  readonly #waking: Waking;
  /** Address → due time. */
  readonly #window = new Map<string, number>();
  readonly #queue: TimerQueue;
  /** Everything in the index up to here is in the window, or in memory. */
  #mark: Alarm = { dueAtMs: 0, address: '' };
  /** There was no room in the window for all that is due before the horizon. */
  #isFull = false;
  #due: string[] = [];
  #looking = false;
  #calling = false;
  #next: Cancel | undefined;
  #stopped = false;

  constructor(kernel: Kernel, store: Store, waking: Waking) {
    this.#kernel = kernel;
    this.#store = store;
    this.#waking = waking;
    this.#queue = new TimerQueue(kernel.world, {
      fire: ({ address, dueAtMs }) => this.#fired(address, dueAtMs),
      stands: ({ address, dueAtMs }) => this.#window.get(address) === dueAtMs,
    });
  }

  /** Alarms that are held in memory. */
  get size(): number {
    return this.#window.size + this.#due.length;
  }

  /** Begins: what is overdue is woken at once. */
  start(): void {
    void this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#next?.();
    this.#queue.stop();
    this.#window.clear();
    this.#due = [];
  }

  /** A cell has left memory, and is committed as it was. */
  left({ address, alarmAtMs }: Cell): void {
    if (alarmAtMs === undefined || this.#stopped) return;
    if (alarmAtMs > this.#mark.dueAtMs) this.#arm();
    else this.#add(address, alarmAtMs);
  }

  #add(address: string, dueAtMs: number): void {
    if (this.#window.get(address) === dueAtMs) return;
    this.#window.set(address, dueAtMs);
    this.#queue.add({ address, id: '', dueAtMs });
    if (this.#window.size >= 2 * WINDOW_MAX) this.#shrink();
  }

  /** The later half is left to the store. */
  #shrink(): void {
    const all = [...this.#window].sort(([, a], [, b]) => a - b);
    for (const [address] of all.slice(WINDOW_MAX)) this.#window.delete(address);
    this.#mark = { dueAtMs: all[WINDOW_MAX - 1]?.[1] ?? 0, address: '' };
    this.#isFull = true;
    this.#arm();
  }

  #fired(address: string, dueAtMs: number): void {
    if (this.#window.get(address) !== dueAtMs) return;
    this.#window.delete(address);
    this.#due.push(address);
    void this.#call();
  }

  /** Wakes what is due, a batch at a time, each after the commit of the one before: so the disk sets the pace. */
  async #call(): Promise<void> {
    if (this.#calling) return;
    this.#calling = true;
    while (this.#due.length > 0 && !this.#stopped) {
      const batch = this.#due.slice(0, BATCH_ALARMS);
      this.#due = this.#due.slice(BATCH_ALARMS);
      try {
        await this.#waking.call(batch);
      } catch (error) {
        this.#kernel.log.error('Actors whose timers are due could not be read; they are tried again.', {
          error: String(error),
        });
        this.#mark = { dueAtMs: 0, address: '' };
        this.#arm();
      }
      if (this.#due.length > 0) await this.#kernel.committer.committed();
    }
    this.#calling = false;
    if (this.#isFull && this.size < WINDOW_MAX / 2) void this.#look();
  }

  #arm(): void {
    if (!this.#stopped) this.#next ??= this.#kernel.world.after(LOOK_MS, () => void this.#look());
  }

  /** Moves the mark on as far as the window has room, and comes back later if there is more behind it. */
  async #look(): Promise<void> {
    if (this.#looking || this.#stopped) return;
    this.#looking = true;
    this.#next?.();
    this.#next = undefined;
    try {
      let isMore = true;
      while (isMore && !this.#stopped && this.size < WINDOW_MAX) isMore = await this.#lookOnce();
      this.#isFull = isMore;
      const [following] = this.#stopped ? [] : await this.#store.alarms(this.#mark, Number.MAX_SAFE_INTEGER, 1);
      if (following !== undefined) this.#arm();
    } catch (error) {
      this.#kernel.log.warn('The alarms could not be read; they are looked for again.', { error: String(error) });
      this.#arm();
    }
    this.#looking = false;
  }

  /** Takes the next batch into the window. False when there is no more before the horizon. */
  async #lookOnce(): Promise<boolean> {
    const from = this.#mark;
    const horizonMs = this.#kernel.world.nowMs() + HORIZON_MS;
    // What leaves memory while the store is read belongs to the window, whether the read sees it or not.
    this.#mark = { dueAtMs: Math.max(horizonMs + 1, from.dueAtMs), address: '' };
    let alarms: readonly Alarm[];
    try {
      alarms = await this.#store.alarms(from, horizonMs, BATCH_ALARMS);
    } catch (error) {
      this.#mark = from;
      throw error;
    }
    for (const { address, dueAtMs } of alarms) if (!this.#kernel.cells.has(address)) this.#add(address, dueAtMs);
    if (alarms.length < BATCH_ALARMS) return false;
    this.#mark = alarms.at(-1) as Alarm;
    return true;
  }
}
