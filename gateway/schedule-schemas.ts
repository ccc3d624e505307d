/** The shapes of what the routes of schedules take and answer. */
import { z } from 'zod';
import { nameField } from '../protocol/fields.ts';
import { MISSED_POLICIES, OVERLAP_POLICIES, scheduleSchema } from '../protocol/schedules.ts';
import { TASK_STATUSES } from '../protocol/tasks.ts';
import { named, pageEnd, pageFields, said } from './schema-words.ts';

const text = z.string();
const count = z.int().min(0);
const moment = z.number();

const run = named(
  'ScheduleRun',
  z.looseObject({
    at: said('The time that it is for, in ms since the epoch.', moment),
    by: said('Its time came, was missed, or someone asked for it.', z.enum(['time', 'missed', 'trigger'])),
    state: z.enum(['started', 'skipped', 'refused']),
    task: text.exactOptional(),
    status: said('How the task stands.', z.enum(TASK_STATUSES).exactOptional()),
    error: z.object({ code: text, message: text }).exactOptional(),
    startedAt: moment.exactOptional(),
    endedAt: moment.exactOptional(),
    until: said('The last of several that were skipped, one after another.', moment.exactOptional()),
    count: said('How many those are, where that is known.', count.exactOptional()),
    code: said('Why it was not started.', text.exactOptional()),
    message: text.exactOptional(),
  }),
);

const entryFields = {
  schedule: said('Its name.', text),
  state: said('`done`: no time of it is to come.', z.enum(['active', 'paused', 'done'])),
  cron: text.exactOptional(),
  timeZone: text.exactOptional(),
  everyMs: count.exactOptional(),
  at: moment.exactOptional(),
  startAt: moment.exactOptional(),
  endAt: moment.exactOptional(),
  jitterMs: count.exactOptional(),
  missed: z.enum(MISSED_POLICIES).exactOptional(),
  missedMax: count.exactOptional(),
  overlap: z.enum(OVERLAP_POLICIES).exactOptional(),
  queueMax: count.exactOptional(),
  createdAt: moment,
  updatedAt: moment,
  nextAt: said('The next time, in ms since the epoch.', moment.exactOptional()),
  target: said('What it submits to.', z.looseObject({})),
  running: said('Tasks that are under way.', z.array(z.object({ task: text, at: moment }))),
  queued: said('Runs that wait for another to end, or for room.', count),
  runs: said('The last 20, the newest first.', z.array(run)),
};

/** What the routes of schedules answer. */
export const SCHEDULE_ANSWERS = Object.freeze({
  schedule: named(
    'Schedule',
    z.looseObject({
      ...entryFields,
      task: said('What is submitted.', z.looseObject({})),
      upcoming: said('The next five times.', z.array(moment)),
    }),
  ),
  page: named(
    'SchedulePage',
    z.object({ schedules: z.array(named('ScheduleEntry', z.looseObject(entryFields))), cursor: pageEnd }),
  ),
  triggered: named(
    'ScheduleTriggered',
    z.object({
      schedule: text,
      queued: said('It waits for an earlier run to end, or for room.', z.boolean()),
      run: run.exactOptional(),
    }),
  ),
  removed: named('ScheduleRemoved', z.object({ schedule: text, removed: z.boolean() })),
});

/** What they take. */
export const SCHEDULE_ASKS = Object.freeze({
  page: z.object(pageFields),
  name: z.object({ name: nameField }),
  create: named('ScheduleRequest', scheduleSchema.safeExtend({ name: nameField })),
  replace: named('ScheduleReplacement', scheduleSchema),
});
