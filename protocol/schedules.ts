/**
 * A schedule as data: when which task is submitted, and what becomes of runs that are missed or meet one that is still under way.
 * Shape only: whether the expression, the time zone and the target exist is for the room of schedules to judge.
 *
 * Like a graph, and unlike messages, a schedule is a program: a field that is not known here is refused.
 */
import { z } from 'zod';
import { taskRequestSchema } from './client-messages.ts';
import { whole, words } from './fields.ts';
import { LIMITS } from './limits.ts';

/** What becomes of times that passed while nobody could start a run. */
export const MISSED_POLICIES = ['skip', 'once', 'all'] as const;
/** What becomes of a time at which an earlier run is still under way. */
export const OVERLAP_POLICIES = ['skip', 'queue', 'cancel-previous', 'allow'] as const;

/** The label of each task of a schedule: its name. */
export const SCHEDULE_LABEL = 'schedule';
/** Another: the time that the run is for. */
export const SCHEDULED_AT_LABEL = 'scheduled-at';
const OWN_LABELS = [SCHEDULE_LABEL, SCHEDULED_AT_LABEL];

const TIMINGS = ['cron', 'everyMs', 'at'] as const;
/** The last moment that a date can say. */
const MOMENT_MAX_MS = 8.64e15;

const MOMENT = 'expected ms since the epoch, or a time with an offset, such as 2026-08-01T09:00:00+02:00';
/** ms since the epoch, or ISO 8601 with an offset; read as the former. */
const moment = z
  .union([whole(0, MOMENT_MAX_MS), z.iso.datetime({ offset: true, error: MOMENT })], { error: MOMENT })
  .transform((given) => (typeof given === 'number' ? given : Date.parse(given)));

const task = taskRequestSchema.check(
  z.refine(({ key }) => key === undefined, {
    path: ['key'],
    error: 'each run is a task of its own: it has no key',
  }),
  z.refine(({ options }) => Object.keys(options?.labels ?? {}).length <= LIMITS.labelsMax - OWN_LABELS.length, {
    path: ['options', 'labels'],
    error: `at most ${LIMITS.labelsMax - OWN_LABELS.length} labels: ${OWN_LABELS.join(' and ')} are added`,
  }),
  z.refine(({ options }) => !OWN_LABELS.some((label) => Object.hasOwn(options?.labels ?? {}, label)), {
    path: ['options', 'labels'],
    error: `${OWN_LABELS.join(' and ')} are set by the schedule`,
  }),
);

/** The shape of a schedule, without its name. */
export const scheduleSchema = z
  .strictObject({
    /** Five fields (minute, hour, day of month, month, day of week), or six with seconds in front; or `@daily` and its like. */
    cron: words(LIMITS.cronCharactersMax).exactOptional(),
    /** Of `cron`: a name of the IANA database. Default: UTC. */
    timeZone: words(LIMITS.timeZoneCharactersMax).exactOptional(),
    /** The first run is one interval after the schedule was made, or at `startAt`. */
    everyMs: whole(LIMITS.scheduleEveryMinMs, LIMITS.durationMaxMs).exactOptional(),
    /** Once. */
    at: moment.exactOptional(),
    /** No run before it. */
    startAt: moment.exactOptional(),
    /** No run at it or after. */
    endAt: moment.exactOptional(),
    /** Each run begins up to so much later, at random. */
    jitterMs: whole(0, LIMITS.scheduleJitterMaxMs).exactOptional(),
    missed: z.enum(MISSED_POLICIES).exactOptional(),
    /** With `missed: all`: the latest so many. */
    missedMax: whole(1, LIMITS.scheduleMissedMax).exactOptional(),
    overlap: z.enum(OVERLAP_POLICIES).exactOptional(),
    /** With `overlap: queue`: so many runs wait at most. */
    queueMax: whole(1, LIMITS.scheduleQueueMax).exactOptional(),
    /** Made, or left, without running. */
    paused: z.boolean().exactOptional(),
    task,
  })
  .check(
    z.refine((given) => TIMINGS.filter((name) => given[name] !== undefined).length === 1, {
      error: `expected exactly one of ${TIMINGS.join(', ')}`,
    }),
    z.refine(({ timeZone, cron }) => timeZone === undefined || cron !== undefined, {
      path: ['timeZone'],
      error: 'means nothing without cron',
    }),
    z.refine(({ startAt = 0, endAt = Infinity }) => startAt < endAt, {
      path: ['endAt'],
      error: 'expected a time behind startAt',
    }),
    z.refine(({ jitterMs = 0, everyMs = Infinity }) => jitterMs < everyMs, {
      path: ['jitterMs'],
      error: 'expected less than everyMs',
    }),
    z.refine(({ missed, missedMax }) => missedMax === undefined || missed === 'all', {
      path: ['missedMax'],
      error: 'means nothing without missed: all',
    }),
    z.refine(({ overlap, queueMax }) => queueMax === undefined || overlap === 'queue', {
      path: ['queueMax'],
      error: 'means nothing without overlap: queue',
    }),
  );

/** A schedule as it was read; times in ms since the epoch. */
export type ScheduleSpec = z.infer<typeof scheduleSchema>;
