/**
 * Starts the tasks that follow a workflow: a durable actor for each task that others follow, made with the end of that one. It
 * gives them to the desk like anyone else, so that a chain takes no more room than there is; what the desk has no room for waits
 * here, and not among the tasks. It ends when all of them are there.
 *
 *   open ──all are started──► done
 *     └─chain.go, timer.retry─┘     (one after the other; the desk was full, or the node was stopping)
 *
 * A task that cannot be started at all is there too, as one that failed: whoever follows the link in the log finds out why.
 */
import { type ErrorBody, OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { Admission, Principal, Submission } from '../desk.ts';
import type { FamilyStart } from '../family.ts';
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';
import type { ChainLink, ChainOrder, NextTask } from './chain-link.ts';

/** The state of one. */
export interface ChainState {
  readonly phase: 'open' | 'done';
  readonly order?: Omit<ChainOrder, 'next'>;
  /** Those that are not started yet. */
  readonly next: readonly NextTask[];
  /** Tries in a row that found no room. */
  readonly tries: number;
}

/** Takes a task on, in the caller's turn. Errors: see `Desk.submit`. */
export type Submit = (port: CellPort, principal: Principal, submission: Submission) => Admission;

const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 30_000;

/** The logic of chains. */
export function chainLogic(submit: Submit): FlatLogic<ChainState, FamilyStart> {
  /** One in a turn: whether there is room for the next is known when this one is there. */
  const startNext = (state: ChainState, port: CellPort): ChainState => {
    const [first, ...next] = state.next;
    if (first !== undefined && !tryStart(state, first, port, submit)) return waiting(state, port);
    if (next.length === 0) return { ...state, phase: 'done', next };
    port.send(port.address, { type: 'chain.go' });
    return { ...state, next, tries: 0 };
  };
  return {
    name: 'chain',
    version: LIFECYCLE_VERSIONS.chain,
    initial: () => ({ phase: 'open', next: [], tries: 0 }),
    table: {
      open: {
        'chain.start': (state, { next, ...order }: ChainOrder, port) => startNext({ ...state, order, next }, port),
        'chain.go': (state, _event, port) => startNext(state, port),
        'timer.retry': (state, _event, port) => startNext(state, port),
      },
      done: {},
    },
    final: { done: () => ({ output: undefined }) },
    describe: ({ phase, next }) => (phase === 'done' ? phase : `${next.length} tasks to start`),
  };
}

/** False where there is no room for it now. */
function tryStart({ order }: ChainState, next: NextTask, port: CellPort, submit: Submit): boolean {
  if (order === undefined) return true;
  const { after, link, endless } = order;
  try {
    if (endless) throw tooLong(link);
    submit(port, link.principal, {
      target: { workflow: next.workflow },
      input: next.input,
      options: optionsOf(link),
      chain: { after, depth: link.depth, left: link.left },
      task: next.task,
    });
    return true;
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    if (error.retryable && error.code !== 'NO_AGENT') return false;
    logFailure(port, order, next, error.toBody());
    return true;
  }
}

function waiting(state: ChainState, port: CellPort): ChainState {
  port.setTimer('retry', port.nowMs() + Math.min(RETRY_FIRST_MS * 2 ** Math.min(state.tries, 16), RETRY_MAX_MS));
  return { ...state, tries: state.tries + 1 };
}

function optionsOf({ priority, labels }: ChainLink): Submission['options'] {
  return labels === undefined ? { priority } : { priority, labels };
}

function tooLong({ depth }: ChainLink): OperatingError {
  const message =
    `The chain of workflows that leads here has no end in sight: this would be its link ${depth} behind the first, of at most ` +
    `${LIMITS.chainLinksMax}, or it has led to ${LIMITS.chainTasksMax} tasks. Give its \`then\` a \`when\` that ends it.`;
  return new OperatingError('LIVELOCK', message);
}

/** The record of a task that never began. */
function logFailure(port: CellPort, { link, after }: Omit<ChainOrder, 'next'>, next: NextTask, error: ErrorBody): void {
  const at = port.nowMs();
  const target = { workflow: next.workflow };
  const usage = { usd: 0, tokensIn: 0, tokensOut: 0, steps: 0 };
  port.logTask({
    id: next.task,
    created: { target, input: next.input, options: optionsOf(link), principal: link.principal, createdAtMs: at },
    progress: { status: 'failed', seq: 2, updatedAtMs: at, result: { status: 'failed', error, usage, durationMs: 0 } },
    events: [
      { seq: 1, at, kind: 'task.submitted', data: { target, follows: after } },
      { seq: 2, at, kind: 'task.failed', data: { code: error.code, message: error.message } },
    ],
  });
}
