import { describe, expect, it } from 'vitest';
import { anomaliesOf } from './checker.ts';
import type { Entry, FinalTask, Findings, Operation } from './history.ts';

/** What may be changed about a sound run, to make it another. */
interface Run {
  entries: Entry[];
  tasks: FinalTask[];
  totals: Map<string, number>;
  lists: Map<string, { sender: string; n: number }[]>;
  calls: { mark: string; atMs: number }[];
}

const STEP = '{"step":"main","agent":"x","attempt":1}';
let clockMs = 0;
let ids = 0;

function begun(operation: Operation): Entry & { type: 'invoke' } {
  return { type: 'invoke', id: ++ids, atMs: ++clockMs, operation };
}

function answered(operation: Operation, value?: string | number): Entry[] {
  const invoke = begun(operation);
  return [invoke, { type: 'ok', id: invoke.id, atMs: ++clockMs, ...(value !== undefined && { value }) }];
}

function unanswered(operation: Operation): Entry[] {
  const invoke = begun(operation);
  return [invoke, { type: 'info', id: invoke.id, atMs: ++clockMs, why: 'the connection ended' }];
}

function refused(operation: Operation, code: string): Entry[] {
  const invoke = begun(operation);
  return [invoke, { type: 'fail', id: invoke.id, atMs: ++clockMs, code }];
}

function submit(mark: string, more: Partial<Extract<Operation, { op: 'submit' }>> = {}): Operation {
  return { op: 'submit', mark, body: `body of ${mark}`, ...more };
}

function event(task: string, seq: number, kind: string, data = '{}', connection = 'c1'): Entry {
  return { type: 'event', connection, task, seq, at: 1_000 + seq, kind, data };
}

function result(task: string, seq: number, value = '1', status = 'completed', connection = 'c1'): Entry {
  return { type: 'result', connection, task, seq, status, value };
}

/** A task as a watcher sees it: five lines, the last of them the end. */
function shown(task: string, connection = 'c1', value = '1'): Entry[] {
  return [
    event(task, 1, 'task.submitted', '{}', connection),
    event(task, 2, 'task.started', '{}', connection),
    event(task, 3, 'step.started', STEP, connection),
    event(task, 4, 'step.completed', STEP, connection),
    result(task, 5, value, 'completed', connection),
  ];
}

function ended(task: string, mark: string, status = 'completed'): FinalTask {
  return { task, mark, status, seq: 5 };
}

const add = (n: number): Operation => ({ op: 'add', actor: 'sum', n });
const read: Operation = { op: 'total', actor: 'sum' };
const append = (n: number, sender = 's'): Operation => ({ op: 'append', actor: 'list', sender, n });

/** A sound run with everything in it: keys, repeats, kills, watches that go on, calls, totals, lists, and unknowns. */
function soundRun(): Run {
  const entries: Entry[] = [
    ...answered(submit('a', { key: 'ka', expect: '1' }), 'T1'),
    ...shown('T1'),
    ...answered(submit('a', { key: 'ka', expect: '1' }), 'T1'),
    ...refused(submit('a', { key: 'ka', body: 'another' }), 'IDEMPOTENCY_MISMATCH'),
    ...answered(submit('b', { call: 'keyed' }), 'T2'),
    event('T2', 1, 'task.submitted'),
    event('T2', 2, 'task.started'),
    { type: 'kill', atMs: ++clockMs },
    { type: 'watch', connection: 'c2', task: 'T2', after: 2 },
    event('T2', 3, 'step.started', STEP, 'c2'),
    event('T2', 4, 'step.completed', STEP, 'c2'),
    result('T2', 5, '1', 'completed', 'c2'),
    ...unanswered(submit('c', { key: 'kc' })),
    ...unanswered(submit('lost')),
    ...refused(submit('busy'), 'BUSY'),
    ...answered(submit('u', { call: 'unsafe' }), 'T4'),
    ...answered(add(1)),
    ...unanswered(add(2)),
    ...unanswered(add(4)),
    ...answered(read, 5),
    ...answered(append(1)),
    ...unanswered(append(2)),
    ...answered(append(3)),
    ...refused(append(4), 'BUSY'),
  ];
  return {
    entries,
    tasks: [ended('T1', 'a'), ended('T2', 'b'), ended('T3', 'c'), ended('T4', 'u', 'input-required')],
    totals: new Map([['sum', 5]]),
    lists: new Map([
      [
        'list',
        [
          { sender: 's', n: 1 },
          { sender: 's', n: 3 },
        ],
      ],
    ]),
    calls: [
      { mark: 'b', atMs: 900 },
      { mark: 'b', atMs: 950 },
      { mark: 'u', atMs: 990 },
    ],
  };
}

function judged(forge: (run: Run) => void): string[] {
  const run = soundRun();
  forge(run);
  const { entries, ...findings } = run;
  return [
    ...new Set(anomaliesOf(entries, findings satisfies Findings).map(({ guarantee, name }) => `${guarantee} ${name}`)),
  ];
}

const FORGERIES: readonly [name: string, forge: (run: Run) => void][] = [
  ['G1 acknowledged task lost', ({ entries }) => void entries.push(...answered(submit('z'), 'T9'))],
  ['G1 acknowledged task never ended', ({ tasks }) => void tasks.splice(0, 1, ended('T1', 'a', 'working'))],
  ["G1 another's task", ({ entries }) => void entries.push(...answered(submit('y'), 'T2'))],
  ['G1 task from nowhere', ({ tasks }) => void tasks.push(ended('T9', 'nobody'))],
  ['G1 shown task lost', ({ entries }) => void entries.push(event('T9', 1, 'task.submitted'))],
  ['G2 refused but taken on', ({ tasks }) => void tasks.push(ended('T9', 'busy'))],
  [
    'G3 two results',
    ({ entries }) => void entries.push(watchOf('T2', 4, 'c3'), result('T2', 5, '2', 'completed', 'c3')),
  ],
  [
    'G3 wrong result',
    ({ entries }) => void entries.splice(entries.findIndex(isResultOf('T1')), 1, result('T1', 5, '7')),
  ],
  [
    'G4 step after its end',
    ({ entries, tasks }) => {
      entries.push(...answered(submit('r'), 'T9'), ...shown('T9').slice(0, 4), event('T9', 5, 'step.started', STEP));
      tasks.push(ended('T9', 'r'));
    },
  ],
  ['G4 done without its call', ({ calls }) => void calls.splice(0, 2)],
  [
    'G4 unsafe call repeated',
    ({ entries, tasks, calls }) => {
      entries.push(...answered(submit('w', { call: 'unsafe' }), 'T9'), ...shown('T9', 'c9'));
      tasks.push(ended('T9', 'w'));
      calls.push({ mark: 'w', atMs: 1 }, { mark: 'w', atMs: 2 });
    },
  ],
  ['G4 call repeated without a crash', ({ calls }) => void calls.push({ mark: 'b', atMs: 1 })],
  ['G4 call after it was recorded', ({ calls }) => void calls.splice(1, 1, { mark: 'b', atMs: 5_000 })],
  [
    'G5 event changed',
    ({ entries }) => void entries.push(watchOf('T1', 0, 'c3'), { ...event('T1', 1, 'x', '{}', 'c3') }),
  ],
  ['G5 shown out of order', ({ entries }) => swap(entries, isEventOf('T2', 1), isEventOf('T2', 2))],
  ['G5 unmarked hole', ({ entries }) => void entries.splice(entries.findIndex(isEventOf('T2', 3)), 1)],
  ['G5 shown after the end', ({ entries }) => void entries.push(result('T1', 5))],
  [
    'G5 event after the end',
    ({ entries, tasks }) => {
      entries.push(watchOf('T1', 5, 'c3'), event('T1', 6, 'task.progress', '{}', 'c3'));
      tasks.splice(0, 1, { ...ended('T1', 'a'), seq: 6 });
    },
  ],
  ['G5 event taken back', ({ tasks }) => void tasks.splice(1, 1, { ...ended('T2', 'b'), seq: 3 })],
  ['G5 end taken back', ({ tasks }) => void tasks.splice(1, 1, ended('T2', 'b', 'canceled'))],
  ['G5 two ends', ({ entries }) => void entries.push(watchOf('T2', 4, 'c3'), result('T2', 5, 'x', 'failed', 'c3'))],
  ['G5 answered twice', ({ entries }) => void entries.push({ type: 'ok', id: firstOk(entries), atMs: ++clockMs })],
  [
    'G6 one key, two tasks',
    ({ entries, tasks }) => {
      entries.push(...answered(submit('a', { key: 'ka', expect: '1' }), 'T9'));
      tasks.push(ended('T9', 'a'));
    },
  ],
  ['G6 one wish, two tasks', ({ tasks }) => void tasks.push(ended('T9', 'c'))],
  [
    'G6 another body accepted',
    ({ entries }) => void entries.push(...answered(submit('a', { key: 'ka', body: 'b2' }), 'T1')),
  ],
  [
    'G6 the same body refused as another',
    ({ entries }) => void entries.push(...refused(submit('c', { key: 'kc' }), 'IDEMPOTENCY_MISMATCH')),
  ],
  ['G10 acknowledged message lost', ({ totals }) => void totals.set('sum', 0)],
  ['G10 message handled twice', ({ totals }) => void totals.set('sum', 8)],
  ['G10 total that no choice explains', ({ totals }) => void totals.set('sum', 4)],
  [
    'G10 stale read',
    ({ entries, totals }) => {
      entries.push(...answered(add(1)), ...answered(read, 1));
      totals.set('sum', 6);
    },
  ],
  ['G10 read from nowhere', ({ entries }) => void entries.push(...answered(read, 9))],
  ['G10 read taken back', ({ entries }) => void entries.push(...answered(read, 7), ...answered(read, 5))],
  ['G10 messages out of order', ({ lists }) => void lists.get('list')?.reverse()],
  ['G10 message delivered twice', ({ lists }) => void lists.get('list')?.push({ sender: 's', n: 3 })],
  ['G10 message from nowhere', ({ lists }) => void lists.get('list')?.push({ sender: 's', n: 9 })],
  ['G10 refused but handled', ({ lists }) => void lists.get('list')?.push({ sender: 's', n: 4 })],
  ['G10 acknowledged message lost', ({ lists }) => void lists.get('list')?.splice(0, 1)],
];

function watchOf(task: string, after: number, connection: string): Entry {
  return { type: 'watch', connection, task, after };
}

function isEventOf(task: string, seq: number): (entry: Entry) => boolean {
  return (entry) => entry.type === 'event' && entry.task === task && entry.seq === seq;
}

function isResultOf(task: string): (entry: Entry) => boolean {
  return (entry) => entry.type === 'result' && entry.task === task;
}

function firstOk(entries: readonly Entry[]): number {
  return (entries.find(({ type }) => type === 'ok') as { id: number }).id;
}

function swap(entries: Entry[], one: (entry: Entry) => boolean, other: (entry: Entry) => boolean): void {
  const [at, to] = [entries.findIndex(one), entries.findIndex(other)];
  [entries[at], entries[to]] = [entries[to] as Entry, entries[at] as Entry];
}

describe('the checker of histories', () => {
  it.each(FORGERIES)('names what was forged: %s', (name, forge) => {
    expect(judged(forge)).toContain(name);
  });

  it('names nothing else where one thing was forged, but for what follows from it', () => {
    const many = FORGERIES.map(([name, forge]) => [name, judged(forge)] as const).filter(
      ([, found]) => found.length > 2,
    );
    expect(many).toEqual([]);
  });
});

const CLEAN: readonly [what: string, change: (run: Run) => void][] = [
  ['everything, with unknowns', () => {}],
  [
    'nothing at all',
    (run) => Object.assign(run, { entries: [], tasks: [], totals: new Map(), lists: new Map(), calls: [] }),
  ],
  ['an unknown submission that did not happen', ({ tasks }) => void tasks.splice(2, 1)],
  [
    'unknown messages that all happened',
    ({ totals, lists, entries }) => {
      entries.splice(0, entries.length, ...entries.filter((entry) => !(entry.type === 'ok' && entry.value === 5)));
      totals.set('sum', 7);
      lists.get('list')?.splice(1, 0, { sender: 's', n: 2 });
    },
  ],
  [
    'an operation that is still open',
    ({ entries, totals }) => {
      entries.push(begun(add(8)));
      totals.set('sum', 13);
    },
  ],
  [
    'a hole that was told',
    ({ entries, tasks }) => {
      const events = shown('T9', 'c7');
      const gap: Entry = { type: 'gap', connection: 'c7', task: 'T9', from: 1, to: 3 };
      entries.push(...answered(submit('g'), 'T9'), gap, ...events.slice(3));
      tasks.push(ended('T9', 'g'));
    },
  ],
  ['a task seen by two at once', ({ entries }) => void entries.push(watchOf('T2', 0, 'c5'), ...shown('T2', 'c5'))],
  [
    'reads that overlap with what they may or may not see',
    ({ entries, totals }) => {
      const slow = begun(add(16));
      entries.push(slow, ...answered(read, 21), { type: 'ok', id: slow.id, atMs: ++clockMs });
      totals.set('sum', 21);
    },
  ],
  [
    'two senders, each in its own order',
    ({ entries, lists }) => {
      entries.push(...answered(append(1, 't')), ...answered(append(2, 't')));
      lists.get('list')?.unshift({ sender: 't', n: 1 }, { sender: 't', n: 2 });
    },
  ],
];

describe('a sound history', () => {
  it.each(CLEAN)('raises nothing: %s', (_what, change) => {
    expect(judged(change)).toEqual([]);
  });
});
