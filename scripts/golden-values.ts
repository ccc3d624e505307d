/** What goldens hold (scripts/golden.ts): never changed, since what an earlier release wrote is held against it. */
import { type Capsule, CAPSULE_FORMAT } from '../runtime/capsule.ts';
import { type CellSnapshot, packCell } from '../runtime/snapshots.ts';
import type { Epoch } from '../runtime/stores/store.ts';
import type { BreakerState } from '../supervisors/breaker.ts';

/** The moment of the goldens. */
export const AT_MS = 1_780_000_000_000;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The cell of the golden. Never changed: a new format is given the same. */
export const GOLDEN_CELL: CellSnapshot = {
  spec: {
    ...{ address: 'agent/golden/käy 1', logic: 'agent:golden@1.0.0', input: { key: 'käy 1' } },
    ...{ supervisor: 'supervisor/agents/golden', restart: 'permanent', recovery: 'resume', priority: 5, durable: true },
  },
  logicVersion: '1.0.0',
  structureHash: '0123456789abcdef0123456789abcdef',
  seq: 7,
  body: utf8('the body of a logic of its own'),
  timers: [['t1', AT_MS]],
  control: [
    { kind: 'settle', key: 'effect:pay/3', outcome: { ok: true, value: [1, 'x', null] }, deliveries: 1, bytes: 64 },
  ],
  user: [{ kind: 'event', event: { type: 'add', n: 2.5 }, deliveries: 0, bytes: 64 }],
  rows: true,
};

/** The value and the bytes of the records. */
export const GOLDEN_VALUE = {
  text: 'grün',
  list: [1, -2, 3.5, true, null],
  at: new Date(AT_MS),
  deep: { a: { b: {} } },
};
export const GOLDEN_KEYS = { value: 'm/golden', bytes: 'c/golden' } as const;

/** The epoch that the store of the golden holds. */
export const GOLDEN_EPOCH: Epoch = {
  cells: [
    { address: 'task/01GOLDEN', head: packCell(GOLDEN_CELL), awake: true },
    { address: 'agent/golden/a', head: utf8('head'), awake: false, alarmAtMs: AT_MS },
  ],
  attachments: [{ address: 'task/01GOLDEN', key: 'journal/golden@1.0.0/a#1', value: utf8('row') }],
  tasks: [
    {
      id: '01GOLDEN',
      created: {
        target: { agent: 'golden' },
        input: GOLDEN_VALUE,
        options: { priority: 3 },
        principal: 'loopback',
        createdAtMs: AT_MS,
      },
      progress: { status: 'working', seq: 2, updatedAtMs: AT_MS + 1, waiting: 'for a while' },
      events: [
        { seq: 1, at: AT_MS, kind: 'task.submitted', data: {} },
        { seq: 2, at: AT_MS + 1, kind: 'task.started', data: { n: 1 } },
      ],
    },
  ],
  keys: [{ principal: 'loopback', key: 'order 1', task: '01GOLDEN', bodyHash: 'abc', expiresAtMs: 9_000_000_000_000 }],
  definitions: [{ kind: 'workflow', name: 'golden', version: '1.0.0', body: { steps: [] } }],
  quarantine: [{ id: '01BAD', body: { format: 0, why: 'golden' } }],
};

/** The crash capsule of the golden. */
export const GOLDEN_CAPSULE: Capsule = {
  format: CAPSULE_FORMAT,
  ...{ id: '01GOLDEN', atMs: AT_MS, cause: 'crash', address: 'run/01GOLDEN/one/2/1', owner: 'step/01GOLDEN/one/2' },
  work: { task: '01GOLDEN', step: 'one', item: 2, attempt: 1 },
  supervisors: ['supervisor/agents/golden', 'supervisor/agents', 'supervisor/root'],
  permanent: false,
  ...{ logic: 'agent:golden@1.0.0', logicVersion: '1.0.0', structureHash: '0123456789abcdef0123456789abcdef' },
  input: { task: '01GOLDEN', step: 'one', attempt: 1, owner: 'step/01GOLDEN/one/2', input: { name: 'käy' } },
  message: { kind: 'event', event: { type: 'pay', amount: 2.5 } },
  deliveries: 3,
  error: { code: 'AGENT_CRASHED', message: 'it broke', retryable: true },
  stack: 'Error: it broke',
  snapshot: utf8('the body of a logic of its own'),
  trail: [],
  leftOut: ['trail'],
  edited: { input: 1 },
  history: [{ atMs: AT_MS + 1, act: 'edited', by: 'loopback' }],
};

/** The breaker of the golden, open. */
export const GOLDEN_BREAKER: BreakerState = {
  phase: 'open',
  era: 3,
  failedAtMs: [AT_MS - 2, AT_MS - 1],
  spent: [{ atMs: AT_MS - 3, usd: 0.5, tokens: 7 }],
  notBeforeMs: AT_MS + 1_000,
  ...{ opens: 2, streak: 1, openedAtMs: AT_MS, retryAtMs: AT_MS + 10_000, closedAtMs: AT_MS - 60_000 },
  probe: { holder: 'run/01GOLDEN/one/1', sinceMs: AT_MS },
  lastError: { code: 'TIMEOUT', message: 'too late' },
};
