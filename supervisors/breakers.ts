/**
 * The breakers of a node: each is asked before a call begins, told how calls ended, kept in the store, and made to half-open
 * when its time is over. It decides nothing itself: supervisors/breaker.ts does.
 *
 * Asking and claiming the probe are one synchronous step. What a change means to others goes out in two ways: those inside
 * (the supervisor, the steps that wait) get a message at once; what people and programs outside see of it (log, register)
 * waits until the change is in the store. A closed breaker costs a call one look into a map.
 */
import type { Admitted, BreakerGate, TurnedAway } from '../actors/breaker-gate.ts';
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import type { Cell } from '../runtime/cell.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { KernelLog } from '../runtime/kernel-options.ts';
import type { DefinitionWrite } from '../runtime/stores/store.ts';
import type { Cancel, World } from '../runtime/world.ts';
import {
  type BreakerLimits,
  type BreakerState,
  due,
  enter,
  failed,
  freed,
  NEW_BREAKER,
  passed,
  reset,
  spend,
  trip,
  waitOf,
} from './breaker.ts';
import { type BreakerClock, createBreakerClock, recordOf, stateOf } from './breaker-record.ts';
import { bearingOf } from './breaker-verdict.ts';
import { BREAKER_FIGURES, type BreakerView, viewBreaker } from './breaker-view.ts';
import type { SupervisorBreaker } from './supervisor-context.ts';

/** What breakers need of the rest of the node. */
export interface BreakersDeps {
  readonly kernel: Kernel;
  readonly world: World;
  readonly log: KernelLog & { info(message: string, fields?: object): void };
  /** A breaker has opened, half-opened or closed, and the store knows it. */
  onChange?(view: BreakerView): void;
}

interface Breaker {
  readonly id: string;
  readonly agent: string;
  readonly supervisor: string;
  limits: BreakerLimits;
  state: BreakerState;
  /** What a call is told that is let in while it is closed: made once for each era. */
  admitted: Admitted;
  /** Steps that were turned away. */
  readonly waiters: Set<string>;
  cancelDue: Cancel;
  cancelLook: Cancel;
}

/** The kind of their rows in the store. */
const ROW = { kind: 'breaker', version: '1' } as const;
/** How often a probe is looked at that nobody reports on. */
const LOOK_MS = 100;
/** Steps that are told when a breaker closes; further ones come back when the time that they were given is over. */
const WAITERS_MAX = 100_000;
const THROUGH: Admitted = { isIn: true, era: 0 };

/** The breakers of one node. */
export class Breakers implements BreakerGate {
  readonly #deps: BreakersDeps;
  readonly #clock: BreakerClock;
  readonly #byAgent = new Map<string, Breaker>();
  readonly #stored = new Map<string, unknown>();

  constructor(deps: BreakersDeps) {
    this.#deps = deps;
    this.#clock = createBreakerClock(deps.world);
  }

  /** What the store holds of breakers; before they are added. */
  restore(rows: readonly DefinitionWrite[]): void {
    for (const { name, body } of rows) this.#stored.set(name, body);
  }

  /** Puts a breaker in front of an agent, as the store knows it; where there is one, it gets these limits. */
  add(agent: string, supervisor: string, limits: BreakerLimits): void {
    const known = this.#byAgent.get(agent);
    if (known !== undefined) return void (known.limits = limits);
    const id = `agent:${agent}`;
    const record = this.#stored.get(id);
    const state = record === undefined ? NEW_BREAKER : stateOf(record, limits, this.#deps.world.nowMs());
    if (state === undefined) this.#deps.log.warn('A stored breaker cannot be read; it begins closed.', { breaker: id });
    const breaker: Breaker = {
      ...{ id, agent, supervisor, limits, state: state ?? NEW_BREAKER },
      admitted: { isIn: true, era: state?.era ?? 0 },
      waiters: new Set(),
      cancelDue: nothing,
      cancelLook: nothing,
    };
    this.#byAgent.set(agent, breaker);
    this.#arm(breaker);
  }

  enter(agent: string, holder: string): Admitted | TurnedAway {
    const breaker = this.#byAgent.get(agent);
    if (breaker === undefined) return THROUGH;
    if (breaker.state.phase === 'closed') return breaker.admitted;
    const { state, verdict } = enter(breaker.state, breaker.limits, this.#clock.nowMs(), holder);
    this.#become(breaker, state);
    if (verdict.isIn) return verdict;
    return { isIn: false, error: refusalOf(breaker, verdict.retryAfterMs), isProbing: verdict.isProbing };
  }

  waitMs(agent: string): number {
    const breaker = this.#byAgent.get(agent);
    if (breaker === undefined || breaker.state.phase === 'closed') return 0;
    return waitOf(breaker.state, breaker.limits, this.#clock.nowMs());
  }

  expect(agent: string, waiter: string): void {
    const breaker = this.#byAgent.get(agent);
    if (breaker === undefined || breaker.state.phase === 'closed' || breaker.waiters.size >= WAITERS_MAX) return;
    breaker.waiters.add(waiter);
  }

  passed(agent: string, holder: string, era: number): void {
    const breaker = this.#byAgent.get(agent);
    if (breaker === undefined || breaker.state.phase === 'closed') return;
    this.#become(breaker, passed(breaker.state, this.#clock.nowMs(), { holder, era }));
  }

  failed(agent: string, holder: string, era: number, error: ErrorBody): void {
    const breaker = this.#byAgent.get(agent);
    if (breaker === undefined) return;
    const bearing = bearingOf(error);
    if (bearing === 'success') this.passed(agent, holder, era);
    else if (bearing === 'failure') this.#fail(breaker, holder, era, error);
    else this.#free(breaker, holder);
  }

  /** What an agent cost: more than its limit within the period opens its breaker. */
  spent(agent: string, cost: { readonly usd?: number; readonly tokens?: number }): void {
    const breaker = this.#byAgent.get(agent);
    if (breaker?.limits.spend === undefined) return;
    const random = (): number => this.#deps.world.random();
    this.#become(breaker, spend(breaker.state, breaker.limits, this.#clock.nowMs(), cost, random));
  }

  /** The breaker of a supervisor's children, as the supervisor uses it; undefined for one without. */
  ofSupervisor(agent: string): SupervisorBreaker | undefined {
    const breaker = this.#byAgent.get(agent);
    if (breaker === undefined) return undefined;
    return {
      phase: () => due(breaker.state, this.#clock.nowMs()).phase,
      crashed: (child, error) =>
        this.#fail(breaker, child, breaker.state.phase === 'closed' ? breaker.state.era : -1, error),
      trip: (error) =>
        this.#become(
          breaker,
          trip(breaker.state, breaker.limits, this.#clock.nowMs(), error, () => this.#deps.world.random()),
        ),
      claim: (child) => this.enter(agent, child).isIn,
    };
  }

  /** Whether the breaker of a supervisor, given by its address, is not closed. */
  isShut(supervisor: string): boolean {
    const breaker = this.#byAgent.get(supervisor.slice(supervisor.lastIndexOf('/') + 1));
    return breaker?.supervisor === supervisor && breaker.state.phase !== 'closed';
  }

  /** All of them, by id. */
  views(): readonly BreakerView[] {
    return [...this.#byAgent.values()]
      .map((breaker) => this.#view(breaker))
      .toSorted((a, b) => (a.breaker < b.breaker ? -1 : Number(a.breaker > b.breaker)));
  }

  /** For `troupe_breaker_state`: a number for each, by id; those that are not closed come first, where labels run out. */
  figures(): Readonly<Record<string, number>> {
    const figures = this.views().map(({ breaker, state }) => [breaker, BREAKER_FIGURES[state]] as const);
    return Object.fromEntries(figures.toSorted(([, a], [, b]) => b - a));
  }

  /** One of them, by its id or the name of its agent. Errors: NOT_FOUND. */
  view(id: string): BreakerView {
    return this.#view(this.#find(id));
  }

  /** Closes one by hand; resolves once the store knows it. Errors: NOT_FOUND. */
  async reset(id: string, by: string): Promise<BreakerView> {
    const breaker = this.#find(id);
    const before = breaker.state;
    this.#become(breaker, reset(before, this.#clock.nowMs()));
    await this.#deps.kernel.committer.committed();
    const was = before.phase;
    this.#deps.log.warn('A breaker was reset by hand.', {
      breaker: breaker.id,
      by,
      was,
      failures: before.failedAtMs.length,
    });
    return this.#view(breaker);
  }

  /** Nothing is looked at and nothing half-opens any more: the node stops. */
  stop(): void {
    for (const breaker of this.#byAgent.values()) {
      breaker.cancelDue();
      breaker.cancelLook();
    }
  }

  #find(id: string): Breaker {
    const found = this.#byAgent.get(id.replace(/^agent:/, ''));
    if (found !== undefined) return found;
    throw new OperatingError(
      'NOT_FOUND',
      'There is no such breaker. GET /api/v1/breakers or `troupe breakers` lists them.',
    );
  }

  #view(breaker: Breaker): BreakerView {
    const { id, agent, supervisor, state, limits, waiters } = breaker;
    // Those that were canceled meanwhile do not wait any more.
    const { cells } = this.#deps.kernel;
    const waiting = [...waiters].filter((waiter) => cells.has(waiter)).length;
    const whose = { breaker: id, agent, supervisor, waiting };
    return viewBreaker(whose, state, limits, this.#clock.nowMs(), this.#clock.toWallMs());
  }

  #fail(breaker: Breaker, holder: string, era: number, error: ErrorBody): void {
    const random = (): number => this.#deps.world.random();
    this.#become(breaker, failed(breaker.state, breaker.limits, this.#clock.nowMs(), { holder, era }, error, random));
  }

  #free(breaker: Breaker, holder: string): void {
    const before = breaker.state;
    this.#become(breaker, freed(before, holder));
    if (breaker.state === before) return;
    this.#tell(breaker, 'breaker.freed');
    this.#wake(breaker, 1);
  }

  /** Takes a new state on: into the store with the next commit, and to all whom it concerns. */
  #become(breaker: Breaker, state: BreakerState): void {
    const before = breaker.state;
    if (state === before) return;
    const { kernel } = this.#deps;
    breaker.state = state;
    kernel.committer.define({ ...ROW, name: breaker.id, body: recordOf(state, this.#clock.toWallMs()) });
    if (state.probe !== undefined && state.probe !== before.probe) this.#watchProbe(breaker);
    if (state.era === before.era) return;
    breaker.admitted = { isIn: true, era: state.era };
    this.#arm(breaker);
    this.#tell(breaker, NEWS[state.phase]);
    if (state.phase !== 'open') this.#wake(breaker, state.phase === 'closed' ? WAITERS_MAX : 1);
    kernel.release(() => this.#announce(breaker, state));
  }

  #tell(breaker: Breaker, type: string): void {
    const { kernel } = this.#deps;
    if (kernel.cells.has(breaker.supervisor)) kernel.post(breaker.supervisor, { type });
  }

  /** Steps that wait come now; those that have ended meanwhile are passed over. */
  #wake(breaker: Breaker, most: number): void {
    const { kernel } = this.#deps;
    let left = most;
    for (const waiter of breaker.waiters) {
      if (left === 0) return;
      breaker.waiters.delete(waiter);
      if (!kernel.cells.has(waiter)) continue;
      kernel.post(waiter, { type: 'breaker.retry' });
      left--;
    }
  }

  #announce(breaker: Breaker, { phase, lastError, streak }: BreakerState): void {
    const { log, onChange } = this.#deps;
    const view = this.#view(breaker);
    const whose = { breaker: breaker.id };
    if (phase === 'open') {
      const fields = {
        ...whose,
        retryAfterMs: view.retryAfterMs,
        streak,
        code: lastError?.code,
        error: lastError?.message,
      };
      log.warn('A breaker opened.', fields);
    } else log.info(phase === 'closed' ? 'A breaker closed.' : 'A breaker is half-open: one call may try.', whose);
    onChange?.(view);
  }

  /** Half-opens it when its time is over, also where nobody asks. */
  #arm(breaker: Breaker): void {
    breaker.cancelDue();
    breaker.cancelDue = nothing;
    if (breaker.state.phase === 'half-open') this.#watchProbe(breaker);
    if (breaker.state.phase !== 'open') return;
    const leftMs = Math.max(0, breaker.state.retryAtMs - this.#clock.nowMs());
    breaker.cancelDue = this.#deps.world.after(leftMs, () => {
      this.#become(breaker, due(breaker.state, this.#clock.nowMs()));
      // Timers may be early by less than their resolution.
      if (breaker.state.phase === 'open') this.#arm(breaker);
    });
  }

  // ---- probes

  #watchProbe(breaker: Breaker): void {
    breaker.cancelLook();
    breaker.cancelLook = this.#deps.world.after(LOOK_MS, () => this.#lookAtProbe(breaker));
  }

  /**
   * Nobody reports on a keyed actor, or on one that was canceled. One that is gone says nothing; a machine that has handled
   * all there was for it, and waits for nothing under way, has shown that it works. Both are believed only if they are still
   * so after a commit: what a turn asked for may only just be beginning.
   */
  #lookAtProbe(breaker: Breaker): void {
    const { probe, phase } = breaker.state;
    if (phase !== 'half-open' || probe === undefined) return;
    const { kernel } = this.#deps;
    // Not all that was stored may be loaded yet.
    if (kernel.paused) return this.#watchProbe(breaker);
    const first = this.#signOf(probe.holder);
    if (first.is !== 'busy') {
      kernel.release(() => {
        const second = this.#signOf(probe.holder);
        if (breaker.state.probe !== probe || second.is !== first.is || second.seq !== first.seq) return;
        if (first.is === 'gone') this.#free(breaker, probe.holder);
        else this.passed(breaker.agent, probe.holder, breaker.state.era);
      });
    } else if (this.#clock.nowMs() - probe.sinceMs >= breaker.limits.probeMs) return this.#free(breaker, probe.holder);
    this.#watchProbe(breaker);
  }

  #signOf(holder: string): { readonly is: 'gone' | 'idle' | 'busy'; readonly seq: number } {
    const { kernel } = this.#deps;
    const cell = kernel.cells.get(holder);
    if (cell === undefined || cell.phase === 'ended') return { is: 'gone', seq: -1 };
    return { is: isIdle(kernel, cell) ? 'idle' : 'busy', seq: cell.seq };
  }
}

const NEWS = { closed: 'breaker.closed', open: 'breaker.opened', 'half-open': 'breaker.halfOpened' } as const;

/** A function says by its outcome alone how it went; only what has a shape of states can rest in between. */
function isIdle(kernel: Kernel, cell: Cell): boolean {
  return (
    cell.phase === 'live' &&
    cell.logic.factory.structureHash !== '' &&
    cell.host !== undefined &&
    cell.host.holdsWork !== true &&
    cell.mailbox.size === 0 &&
    !kernel.committer.isDirty(cell) &&
    !kernel.effects.busy(cell.address)
  );
}

function refusalOf({ id, agent, state }: Breaker, retryAfterMs: number): OperatingError {
  const why = state.phase === 'open' ? 'is open' : 'is half-open, and another call is its probe';
  const cause = state.lastError === undefined ? '' : ` Last error: ${state.lastError.message}`;
  return new OperatingError(
    'UNAVAILABLE',
    `The breaker in front of ${agent} ${why}. Try again in ${retryAfterMs} ms.${cause}`,
    {
      retryAfterMs,
      details: { breaker: id, state: state.phase },
    },
  );
}

function nothing(): void {}
