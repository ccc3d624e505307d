/** The work of examples/worker.ts. It runs in a worker thread, which loads this module and calls its export. */

/** Counts the primes up to `upTo`, and tells how far it is. */
export function countPrimes(
  { upTo }: { readonly upTo: number },
  { progress }: { progress(value: unknown): void },
): { readonly count: number } {
  const isComposite = new Uint8Array(upTo + 1);
  let count = 0;
  for (let n = 2; n <= upTo; n++) {
    if (n % 100_000 === 0) progress({ n });
    if (isComposite[n] === 1) continue;
    count++;
    for (let multiple = n * n; multiple <= upTo; multiple += n) isComposite[multiple] = 1;
  }
  return { count };
}
