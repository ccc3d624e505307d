/**
 * Checkpoints: what each commit changed of the actors that work for a task is kept beside their state, so that the task can be
 * looked at, and gone on with in another way, at any turn that was committed while it ran. A task that begins and ends in one
 * commit has none, and costs nothing here.
 */
import type { AttachmentWrite, CellWrite, CheckpointWrite, TaskProgress } from './stores/store.ts';

/** Bytes of all checkpoints of one task, while this process runs. */
const TASK_BYTES_MAX = 16 * 1024 * 1024;
const BOOT_DIGITS = 6;
const NUMBER_DIGITS = 10;
const WORKERS = /^(?:task|step|flow|stage|approval|budget|run)\/([^/]+)/;

/** What a recorder is told. */
export interface CheckpointOptions {
  /** Checkpoints kept of one task, the first ones. 0: none. */
  readonly perTaskMax: number;
  /** The number of this start of the node: what a later one keeps comes behind. */
  readonly boot: number;
  nowMs(): number;
  /** A task that has checkpoints has ended. */
  onEnded(task: string): void;
}

interface Draft {
  readonly cells: (readonly [address: string, head: Uint8Array | null])[];
  readonly rows: (readonly [address: string, key: string, value: Uint8Array | null])[];
  bytes: number;
  lives: boolean;
}

interface Account {
  count: number;
  bytes: number;
  seq: number;
  /** Nothing more is kept. */
  isFull: boolean;
}

/** What is cut. */
export interface Cut {
  readonly cells: readonly CellWrite[];
  readonly attachments: readonly AttachmentWrite[];
  readonly tasks: readonly { readonly id: string; readonly progress: TaskProgress }[];
}

/** The checkpoints of one node's tasks. */
export class Checkpoints {
  readonly #options: CheckpointOptions;
  readonly #accounts = new Map<string, Account>();
  #made = 0;

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  /** The checkpoints of one commit; undefined where nothing is to be kept, as in most. */
  of({ cells, attachments, tasks }: Cut): CheckpointWrite[] | undefined {
    const { perTaskMax } = this.#options;
    if (perTaskMax === 0 || (cells.length === 0 && this.#accounts.size === 0)) return undefined;
    const drafts = new Map<string, Draft>();
    for (const { address, head } of cells) {
      const draft = draftOf(drafts, address);
      if (draft === undefined) continue;
      draft.cells.push([address, head]);
      draft.bytes += head?.length ?? 0;
      draft.lives ||= head !== null;
    }
    for (const { address, key, value } of attachments) {
      const draft = draftOf(drafts, address);
      if (draft === undefined) continue;
      draft.rows.push([address, key, value]);
      draft.bytes += value?.length ?? 0;
      draft.lives ||= value !== null;
    }
    return drafts.size === 0 ? undefined : this.#keep(drafts, tasks);
  }

  #keep(drafts: ReadonlyMap<string, Draft>, tasks: Cut['tasks']): CheckpointWrite[] | undefined {
    const { perTaskMax, nowMs, onEnded } = this.#options;
    const kept: CheckpointWrite[] = [];
    const progress = new Map(tasks.map((task) => [task.id, task.progress]));
    for (const [task, draft] of drafts) {
      const told = progress.get(task);
      const known = this.#accounts.get(task);
      if (told?.result !== undefined || !draft.lives) {
        if (told?.result !== undefined && this.#accounts.delete(task)) onEnded(task);
        continue;
      }
      const account = known ?? { count: 0, bytes: 0, seq: 0, isFull: false };
      account.seq = told?.seq ?? account.seq;
      this.#accounts.set(task, account);
      if (account.isFull) continue;
      const stamp = { task, id: this.#id(), seq: account.seq, atMs: nowMs() };
      account.isFull = account.count >= perTaskMax || account.bytes + draft.bytes > TASK_BYTES_MAX;
      account.count++;
      account.bytes += draft.bytes;
      // An empty one says that what follows is not whole: later runs of the process do not know what this one left out.
      kept.push(
        account.isFull ? { ...stamp, cells: [], rows: [] } : { ...stamp, cells: draft.cells, rows: draft.rows },
      );
    }
    return kept.length === 0 ? undefined : kept;
  }

  /** Sorts as it was made, whatever the clock says. */
  #id(): string {
    const { boot } = this.#options;
    return `${String(boot).padStart(BOOT_DIGITS, '0')}-${String(++this.#made).padStart(NUMBER_DIGITS, '0')}`;
  }
}

function draftOf(drafts: Map<string, Draft>, address: string): Draft | undefined {
  const task = WORKERS.exec(address)?.[1];
  if (task === undefined) return undefined;
  const known = drafts.get(task);
  if (known !== undefined) return known;
  const draft: Draft = { cells: [], rows: [], bytes: 0, lives: false };
  drafts.set(task, draft);
  return draft;
}
