/**
 * Keyed actors at rest, on a node without doors: made, counted, woken and weighed. For the bench and for the tests, which
 * read the same figures.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { agentAddress } from '../protocol/addresses.ts';
import { buildIndoors } from '../node.ts';
import { logOf } from '../runtime/node-log.ts';
import { loadSettings } from '../runtime/settings.ts';
import { createWorld, type World } from '../runtime/world.ts';

/** A node without doors. */
export interface RestingNode extends Awaited<ReturnType<typeof buildIndoors>> {
  readonly world: World;
  /** Lets go of the store; what is committed stays. */
  close(): Promise<void>;
}

const AGENT = 'lab.counter';
/** Messages that are under way at a time. */
const BATCH = 5_000;

/** Opens a node on a folder, with the lab's agents. `durability` is `os` unless said otherwise: the disk is not what is measured. */
export async function openResting(dataDir: string, options: object = {}): Promise<RestingNode> {
  const given = { dataDir, lab: true, logLevel: 'error', durability: 'os', ...options };
  const outcome = loadSettings({ cwd: dataDir, env: {}, options: given });
  if (!outcome.ok) throw outcome.error;
  const { settings } = outcome;
  const world = createWorld();
  const log = logOf(settings, world);
  const onFatal = (error: Error): void => {
    throw error;
  };
  const node = await buildIndoors({ world, settings, log, agents: [], workflows: [], onFatal });
  const { kernel, committer, store } = node.core;
  const close = async (): Promise<void> => {
    kernel.stop();
    node.staff.tree.stop();
    node.core.metrics.stop();
    await committer.flush();
    committer.stop();
    await node.staff.workers.stop(0);
    await store.close();
  };
  return { ...node, world, close };
}

/** The address of the counter with this number. */
export function counterAddress(index: number): string {
  return agentAddress(AGENT, `n${index}`);
}

/** Tells counters `from` to `to` (without it) to add 1 and their own number; resolves when all is committed and handled. */
export async function countUp({ core: { kernel, committer } }: RestingNode, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += BATCH) {
    for (let index = at; index < Math.min(to, at + BATCH); index++)
      kernel.deliver(counterAddress(index), { type: 'add', n: index + 1 });
    await committer.flush();
  }
}

/** What a counter holds. */
export async function totalOf({ staff: { desk } }: RestingNode, index: number): Promise<number> {
  const answer = (await desk.ask(AGENT, `n${index}`, { type: 'get' }, 30_000)) as { readonly total: number };
  return answer.total;
}

/** Wakes resting counters one after another by a message each; microseconds of each, until its first turn is over. */
export async function wakeEach(node: RestingNode, indices: readonly number[]): Promise<number[]> {
  const { kernel } = node.core;
  const { onKeyedTurn } = kernel;
  const micros: number[] = [];
  let turned = (): void => undefined;
  kernel.onKeyedTurn = (cell) => {
    onKeyedTurn?.(cell);
    turned();
  };
  for (const index of indices) {
    const turn = new Promise<void>((resolve) => (turned = resolve));
    const from = performance.now();
    kernel.post(counterAddress(index), { type: 'none' });
    await turn;
    micros.push((performance.now() - from) * 1000);
    turned = () => undefined;
    await node.core.committer.flush();
  }
  kernel.onKeyedTurn = onKeyedTurn;
  return micros;
}

/** Wakes resting counters all at once by a message each; microseconds per actor, until all have taken their first turn. */
export async function wakeTogether(node: RestingNode, indices: readonly number[]): Promise<number> {
  const { kernel } = node.core;
  const { onKeyedTurn } = kernel;
  const waiting = new Set(indices.map(counterAddress));
  const all = Promise.withResolvers<void>();
  kernel.onKeyedTurn = (cell) => {
    onKeyedTurn?.(cell);
    if (waiting.delete(cell.address) && waiting.size === 0) all.resolve();
  };
  const from = performance.now();
  for (const index of indices) kernel.post(counterAddress(index), { type: 'none' });
  await all.promise;
  const micros = ((performance.now() - from) * 1000) / indices.length;
  kernel.onKeyedTurn = onKeyedTurn;
  await node.core.committer.flush();
  return micros;
}

/** Bytes of heap and of buffers after full collections. */
export function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 4; round++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
