/**
 * The stage of a step that is more than one call of an agent: what comes before its work, how often the work is done, and what
 * is done where it fails. A step that only calls an agent has none; its flow starts the step's actor directly.
 *
 *   delayed ──timer.delay──► listening ──task.signal──► asking ──child.done──► working ──child.done──► done
 *                               └─timer.signal (deadline)─► …     └─rejected─┐   │  ▲
 *                                                                            │   │  └─ another round of a loop
 *   pausing ──timer.retry──► working    (a workflow that it calls, again) ◄──┼───┤
 *   working, with the next call that it falls back to                     ◄──┴───┘   else done
 *
 * Whenever its flow is given up (`flow.cancel`), it is done; a workflow at work for it is told so, and undoes first what it has
 * done. Each wait is left out where the step does not have it. What it starts is its own: a step's actor, another flow, an approval.
 * It ends normally in any case: its output is a step's outcome, like that of the step's actor.
 */
import type { ErrorBody } from '../../protocol/errors.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import type { ApprovalDecision } from '../approvals/approval.ts';
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';
import type { StepOutcome } from '../step.ts';
import { STAGE_LOGIC, type StageStart } from './stage-start.ts';
import { type StageState, StageTurn } from './stage-turn.ts';
import { stageWaits } from './stage-waits.ts';

const BEGINNING: StageState = {
  phase: 'working',
  round: 1,
  fallback: 0,
  attempt: 1,
  failures: [],
  degraded: [],
  resting: [],
};

/** What stages need of the rest of the node. */
export interface StageDeps {
  random(): number;
}

/** The logic of stages. */
export function stageLogic({ random }: StageDeps): FlatLogic<StageState, StageStart> {
  type Handler = (state: StageState, event: ActorEvent, port: CellPort) => StageState;
  const on =
    (handle: (turn: StageTurn, event: ActorEvent) => StageState): Handler =>
    (state, event, port) =>
      handle(new StageTurn(state, port, random), event);
  /** Of what it has started last: what it let go of before has no say any more. */
  const ofChild =
    (handle: (turn: StageTurn, event: ActorEvent) => StageState): Handler =>
    (state, event, port) =>
      event['address'] === state.child ? handle(new StageTurn(state, port, random), event) : state;
  const crashed = ofChild((turn, { error }) => turn.workEnded(crashOutcome(error as ErrorBody)));
  const unanswered = ofChild((turn, { error }) => turn.refused(error as ErrorBody));

  const canceled = on((turn, { error }) => turn.canceled(error as ErrorBody));

  return {
    name: STAGE_LOGIC,
    version: LIFECYCLE_VERSIONS.stage,
    initial: (_start, port) => new StageTurn(BEGINNING, port, random).begin(),
    table: {
      delayed: { 'timer.delay': on((turn) => turn.delayOver()), 'flow.cancel': canceled },
      listening: {
        'task.signal': on((turn, event) => turn.signaled(event)),
        'timer.signal': on((turn) => turn.signalExpired()),
        'flow.cancel': canceled,
      },
      asking: {
        'child.done': ofChild((turn, { output }) => turn.answered(output as ApprovalDecision)),
        'child.failed': unanswered,
        'child.quarantined': unanswered,
        'flow.cancel': canceled,
      },
      working: {
        'child.done': ofChild((turn, { output }) => turn.workEnded(output as StepOutcome)),
        'child.failed': crashed,
        'child.quarantined': crashed,
        'timer.timeout': on((turn) => turn.timedOut()),
        'flow.cancel': canceled,
        'item.parked': on((turn, event) => turn.rests(event, true)),
        'item.unparked': on((turn, event) => turn.rests(event, false)),
        'task.signal': (state, event: ActorEvent, port) => {
          if (state.child !== undefined) port.send(state.child, event);
          return state;
        },
      },
      pausing: { 'timer.retry': on((turn) => turn.pauseOver()), 'flow.cancel': canceled },
      done: {},
    },
    final: { done: (state) => ({ output: state.outcome }) },
    describe,
    waits: stageWaits,
  };
}

function crashOutcome(error: ErrorBody): StepOutcome {
  return { ok: false, error, events: [], attempts: 0 };
}

function describe({ phase, round, fallback, attempt }: StageState): string {
  const which = [
    round > 1 ? `round ${round}` : '',
    fallback > 0 ? `fallback ${fallback}` : '',
    attempt > 1 ? `attempt ${attempt}` : '',
  ];
  return [phase, ...which.filter((words) => words !== '')].join(', ');
}
