/**
 * A submission by a caller that is no actor: it is taken on in a turn of its own, and nothing is said of it before its first
 * commit. Where the caller wants the result at once, that is waited for, for a bounded time.
 */
import type { Desk, Principal, Submission } from '../actors/desk.ts';
import { Watch } from '../actors/watch.ts';
import { OperatingError } from '../protocol/errors.ts';
import type { TaskResult, TaskStatus } from '../protocol/tasks.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { World } from '../runtime/world.ts';

/** What a submission needs of the node. */
export interface SubmissionDeps {
  readonly desk: Desk;
  readonly kernel: Kernel;
  readonly world: World;
}

/** A task that was taken on, durably, as it stood then; where its end was waited for, as it stood after that. */
export interface Accepted {
  readonly task: string;
  readonly status: TaskStatus;
  readonly duplicate: boolean;
}

/** The end of a task, with the seq of its last event. */
export interface Ended {
  readonly task: string;
  readonly seq: number;
  readonly result: TaskResult;
}

/** How long a result may be waited for, and what ends the wait before. */
export interface Patience {
  readonly waitMs: number;
  readonly signals: readonly AbortSignal[];
}

const NOW = Promise.resolve();

/** Takes a task on. With patience: the end of the task too, where it comes in time. Errors: those of the desk. */
export async function takeOn(
  deps: SubmissionDeps,
  principal: Principal,
  submission: Submission,
  patience?: Patience,
): Promise<{ readonly accepted: Accepted; readonly ended: Ended | undefined }> {
  const { desk, kernel } = deps;
  const earlier = await desk.duplicateOf(principal, submission);
  const { task, duplicate } =
    earlier === undefined
      ? desk.inTurn((port) => desk.submit(port, principal, submission))
      : { task: earlier, duplicate: true };
  // From here to the listeners nothing is awaited: what is committed next cannot be missed.
  const ended = patience === undefined ? undefined : endOf(deps, task, !duplicate, patience);
  // Its failure is told where it is awaited.
  ended?.catch(() => {});
  const status = duplicate ? undefined : await firstCommit(kernel, task);
  // The claim of the key may be in an epoch that is being written.
  if (status === undefined) await kernel.committer.committed();
  const end = await ended;
  // Where it was waited for, how it stands now is what is wanted: it may wait for a person by then.
  const isOverdue = patience !== undefined && end === undefined;
  const stands = status === undefined || isOverdue ? await statusOf(desk, principal, task) : status;
  return { accepted: { task, status: stands, duplicate }, ended: end };
}

/** The status a task has in the first commit that holds it. */
function firstCommit(kernel: Kernel, task: string): Promise<TaskStatus> {
  return new Promise((resolve) => {
    const unlisten = kernel.feed.listen(task, ({ progress }) => {
      unlisten();
      resolve(progress.status);
    });
  });
}

async function statusOf(desk: Desk, principal: Principal, task: string): Promise<TaskStatus> {
  try {
    return (await desk.get(principal, task)).status;
  } catch (error) {
    // Its claim is committed and its first line is not, yet.
    if (error instanceof OperatingError && error.code === 'NOT_FOUND') return 'submitted';
    throw error;
  }
}

/** The end of a task, or undefined where it does not come in time. Errors: STORE_UNAVAILABLE. */
function endOf(deps: SubmissionDeps, task: string, isNew: boolean, patience: Patience): Promise<Ended | undefined> {
  const { desk, kernel, world } = deps;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      cancel();
      for (const signal of patience.signals) signal.removeEventListener('abort', giveUp);
      watch.stop();
    };
    const giveUp = (): void => {
      leave();
      resolve(undefined);
    };
    const cancel = world.after(patience.waitMs, giveUp);
    for (const signal of patience.signals) signal.addEventListener('abort', giveUp, { once: true });
    const source = {
      feed: kernel.feed,
      events: (of: string, after: number, limit: number) => desk.events(of, after, limit),
      end: (of: string) => desk.endOf(of),
    };
    const reader = {
      event: () => {},
      result: (of: string, seq: number, result: TaskResult) => {
        resolve({ task: of, seq, result });
        leave();
      },
      failed: (_of: string, error: Parameters<typeof OperatingError.fromBody>[0]) => {
        reject(OperatingError.fromBody(error));
        leave();
      },
      gap: () => {},
      ready: () => NOW,
    };
    const watch: Watch = new Watch(source, reader, task, { mode: 'result', after: 0, isNew, onEnd: () => {} });
    if (patience.signals.some((signal) => signal.aborted)) giveUp();
  });
}
