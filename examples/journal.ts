/**
 * Effects that are recorded once. The function books a line in a file, then fails in its first attempt; in the second one
 * the booking is not made again: its recorded result comes back. After a kill of the node it would be the same.
 *
 *   npm start -- --agents examples/journal.ts
 *   npm run -s troupe -- submit --agent bookkeeper --input '{"file":"bookings.txt","amount":5}' --wait
 *
 * The second command prints the id of the task, then {"attempt":2,"receipt":"…"}; bookings.txt, in the folder that the node
 * runs in, has one line more.
 *
 * A kill between the call and the record of its result is the one moment that nobody can see: then a call of kind `keyed`,
 * which is the default, is made again with the same `key`, by which the other side can tell that it is the same, and one
 * of kind `unsafe` is not made again: unsafe.ts shows what happens then.
 */
import { appendFile } from 'node:fs/promises';
import { defineAgent } from 'troupe';
import { z } from 'zod';

/** Books an amount, once. */
export const bookkeeper = defineAgent({
  name: 'bookkeeper',
  version: '1.0.0',
  input: z.object({ file: z.string(), amount: z.number() }),
  run: async ({ input, ctx }) => {
    const receipt = await ctx.journal('book', async (key) => {
      await appendFile(input.file, `${key} ${input.amount}\n`);
      return key;
    });
    if (ctx.attempt === 1) throw new TypeError('The first attempt fails, to show that the booking is not made again.');
    return { attempt: ctx.attempt, receipt };
  },
});
