/** Agents of the bench of a mesh, for whichever node loads this file. `BENCH_ROLE` says which, the owner where it is not there. */
import { defineAgent } from '../actors/agent-definition.ts';

const MANY = 1_000;
const FEW = 2;

/** Returns its input: `near` where the owner has it, `far` where a worker has. */
const echo = (name: string) => defineAgent({ name, version: '1.0.0', concurrency: MANY, run: ({ input }) => input });

/** Computes for `ms` on the main thread of its node. */
const burn = defineAgent({
  name: 'burn',
  version: '1.0.0',
  concurrency: FEW,
  kind: 'pure',
  run: ({ input }) => {
    const { ms } = input as { readonly ms: number };
    const endMs = performance.now() + ms;
    let sum = 0;
    while (performance.now() < endMs) sum += Math.sqrt(sum + 1);
    return sum > 0;
  },
});

export const agents = process.env['BENCH_ROLE'] === 'worker' ? [echo('far'), burn] : [echo('near')];
