/**
 * Errors that escape: thrown in a timer that user code set, in a listener, in a promise that nobody awaits. Node.js would end
 * the process. Here each goes to the cell whose code it came from, and crashes that cell alone; its supervisor decides what
 * then. An error that belongs to no cell is a fault of the node (or of what it is embedded in) and is not survived.
 */
import type { KernelLog } from '../runtime/kernel-options.ts';
import { currentCell } from '../runtime/machine-references.ts';

/** What is done with errors that escape. */
export interface EscapeDeps {
  readonly log: KernelLog;
  /** The error is nobody's: the process must end, with a code that says so. */
  onUnattributed(error: unknown): void;
}

/**
 * Installs the process's handlers. Once per process: they serve every node in it.
 * @returns takes them away again
 */
export function installEscapeHandlers({ log, onUnattributed }: EscapeDeps): () => void {
  const escaped = (error: unknown): void => {
    const cell = currentCell();
    if (cell === undefined) {
      log.error('An error escaped that belongs to no actor; the node ends.', { error: wordsOf(error) });
      onUnattributed(error);
      return;
    }
    log.warn('An error escaped from the code of an actor and crashes it.', {
      actor: cell.address,
      error: wordsOf(error),
    });
    cell.fail(error);
  };
  process.on('uncaughtException', escaped);
  process.on('unhandledRejection', escaped);
  return () => {
    process.off('uncaughtException', escaped);
    process.off('unhandledRejection', escaped);
  };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
