/** Turns an epoch into rows, and the rows that are not a task's back into what they were. */
import { alarmKey } from './alarm-keys.ts';
import { writeCheckpoint } from './checkpoint-rows.ts';
import { writeEffect } from './effect-rows.ts';
import type { Range, RowSink } from './key-space.ts';
import { keyOf, rangeOf, rangeUnder } from './keys.ts';
import { frameBytes, frameValue, readValue } from './records.ts';
import type {
  CellWrite,
  DefinitionKind,
  DefinitionPage,
  DefinitionWrite,
  Epoch,
  KeyWrite,
  QuarantineWrite,
} from './store.ts';
import { writeTask } from './task-rows.ts';

type KeyFields = [principal: string, key: string, task: string, bodyHash: string, expiresAtMs: number];
type DefinitionFields = [kind: DefinitionWrite['kind'], name: string, version: string, body: unknown];
type QuarantineFields = [id: string, body: unknown];

/** An alarm is all in its key. */
const NOTHING = new Uint8Array(0);

/** Writes all rows of an epoch. Errors, with nothing to be written: INTERNAL, PROTOCOL_TOO_BIG. */
export function writeEpoch(epoch: Epoch, sink: RowSink): void {
  for (const cell of epoch.cells) writeCell(cell, sink);
  for (const { address, key, value } of epoch.attachments) {
    const row = keyOf('a', address, key);
    if (value === null) sink.del(row);
    else sink.put(row, frameBytes(row, value));
  }
  for (const task of epoch.tasks) writeTask(task, sink);
  for (const { principal, key, task, bodyHash, expiresAtMs } of epoch.keys) {
    put(keyOf('k', principal, key), [principal, key, task, bodyHash, expiresAtMs] satisfies KeyFields, sink);
  }
  for (const { kind, name, version, body } of epoch.definitions) {
    const row = keyOf('d', kind, name, version);
    if (body === null) sink.del(row);
    else put(row, [kind, name, version, body] satisfies DefinitionFields, sink);
  }
  for (const effect of epoch.effects ?? []) writeEffect(effect, sink);
  for (const checkpoint of epoch.checkpoints ?? []) writeCheckpoint(checkpoint, sink);
  for (const { id, body } of epoch.quarantine) {
    const row = keyOf('q', id);
    if (body === null) sink.del(row);
    else put(row, [id, body] satisfies QuarantineFields, sink);
  }
}

/** The inverse of an idempotency key's row. */
export function readKeyRow(row: string, record: Uint8Array): KeyWrite {
  const [principal, key, task, bodyHash, expiresAtMs] = readValue(row, record) as KeyFields;
  return { principal, key, task, bodyHash, expiresAtMs };
}

/** The inverse of a definition's row. */
export function readDefinition(row: string, record: Uint8Array): DefinitionWrite {
  const [kind, name, version, body] = readValue(row, record) as DefinitionFields;
  return { kind, name, version, body };
}

/** The inverse of a quarantined message's row. */
export function readQuarantined(row: string, record: Uint8Array): QuarantineWrite {
  const [id, body] = readValue(row, record) as QuarantineFields;
  return { id, body };
}

/** The rows of quarantined messages behind the one with this id. */
export function quarantinedAfter(id: string | undefined): Range {
  const range = rangeOf('q');
  return id === undefined ? range : { ...range, gte: `${keyOf('q', id)}\0` };
}

/** The rows of a kind behind one of them. */
export function definitionsAfter(kind: DefinitionKind, after: DefinitionPage['after']): Range {
  const range = rangeUnder('d', kind);
  return after === undefined ? range : { ...range, gte: `${keyOf('d', kind, after.name, after.version)}\0` };
}

/** One of the two head rows at most is there; the other is deleted unless the caller knows that it is not. */
function writeCell({ address, head, awake, was, alarmAtMs, alarmWasAtMs }: CellWrite, sink: RowSink): void {
  const [place, other] = awake ? (['c', 'r'] as const) : (['r', 'c'] as const);
  const otherState = awake ? 'resting' : 'awake';
  const row = keyOf(place, address);
  if (head === null) sink.del(row);
  else sink.put(row, frameBytes(row, head));
  if (was === undefined || was === otherState) sink.del(keyOf(other, address));
  if (alarmAtMs === alarmWasAtMs) return;
  if (alarmWasAtMs !== undefined) sink.del(alarmKey({ dueAtMs: alarmWasAtMs, address }));
  if (alarmAtMs === undefined) return;
  const alarm = alarmKey({ dueAtMs: alarmAtMs, address });
  sink.put(alarm, frameBytes(alarm, NOTHING));
}

function put(row: string, value: unknown, sink: RowSink): void {
  sink.put(row, frameValue(row, value));
}
