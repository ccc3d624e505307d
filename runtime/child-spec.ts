/**
 * How a cell is made, by whom it is owned and what its end means. A spec is plain data: it is stored with the cell, so
 * that a restart can make the same cell again. An actor never imports a supervisor: it names one by its address.
 */

/** OTP's words: restarted always; only after an abnormal end; never. */
export type RestartType = 'permanent' | 'transient' | 'temporary';

/** What a restart starts from: the state after the last finished turn, or the input. */
export type RecoveryMode = 'resume' | 'reset';

/**
 * How long a cell that its supervisor stops may take, in ms; `brutal-kill`: no time at all; `infinity`: as long as it likes.
 * What can take time are its calls under way: their signals are aborted, and those that have not ended by then are cut off.
 */
export type Shutdown = number | 'brutal-kill' | 'infinity';

/** It works for nobody but its key, and may leave memory whenever it has nothing to do. */
export function isKeyed({ restart, owner, durable, listed }: ChildSpec): boolean {
  return restart === 'permanent' && owner === undefined && durable && listed !== true;
}

/** OTP's default for workers, ms. */
export const SHUTDOWN_MS = 5_000;

/** What a cell is made of; all of it survives packing. */
export interface ChildSpec {
  readonly address: string;
  /** The name under which its logic is installed in the kernel. */
  readonly logic: string;
  readonly input: unknown;
  /** The logic that it was begun by, where another version has taken it over since: its journal goes by that one's name. */
  readonly begunAs?: string;
  /** The supervisor that hears of its crashes. */
  readonly supervisor: string;
  /** The cell that hears how it ended (`child.done`, `child.failed`); stopped with it. */
  readonly owner?: string;
  readonly restart: RestartType;
  readonly recovery: RecoveryMode;
  /** Its supervisor lists it: it hears of its start and of each of its ends. */
  readonly listed?: boolean;
  /** Its end may end its supervisor (`autoShutdown` of that one's policy). Not for permanent cells. Default: false. */
  readonly significant?: boolean;
  /** Default: `SHUTDOWN_MS`. */
  readonly shutdown?: Shutdown;
  /** 0 to 9: calls of cells with a higher one start first. */
  readonly priority: number;
  /** ms since the epoch after which none of its outside calls starts any more. */
  readonly deadlineAtMs?: number;
  /** The time limit of one of its calls, where it is not its logic's own. */
  readonly callTimeoutMs?: number;
  /** False for what belongs to this run of the process alone (sessions, supervisors): never written. */
  readonly durable: boolean;
}
