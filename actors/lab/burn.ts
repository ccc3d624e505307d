/** What `lab.burn` runs in a worker thread. */
import { performance } from 'node:perf_hooks';
import { threadId } from 'node:worker_threads';

/** Spins for `ms`; gives how long it was in the end. */
export function burn(input: { readonly ms: number }): { readonly ms: number; readonly threadId: number } {
  const from = performance.now(); // tidy-allow clock: a thread has no world
  while (performance.now() - from < input.ms); // tidy-allow clock: a thread has no world
  return { ms: performance.now() - from, threadId }; // tidy-allow clock: a thread has no world
}
