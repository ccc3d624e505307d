/** The state of a task's actors at one of its checkpoints, put together from what each commit up to it had changed. */
import { OperatingError } from '../protocol/errors.ts';
import type { CheckpointWrite } from './stores/store.ts';

/** One actor as it was. */
export interface CheckpointCell {
  readonly address: string;
  readonly head: Uint8Array;
  readonly rows: ReadonlyMap<string, Uint8Array>;
}

/** All of them, and where the task's log was. */
export interface CheckpointState {
  readonly id: string;
  readonly seq: number;
  readonly atMs: number;
  readonly cells: readonly CheckpointCell[];
}

/** Those checkpoints that can be used: up to the first that says that something was left out. */
export function wholeCheckpoints(all: readonly CheckpointWrite[]): readonly CheckpointWrite[] {
  const end = all.findIndex(({ cells, rows }) => cells.length === 0 && rows.length === 0);
  return end === -1 ? all : all.slice(0, end);
}

/** Errors: NOT_FOUND, with what there is. */
export function stateAt(all: readonly CheckpointWrite[], task: string, id: string): CheckpointState {
  const whole = wholeCheckpoints(all);
  const at = whole.findIndex((one) => one.id === id);
  const last = whole[at];
  if (last === undefined) {
    const what =
      whole.length === 0
        ? 'It has none: they are kept of tasks that outlive a commit, as far as checkpointsMax allows.'
        : `List them with \`troupe checkpoints ${task}\`.`;
    throw new OperatingError('NOT_FOUND', `The task ${task} has no checkpoint ${id}. ${what}`);
  }
  const heads = new Map<string, Uint8Array>();
  const rows = new Map<string, Map<string, Uint8Array>>();
  for (const step of whole.slice(0, at + 1)) {
    for (const [address, head] of step.cells) {
      if (head === null) heads.delete(address);
      else heads.set(address, head);
    }
    for (const [address, key, value] of step.rows) {
      let own = rows.get(address);
      if (own === undefined) rows.set(address, (own = new Map()));
      if (value === null) own.delete(key);
      else own.set(key, value);
    }
  }
  const cells = [...heads].map(([address, head]) => ({ address, head, rows: rows.get(address) ?? new Map() }));
  return { id, seq: last.seq, atMs: last.atMs, cells };
}

/**
 * The same actors, working for another task: its id takes the place of the old one wherever that stands, in addresses, states,
 * mail and rows. Both are as long, so that nothing around them moves; nothing else in 26 random characters reads like an id.
 */
export function stateFor(state: CheckpointState, from: string, to: string): CheckpointState {
  const [old, fresh] = [Buffer.from(from, 'latin1'), Buffer.from(to, 'latin1')];
  if (old.length !== fresh.length) throw new OperatingError('INTERNAL', 'Ids of tasks are not of one length.');
  const moved = (bytes: Uint8Array): Uint8Array => {
    const copy = Buffer.from(bytes);
    for (let at = copy.indexOf(old); at !== -1; at = copy.indexOf(old, at + old.length)) fresh.copy(copy, at);
    return copy;
  };
  const cells = state.cells.map(({ address, head, rows }) => ({
    address: address.replaceAll(from, to),
    head: moved(head),
    rows: new Map([...rows].map(([key, value]) => [key.replaceAll(from, to), moved(value)])),
  }));
  return { ...state, cells };
}
