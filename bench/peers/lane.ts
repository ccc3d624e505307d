/**
 * A peer as the driver sees it: a process that says when it is ready, runs so many workflows on demand with so many in
 * flight, and tells how long that took. The workflows are begun and their results received in the peer's own process, without
 * a socket in between.
 */
import { performance } from 'node:perf_hooks';

/** What the driver asks for. */
export interface RunOrder {
  readonly workflows: number;
  readonly inFlight: number;
}

/** Runs one workflow of three steps on `n`, each of which hands on what it was given; resolves with what the last one put out. */
export type Workflow = (n: number) => Promise<unknown>;

async function run(workflow: Workflow, { workflows, inFlight }: RunOrder): Promise<object> {
  const latencyMs: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < workflows) {
      const n = next++;
      const from = performance.now();
      const output = await workflow(n);
      if (output !== n) throw new TypeError(`Workflow ${n} put out ${JSON.stringify(output)}.`);
      latencyMs.push(performance.now() - from);
    }
  };
  const from = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  const seconds = (performance.now() - from) / 1_000;
  latencyMs.sort((a, b) => a - b);
  const at = (share: number): number => latencyMs[Math.min(workflows - 1, Math.floor(workflows * share))] ?? 0;
  return { perSecond: workflows / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Serves the driver until it goes. */
export function serve(workflow: Workflow): void {
  process.on('message', (order: RunOrder) => {
    run(workflow, order).then(
      (figures) => process.send?.(figures),
      (error: unknown) =>
        process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}
