/**
 * A schedule as a durable actor: one for each name, at `schedule/NAME`, with one timer for its next time. While it only waits it
 * rests in the store.
 *
 *   absent ──schedule.put──► active ⇄ paused
 *                              │ ▲
 *                              ▼ └──another put
 *                             done       (no time comes any more)
 *   schedule.remove, in any of them ──► removed
 *
 * Tasks that it has submitted belong to nobody: it watches them, and they go on when it is removed.
 */
import { isDeepStrictEqual } from 'node:util';
import { OperatingError } from '../../protocol/errors.ts';
import type { ScheduleSpec } from '../../protocol/schedules.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import type { FamilyStart } from '../family.ts';
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';
import { listingRow, specRow } from './schedule-listing.ts';
import type { ScheduleState } from './schedule-state.ts';
import { type ScheduleDeps, ScheduleTurn } from './schedule-turn.ts';

/** The name of the logic, and the kind of its family. */
export const SCHEDULE_LOGIC = 'schedule';
/** The wall clock was set back by so much: that was no small correction, and the schedule goes by the new time at once. */
export const SETBACK_MS = 3 * 3_600_000;

/** The row beside the state that holds the definition. */
const SPEC_ROW = 'spec';

const ABSENT: ScheduleState = {
  phase: 'absent',
  principal: '',
  createdAtMs: 0,
  updatedAtMs: 0,
  anchorMs: 0,
  plannedAtMs: 0,
  queue: [],
  running: [],
  runs: [],
  retries: 0,
};

/** What makes a schedule, or replaces it. `mode: create` does not replace one. */
export interface SchedulePut {
  readonly type: 'schedule.put';
  readonly mode: 'create' | 'replace';
  readonly spec: ScheduleSpec;
  readonly principal: string;
}

/** The logic of schedules. */
export function scheduleLogic(deps: ScheduleDeps): FlatLogic<ScheduleState, FamilyStart> {
  const turn = (state: ScheduleState, port: CellPort, spec = specOf(port)): ScheduleTurn =>
    new ScheduleTurn(nameOf(port), spec, state, port, deps);

  const put = (state: ScheduleState, event: ActorEvent, port: CellPort): ScheduleState => {
    const { spec, principal, mode } = event as unknown as SchedulePut;
    const isNew = state.phase === 'absent';
    if (!isNew && mode === 'create') {
      const isSame = state.principal === principal && isDeepStrictEqual(specOf(port), spec);
      answer(event, port, isSame ? { created: false } : taken(nameOf(port)));
      return state;
    }
    const nowMs = port.nowMs();
    port.attach(SPEC_ROW, spec);
    port.define(specRow(nameOf(port), spec));
    const phase = spec.paused === true ? 'paused' : 'active';
    const base = isNew ? { ...ABSENT, createdAtMs: nowMs, principal } : state;
    const next: ScheduleState = { ...base, phase, updatedAtMs: nowMs, anchorMs: nowMs };
    answer(event, port, { created: isNew });
    return turn(next, port, spec).plan(nowMs).start().end();
  };

  const pause = (state: ScheduleState, event: ActorEvent, port: CellPort): ScheduleState => {
    answer(event, port, {});
    if (state.phase === 'paused') return state;
    const nowMs = port.nowMs();
    return turn({ ...state, phase: 'paused', updatedAtMs: nowMs }, port)
      .plan(nowMs)
      .end();
  };

  const resume = (state: ScheduleState, event: ActorEvent, port: CellPort): ScheduleState => {
    answer(event, port, {});
    if (state.phase !== 'paused') return state;
    const nowMs = port.nowMs();
    return turn({ ...state, phase: 'active', updatedAtMs: nowMs }, port)
      .plan(nowMs)
      .start()
      .end();
  };

  const trigger = (state: ScheduleState, event: ActorEvent, port: CellPort): ScheduleState => {
    const asked = turn(state, port).trigger().start();
    const { triggered } = asked;
    if (triggered === undefined) answer(event, port, { queued: true });
    else if (triggered.state === 'started') answer(event, port, { run: triggered });
    else answer(event, port, new OperatingError((triggered.code ?? 'INTERNAL') as 'INTERNAL', triggered.message ?? ''));
    return asked.end();
  };

  const remove = (state: ScheduleState, event: ActorEvent, port: CellPort): ScheduleState => {
    port.define(specRow(nameOf(port), null));
    port.define(listingRow(nameOf(port), null));
    answer(event, port, {});
    return { ...state, phase: 'removed' };
  };

  const due = (state: ScheduleState, _event: ActorEvent, port: CellPort): ScheduleState =>
    turn(state, port).due().start().end();

  const ended = (state: ScheduleState, event: ActorEvent, port: CellPort): ScheduleState =>
    turn(state, port).ended(String(event['ref'])).start().end();

  const retry = (state: ScheduleState, _event: ActorEvent, port: CellPort): ScheduleState =>
    turn(state, port).start().end();

  /** The wall clock was set far back: the next time would be long in coming. */
  const review = (state: ScheduleState, _event: ActorEvent, port: CellPort): ScheduleState =>
    turn(state, port).plan(port.nowMs()).end();

  const orders = {
    'schedule.put': put,
    'schedule.pause': pause,
    'schedule.resume': resume,
    'schedule.trigger': trigger,
    'schedule.remove': remove,
  };
  const news = { down: ended, 'timer.retry': retry };
  return {
    name: SCHEDULE_LOGIC,
    version: LIFECYCLE_VERSIONS.schedule,
    initial: () => ABSENT,
    table: {
      absent: { ...ABSENT_TABLE, 'schedule.put': put },
      active: { ...orders, ...news, 'schedule.review': review, 'timer.due': due },
      paused: { ...orders, ...news },
      done: { ...orders, ...news },
      removed: {},
    },
    final: { removed: () => ({ output: undefined }) },
    describe: ({ phase, nextAtMs, running }) => {
      const next = nextAtMs === undefined ? '' : `, next at ${new Date(nextAtMs).toISOString()}`;
      return `${phase}${next}, ${running.length} under way`;
    },
  };
}

/** Of one that is not there: it says so, and leaves nothing behind. */
function refuse(state: ScheduleState, event: ActorEvent, port: CellPort): ScheduleState {
  answer(event, port, noSchedule(nameOf(port)));
  return { ...state, phase: 'removed' };
}

const ABSENT_TABLE = {
  'schedule.pause': refuse,
  'schedule.resume': refuse,
  'schedule.trigger': refuse,
  'schedule.remove': refuse,
  'schedule.review': refuse,
};

/** The answer to a name that is not known. */
export function noSchedule(name: string): OperatingError {
  return new OperatingError('NOT_FOUND', `There is no schedule ${name}. List those there are: troupe schedules`);
}

/** The answer to a name that another has, or that has another meaning. */
export function taken(name: string): OperatingError {
  return new OperatingError(
    'STATE_CONFLICT',
    `There is a schedule ${name} already, and it is another one. Replace it (PUT), or take another name.`,
  );
}

function answer({ replyTo }: ActorEvent, port: CellPort, what: object): void {
  if (typeof replyTo !== 'string') return;
  if (what instanceof OperatingError) port.send(replyTo, { type: 'rejected', error: what.toBody() });
  else port.send(replyTo, { type: 'schedule', ...what });
}

function specOf(port: CellPort): ScheduleSpec {
  return port.attached().get(SPEC_ROW) as ScheduleSpec;
}

function nameOf(port: CellPort): string {
  return (port.input as FamilyStart).parts[0] ?? '';
}
