/** What agents' contexts reach of this node: journals at their steps, worker threads, other actors. */
import { OperatingError } from '../protocol/errors.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { Log } from '../runtime/log.ts';
import type { WorkerPool } from '../runtime/workers/pool.ts';
import type { World } from '../runtime/world.ts';
import type { ApprovalCalls } from './approvals/approval-calls.ts';
import type { ContextDeps } from './agent-context.ts';
import { leftFor } from './budget/accounts.ts';
import type { BudgetState } from './budget/budget.ts';
import type { SpendShelf } from './budget/spending.ts';
import type { JournalShelf } from './journal-shelf.ts';
import type { CallPlace, Ledger } from './ledger.ts';
import { sharedState } from './state/state-context.ts';
import type { StateDesk } from './state/state-desk.ts';
import { createMessageServices, type MessageDesks } from './message-services.ts';
import { nodeRowOf } from './made-on.ts';
import type { RunInput } from './run.ts';

/** What the services are made from. */
export interface ServiceDeps {
  readonly world: World;
  readonly log: Log;
  readonly kernel: Kernel;
  readonly workers: WorkerPool;
  readonly ledger: Ledger;
  readonly approvalCalls: ApprovalCalls;
  state(): StateDesk;
  /** The desks are made after the registry, which needs these. */
  desks(): MessageDesks;
}

/** The services of one node, for all its agents. */
export function createAgentServices(deps: ServiceDeps): ContextDeps {
  const { kernel, workers, world, log, ledger, approvalCalls } = deps;
  return {
    world,
    log,
    shelf: (place) => shelfOf(kernel, ledger, place),
    spendShelf: (work) => spendShelfOf(kernel, work),
    madeOn: ({ owner, attempt }, node) => {
      const cell = kernel.cells.get(owner);
      if (cell !== undefined && cell.phase !== 'ended') kernel.attach(cell, nodeRowOf(attempt), node);
    },
    undeliverable: (reason, from) => kernel.deadLetters.add({ reason, to: 'parent', from }),
    runWorker: (call) => workers.run(call),
    approve: (place, call) => approvalCalls.decided(place, call),
    state: (host, scope) => sharedState(deps.state(), host, scope),
    messages: createMessageServices(deps.desks),
  };
}

/** Reports stand beside the journal; the task and the keeper of the budget hear of each in the epoch that it is written in. */
function spendShelfOf(kernel: Kernel, { owner, task, attempt, account }: RunInput): SpendShelf {
  const cell = kernel.cells.get(owner);
  const gone = (): OperatingError =>
    new OperatingError('CANCELED', `${owner} is gone: nobody waits for this work any more.`);
  if (cell === undefined) throw gone();
  return {
    recorded: () => cell.attached(),
    record: (row, usage) => {
      // What keyed actors use belongs to no task.
      if (task === '') return;
      if (cell.phase === 'ended') throw gone();
      kernel.attach(cell, row, usage);
      kernel.post(`task/${task}`, { type: 'task.spent', usage });
      if (account === undefined) return;
      kernel.post(account.budget, { type: 'budget.spent', holder: owner, account: account.account, attempt, usage });
    },
    keeper: () => {
      const keeper = account === undefined ? undefined : kernel.cells.get(account.budget);
      const book = (keeper?.checkpoint as BudgetState | undefined)?.book;
      const hold = book?.holds[owner];
      if (book === undefined || hold === undefined || hold.attempt !== attempt) return undefined;
      return { left: leftFor(book, owner), heard: hold.spent, sinceMs: hold.sinceMs };
    },
  };
}

/** The journal's place: rows beside the state of the step (or keyed actor) that the work is for. */
function shelfOf(kernel: Kernel, ledger: Ledger, place: CallPlace): JournalShelf {
  const { owner } = place;
  const cell = kernel.cells.get(owner);
  if (cell === undefined)
    throw new OperatingError('CANCELED', `${owner} is gone: nobody waits for this work any more.`);
  return {
    recorded: () => cell.attached(),
    record: (key, value) => {
      if (cell.phase === 'ended')
        throw new OperatingError('CANCELED', `${owner} is gone: nobody waits for this work any more.`);
      kernel.attach(cell, key, value);
    },
    committed: () => kernel.committer.committed(),
    decided: (doubt, signal) => ledger.decided(doubt, place, signal),
    began: (call) => ledger.began(call, place),
    repeats: () => ledger.repeats(),
    ended: (call, outcome, isRecorded) => ledger.ended(call, place, outcome, isRecorded),
  };
}
