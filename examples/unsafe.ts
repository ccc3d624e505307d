/**
 * A call that must not happen twice, on a side that cannot tell a repeat. The function writes a line into a ledger on paper, so to
 * speak: a file that takes any line, as often as it is sent. Kill the node while it is under way, and start it again:
 *
 *   npm start -- --agents examples/unsafe.ts
 *   npm run -s troupe -- submit --agent payer --input '{"file":"payments.txt","to":"Ada","slowMs":60000}'
 *   kill -9 …                                    # the node's process, within that minute
 *   npm start -- --agents examples/unsafe.ts
 *   npm run -s troupe -- effects                 # one call is in doubt; its task waits, input-required
 *   npm run -s troupe -- effects resolve 01J… --done '{"paid":true}'
 *
 * The task ends with what you said, and payments.txt has one line. Say --retry, and it has two: you said that it had not happened.
 *
 * With {"probe":true} in the input nobody needs to be asked: the probe looks into the file for the key of the call, and says what it found.
 */
import { appendFile, readFile } from 'node:fs/promises';
import { setTimeout as passing } from 'node:timers/promises';
import { defineAgent } from 'troupe';
import { z } from 'zod';

/** Pays, at most once. */
export const payer = defineAgent({
  name: 'payer',
  version: '1.0.0',
  timeoutMs: 0,
  input: z.object({
    file: z.string(),
    to: z.string(),
    slowMs: z.number().default(0),
    probe: z.boolean().default(false),
  }),
  run: async ({ input, ctx }) =>
    await ctx.journal(
      'pay',
      async (key) => {
        await appendFile(input.file, `${key} ${input.to}\n`);
        // The bank takes its time to answer.
        await passing(input.slowMs, undefined, { signal: ctx.signal });
        return { paid: true };
      },
      {
        kind: 'unsafe',
        args: { to: input.to },
        ...(input.probe && {
          probe: async ({ idempotencyKey }) => {
            const lines = await readFile(input.file, 'utf8').catch(() => '');
            return lines.includes(idempotencyKey) ? { happened: true, value: { paid: true } } : { happened: false };
          },
        }),
      },
    ),
});
