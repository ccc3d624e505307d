/**
 * A supervisor: starts its listed children in order, hears from the kernel how children of its own end, decides by its policy
 * what that means, and has it done. It does not wait and does not run what its children run: pauses, stops and starts come
 * back as messages, so that a supervisor always answers.
 *
 *   starting ──all have begun──► running                      one that cannot begin: escalating
 *   running ──an end beyond the intensity──► exceeded         (policy `abandon`: that child is given up, the others go on)
 *      │  ▲                                      │
 *      │  └──────────── room again ──────────────┘            by time alone; until then each child that crashes is given up
 *      ├────an end beyond the intensity, or failures ──► open ⇄ halfOpen ──► running
 *      │                                                  (policy `open`: the breaker in front of the children opens; those
 *      │                                                  that crash wait behind it, and come back with it)
 *      ├────an end beyond the intensity──► escalating         (policy `escalate`) it stops all, in reverse order, and ends;
 *      │                                                      its own supervisor makes it anew; at the root, the node ends
 *      └────a significant child is gone──► closing            the same, by itself or since its own supervisor stops it
 *   any ──supervisor.stop──► stopping                         the node drains: what crashes now rests in the store
 */
import { assign, enqueueActions, setup } from 'xstate';
import type { InstalledLogic } from '../runtime/cell.ts';
import { type ChartSeat, chartFactory } from '../runtime/chart-host.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import { volatileSpec } from '../runtime/volatile-spec.ts';
import { cutLate, move, moveDue, moveOn, type Move } from './conduct.ts';
import { isShut, probeHeld, releaseHeld } from './held-children.ts';
import { hasRoom, roomAtMs } from './intensity.ts';
import { assertPolicy } from './policy.ts';
import { begin } from './procedure.ts';
import { allStops, endsWith, errorOf, excessOf, startFaultOf } from './ending-plan.ts';
import { isAwaited, isStarting, planReplacement, planRestart, type RestartPlan, specOf } from './restart-plan.ts';
import { assertSignificance } from './significance.ts';
import { isRestarted } from './strategy.ts';
import {
  ALL,
  type ChildCrashed,
  type ChildEnded,
  type ChildNews,
  type SupervisorContext,
  type SupervisorEvent,
  type SupervisorInput,
  type SupervisorTotals,
} from './supervisor-context.ts';

const NO_TOTALS: SupervisorTotals = { restarts: 0, abandoned: 0, failures: 0, excesses: 0 };

type Serial = { readonly address: string; readonly serial: number };
type Addressed = { readonly address: string };

/** What an action changes, and does: the first step of a plan, after its books. */
function firstMove(
  context: SupervisorContext,
  key: string,
  { next, delayMs }: RestartPlan,
): [RestartPlan['next'], () => void] {
  const { port, input } = context.seat;
  const moved = move({ ...context, ...next }, key);
  const act = (): void => {
    input.deps.later(port, delayMs, { type: 'restart.due', address: key, serial: next.serial });
    moved.act();
  };
  return [{ ...next, procedures: moved.procedures }, act];
}

const supervising = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    input: {} as ChartSeat<SupervisorInput>,
  },
  guards: {
    isAwaited: ({ context }, { address }: Addressed) => isAwaited(context, address),
    isOver: ({ context }, { address }: Addressed) =>
      isAwaited(context, address) || context.seat.input.deps.presenceOf(address) !== 'idle',
    isStarting: ({ context }, { address }: Addressed) => isStarting(context, address),
    isUnlisted: ({ context }, { address }: Addressed) => specOf(context, address) === undefined,
    isLetGo: (_, { restart }: ChildCrashed) => !isRestarted(restart, 'crashed'),
    isSetFree: ({ context }, { address }: Addressed) => {
      const spec = specOf(context, address);
      return spec === undefined || !isRestarted(spec.restart, 'killed');
    },
    staysAway: (_, { spec, exit }: ChildEnded) => !isRestarted(spec.restart, exit),
    endsAll: ({ context }, { address }: Addressed) => endsWith(context, address),
    hasRoom: ({ context: { seat, window } }) => hasRoom(window, seat.input.policy, seat.input.deps.monotonicMs()),
    escalates: ({ context }) => context.seat.input.policy.onExcess === 'escalate',
    opens: ({ context }) => context.seat.input.breaker !== undefined,
    isShut: ({ context }) => isShut(context),
    isOpen: ({ context: { seat } }) => seat.input.breaker?.phase() === 'open',
    isHalfOpen: ({ context: { seat } }) => seat.input.breaker?.phase() === 'half-open',
    isDone: ({ context }) => !context.procedures.has(ALL),
  },
  actions: {
    /** Children that live are taken over as they are; unlisted ones that crashed while nobody supervised them are heard of now. */
    startAll: enqueueActions(({ context, enqueue }) => {
      const { children, deps } = context.seat.input;
      const { port } = context.seat;
      const starts = children().map(({ address, recovery }) => ({ address, mode: recovery }));
      const all = { ...begin(context.serial + 1, { starts, isDue: true }), awaitsLast: true };
      const moved = move({ ...context, procedures: new Map([[ALL, all]]) }, ALL);
      enqueue.assign({ procedures: moved.procedures, serial: all.serial });
      enqueue(() => {
        moved.act();
        const listed = new Set(starts.map(({ address }) => address));
        for (const crash of deps.crashedChildren(port.address)) {
          if (!listed.has(crash.address)) port.send(port.address, { ...crash });
        }
      });
    }),
    hold: assign(({ context: { held } }, news: SupervisorEvent & Addressed) => ({
      held: new Map(held).set(news.address, news),
    })),
    /** All listed children have begun: its own supervisor hears of it, and it of what had to wait. */
    announce: enqueueActions(({ context: { held, seat }, enqueue }) => {
      const { port, input } = seat;
      enqueue.assign({ held: new Map() });
      enqueue(() => {
        if (input.parent !== undefined) port.send(input.parent, { type: 'child.started', address: port.address });
        for (const news of held.values()) port.send(port.address, { ...news });
      });
    }),
    planRestart: enqueueActions(({ context, enqueue }, crash: ChildCrashed) => {
      const [next, act] = firstMove(context, crash.address, planRestart(context, crash, 'crashed', crash.error));
      enqueue.assign(next);
      enqueue(act);
    }),
    planReplacement: enqueueActions(({ context, enqueue }, { address, error }: ChildNews) => {
      const spec = specOf(context, address);
      if (spec === undefined) return;
      const [next, act] = firstMove(context, address, planReplacement(context, spec, error));
      enqueue.assign(next);
      enqueue(act);
    }),
    planSuccessor: enqueueActions(({ context, enqueue }, { address, error, exit, spec }: ChildEnded) => {
      const [next, act] = firstMove(context, address, planRestart(context, spec, exit, error));
      enqueue.assign(next);
      enqueue(act);
    }),
    moveOn: enqueueActions(
      ({ context, enqueue }, { type, address }: Addressed & { readonly type: 'child.started' | 'child.stopped' }) =>
        carryOut(enqueue, moveOn(context, type, address)),
    ),
    moveDue: enqueueActions(({ context, enqueue }, { address, serial }: Serial) =>
      carryOut(enqueue, moveDue(context, address, serial)),
    ),
    cutLate: ({ context }, { address, serial }: Serial) => cutLate(context, address, serial),
    giveUp: enqueueActions(({ context: { seat, totals }, enqueue }, { address, error }: ChildNews) => {
      enqueue.assign({ totals: { ...totals, abandoned: totals.abandoned + 1 }, lastError: error });
      enqueue(() => seat.input.deps.abandon(seat.port, address, error));
    }),
    /** An end that its rules leave alone is counted if it was none of a child's own will. */
    letGo: assign(({ context: { totals, lastError } }, { exit, error }: ChildEnded) => ({
      totals: { ...totals, failures: totals.failures + (exit === 'failed' ? 1 : 0) },
      lastError: error ?? lastError,
    })),
    /** Beyond the intensity, and gone already. */
    countLost: assign(({ context: { totals, lastError } }, { error }: ChildEnded) => ({
      totals: { ...totals, abandoned: totals.abandoned + 1 },
      lastError: error ?? lastError,
    })),
    reportExcess: ({ context: { seat } }, news: ChildNews | ChildEnded) => {
      const { port } = seat;
      const { deps, parent } = seat.input;
      const { address } = news;
      const fields = { supervisor: port.address, actor: address, code: errorOf(news).code };
      deps.log.warn('A supervisor gave up a child beyond its intensity.', fields);
      if (parent !== undefined) port.send(parent, { type: 'child.excess', address: port.address, child: address });
    },
    awaitRoom: ({ context: { seat, window } }) => {
      const { deps, policy } = seat.input;
      const nowMs = deps.monotonicMs();
      const atMs = roomAtMs(window, policy, nowMs);
      if (atMs !== undefined) deps.later(seat.port, Math.max(0, atMs - nowMs), { type: 'window.refilled' });
    },
    escalate: assign(({ context }, news: ChildNews | ChildEnded) => {
      const { deps, restart = 'permanent' } = context.seat.input;
      const error = excessOf(context, news);
      deps.log.error('A supervisor exceeded its intensity.', {
        supervisor: context.seat.port.address,
        error: error.message,
      });
      return { ending: { error, keep: restart === 'permanent' }, lastError: errorOf(news) };
    }),
    failStart: assign(({ context }, news: ChildNews | ChildEnded) => {
      const { deps, restart = 'permanent' } = context.seat.input;
      const error = startFaultOf(context, news);
      deps.log.error('A supervisor could not start a child.', {
        supervisor: context.seat.port.address,
        error: error.message,
      });
      return { ending: { error, keep: restart === 'permanent' }, lastError: errorOf(news) };
    }),
    closeItself: assign({ ending: { error: undefined, keep: false } }),
    closeAsTold: assign((_, { keep }: { readonly keep: boolean }) => ({ ending: { error: undefined, keep } })),
    stopAll: enqueueActions(({ context, enqueue }) => {
      const all = begin(context.serial + 1, { stops: allStops(context), isDue: true });
      const moved = move({ ...context, procedures: new Map([[ALL, all]]) }, ALL);
      enqueue.assign({ procedures: moved.procedures, serial: all.serial });
      enqueue(moved.act);
    }),
    finish: ({ context: { seat, ending } }) => {
      const { port, input } = seat;
      if (input.parent === undefined && ending?.error !== undefined) input.deps.exhaust(port, ending.error);
      else input.deps.end(port, ending?.error?.toBody());
    },
    countFailure: assign(({ context: { totals } }, { error }: ChildNews) => ({
      totals: { ...totals, failures: totals.failures + 1 },
      lastError: error,
    })),
    countExcess: assign(({ context: { totals } }) => ({ totals: { ...totals, excesses: totals.excesses + 1 } })),
    countCrash: ({ context: { seat } }, { address, error }: ChildNews) => seat.input.breaker?.crashed(address, error),
    tripBreaker: ({ context: { seat } }, { error }: ChildNews) => seat.input.breaker?.trip(error),
    tripAtEnd: ({ context: { seat } }, news: ChildEnded) => seat.input.breaker?.trip(errorOf(news)),
    probeHeld: ({ context }) => probeHeld(context),
    releaseHeld: ({ context }) => releaseHeld(context),
    /** What was planned waits with the others. */
    dropDue: assign(({ context: { procedures } }, { address }: Addressed) => ({
      procedures: new Map([...procedures].filter(([waiting]) => waiting !== address)),
    })),
    drainListed: ({ context: { seat } }) => {
      for (const spec of seat.input.children().toReversed()) seat.port.send(spec.address, { type: 'supervisor.stop' });
    },
  },
});

interface Enqueue {
  (act: () => void): void;
  assign(next: Pick<SupervisorContext, 'procedures'>): void;
}

function carryOut(enqueue: Enqueue, { procedures, act }: Move): void {
  enqueue.assign({ procedures });
  enqueue(act);
}

/** Hands what was heard to a guard or an action. */
const news = { params: ({ event }: { readonly event: ChildNews }) => event };
const crash = { params: ({ event }: { readonly event: ChildCrashed }) => event };
const end = { params: ({ event }: { readonly event: ChildEnded }) => event };
/** A child that has ended while it was being stopped has come to rest by that. */
const rested = {
  params: ({ event: { address } }: { readonly event: ChildEnded }) => ({ type: 'child.stopped' as const, address }),
};

/** While the breaker is open or half-open: who crashes waits behind it. */
const BEHIND_BREAKER = {
  'child.crashed': [
    { guard: { type: 'isOver', ...news } },
    { guard: { type: 'isLetGo', ...crash }, actions: { type: 'giveUp', ...news } },
    { actions: { type: 'countCrash', ...news } },
  ],
  'child.ended': [
    { guard: { type: 'staysAway', ...end }, actions: { type: 'letGo', ...end } },
    { actions: { type: 'countLost', ...end } },
  ],
  'child.failed': { actions: { type: 'countFailure', ...news } },
  'child.quarantined': { actions: { type: 'giveUp', ...news } },
} as const;

const chart = supervising.createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    seat: input,
    window: [],
    procedures: new Map(),
    serial: 0,
    held: new Map(),
    totals: NO_TOTALS,
    lastError: undefined,
    ending: undefined,
  }),
  initial: 'starting',
  on: {
    'restart.due': [
      { guard: 'isShut', actions: { type: 'dropDue', params: ({ event }) => event } },
      { actions: { type: 'moveDue', params: ({ event }) => event } },
    ],
    // It may have moved on since this was sent: what it is now is looked at in `running`.
    'breaker.opened': '.running',
    'breaker.halfOpened': '.running',
    'breaker.closed': { target: '.running', actions: 'releaseHeld' },
    'breaker.release': { actions: 'releaseHeld' },
    'stop.late': { actions: { type: 'cutLate', params: ({ event }) => event } },
    'child.started': {
      actions: { type: 'moveOn', params: ({ event }) => ({ type: 'child.started', address: event.address }) },
    },
    'child.stopped': {
      actions: { type: 'moveOn', params: ({ event }) => ({ type: 'child.stopped', address: event.address }) },
    },
    'child.excess': { actions: 'countExcess' },
    'supervisor.shutdown': { target: '.closing', actions: { type: 'closeAsTold', params: ({ event }) => event } },
    'supervisor.stop': '.stopping',
  },
  states: {
    starting: {
      entry: 'startAll',
      always: { guard: 'isDone', target: 'running', actions: 'announce' },
      on: {
        'child.crashed': [
          { guard: { type: 'isStarting', ...news }, target: 'escalating', actions: { type: 'failStart', ...news } },
          { actions: { type: 'hold', ...crash } },
        ],
        'child.ended': [
          { guard: { type: 'isStarting', ...end }, target: 'escalating', actions: { type: 'failStart', ...end } },
          { actions: { type: 'hold', ...end } },
        ],
        'child.quarantined': [
          { guard: { type: 'isStarting', ...news }, target: 'escalating', actions: { type: 'failStart', ...news } },
          { actions: { type: 'hold', params: ({ event }) => event } },
        ],
        'child.failed': { actions: { type: 'countFailure', ...news } },
      },
    },
    running: {
      always: [
        { guard: 'isOpen', target: 'open' },
        { guard: 'isHalfOpen', target: 'halfOpen' },
      ],
      on: {
        'child.crashed': [
          { guard: { type: 'isOver', ...news } },
          {
            guard: ({ context, event }) => !isRestarted(event.restart, 'crashed') && endsWith(context, event.address),
            target: 'closing',
            actions: [{ type: 'giveUp', ...news }, 'closeItself'],
          },
          { guard: { type: 'isLetGo', ...crash }, actions: { type: 'giveUp', ...news } },
          { guard: 'isShut', actions: { type: 'countCrash', ...news } },
          {
            guard: 'hasRoom',
            actions: [
              { type: 'planRestart', ...crash },
              { type: 'countCrash', ...news },
            ],
          },
          { guard: 'opens', actions: { type: 'tripBreaker', ...news } },
          { guard: 'escalates', target: 'escalating', actions: { type: 'escalate', ...news } },
          {
            target: 'exceeded',
            actions: [
              { type: 'giveUp', ...news },
              { type: 'reportExcess', ...news },
            ],
          },
        ],
        'child.ended': [
          { guard: { type: 'isAwaited', ...end }, actions: { type: 'moveOn', ...rested } },
          {
            guard: ({ context, event }) =>
              !isRestarted(event.spec.restart, event.exit) && endsWith(context, event.address),
            target: 'closing',
            actions: [{ type: 'letGo', ...end }, 'closeItself'],
          },
          { guard: { type: 'staysAway', ...end }, actions: { type: 'letGo', ...end } },
          { guard: 'hasRoom', actions: { type: 'planSuccessor', ...end } },
          {
            guard: 'opens',
            actions: [
              { type: 'countLost', ...end },
              { type: 'tripAtEnd', ...end },
            ],
          },
          { guard: 'escalates', target: 'escalating', actions: { type: 'escalate', ...end } },
          {
            target: 'exceeded',
            actions: [
              { type: 'countLost', ...end },
              { type: 'reportExcess', ...end },
            ],
          },
        ],
        'child.quarantined': [
          { guard: { type: 'isAwaited', ...news } },
          {
            guard: ({ context, event }) =>
              specOf(context, event.address)?.restart === 'temporary' && endsWith(context, event.address),
            target: 'closing',
            actions: [{ type: 'giveUp', ...news }, 'closeItself'],
          },
          { guard: { type: 'isSetFree', ...news }, actions: { type: 'giveUp', ...news } },
          { guard: 'hasRoom', actions: { type: 'planReplacement', ...news } },
          { target: 'escalating', actions: { type: 'escalate', ...news } },
        ],
        'child.failed': { actions: { type: 'countFailure', ...news } },
      },
    },
    exceeded: {
      entry: 'awaitRoom',
      on: {
        'window.refilled': [{ guard: 'hasRoom', target: 'running' }, { actions: 'awaitRoom' }],
        'child.crashed': [
          { guard: { type: 'isOver', ...news } },
          { guard: { type: 'isLetGo', ...crash }, actions: { type: 'giveUp', ...news } },
          { guard: 'hasRoom', target: 'running', actions: { type: 'planRestart', ...crash } },
          {
            actions: [
              { type: 'giveUp', ...news },
              { type: 'reportExcess', ...news },
            ],
          },
        ],
        'child.ended': [
          { guard: { type: 'isAwaited', ...end }, actions: { type: 'moveOn', ...rested } },
          { guard: { type: 'staysAway', ...end }, actions: { type: 'letGo', ...end } },
          { guard: 'hasRoom', target: 'running', actions: { type: 'planSuccessor', ...end } },
          {
            actions: [
              { type: 'countLost', ...end },
              { type: 'reportExcess', ...end },
            ],
          },
        ],
        'child.failed': { actions: { type: 'countFailure', ...news } },
        'child.quarantined': { actions: { type: 'giveUp', ...news } },
      },
    },
    open: { on: BEHIND_BREAKER },
    halfOpen: {
      entry: 'probeHeld',
      on: {
        ...BEHIND_BREAKER,
        'child.crashed': [
          { guard: { type: 'isOver', ...news } },
          { guard: { type: 'isLetGo', ...crash }, actions: { type: 'giveUp', ...news } },
          { actions: [{ type: 'countCrash', ...news }, 'probeHeld'] },
        ],
        'breaker.freed': { actions: 'probeHeld' },
      },
    },
    escalating: {
      entry: 'stopAll',
      always: { guard: 'isDone', target: 'ended' },
      on: { 'child.ended': { actions: { type: 'moveOn', ...rested } }, 'supervisor.shutdown': {}, 'breaker.*': {} },
    },
    closing: {
      entry: 'stopAll',
      always: { guard: 'isDone', target: 'ended' },
      on: { 'child.ended': { actions: { type: 'moveOn', ...rested } }, 'supervisor.shutdown': {}, 'breaker.*': {} },
    },
    ended: { entry: 'finish', on: { '*': {} } },
    stopping: { entry: 'drainListed', on: { '*': {} } },
  },
});

/** The name of the logic of all supervisors. */
export const SUPERVISOR_LOGIC = 'supervisor';

/** What the kernel must know to make supervisors. */
export const supervisorLogic: InstalledLogic = {
  name: SUPERVISOR_LOGIC,
  factory: chartFactory(chart, SUPERVISOR_LOGIC),
  kind: SUPERVISOR_LOGIC,
  lane: SUPERVISOR_LOGIC,
  laneLimit: 1,
  startsItself: true,
};

/**
 * The cell of a supervisor: it belongs to this run of the process; after a crash of its own it goes on with what it knew.
 * Errors: INVALID_INPUT for a policy out of bounds, or children that it cannot have.
 */
export function supervisorSpec(address: string, input: SupervisorInput): ChildSpec {
  const { policy, parent, restart = 'permanent', significant, shutdown = 'infinity' } = input;
  assertPolicy(policy);
  assertSignificance(policy.autoShutdown ?? 'never', policy.strategy, input.children());
  return {
    ...volatileSpec(address, SUPERVISOR_LOGIC, input),
    supervisor: parent ?? '',
    restart,
    recovery: 'resume',
    shutdown,
    ...(parent !== undefined && { listed: true }),
    ...(significant !== undefined && { significant }),
  };
}
