/**
 * What anyone may ask about schedules, whatever door they came through. Each has an actor; the desk judges what is asked, asks the
 * actor, and shows what is committed. Whoever has not made a schedule is told of none.
 *
 * It also watches the wall clock: timers go by it, and one that was set far back would keep all schedules waiting.
 */
import { formatAddress } from '../../protocol/addresses.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { isName } from '../../protocol/names.ts';
import type { ScheduleSpec } from '../../protocol/schedules.ts';
import type { TaskStatus } from '../../protocol/tasks.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import { packState } from '../../runtime/state-codec.ts';
import type { Store } from '../../runtime/stores/store.ts';
import type { Cancel } from '../../runtime/world.ts';
import type { Asks } from '../asks.ts';
import type { Principal, Submission } from '../desk.ts';
import { Calendar } from './calendar.ts';
import { noSchedule, type SchedulePut, SETBACK_MS, taken } from './schedule.ts';
import { LISTING, type ScheduleListing, SPEC } from './schedule-listing.ts';
import type { RunLine } from './schedule-run.ts';
import { submissionFor } from './schedule-turn.ts';

/** What it needs of its node. */
export interface ScheduleDeskDeps {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly asks: Asks;
  /** What can be said against a submission that is to be made later. */
  judge(submission: Submission): void;
}

/** A run as it is shown: how its task stands, where it has one. */
export interface RunView extends RunLine {
  readonly status?: TaskStatus;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

/** What a listing has for the node's own use. */
type InnerField = 'principal' | 'plannedAt' | 'anchorAt';

/** A schedule as it is shown. */
export interface ScheduleView extends Omit<ScheduleListing, InnerField> {
  readonly task: ScheduleSpec['task'];
  readonly runs: readonly RunView[];
  /** The next times. */
  readonly upcoming: readonly number[];
}

/** A page of schedules, by name. */
export interface SchedulePage {
  readonly schedules: readonly Omit<ScheduleListing, InnerField>[];
  readonly cursor?: string;
}

const ANSWER_MS = 10_000;
const UPCOMING_SHOWN = 5;
/** How often the wall clock is held against the other one. */
const CLOCK_LOOK_MS = 60_000;

/** The desk for schedules of one node. */
export class ScheduleDesk {
  readonly #deps: ScheduleDeskDeps;
  /** Names whose schedules are being made. */
  readonly #making = new Set<string>();
  #cancelLook: Cancel | undefined;

  constructor(deps: ScheduleDeskDeps) {
    this.#deps = deps;
  }

  /** After recovery: those that were planned by a clock that has been set back since are planned anew. */
  async start(): Promise<void> {
    if ((await this.#review()) > 0) this.#watchClock();
  }

  /** The clock is watched no more. */
  stop(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }

  /**
   * Makes a schedule, or replaces it; resolves once that is committed.
   * Errors: INVALID_INPUT, STATE_CONFLICT (the name is taken), BUSY (there are too many), PROTOCOL_TOO_BIG; and what a submission of
   * its task would be refused with.
   */
  async put(
    principal: Principal,
    name: string,
    spec: ScheduleSpec,
    mode: SchedulePut['mode'],
  ): Promise<{ readonly view: ScheduleView; readonly created: boolean }> {
    this.#judge(name, spec);
    const known = await this.#read(name);
    if (known !== undefined && known.principal !== principal) throw taken(name);
    if (known === undefined) await this.#makeRoom(name);
    try {
      const put: SchedulePut = { type: 'schedule.put', mode, spec, principal };
      const { created } = await this.#ask(name, { ...put });
      this.#watchClock();
      return { view: await this.get(principal, name), created: created === true };
    } finally {
      this.#making.delete(name);
    }
  }

  /** By name. Errors: STORE_UNAVAILABLE. */
  async list(principal: Principal, limit: number, cursor = ''): Promise<SchedulePage> {
    const page = { after: { name: LISTING, version: cursor }, limit: LIMITS.schedulesMax };
    const rows = await this.#deps.store.definitions('schedule', page);
    const own = rows
      .filter(({ name }) => name === LISTING)
      .map(({ body }) => body as ScheduleListing)
      .filter((listing) => listing.principal === principal);
    const schedules = own.slice(0, limit).map(withoutInner);
    return own.length <= limit ? { schedules } : { schedules, cursor: schedules.at(-1)?.schedule ?? '' };
  }

  /** Errors: NOT_FOUND, STORE_UNAVAILABLE, STORE_CORRUPT. */
  async get(principal: Principal, name: string): Promise<ScheduleView> {
    const { store, kernel } = this.#deps;
    const listing = await this.#own(principal, name);
    const row = await store.readDefinition('schedule', SPEC, name);
    if (row === null || row === undefined) throw noSchedule(name);
    const spec = row.body as ScheduleSpec;
    const runs = await Promise.all(listing.runs.map((run) => this.#runView(run)));
    const upcoming = listing.nextAt === undefined ? [] : upcomingOf(listing, spec, kernel.nowMs());
    return { ...withoutInner(listing), task: spec.task, runs, upcoming };
  }

  /** No run begins any more but those that someone asks for. Errors: NOT_FOUND. */
  async pause(principal: Principal, name: string): Promise<ScheduleView> {
    return await this.#order(principal, name, 'schedule.pause');
  }

  /** From now on; what passed meanwhile was not missed. Errors: NOT_FOUND. */
  async resume(principal: Principal, name: string): Promise<ScheduleView> {
    return await this.#order(principal, name, 'schedule.resume');
  }

  /**
   * A run now, beside its times; undefined where it waits for another to end, or for room.
   * Errors: NOT_FOUND; STATE_CONFLICT, where an earlier one is under way and the policy says `skip`; what the task was refused with.
   */
  async trigger(principal: Principal, name: string): Promise<RunLine | undefined> {
    await this.#own(principal, name);
    const { run } = await this.#ask(name, { type: 'schedule.trigger' });
    return run as RunLine | undefined;
  }

  /** It is gone; tasks that it has submitted go on. Errors: NOT_FOUND. */
  async remove(principal: Principal, name: string): Promise<void> {
    await this.#own(principal, name);
    await this.#ask(name, { type: 'schedule.remove' });
  }

  async #order(principal: Principal, name: string, type: string): Promise<ScheduleView> {
    await this.#own(principal, name);
    await this.#ask(name, { type });
    return await this.get(principal, name);
  }

  #ask(name: string, event: ActorEvent): Promise<Readonly<Record<string, unknown>>> {
    const address = formatAddress('schedule', name);
    return this.#deps.asks.ask({ address, event, timeoutMs: ANSWER_MS, who: `The schedule ${name}` });
  }

  #judge(name: string, spec: ScheduleSpec): void {
    const { kernel, judge } = this.#deps;
    if (!isName(name))
      throw new OperatingError('INVALID_INPUT', 'This is no name for a schedule; one is daily-report.');
    const { scheduleBytesMax: bytesMax } = LIMITS;
    if (packState(spec).length > bytesMax)
      throw new OperatingError('PROTOCOL_TOO_BIG', `A schedule has at most ${bytesMax} bytes, its input included.`);
    const nowMs = kernel.nowMs();
    const next = new Calendar(spec, nowMs).nextAfter(nowMs);
    if (next === undefined)
      throw new OperatingError('INVALID_INPUT', 'The schedule is not valid. No time of it is to come.');
    judge(submissionFor(name, spec, next));
  }

  /** Errors: BUSY. */
  async #makeRoom(name: string): Promise<void> {
    const { schedulesMax: max } = LIMITS;
    this.#making.add(name);
    const page = { after: { name: LISTING, version: '' }, limit: max };
    const rows = await this.#deps.store.definitions('schedule', page);
    const others = rows.filter((row) => row.name === LISTING && !this.#making.has(row.version)).length;
    if (others + this.#making.size <= max) return;
    this.#making.delete(name);
    throw new OperatingError('BUSY', `A node has at most ${max} schedules. Remove some that are done.`, {
      retryable: false,
    });
  }

  async #own(principal: Principal, name: string): Promise<ScheduleListing> {
    const listing = await this.#read(name);
    if (listing === undefined || listing.principal !== principal) throw noSchedule(name);
    return listing;
  }

  async #read(name: string): Promise<ScheduleListing | undefined> {
    const row = await this.#deps.store.readDefinition('schedule', LISTING, name);
    return row?.body as ScheduleListing | undefined;
  }

  async #runView(run: RunLine): Promise<RunView> {
    const record = run.task === undefined ? undefined : await this.#deps.store.readTask(run.task);
    if (record === undefined) return run;
    const { error } = record.result ?? {};
    return {
      ...run,
      status: record.status,
      ...(error !== undefined && { error: { code: error.code, message: error.message } }),
    };
  }

  /** Without a setback that is known: those that were planned far ahead of now. @returns how many schedules there are */
  async #review(backMs?: number): Promise<number> {
    const { kernel, store } = this.#deps;
    const page = { after: { name: LISTING, version: '' }, limit: LIMITS.schedulesMax };
    const rows = (await store.definitions('schedule', page)).filter((row) => row.name === LISTING);
    for (const { version: name, body } of rows) {
      const { plannedAt, state } = body as ScheduleListing;
      const isAhead = plannedAt - kernel.nowMs() >= SETBACK_MS;
      if (state === 'active' && (backMs !== undefined || isAhead))
        kernel.deliver(formatAddress('schedule', name), { type: 'schedule.review' });
    }
    return rows.length;
  }

  /** From the first schedule on. */
  #watchClock(): void {
    if (this.#cancelLook !== undefined) return;
    const { world, log } = this.#deps.kernel;
    let aheadMs = world.nowMs() - world.monotonicMs();
    const look = (): void => {
      const backMs = aheadMs - (world.nowMs() - world.monotonicMs());
      aheadMs -= backMs;
      this.#cancelLook = world.after(CLOCK_LOOK_MS, look);
      if (backMs < SETBACK_MS) return;
      log.warn('The wall clock was set back: schedules go by the new time.', { backMs: Math.round(backMs) });
      this.#review(backMs).catch((error: unknown) =>
        log.error('Schedules could not be planned anew after the clock was set back.', { error: String(error) }),
      );
    };
    this.#cancelLook = world.after(CLOCK_LOOK_MS, look);
  }
}

function withoutInner({
  principal: _principal,
  plannedAt: _planned,
  anchorAt: _anchor,
  ...shown
}: ScheduleListing): Omit<ScheduleListing, InnerField> {
  return shown;
}

function upcomingOf({ nextAt, anchorAt }: ScheduleListing, spec: ScheduleSpec, nowMs: number): readonly number[] {
  const calendar = new Calendar(spec, anchorAt);
  const times: number[] = [];
  for (let next = nextAt; next !== undefined && times.length < UPCOMING_SHOWN; next = calendar.nextAfter(next))
    if (next > nowMs || times.length === 0) times.push(next);
  return times;
}
