/**
 * The rows of a task. Fixed fields are positions of an array, not names; times are kept as the difference to an earlier one.
 * A field may be added at the end (readers of an older row find it undefined); any other change needs a new RECORD_FORMAT.
 */
import { OperatingError } from '../../protocol/errors.ts';
import type { EventKind, TaskEvent, TaskOptions, TaskResult, TaskStatus, TaskTarget } from '../../protocol/tasks.ts';
import { isTerminal } from '../../protocol/tasks.ts';
import type { RowSink } from './key-space.ts';
import { eventsKey, keyOf } from './keys.ts';
import { frameBytes, frameValue } from './records.ts';
import type { TaskCreated, TaskProgress, TaskRecord, TaskWrite } from './store.ts';

/** Status and kinds in a row. A number never changes its meaning. */
const STATUS_CODES = {
  submitted: 0,
  working: 1,
  'input-required': 2,
  completed: 3,
  failed: 4,
  canceled: 5,
  rejected: 6,
} as const satisfies Record<TaskStatus, number>;

const KIND_CODES = {
  'task.submitted': 0,
  'task.planned': 1,
  'task.started': 2,
  'task.waiting': 3,
  'task.resumed': 4,
  'task.quarantined': 5,
  'agent.selected': 6,
  'step.started': 7,
  'step.completed': 8,
  'step.failed': 9,
  'step.retried': 10,
  'step.skipped': 11,
  'step.degraded': 12,
  'step.compensated': 13,
  'effect.unknown': 14,
  'approval.requested': 15,
  'approval.resolved': 16,
  'budget.reserved': 17,
  'budget.exceeded': 18,
  'task.completed': 19,
  'task.failed': 20,
  'task.canceled': 21,
  'effect.resolved': 22,
  'task.chained': 23,
} as const satisfies Record<EventKind, number>;

const STATUSES = Object.keys(STATUS_CODES) as TaskStatus[];
const KINDS = Object.keys(KIND_CODES) as EventKind[];

/** Three positions an event: ms since the first time in the row, kind, data (null where it is empty). */
type EventFields = (number | object | null)[];

type ResultFields = [
  status: number,
  durationMs: number,
  usd: number,
  tokensIn: number,
  tokensOut: number,
  steps: number,
  output?: unknown,
  error?: TaskResult['error'],
  degraded?: TaskResult['degraded'],
];

type ProgressFields = [
  status: number,
  seq: number,
  updatedAtMs: number,
  waiting: string | null,
  result: ResultFields | null,
  usage?: readonly [usd: number, tokensIn: number, tokensOut: number, steps: number] | null,
  limit?: TaskProgress['limit'],
];

type StartFields = [
  target: string | TaskTarget,
  input: unknown,
  options: TaskOptions | null,
  principal: string,
  createdAtMs: number,
  progress: ProgressFields,
  events: EventFields,
];

type ChunkFields = [lastSeq: number, firstAtMs: number, events: EventFields];

/** What the first row of a task holds. */
export interface TaskStart {
  readonly task: TaskRecord;
  readonly events: readonly TaskEvent[];
}

const EMPTY = new Uint8Array(0);

/** Writes what an epoch holds of one task. Errors: INTERNAL (the write breaks the contract of TaskWrite), PROTOCOL_TOO_BIG. */
export function writeTask(write: TaskWrite, sink: RowSink): void {
  const { id, created, was, progress, events } = write;
  checkWrite(write);
  if (created !== undefined) {
    const key = keyOf('t', id);
    sink.put(key, frameValue(key, startFields(created, progress, events)));
  } else {
    const key = keyOf('u', id);
    sink.put(key, frameValue(key, progressFields(progress, 0)));
    if (events.length > 0) writeChunk(id, progress.seq, events, sink);
  }
  if (was === progress.status) return;
  if (was !== undefined && was !== 'completed') sink.del(keyOf('i', was, id));
  if (progress.status !== 'completed') {
    const key = keyOf('i', progress.status, id);
    sink.put(key, frameBytes(key, EMPTY));
  }
}

/** The first row of a task. */
export function readStart(id: string, value: unknown): TaskStart {
  const [target, input, options, principal, createdAtMs, progress, events] = value as StartFields;
  const task: TaskRecord = {
    id,
    target: typeof target === 'string' ? { agent: target } : target,
    input,
    options: options ?? {},
    principal,
    createdAtMs,
    ...readProgress(progress, createdAtMs),
  };
  return { task, events: readEventFields(events, progress[1], createdAtMs) };
}

/** The task as its start and its later progress say. */
export function mergeProgress(start: TaskRecord, later: unknown): TaskRecord {
  const { id, target, input, options, principal, createdAtMs } = start;
  return { id, target, input, options, principal, createdAtMs, ...readProgress(later as ProgressFields, 0) };
}

/** A later chunk of events. */
export function readChunk(value: unknown): readonly TaskEvent[] {
  const [lastSeq, firstAtMs, events] = value as ChunkFields;
  return readEventFields(events, lastSeq, firstAtMs);
}

function checkWrite({ id, created, was, progress, events }: TaskWrite): void {
  let seq = progress.seq - events.length;
  let ordered = seq >= 0;
  for (const event of events) ordered &&= event.seq === ++seq;
  if (!ordered) throw fault(id, 'its events are not contiguous up to its seq');
  if ((created === undefined) === (was === undefined))
    throw fault(id, 'a first write has what was created, a later one what it was, and none both');
  if (was !== undefined && isTerminal(was)) throw fault(id, `it had ended (${was})`);
}

function fault(id: string, why: string): OperatingError {
  return new OperatingError('INTERNAL', `A write of task ${id} was refused: ${why}.`, { details: { task: id } });
}

function writeChunk(id: string, lastSeq: number, events: readonly TaskEvent[], sink: RowSink): void {
  const key = eventsKey(id, lastSeq);
  const firstAtMs = events[0]?.at ?? 0;
  const fields: ChunkFields = [lastSeq, firstAtMs, eventFields(events, firstAtMs)];
  sink.put(key, frameValue(key, fields));
}

function startFields(created: TaskCreated, progress: TaskProgress, events: readonly TaskEvent[]): StartFields {
  const { target, input, options, principal, createdAtMs } = created;
  return [
    agentAlone(target) ?? target,
    input,
    isEmpty(options) ? null : options,
    principal,
    createdAtMs,
    progressFields(progress, createdAtMs),
    eventFields(events, createdAtMs),
  ];
}

function agentAlone(target: TaskTarget): string | undefined {
  for (const field in target) if (field !== 'agent') return undefined;
  return target.agent;
}

function isEmpty(value: object): boolean {
  for (const _ in value) return false;
  return true;
}

/** Fields at the end that are not there are left out. */
function progressFields(progress: TaskProgress, sinceMs: number): ProgressFields {
  const { status, seq, updatedAtMs, waiting, result, usage, limit } = progress;
  const fields: ProgressFields = [
    STATUS_CODES[status],
    seq,
    updatedAtMs - sinceMs,
    waiting ?? null,
    result === undefined ? null : resultFields(result),
  ];
  if (usage !== undefined || limit !== undefined)
    fields.push(usage === undefined ? null : [usage.usd, usage.tokensIn, usage.tokensOut, usage.steps]);
  if (limit !== undefined) fields.push(limit);
  return fields;
}

/** Fields at the end that are not there are left out. */
function resultFields({ status, output, error, degraded, usage, durationMs }: TaskResult): ResultFields {
  const fields: ResultFields = [
    STATUS_CODES[status],
    durationMs,
    usage.usd,
    usage.tokensIn,
    usage.tokensOut,
    usage.steps,
  ];
  if (output !== undefined || error !== undefined || degraded !== undefined) fields.push(output);
  if (error !== undefined || degraded !== undefined) fields.push(error);
  if (degraded !== undefined) fields.push(degraded);
  return fields;
}

function readProgress(fields: ProgressFields, sinceMs: number): TaskProgress {
  const [status, seq, updatedAtMs, waiting, result, usage, limit] = fields;
  const progress: { -readonly [K in keyof TaskProgress]: TaskProgress[K] } = {
    status: statusOf(status),
    seq,
    updatedAtMs: updatedAtMs + sinceMs,
  };
  if (waiting !== null) progress.waiting = waiting;
  if (result !== null) progress.result = readResult(result);
  if (usage !== undefined && usage !== null) {
    const [usd, tokensIn, tokensOut, steps] = usage;
    progress.usage = { usd, tokensIn, tokensOut, steps };
  }
  if (limit !== undefined) progress.limit = limit;
  return progress;
}

function readResult(fields: ResultFields): TaskResult {
  const [status, durationMs, usd, tokensIn, tokensOut, steps, output, error, degraded] = fields;
  return {
    status: statusOf(status),
    ...(output !== undefined && { output }),
    ...(error !== undefined && { error }),
    ...(degraded !== undefined && { degraded }),
    usage: { usd, tokensIn, tokensOut, steps },
    durationMs,
  };
}

function statusOf(code: number): TaskStatus {
  const status = STATUSES[code];
  if (status === undefined) throw unknownCode('A task has the status', code);
  return status;
}

function eventFields(events: readonly TaskEvent[], sinceMs: number): EventFields {
  const fields: EventFields = new Array(3 * events.length);
  let i = 0;
  for (const { at, kind, data } of events) {
    fields[i++] = at - sinceMs;
    fields[i++] = KIND_CODES[kind];
    fields[i++] = isEmpty(data) ? null : data;
  }
  return fields;
}

function readEventFields(fields: EventFields, lastSeq: number, sinceMs: number): readonly TaskEvent[] {
  const count = fields.length / 3;
  return Array.from({ length: count }, (_, i) => {
    const [at, kind, data] = fields.slice(3 * i, 3 * i + 3) as [number, number, TaskEvent['data'] | null];
    return { seq: lastSeq - count + i + 1, at: at + sinceMs, kind: kindOf(kind), data: data ?? {} };
  });
}

function kindOf(code: number): EventKind {
  const kind = KINDS[code];
  if (kind === undefined) throw unknownCode('An event has the kind', code);
  return kind;
}

function unknownCode(what: string, code: number): OperatingError {
  return new OperatingError(
    'VERSION_MISMATCH',
    `${what} code ${code}, which this version does not know. Start the version that wrote it.`,
  );
}
