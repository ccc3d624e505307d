/**
 * A supervisor: hears from the kernel that children of its own have crashed, decides by its policy what that means, and has
 * it done. It does not wait and does not run what its children run: a restart comes later, by a message to itself, so that
 * a supervisor always answers.
 *
 *   running ──a crash beyond the intensity──► exceeded        (policy `abandon`: that child is given up, the others go on)
 *      │  ▲                                      │
 *      │  └──────────── room again ──────────────┘            by time alone; until then each child that crashes is given up
 *      │
 *      ├────a crash beyond the intensity, or failures ──► open ⇄ halfOpen ──► running
 *      │                                                  (policy `open`: the breaker in front of the children opens; those
 *      │                                                  that crash wait behind it, and come back with it)
 *      └────a crash beyond the intensity──► escalating        (policy `escalate`: listed children are stopped, in reverse
 *                                                             order; its own supervisor makes it anew; at the root, the
 *                                                             node ends)
 *   any ──supervisor.stop──► stopping                         the node drains: what crashes now rests in the store
 */
import { assign, enqueueActions, setup } from 'xstate';
import type { InstalledLogic } from '../runtime/cell.ts';
import { type ChartSeat, chartFactory } from '../runtime/chart-host.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import { volatileSpec } from '../runtime/volatile-spec.ts';
import { isShut, probeHeld, releaseHeld } from './held-children.ts';
import { hasRoom, roomAtMs } from './intensity.ts';
import { excessOf, isAwaited, planReplacement, planRestart, type RestartPlan, specOf } from './restart-plan.ts';
import { assertPolicy } from './policy.ts';
import { isRestarted } from './strategy.ts';
import type {
  ChildCrashed,
  ChildNews,
  SupervisorContext,
  SupervisorEvent,
  SupervisorInput,
  SupervisorTotals,
} from './supervisor-context.ts';

const NO_TOTALS: SupervisorTotals = { restarts: 0, abandoned: 0, failures: 0, excesses: 0 };

function carryOut({ seat }: SupervisorContext, address: string, { stops, delayMs }: RestartPlan): void {
  const { port, input } = seat;
  for (const sibling of stops) port.stopChild(sibling);
  input.deps.later(port, delayMs, { type: 'restart.due', address });
}

const supervising = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    input: {} as ChartSeat<SupervisorInput>,
  },
  guards: {
    isAwaited: ({ context }, { address }: { readonly address: string }) => isAwaited(context, address),
    isOver: ({ context }, { address }: { readonly address: string }) =>
      isAwaited(context, address) || !context.seat.input.deps.isCrashed(address),
    isUnlisted: ({ context }, { address }: { readonly address: string }) => specOf(context, address) === undefined,
    isLetGo: (_, { restart }: ChildCrashed) => !isRestarted(restart, 'crashed'),
    hasRoom: ({ context: { seat, window } }) => hasRoom(window, seat.input.policy, seat.input.deps.monotonicMs()),
    escalates: ({ context }) => context.seat.input.policy.onExcess === 'escalate',
    opens: ({ context }) => context.seat.input.breaker !== undefined,
    isShut: ({ context }) => isShut(context),
    isOpen: ({ context: { seat } }) => seat.input.breaker?.phase() === 'open',
    isHalfOpen: ({ context: { seat } }) => seat.input.breaker?.phase() === 'half-open',
  },
  actions: {
    /** Children that live are taken over as they are; those that crashed while nobody supervised them are heard of now. */
    startListed: ({ context: { seat } }) => {
      const { children, deps } = seat.input;
      const { port } = seat;
      for (const spec of children()) port.startChild(spec);
      for (const crash of deps.crashedChildren(port.address)) port.send(port.address, { ...crash });
    },
    planRestart: enqueueActions(({ context, enqueue }, crash: ChildCrashed) => {
      const plan = planRestart(context, crash, 'crashed', crash.error);
      enqueue.assign(plan.next);
      enqueue(() => carryOut(context, crash.address, plan));
    }),
    planReplacement: enqueueActions(({ context, enqueue }, { address, error }: ChildNews) => {
      const spec = specOf(context, address);
      if (spec === undefined) return;
      const plan = planReplacement(context, spec, error);
      enqueue.assign(plan.next);
      enqueue(() => carryOut(context, address, plan));
    }),
    startDue: enqueueActions(({ context, enqueue }, { address }: { readonly address: string }) => {
      const { pending, seat } = context;
      const { port } = seat;
      enqueue.assign({ pending: new Map([...pending].filter(([waiting]) => waiting !== address)) });
      enqueue(() => {
        for (const start of pending.get(address) ?? []) {
          if (start.act === 'restart') seat.input.deps.restart(port, start.address, start.mode);
          const spec = start.act === 'start' ? specOf(context, start.address) : undefined;
          if (spec !== undefined) port.startChild(spec);
        }
      });
    }),
    giveUp: enqueueActions(({ context: { seat, totals }, enqueue }, { address, error }: ChildNews) => {
      enqueue.assign({ totals: { ...totals, abandoned: totals.abandoned + 1 }, lastError: error });
      enqueue(() => seat.input.deps.abandon(seat.port, address, error));
    }),
    reportExcess: ({ context: { seat } }, { address, error }: ChildNews) => {
      const { port } = seat;
      const { deps, parent } = seat.input;
      const fields = { supervisor: port.address, actor: address, code: error.code };
      deps.log.warn('A supervisor gave up a child beyond its intensity.', fields);
      if (parent !== undefined) port.send(parent, { type: 'child.excess', address: port.address, child: address });
    },
    awaitRoom: ({ context: { seat, window } }) => {
      const { deps, policy } = seat.input;
      const nowMs = deps.monotonicMs();
      const atMs = roomAtMs(window, policy, nowMs);
      if (atMs !== undefined) deps.later(seat.port, Math.max(0, atMs - nowMs), { type: 'window.refilled' });
    },
    escalate: ({ context }, news: ChildNews) => {
      const { port } = context.seat;
      const { children, deps, parent } = context.seat.input;
      const excess = excessOf(context, news);
      deps.log.error('A supervisor exceeded its intensity.', { supervisor: port.address, error: excess.message });
      for (const spec of children().toReversed()) port.stopChild(spec.address);
      if (parent === undefined) deps.exhaust(port, excess);
      else port.send(parent, { type: 'child.exhausted', address: port.address, error: excess.toBody() });
    },
    countFailure: assign(({ context: { totals } }, { error }: ChildNews) => ({
      totals: { ...totals, failures: totals.failures + 1 },
      lastError: error,
    })),
    countExcess: assign(({ context: { totals } }) => ({ totals: { ...totals, excesses: totals.excesses + 1 } })),
    countCrash: ({ context: { seat } }, { address, error }: ChildNews) => seat.input.breaker?.crashed(address, error),
    tripBreaker: ({ context: { seat } }, { error }: ChildNews) => seat.input.breaker?.trip(error),
    probeHeld: ({ context }) => probeHeld(context),
    releaseHeld: ({ context }) => releaseHeld(context),
    /** What was planned waits with the others. */
    dropDue: assign(({ context: { pending } }, { address }: { readonly address: string }) => ({
      pending: new Map([...pending].filter(([waiting]) => waiting !== address)),
    })),
    stopListed: ({ context: { seat } }) => {
      for (const spec of seat.input.children().toReversed()) seat.port.send(spec.address, { type: 'supervisor.stop' });
    },
  },
});

/** Hands the news of a child to a guard or an action. */
const news = { params: ({ event }: { readonly event: ChildNews }) => event };
const crash = { params: ({ event }: { readonly event: ChildCrashed }) => event };

/** While the breaker is open or half-open: who crashes waits behind it. */
const BEHIND_BREAKER = {
  'child.crashed': [
    { guard: { type: 'isOver', ...news } },
    { guard: { type: 'isLetGo', ...crash }, actions: { type: 'giveUp', ...news } },
    { actions: { type: 'countCrash', ...news } },
  ],
  'child.failed': { actions: { type: 'countFailure', ...news } },
  'child.quarantined': { actions: { type: 'giveUp', ...news } },
} as const;

const chart = supervising.createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    seat: input,
    window: [],
    pending: new Map(),
    totals: NO_TOTALS,
    lastError: undefined,
  }),
  entry: 'startListed',
  initial: 'running',
  on: {
    'restart.due': [
      { guard: 'isShut', actions: { type: 'dropDue', params: ({ event }) => event } },
      { actions: { type: 'startDue', params: ({ event }) => event } },
    ],
    // It may have moved on since this was sent: what it is now is looked at in `running`.
    'breaker.opened': '.running',
    'breaker.halfOpened': '.running',
    'breaker.closed': { target: '.running', actions: 'releaseHeld' },
    'breaker.release': { actions: 'releaseHeld' },
    'child.excess': { actions: 'countExcess' },
    'supervisor.stop': '.stopping',
  },
  states: {
    running: {
      always: [
        { guard: 'isOpen', target: 'open' },
        { guard: 'isHalfOpen', target: 'halfOpen' },
      ],
      on: {
        'child.crashed': [
          { guard: { type: 'isOver', ...news } },
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
        'child.failed': [
          { guard: { type: 'isUnlisted', ...news }, actions: { type: 'countFailure', ...news } },
          { guard: { type: 'isAwaited', ...news } },
          { guard: 'hasRoom', actions: { type: 'planReplacement', ...news } },
          { target: 'escalating', actions: { type: 'escalate', ...news } },
        ],
        'child.quarantined': [
          { guard: { type: 'isUnlisted', ...news }, actions: { type: 'giveUp', ...news } },
          { guard: { type: 'isAwaited', ...news } },
          { guard: 'hasRoom', actions: { type: 'planReplacement', ...news } },
          { target: 'escalating', actions: { type: 'escalate', ...news } },
        ],
        'child.exhausted': [
          { guard: { type: 'isAwaited', ...news } },
          { guard: 'hasRoom', actions: { type: 'planReplacement', ...news } },
          { target: 'escalating', actions: { type: 'escalate', ...news } },
        ],
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
    escalating: { on: { '*': {} } },
    stopping: { entry: 'stopListed', on: { '*': {} } },
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
};

/**
 * The cell of a supervisor: it belongs to this run of the process; after a crash of its own it goes on with what it knew.
 * Errors: INVALID_INPUT for a policy out of bounds.
 */
export function supervisorSpec(address: string, input: SupervisorInput): ChildSpec {
  assertPolicy(input.policy);
  const base = volatileSpec(address, SUPERVISOR_LOGIC, input);
  return { ...base, supervisor: input.parent ?? '', restart: 'permanent', recovery: 'resume' };
}
