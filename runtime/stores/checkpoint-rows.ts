/** Checkpoints of tasks as rows: one for each commit that changed an actor of a task. */
import type { KeySpace, RowSink } from './key-space.ts';
import { keyOf, partsOf, rangeOf, rangeUnder } from './keys.ts';
import { frameValue, readValue } from './records.ts';
import type { CheckpointWrite } from './store.ts';

type Fields = [
  task: string,
  id: string,
  seq: number,
  atMs: number,
  cells: CheckpointWrite['cells'],
  rows: CheckpointWrite['rows'],
];

const CHECKPOINTS_READ_MAX = 1_000;
const STEP_ROWS = 64;

/** Writes or removes one. Errors: PROTOCOL_TOO_BIG. */
export function writeCheckpoint({ task, id, drop, seq, atMs, cells, rows }: CheckpointWrite, sink: RowSink): void {
  const row = keyOf('h', task, id);
  if (drop === true) sink.del(row);
  else sink.put(row, frameValue(row, [task, id, seq, atMs, cells, rows] satisfies Fields));
}

/** Those of a task, the oldest first. Errors: STORE_CORRUPT. */
export async function readCheckpoints(space: KeySpace, task: string): Promise<readonly CheckpointWrite[]> {
  const found: CheckpointWrite[] = [];
  const scan = space.scan(rangeUnder('h', task));
  try {
    while (found.length < CHECKPOINTS_READ_MAX) {
      const rows = await scan.next(Math.min(STEP_ROWS, CHECKPOINTS_READ_MAX - found.length));
      if (rows.length === 0) break;
      for (const [key, record] of rows) {
        const [of, id, seq, atMs, cells, attached] = readValue(key, record) as Fields;
        found.push({ task: of, id, seq, atMs, cells, rows: attached });
      }
    }
  } finally {
    await scan.close();
  }
  return found;
}

/** Tasks that have any, in the order of their ids; the scan jumps from one to the next. */
export async function readTasksWithCheckpoints(
  space: KeySpace,
  after: string | undefined,
  limit: number,
): Promise<readonly string[]> {
  const tasks: string[] = [];
  const scan = space.scan(rangeOf('h'));
  try {
    if (after !== undefined) scan.seek(rangeUnder('h', after).lt);
    while (tasks.length < limit) {
      const [row] = await scan.next(1);
      if (row === undefined) break;
      const task = partsOf(row[0])[0] ?? '';
      tasks.push(task);
      scan.seek(rangeUnder('h', task).lt);
    }
  } finally {
    await scan.close();
  }
  return tasks;
}
