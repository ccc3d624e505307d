/**
 * Work that needs a processor, in a worker thread: the node goes on with everything else meanwhile. A cancel, a time limit
 * or too much memory ends the thread. The function is in a module of its own (examples/primes.ts).
 *
 *   npm start -- --agents examples/worker.ts
 *   npm run -s troupe -- submit --agent primes --input '{"upTo":1000000}' --wait
 *
 * The second command prints the id of the task, then {"count":78498}.
 */
import { defineAgent } from 'troupe';
import { z } from 'zod';

/** Counts primes. Nothing outside can notice it, so it is `pure`: after a crash it simply runs again. */
export const primes = defineAgent({
  name: 'primes',
  version: '1.0.0',
  capabilities: ['numbers.primes'],
  kind: 'pure',
  input: z.object({ upTo: z.number().int().min(0).max(100_000_000) }),
  output: z.object({ count: z.number() }),
  run: async ({ input, ctx }) =>
    (await ctx.worker({
      module: new URL('./primes.ts', import.meta.url),
      name: 'countPrimes',
      input,
      onProgress: (progress) => ctx.logger.debug('counting', { progress }),
    })) as { count: number },
});
