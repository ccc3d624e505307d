/** Reads tasks: one, its events, and pages of many. The scan of one call is bounded; the cursor goes on where it stopped. */
import type { OperatingError } from '../../protocol/errors.ts';
import type { TaskEvent } from '../../protocol/tasks.ts';
import { isTerminal } from '../../protocol/tasks.ts';
import type { KeySpace, Row } from './key-space.ts';
import { eventsAfter, keyOf, partsOf, tasksBefore } from './keys.ts';
import { orReport } from './record-damage.ts';
import { readBytes, readValue } from './records.ts';
import type { TaskPage, TaskQuery, TaskRecord } from './store.ts';
import { mergeProgress, readChunk, readStart } from './task-rows.ts';

/** Tasks looked at in one call of `listTasks`. */
export const LIST_SCAN_MAX = 2_000;
/** Rows that one step of a scan brings at most. */
const STEP_ROWS = 100;

/** Errors: STORE_CORRUPT. */
export async function readTask(space: KeySpace, id: string): Promise<TaskRecord | undefined> {
  const [start, later] = await space.getMany([keyOf('t', id), keyOf('u', id)]);
  return start === undefined ? undefined : assemble(id, start, later);
}

/** Errors: STORE_CORRUPT. */
export async function readEvents(
  space: KeySpace,
  id: string,
  after: number,
  limit: number,
): Promise<readonly TaskEvent[]> {
  const key = keyOf('t', id);
  const record = await space.get(key);
  if (record === undefined || limit < 1) return [];
  const events = readStart(id, readValue(key, record)).events.filter((event) => event.seq > after);
  if (events.length >= limit) return events.slice(0, limit);
  const scan = space.scan(eventsAfter(id, after));
  try {
    while (events.length < limit) {
      const rows = await scan.next(Math.min(STEP_ROWS, limit));
      if (rows.length === 0) break;
      for (const [chunkKey, chunk] of rows) {
        for (const event of readChunk(readValue(chunkKey, chunk))) if (event.seq > after) events.push(event);
      }
    }
  } finally {
    await scan.close();
  }
  return events.slice(0, limit);
}

/** Damaged rows are left out and reported. */
export async function listTasks(
  space: KeySpace,
  query: TaskQuery,
  onCorrupt: (error: OperatingError) => void,
): Promise<TaskPage> {
  const indexed = query.status === 'completed' ? undefined : query.status;
  const tasks: TaskRecord[] = [];
  const scan = space.scan(tasksBefore(indexed, query.cursor));
  let cursor: string | undefined;
  try {
    for (let left = LIST_SCAN_MAX; left > 0; ) {
      const rows = await scan.next(Math.min(STEP_ROWS, left));
      if (rows.length === 0) return { tasks };
      left -= rows.length;
      const found =
        indexed === undefined ? await fromStarts(space, rows, onCorrupt) : await fromIndex(space, rows, onCorrupt);
      for (const { id, task } of found) {
        cursor = id;
        if (task === undefined || !matches(task, query)) continue;
        tasks.push(task);
        if (tasks.length === query.limit) return { tasks, cursor };
      }
    }
  } finally {
    await scan.close();
  }
  return cursor === undefined ? { tasks } : { tasks, cursor };
}

/** A task of a page; `task` is missing where a row of it was. */
interface Found {
  readonly id: string;
  readonly task: TaskRecord | undefined;
}

/** Tasks of their first rows. Those that had ended in them have no others. */
async function fromStarts(
  space: KeySpace,
  rows: readonly Row[],
  onCorrupt: (error: OperatingError) => void,
): Promise<Found[]> {
  const starts = rows.map(([key, record]) => {
    const id = partsOf(key)[0] ?? '';
    return { id, task: orReport(() => readStart(id, readValue(key, record)).task, onCorrupt) };
  });
  const open = starts.filter(({ task }) => task !== undefined && !isTerminal(task.status));
  if (open.length === 0) return starts;
  const keys = open.map(({ id }) => keyOf('u', id));
  const records = await space.getMany(keys);
  const later = new Map(keys.map((key, i) => [key, records[i]]));
  return starts.map(({ id, task }) => {
    const key = keyOf('u', id);
    const record = later.get(key);
    if (task === undefined || record === undefined) return { id, task };
    return { id, task: orReport(() => mergeProgress(task, readValue(key, record)), onCorrupt) };
  });
}

/** Tasks of rows of the status index. */
async function fromIndex(
  space: KeySpace,
  rows: readonly Row[],
  onCorrupt: (error: OperatingError) => void,
): Promise<Found[]> {
  const ids = rows.map(([key]) => partsOf(key)[1] ?? '');
  const records = await space.getMany(ids.flatMap((id) => [keyOf('t', id), keyOf('u', id)]));
  return rows.map(([key, record], i) => {
    const id = ids[i] ?? '';
    const start = records[2 * i];
    const read = (): TaskRecord | undefined => {
      readBytes(key, record);
      return start === undefined ? undefined : assemble(id, start, records[2 * i + 1]);
    };
    return { id, task: orReport(read, onCorrupt) };
  });
}

function assemble(id: string, start: Uint8Array, later: Uint8Array | undefined): TaskRecord {
  const { task } = readStart(id, readValue(keyOf('t', id), start));
  const laterKey = keyOf('u', id);
  return later === undefined ? task : mergeProgress(task, readValue(laterKey, later));
}

function matches(task: TaskRecord, { status, principal, labels }: TaskQuery): boolean {
  if (status !== undefined && task.status !== status) return false;
  if (principal !== undefined && task.principal !== principal) return false;
  if (labels === undefined) return true;
  return Object.entries(labels).every(([name, value]) => task.options.labels?.[name] === value);
}
