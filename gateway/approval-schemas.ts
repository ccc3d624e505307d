/** The shapes of what the routes of approvals take and answer. */
import { z } from 'zod';
import { CLIENT_MESSAGES } from '../protocol/client-messages.ts';
import { words } from '../protocol/fields.ts';
import { LIMITS } from '../protocol/limits.ts';
import { named, pageEnd, pageFields, said } from './schema-words.ts';

const text = z.string();
const count = z.int().min(0);
const moment = said('ms since the epoch.', z.number());
const { decision, comment } = CLIENT_MESSAGES['approval.resolve'].shape;

const approval = named(
  'Approval',
  z.looseObject({
    approval: said('Its id.', text),
    state: z.enum(['pending', 'resolved', 'expired', 'withdrawn']),
    task: text,
    step: text,
    item: count.exactOptional(),
    name: said('Tells approvals of one step apart, where it asks for several.', text.exactOptional()),
    role: said('Who may decide; without one: whoever the task belongs to.', text.exactOptional()),
    message: text.exactOptional(),
    details: z.unknown().exactOptional(),
    since: moment,
    expiresAt: said('ms since the epoch; without one it waits as long as its task.', z.number().exactOptional()),
    onExpire: z.enum(['approve', 'reject', 'fail']).exactOptional(),
    escalated: said('How often another role was asked than before.', count.exactOptional()),
    next: said('Whom it is asked of next, and when.', z.object({ role: text, at: z.number() }).exactOptional()),
    decision: z
      .looseObject({
        decision,
        by: said('A principal, or `expiry`.', text),
        comment: text.exactOptional(),
        at: z.number(),
      })
      .exactOptional(),
  }),
);

/** What the routes of approvals answer. */
export const APPROVAL_ANSWERS = Object.freeze({
  approval,
  page: named('ApprovalPage', z.object({ approvals: z.array(approval), cursor: pageEnd })),
});

/** What they take. */
export const APPROVAL_ASKS = Object.freeze({
  list: z.object({
    state: said(
      '`pending` where nothing is given: those that wait. `closed`: all others.',
      z.enum(['pending', 'closed']).exactOptional(),
    ),
    role: said('Only those that are asked of it.', words(LIMITS.nameCharactersMax).exactOptional()),
    task: said('Only those of this task.', words(LIMITS.idCharactersMax).exactOptional()),
    ...pageFields,
  }),
  resolution: named('ApprovalDecision', z.object({ decision, comment })),
});
