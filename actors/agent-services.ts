/** What agents' contexts reach of this node: journals at their steps, worker threads, other actors. */
import { OperatingError } from '../protocol/errors.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { Log } from '../runtime/log.ts';
import type { WorkerPool } from '../runtime/workers/pool.ts';
import type { World } from '../runtime/world.ts';
import type { ApprovalCalls } from './approvals/approval-calls.ts';
import type { ContextDeps } from './agent-context.ts';
import type { JournalShelf } from './journal.ts';
import type { CallPlace, Ledger } from './ledger.ts';
import { sharedState } from './state/state-context.ts';
import type { StateDesk } from './state/state-desk.ts';
import { createMessageServices, type MessageDesks } from './message-services.ts';

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
    undeliverable: (reason, from) => kernel.deadLetters.add({ reason, to: 'parent', from }),
    runWorker: (call) => workers.run(call),
    approve: (place, call) => approvalCalls.decided(place, call),
    state: (host, scope) => sharedState(deps.state(), host, scope),
    messages: createMessageServices(deps.desks),
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
