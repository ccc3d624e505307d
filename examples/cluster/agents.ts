/**
 * What the workers of examples/cluster/main.ts can do. Nothing in here knows of a mesh: the same file can be given to any node.
 *
 * Each call leaves a line in a file when it begins and when it ends, so that it can be seen from outside where it was made.
 */
import { appendFileSync } from 'node:fs';
import { defineAgent } from 'troupe';
import { z } from 'zod';

/** The name that the node was started with. */
const node = process.env['TROUPE_NODE_NAME'] ?? 'a node';

export const squarer = defineAgent({
  name: 'squarer',
  version: '1.0.0',
  capabilities: ['math.square'],
  concurrency: 2, // on each of the workers
  input: z.object({ task: z.string(), number: z.number(), file: z.string() }),
  run: async ({ input: { task, number, file }, ctx }) => {
    const note = (what: string): void => appendFileSync(file, `${what} ${task}/${number} ${node}\n`);
    note('began');
    // Recorded at the owner once it is done: whoever goes on after a kill gets it from there.
    const square = await ctx.journal('square', () => number * number);
    await new Promise((resolve) => setTimeout(resolve, 300)); // it works
    note('ended');
    return { square, node };
  },
});

export const adder = defineAgent({
  name: 'adder',
  version: '1.0.0',
  capabilities: ['math.sum'],
  input: z.object({ numbers: z.array(z.number()) }),
  run: ({ input }) => ({ sum: input.numbers.reduce((sum, number) => sum + number, 0), node }),
});
