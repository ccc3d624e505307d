/** The shape of what a task waits for. */
import { z } from 'zod';
import { TASK_STATUSES } from '../protocol/tasks.ts';
import { named, said } from './schema-words.ts';

const text = z.string();
const moment = said('ms since the epoch; null where there is none.', z.number().nullable());

/** What the route answers. */
export const WHY_ANSWER = named(
  'TaskWaits',
  z.object({
    task: text,
    status: z.enum(TASK_STATUSES),
    summary: said('In one sentence.', text),
    waits: z.array(
      z.object({
        kind: said('Such as `approval`, `breaker`, `call`, `decision`, `signal`, `slot`, `timer`.', text),
        actor: text,
        step: text.nullable(),
        item: z.number().nullable(),
        what: text,
        next: said('What would move it on.', text),
        since: moment,
        until: moment,
      }),
    ),
    leftOut: said('Waits that are not shown.', z.number()),
  }),
);
