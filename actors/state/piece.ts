/**
 * One piece of shared state: a value under a name in a scope, as a durable actor. Its version counts every change, also its
 * removal, so that a version never means two things. Values are rows, written once: the older ones are the history.
 *
 *   open ──the task of its scope has ended, or it was removed; and a day has passed──► gone
 *
 * Whoever changes it may name the change (`op`): a change that is asked for again, after a crash, is made once.
 */
import type { CellPort } from '../../runtime/cell-port.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { packState } from '../../runtime/state-codec.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { FamilyStart } from '../family.ts';
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';
import { grant, type LeaseBook, leaseOf, nextChangeMs, release, turnOver, type Waiter } from './lease.ts';
import { parseScope } from './scope.ts';

/** The state of one piece. Version 0: nothing was ever written. */
export interface PieceState extends LeaseBook {
  readonly phase: 'open' | 'gone';
  readonly scope: string;
  readonly name: string;
  readonly version: number;
  readonly exists: boolean;
  /** The oldest version that there is a row of. */
  readonly oldest: number;
  /** Bytes of all rows, by version. */
  readonly sizes: readonly number[];
  /** The last named changes, and the version each made. */
  readonly ops: readonly (readonly [op: string, version: number])[];
  /** Why it is to go, once the time has come. */
  readonly leaving?: true;
}

/** A version as its row has it. */
export interface PieceRow {
  readonly version: number;
  readonly atMs: number;
  readonly by: string;
  /** Absent where this version is a removal. */
  readonly value?: unknown;
}

/** The name of the logic, the kind of the family. */
export const PIECE_LOGIC = 'state';
/** Named changes that are remembered. */
const OPS_MAX = 32;
const FORGET = 'forget';
const LEASE = 'lease';

/** Hears of a change as soon as it is committed. `row` is the version that there is now. */
export type PieceListener = (scope: string, name: string, row: PieceRow) => void;

/** The logic of pieces. */
export function pieceLogic(onChange: PieceListener): FlatLogic<PieceState, FamilyStart> {
  const changed = (state: PieceState, port: CellPort, row: PieceRow): void =>
    port.afterCommit(() => onChange(state.scope, state.name, row));
  return {
    name: PIECE_LOGIC,
    version: LIFECYCLE_VERSIONS.state,
    initial: ({ parts: [scope = '', name = ''] }, port) => {
      const { kind, name: task } = parseScope(scope);
      if (kind === 'task') port.monitor(`task/${task}`);
      else port.setTimer(FORGET, port.nowMs() + LIMITS.stateForgetMs);
      const base = { phase: 'open', scope, name, version: 0, exists: false, oldest: 1, sizes: [], ops: [] } as const;
      return { ...base, tokens: 0, waiters: [] };
    },
    table: {
      open: {
        'state.get': (state, event: ActorEvent, port) => {
          answer(port, event, { ...viewOf(state, port), ...rowOf(port, state.version) });
          return state;
        },
        'state.history': (state, event: ActorEvent, port) => {
          const versions: PieceRow[] = [];
          for (let version = state.version; version >= state.oldest; version--) {
            const row = rowOf(port, version);
            if (row !== undefined) versions.push(row);
          }
          answer(port, event, { versions });
          return state;
        },
        'state.set': (state, event: ActorEvent, port) => change(state, event, port, changed),
        'state.remove': (state, event: ActorEvent, port) => change(state, event, port, changed),
        'state.lock': lock,
        'state.renew': renew,
        'state.unlock': unlock,
        'timer.lease': (state, _event, port) => passOn(state, port),
        down: (state, _event, port) => {
          port.setTimer(FORGET, port.nowMs() + LIMITS.stateForgetMs);
          return { ...state, leaving: true };
        },
        'timer.forget': (state, _event, port) => {
          if (state.exists && state.leaving !== true) return state;
          port.define({ kind: 'state', name: state.scope, version: state.name, body: null });
          return { ...state, phase: 'gone' };
        },
      },
      gone: {},
    },
    final: { gone: () => ({ output: undefined }) },
    describe: ({ version, exists, lease }) =>
      `${exists ? `version ${version}` : 'without a value'}${lease === undefined ? '' : `, leased to ${lease.holder}`}`,
  };
}

function change(
  state: PieceState,
  event: ActorEvent,
  port: CellPort,
  changed: (state: PieceState, port: CellPort, row: PieceRow) => void,
): PieceState {
  const op = event['op'] as string | undefined;
  const made = op === undefined ? undefined : state.ops.find(([id]) => id === op);
  if (made !== undefined) {
    // With what it made, where that is still known: who asks again has forgotten it.
    answer(port, event, { ...rowOf(port, made[1]), version: made[1] });
    return state;
  }
  const refusal = refusalOf(state, event, port.nowMs());
  if (refusal !== undefined) return reject(state, event, port, refusal);
  const isSet = event.type === 'state.set';
  if (!isSet && !state.exists) {
    answer(port, event, { version: state.version });
    return state;
  }
  const version = state.version + 1;
  const row: PieceRow = {
    version,
    atMs: port.nowMs(),
    by: String(event['by']),
    ...(isSet && { value: event['value'] ?? null }),
  };
  const bytes = packState(row).length;
  port.attach(rowKey(version), row);
  const kept = dropOldest({ ...state, version, sizes: [...state.sizes, bytes] }, port);
  const next = { ...kept, exists: isSet, ops: op === undefined ? state.ops : remember(state.ops, op, version) };
  port.define({
    ...{ kind: 'state', name: state.scope, version: state.name },
    body: isSet ? { version, bytes, atMs: row.atMs } : null,
  });
  if (isSet && next.leaving !== true) port.clearTimer(FORGET);
  else if (next.leaving !== true) port.setTimer(FORGET, port.nowMs() + LIMITS.stateForgetMs);
  answer(port, event, { version });
  changed(next, port, row);
  return next;
}

/** What can be said against a change. */
function refusalOf(state: PieceState, event: ActorEvent, nowMs: number): OperatingError | undefined {
  const { version, scope, name } = state;
  const ifVersion = event['ifVersion'] as number | undefined;
  const token = event['token'] as number | undefined;
  const lease = leaseOf(state, nowMs);
  // Who asks for version 0 wants to be the first to write: a removed one counts as never written.
  const found = ifVersion === 0 && !state.exists ? 0 : version;
  if (ifVersion !== undefined && ifVersion !== found) {
    const message = `${scope}/${name} has version ${version}, not ${ifVersion}. Read it, decide again, and write on that version.`;
    return new OperatingError('STATE_CONFLICT', message, { details: { version, exists: state.exists } });
  }
  if (token !== undefined && token !== lease?.token) {
    const message = `The lease with token ${token} on ${scope}/${name} is over. Take a new one, and read before you write.`;
    return new OperatingError('STATE_CONFLICT', message, { details: { version, token: state.tokens } });
  }
  if (token === undefined && lease !== undefined) {
    const message = `${scope}/${name} is leased to ${lease.holder}: only who gives its token may write until it is over.`;
    const retryAfterMs = Math.max(1, lease.expiresAtMs - nowMs);
    return new OperatingError('STATE_CONFLICT', message, { retryAfterMs, details: { version, holder: lease.holder } });
  }
  return undefined;
}

/** Old versions go beyond a number, and beyond bytes; the last one stays. */
function dropOldest(state: PieceState, port: CellPort): PieceState {
  let { oldest } = state;
  const sizes = [...state.sizes];
  let bytes = sizes.reduce((sum, size) => sum + size, 0);
  while (sizes.length > 1 && (sizes.length > LIMITS.stateVersionsMax || bytes > LIMITS.stateHistoryBytesMax)) {
    bytes -= sizes.shift() ?? 0;
    port.attach(rowKey(oldest++), undefined);
  }
  return { ...state, oldest, sizes };
}

function remember(ops: PieceState['ops'], op: string, version: number): PieceState['ops'] {
  return [...ops, [op, version] as const].slice(-OPS_MAX);
}

function lock(before: PieceState, event: ActorEvent, port: CellPort): PieceState {
  const state = passOn(before, port);
  const holder = String(event['holder']);
  const ttlMs = event['ttlMs'] as number;
  const waitMs = (event['waitMs'] as number | undefined) ?? 0;
  const nowMs = port.nowMs();
  const held = leaseOf(state, nowMs);
  if (held === undefined || held.holder === holder) {
    const next = { ...state, ...grant(state, holder, ttlMs, nowMs) };
    answer(port, event, { ...next.lease });
    return keepTime(next, port);
  }
  if (waitMs === 0) return reject(state, event, port, heldBy(state, held.holder, held.expiresAtMs - nowMs));
  if (state.waiters.length >= LIMITS.stateWaitersMax) {
    const message = `${LIMITS.stateWaitersMax} wait for ${state.scope}/${state.name} already.`;
    return reject(state, event, port, new OperatingError('BUSY', message, { retryAfterMs: 1_000 }));
  }
  const waiter: Waiter = { replyTo: String(event['replyTo']), holder, ttlMs, untilMs: nowMs + waitMs };
  return keepTime({ ...state, waiters: [...state.waiters, waiter] }, port);
}

function renew(state: PieceState, event: ActorEvent, port: CellPort): PieceState {
  const nowMs = port.nowMs();
  const held = leaseOf(state, nowMs);
  if (held === undefined || held.token !== event['token']) return reject(state, event, port, leaseOver(state, event));
  const next = { ...state, ...grant(state, held.holder, event['ttlMs'] as number, nowMs) };
  answer(port, event, { ...next.lease });
  return keepTime(next, port);
}

/** Twice is as good as once: who lets go of what is over has what it wants. */
function unlock(state: PieceState, event: ActorEvent, port: CellPort): PieceState {
  answer(port, event, {});
  if (state.lease === undefined || state.lease.token !== event['token']) return state;
  return passOn(release(state), port);
}

/** The lease goes to who waits for it, if it is free. */
function passOn(state: PieceState, port: CellPort): PieceState {
  const nowMs = port.nowMs();
  const { book, granted, late } = turnOver(state, nowMs);
  for (const { replyTo } of late) {
    const error = heldBy(state, state.lease?.holder ?? 'another', (state.lease?.expiresAtMs ?? nowMs) - nowMs);
    port.send(replyTo, { type: 'rejected', error: error.toBody() });
  }
  if (granted !== undefined) port.send(granted.waiter.replyTo, { type: 'state.leased', ...granted.lease });
  const { lease: _before, ...rest } = state;
  return keepTime({ ...rest, ...book }, port);
}

function keepTime(state: PieceState, port: CellPort): PieceState {
  const dueAtMs = nextChangeMs(leaseOf(state, port.nowMs()) === undefined ? release(state) : state);
  if (dueAtMs === undefined) port.clearTimer(LEASE);
  else port.setTimer(LEASE, dueAtMs);
  return state;
}

function heldBy({ scope, name }: PieceState, holder: string, leftMs: number): OperatingError {
  const retryAfterMs = Math.max(1, leftMs);
  return new OperatingError('STATE_CONFLICT', `${scope}/${name} is leased to ${holder}.`, {
    retryAfterMs,
    details: { holder },
  });
}

function leaseOver({ scope, name, tokens }: PieceState, event: ActorEvent): OperatingError {
  const message = `The lease with token ${String(event['token'])} on ${scope}/${name} is over. Take a new one.`;
  return new OperatingError('STATE_CONFLICT', message, { details: { token: tokens } });
}

function reject(state: PieceState, { replyTo }: ActorEvent, port: CellPort, error: OperatingError): PieceState {
  port.send(String(replyTo), { type: 'rejected', error: error.toBody() });
  return state;
}

function answer(port: CellPort, { replyTo }: ActorEvent, fields: object): void {
  port.send(String(replyTo), { type: 'state.answer', ...fields });
}

function rowOf(port: CellPort, version: number): PieceRow | undefined {
  return port.attached().get(rowKey(version)) as PieceRow | undefined;
}

function rowKey(version: number): string {
  return `v/${version}`;
}

function viewOf(state: PieceState, port: CellPort): object {
  const lease = leaseOf(state, port.nowMs());
  return { version: state.version, exists: state.exists, ...(lease !== undefined && { lease }) };
}
