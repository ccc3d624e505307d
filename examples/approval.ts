/**
 * A function that asks a person before it goes on. The question is asked once, and waits as long as it takes, over any number of
 * restarts of the node; the task is `input-required` meanwhile, and holds nothing.
 *
 *   npm start -- --agents examples/approval.ts
 *   npm run -s troupe -- submit --agent payments --input '{"to":"Ada","usd":250}' --wait   # exit code 3: it waits
 *   npm run -s troupe -- approvals                       # who is asked, and what
 *   npm run -s troupe -- approve 01J….main.pay --comment 'It is fine.'
 *   npm run -s troupe -- result 01J…                     # {"paid":true,"by":"loopback"}
 *
 * Small payments need nobody. Large ones go to the accountant; after a day the head of finance is asked, and after a week nobody
 * has to say anything any more: they are rejected.
 */
import { defineAgent } from 'troupe';
import { z } from 'zod';

const SMALL_USD = 100;
const DAY_MS = 86_400_000;

/** Pays, if someone lets it. */
export const payments = defineAgent({
  name: 'payments',
  version: '1.0.0',
  input: z.object({ to: z.string(), usd: z.number().positive() }),
  output: z.object({ paid: z.boolean(), by: z.string().optional() }),
  run: async ({ input, ctx }) => {
    if (input.usd < SMALL_USD) return { paid: true };
    const { decision, by } = await ctx.approval({
      name: 'pay',
      role: 'accountant',
      message: `Pay ${input.usd} USD to ${input.to}?`,
      details: input,
      escalate: [{ afterMs: DAY_MS, role: 'head of finance' }],
      deadlineMs: 7 * DAY_MS,
      onExpire: 'reject',
    });
    return { paid: decision === 'approve', by };
  },
});
