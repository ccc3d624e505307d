/** Random epochs against a simple model, with restarts and repeated commits in between. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTerminal, TASK_STATUSES, type TaskEvent, type TaskStatus } from '../../protocol/tasks.ts';
import type { Epoch, Store, TaskRecord } from '../../runtime/stores/store.ts';
import { bytes, epochOf } from './epochs.ts';
import { collect, listAll } from './store-answers.ts';
import { createSetWorld, type MakeMedium, NOW_MS } from './store-medium.ts';
import { createdOf, eventsOf, recordOf, resultOf } from './task-writes.ts';

const IDS = ['01A', '01B', '01C', '01D', '01E', '01F'];
const ADDRESSES = ['task/01A', 'task/01A/x', 'agent/k/ü', 'agent/k/ 1', 'agent/k'];

interface TaskStep {
  readonly task: number;
  readonly status: TaskStatus;
  readonly events: number;
  readonly input: unknown;
}

interface CellStep {
  readonly cell: number;
  readonly head: string | null;
  readonly awake: boolean;
  readonly told: boolean;
  readonly attach: readonly (readonly [key: string, value: string | null])[];
}

type Step =
  | {
      readonly do: 'commit';
      readonly tasks: readonly TaskStep[];
      readonly cells: readonly CellStep[];
      readonly keys: readonly number[];
    }
  | { readonly do: 'again' | 'restart' | 'reopen' };

const text = fc.string({ maxLength: 12 });
const taskStep: fc.Arbitrary<TaskStep> = fc.record({
  task: fc.nat(IDS.length - 1),
  status: fc.constantFrom(...TASK_STATUSES),
  events: fc.nat(5),
  input: fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__')),
});
const cellStep: fc.Arbitrary<CellStep> = fc.record({
  cell: fc.nat(ADDRESSES.length - 1),
  head: fc.option(text, { freq: 4, nil: null }),
  awake: fc.boolean(),
  told: fc.boolean(),
  attach: fc.array(fc.tuple(fc.constantFrom('a', 'b', 'a/b', ''), fc.option(text, { nil: null })), { maxLength: 3 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      tasks: fc.uniqueArray(taskStep, { selector: ({ task }) => task, maxLength: 4 }),
      cells: fc.uniqueArray(cellStep, { selector: ({ cell }) => cell, maxLength: 3 }),
      keys: fc.array(fc.nat(4), { maxLength: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('again' as const, 'restart' as const, 'reopen' as const) }) },
);

/** What the store should hold. */
class Model {
  readonly tasks = new Map<string, { record: TaskRecord; events: TaskEvent[] }>();
  readonly cells = new Map<string, { head: string; awake: boolean; attachments: Map<string, string> }>();
  readonly keys = new Map<string, string>();

  /** Turns a step into an epoch that keeps the contract, and applies it. */
  apply(wanted: Extract<Step, { do: 'commit' }>): Epoch {
    const keys = [...new Set(wanted.keys)].map((i) => ({
      principal: 'me',
      key: `key ${i}`,
      task: `${this.keys.size}`,
      bodyHash: 'h',
      expiresAtMs: NOW_MS + 1,
    }));
    for (const { key, task } of keys) this.keys.set(key, task);
    const cells = wanted.cells.map((cell) => this.#applyCell(cell));
    return epochOf({
      keys,
      tasks: wanted.tasks.flatMap((task) => this.#applyTask(task)),
      cells: cells.map(({ cell }) => cell),
      attachments: cells.flatMap(({ attachments }) => attachments),
    });
  }

  #applyTask({ task, status, events: count, input }: TaskStep): Epoch['tasks'] {
    const id = IDS[task] as string;
    const before = this.tasks.get(id);
    if (before !== undefined && isTerminal(before.record.status)) return [];
    const seq = before?.record.seq ?? 0;
    const events = eventsOf(seq + 1, seq + count);
    const progress = {
      status,
      seq: seq + count,
      updatedAtMs: NOW_MS + seq,
      ...(isTerminal(status) && { result: resultOf(status, { output: input }) }),
    };
    if (before === undefined) {
      const write = { id, created: createdOf({ input, principal: `p${task % 2}` }), progress, events };
      this.tasks.set(id, { record: recordOf(write), events });
      return [write];
    }
    const { waiting: _w, result: _r, ...rest } = before.record;
    this.tasks.set(id, { record: { ...rest, ...progress }, events: [...before.events, ...events] });
    return [{ id, was: before.record.status, progress, events }];
  }

  #applyCell({ cell, head, awake, told, attach }: CellStep): {
    cell: Epoch['cells'][number];
    attachments: Epoch['attachments'];
  } {
    const address = ADDRESSES[cell] as string;
    const before = this.cells.get(address);
    const was = before === undefined ? ('none' as const) : before.awake ? ('awake' as const) : ('resting' as const);
    const attachments = new Map(before?.attachments);
    const rows = head === null ? [...attachments.keys()].map((key) => [key, null] as const) : new Map(attach);
    for (const [key, value] of rows) {
      if (value === null) attachments.delete(key);
      else attachments.set(key, value);
    }
    if (head === null) this.cells.delete(address);
    else this.cells.set(address, { head, awake, attachments });
    return {
      cell: { address, head: head === null ? null : bytes(head), awake: head !== null && awake, ...(told && { was }) },
      attachments: [...rows].map(([key, value]) => ({ address, key, value: value === null ? null : bytes(value) })),
    };
  }
}

async function expectSame(store: Store, model: Model): Promise<void> {
  for (const id of IDS) {
    expect(await store.readTask(id)).toEqual(model.tasks.get(id)?.record);
    for (const [after, limit] of [
      [0, 1_000],
      [2, 3],
      [7, 1],
    ] as const) {
      const expected = (model.tasks.get(id)?.events ?? []).filter(({ seq }) => seq > after).slice(0, limit);
      expect(await store.readEvents(id, after, limit)).toEqual(expected);
    }
  }
  const newestFirst = [...model.tasks.values()].map(({ record }) => record).toSorted((a, b) => (a.id < b.id ? 1 : -1));
  for (const status of [undefined, ...TASK_STATUSES]) {
    for (const principal of [undefined, 'p1']) {
      const expected = newestFirst.filter(
        (task) => (status ?? task.status) === task.status && (principal ?? task.principal) === task.principal,
      );
      const query = {
        limit: 2,
        ...(status !== undefined && { status }),
        ...(principal !== undefined && { principal }),
      };
      expect((await listAll(store, query)).ids).toEqual(expected.map(({ id }) => id));
    }
  }
  const awake = await collect(
    store.awakeCells((error) => {
      throw error;
    }),
  );
  expect(awake.map(({ address }) => address).toSorted()).toEqual(
    [...model.cells]
      .filter(([, cell]) => cell.awake)
      .map(([address]) => address)
      .toSorted(),
  );
  for (const address of ADDRESSES) {
    const expected = model.cells.get(address);
    const stored = expected && {
      address,
      head: bytes(expected.head),
      attachments: new Map([...expected.attachments].map(([key, value]) => [key, bytes(value)])),
    };
    expect(await store.readCell(address)).toEqual(stored);
    if (expected?.awake === true) expect(awake).toContainEqual(stored);
  }
  for (let i = 0; i < 5; i++) expect((await store.readKey('me', `key ${i}`))?.task).toBe(model.keys.get(`key ${i}`));
}

/** See the file's first line. */
export function modelCases(makeMedium: MakeMedium): void {
  describe('random epochs', () => {
    it('leave what the model says, through restarts, reopenings and repeated commits', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
          const medium = await makeMedium(createSetWorld());
          let store = medium.store();
          try {
            let fence = await store.open();
            const model = new Model();
            let last = epochOf({});
            for (const wanted of steps) {
              if (wanted.do === 'commit') await store.commit((last = model.apply(wanted)), fence);
              else if (wanted.do === 'again') await store.commit(last, fence);
              else if (wanted.do === 'reopen') await store.reopen();
              else {
                await store.close();
                store = medium.store();
                fence = await store.open();
              }
            }
            await expectSame(store, model);
          } finally {
            await store.close();
            await medium.dispose();
          }
        }),
        { numRuns: 40 },
      );
    }, 60_000);
  });
}
