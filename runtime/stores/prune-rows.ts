/**
 * What a store lets go of: tasks that ended long ago, with all of their rows; calls in doubt that were closed as long ago; and
 * idempotency keys that have expired. Each step looks at a bounded number of rows, and says where the next goes on. It goes from
 * the oldest on and stops at the first that is too young, since ids sort by the time of their making.
 */
import type { OperatingError } from '../../protocol/errors.ts';
import { isTerminal } from '../../protocol/tasks.ts';
import type { KeySpace, Range, Row, RowSink } from './key-space.ts';
import { keyOf, partsOf, rangeOf, rangeUnder } from './keys.ts';
import { readKeyRow } from './layout.ts';
import { orReport } from './record-damage.ts';
import { readValue } from './records.ts';
import type { EffectRecord, Pruned, PruneQuery } from './store.ts';
import { readTask } from './task-reads.ts';
import { readStart } from './task-rows.ts';

/** Tasks, calls or keys that one step looks at. */
export const PRUNE_SCAN_MAX = 500;
/** Rows after which a step ends with the task it is at: a task goes as a whole. */
const STEP_REMOVALS_MAX = 5_000;
const STEP_ROWS = 100;

/** What a step works on; a cursor is the letter of one, and the key behind which it goes on. */
const STAGES = ['t', 'x', 'k'] as const;
type Stage = (typeof STAGES)[number];

/** What one step found, beside what it removes. */
interface Step {
  readonly removed: number;
  /** The last key it looked at; undefined where there is nothing more to look at. */
  readonly last: string | undefined;
}

interface Pruning extends PruneQuery {
  readonly space: KeySpace;
  readonly sink: RowSink;
  readonly nowMs: number;
  readonly onCorrupt: (error: OperatingError) => void;
}

/** One step: removes through `sink`. Damaged rows are left alone and reported. */
export async function pruneRows(pruning: Pruning): Promise<Pruned> {
  const { cursor = STAGES[0] } = pruning;
  const stage = cursor.slice(0, 1) as Stage;
  const after = cursor.slice(1);
  const step = await LOOKS[stage](pruning, after === '' ? undefined : after);
  const next = STAGES[STAGES.indexOf(stage) + 1];
  const goesOn = step.last === undefined ? next : `${stage}${step.last}`;
  const counted = { tasks: 0, effects: 0, keys: 0, [COUNTS[stage]]: step.removed };
  return { ...counted, ...(goesOn !== undefined && { cursor: goesOn }) };
}

const COUNTS = { t: 'tasks', x: 'effects', k: 'keys' } as const satisfies Record<Stage, keyof Pruned>;

const LOOKS: Readonly<Record<Stage, (pruning: Pruning, after: string | undefined) => Promise<Step>>> = {
  t: pruneTasks,
  x: pruneEffects,
  k: pruneKeys,
};

async function pruneTasks(
  { space, sink, endedBeforeMs, onCorrupt }: Pruning,
  after: string | undefined,
): Promise<Step> {
  let removed = 0;
  let removals = 0;
  let last: string | undefined;
  for (const [key, record] of await rowsBehind(space, rangeOf('t'), after)) {
    const start = orReport(() => readStart(partsOf(key)[0] ?? '', readValue(key, record)).task, onCorrupt);
    // Nothing that was begun later can have ended earlier.
    if (start !== undefined && start.createdAtMs >= endedBeforeMs) return { removed, last: undefined };
    const task =
      start &&
      (await readTask(space, start.id).catch((error: OperatingError) => {
        onCorrupt(error);
      }));
    if (task !== undefined && isTerminal(task.status) && task.updatedAtMs < endedBeforeMs) {
      const keys = [key, keyOf('u', task.id), keyOf('i', task.status, task.id)];
      for (const range of [rangeUnder('e', task.id), rangeUnder('h', task.id)])
        for (const [row] of await rowsOf(space, range, Number.POSITIVE_INFINITY)) keys.push(row);
      for (const one of keys) sink.del(one);
      removed++;
      removals += keys.length;
      if (removals >= STEP_REMOVALS_MAX) return { removed, last: key };
    }
    last = key;
  }
  return { removed, last };
}

async function pruneEffects(
  { space, sink, endedBeforeMs, onCorrupt }: Pruning,
  after: string | undefined,
): Promise<Step> {
  let removed = 0;
  let last: string | undefined;
  for (const [key, record] of await rowsBehind(space, rangeUnder('x', 'closed'), after)) {
    last = key;
    const effect = orReport(() => readValue(key, record) as EffectRecord, onCorrupt);
    if (effect === undefined) continue;
    if (effect.sinceMs >= endedBeforeMs) return { removed, last: undefined };
    if ((effect.decision?.atMs ?? effect.sinceMs) >= endedBeforeMs) continue;
    sink.del(key);
    removed++;
  }
  return { removed, last };
}

async function pruneKeys({ space, sink, nowMs, onCorrupt }: Pruning, after: string | undefined): Promise<Step> {
  let removed = 0;
  let last: string | undefined;
  for (const [key, record] of await rowsBehind(space, rangeOf('k'), after)) {
    last = key;
    const found = orReport(() => readKeyRow(key, record), onCorrupt);
    if (found === undefined || found.expiresAtMs > nowMs) continue;
    sink.del(key);
    removed++;
  }
  return { removed, last };
}

/** The first rows of a range behind a key. */
async function rowsBehind(space: KeySpace, { gte, lt }: Range, after: string | undefined): Promise<Row[]> {
  return await rowsOf(space, { gte: after === undefined ? gte : `${after}\0`, lt }, PRUNE_SCAN_MAX);
}

async function rowsOf(space: KeySpace, range: Range, max: number): Promise<Row[]> {
  const found: Row[] = [];
  const scan = space.scan(range);
  try {
    while (found.length < max) {
      const rows = await scan.next(Math.min(STEP_ROWS, max - found.length));
      if (rows.length === 0) break;
      found.push(...rows);
    }
  } finally {
    await scan.close();
  }
  return found;
}
