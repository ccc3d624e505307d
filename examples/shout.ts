/**
 * An agent as a plain function.
 *
 *   npm start -- --agents examples/shout.ts
 *   npm run -s troupe -- submit --agent shout --input '{"text":"hi"}' --wait
 *
 * The second command prints the id of the task, then its output: {"text":"HI"}.
 */
import { defineAgent } from 'troupe';
import { z } from 'zod';

/** Gives its text back in capitals. */
export const shout = defineAgent({
  name: 'shout',
  version: '1.0.0',
  capabilities: ['text.upper'],
  input: z.object({ text: z.string() }),
  output: z.object({ text: z.string() }),
  run: ({ input }) => ({ text: input.text.toUpperCase() }),
});
