/** An agent that fails as it is told, and is asked on however often it does: it has no breaker. */
import { z } from 'zod';
import { defineAgent, OperatingError } from '../../index.ts';

/** Fails in attempts 1 to `failures`, then returns `value`. */
export const steady = defineAgent({
  name: 'steady',
  version: '1.0.0',
  concurrency: 256,
  breaker: { failures: 0 },
  retry: { attempts: 3, backoffMs: 20 },
  input: z.object({ failures: z.number().int().min(0), value: z.unknown() }),
  run: ({ input, ctx }) => {
    if (ctx.attempt <= input.failures)
      throw new OperatingError('AGENT_FAILED', `Attempt ${ctx.attempt} fails as asked.`);
    return input.value;
  },
});
