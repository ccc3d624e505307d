/** Tasks and their events. */
import { describe, expect, it } from 'vitest';
import { EVENT_KINDS, TASK_STATUSES } from '../../protocol/tasks.ts';
import type { DefinitionKind, DefinitionWrite, QuarantinePage } from '../../runtime/stores/store.ts';
import { bytes, epochOf } from './epochs.ts';
import { type MakeMedium, NOW_MS, openBench } from './store-medium.ts';
import { begun, createdOf, eventsOf, finished, recordOf, resultOf, went } from './task-writes.ts';

/** See the file's first line. */
export function taskCases(makeMedium: MakeMedium): void {
  describe('a task', () => {
    it('that is not there is undefined, and has no events', async () => {
      const { store } = await openBench(makeMedium);
      expect(await store.readTask('nobody')).toBeUndefined();
      expect(await store.readEvents('nobody', 0, 10)).toEqual([]);
    });

    it('that ended in its first epoch comes back whole', async () => {
      const bench = await openBench(makeMedium);
      const write = finished('a');
      await bench.commit({ tasks: [write] });
      await bench.restart();
      expect(await bench.store.readTask('a')).toEqual(recordOf(write));
      expect(await bench.store.readEvents('a', 0, 100)).toEqual(write.events);
    });

    it('comes back as its last write says, with what was created and all events', async () => {
      const bench = await openBench(makeMedium);
      const first = begun('a', 'submitted', 2);
      const end = {
        ...went('a', 'input-required', 'failed', 4, 3),
        progress: {
          status: 'failed' as const,
          seq: 7,
          updatedAtMs: NOW_MS + 77,
          result: resultOf('failed', {
            error: { code: 'AGENT_FAILED', message: 'no', retryable: true, details: { why: ['x'] } },
            degraded: [{ step: 'read', code: 'TIMEOUT', message: 'late' }],
          }),
        },
      };
      await bench.commit({ tasks: [first] });
      await bench.commit({ tasks: [went('a', 'submitted', 'working', 2)] });
      await bench.commit({
        tasks: [
          {
            ...went('a', 'working', 'input-required', 3),
            progress: { status: 'input-required', seq: 4, updatedAtMs: NOW_MS, waiting: 'an approval' },
          },
        ],
      });
      expect(await bench.store.readTask('a')).toMatchObject({ status: 'input-required', waiting: 'an approval' });
      await bench.commit({ tasks: [end] });
      await bench.restart();
      expect(await bench.store.readTask('a')).toEqual(recordOf(first, end));
      expect(await bench.store.readEvents('a', 0, 100)).toEqual(eventsOf(1, 7));
    });

    it('may go on without new events', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({ tasks: [begun('a', 'submitted', 1)] });
      await bench.commit({
        tasks: [
          { id: 'a', was: 'submitted', progress: { status: 'working', seq: 1, updatedAtMs: NOW_MS + 5 }, events: [] },
        ],
      });
      expect(await bench.store.readTask('a')).toMatchObject({ status: 'working', updatedAtMs: NOW_MS + 5 });
      expect(await bench.store.readEvents('a', 0, 10)).toEqual(eventsOf(1, 1));
    });

    it.each(TASK_STATUSES)('keeps the status %s', async (status) => {
      const bench = await openBench(makeMedium);
      await bench.commit({ tasks: [begun('first', status), begun('later', 'submitted')] });
      await bench.commit({ tasks: [went('later', 'submitted', status, 1)] });
      expect(await bench.store.readTask('first')).toMatchObject({ status });
      expect(await bench.store.readTask('later')).toMatchObject({ status });
    });

    it('keeps every kind of event, in its first row and in later ones', async () => {
      const bench = await openBench(makeMedium);
      const events = (from: number) =>
        EVENT_KINDS.map((kind, i) => ({ seq: from + i, at: NOW_MS - i, kind, data: i % 2 === 0 ? {} : { i } }));
      const count = EVENT_KINDS.length;
      await bench.commit({
        tasks: [
          {
            ...begun('a', 'working'),
            progress: { status: 'working', seq: count, updatedAtMs: NOW_MS },
            events: events(1),
          },
        ],
      });
      await bench.commit({ tasks: [{ ...went('a', 'working', 'working', count, count), events: events(count + 1) }] });
      expect(await bench.store.readEvents('a', 0, 1_000)).toEqual([...events(1), ...events(count + 1)]);
    });

    it.each([
      { what: 'an agent', target: { agent: 'shout@1.0.0' } },
      { what: 'a capability', target: { capability: 'text.upper' } },
      { what: 'a workflow', target: { workflow: 'brief' } },
      { what: 'a graph', target: { graph: { name: 'g', steps: [{ id: 'a', agent: 'x' }] } } },
      { what: 'a goal', target: { goal: 'make tea' } },
    ])('keeps $what as its target', async ({ target }) => {
      const bench = await openBench(makeMedium);
      await bench.commit({ tasks: [begun('a', 'submitted', 1, createdOf({ target, options: {} }))] });
      expect(await bench.store.readTask('a')).toMatchObject({ target, options: {} });
    });

    it('tells an output that is null from one that is not there', async () => {
      const bench = await openBench(makeMedium);
      const ended = (id: string, output: { output?: unknown }) => ({
        ...finished(id),
        progress: { ...finished(id).progress, result: resultOf('completed', output) },
      });
      await bench.commit({ tasks: [ended('null', { output: null }), ended('none', {})] });
      expect((await bench.store.readTask('null'))?.result).toHaveProperty('output', null);
      expect((await bench.store.readTask('none'))?.result).not.toHaveProperty('output');
    });
  });

  describe('the events of a task', () => {
    it('come in pages: after a seq, at most so many, across the epochs they were written in', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({ tasks: [begun('a', 'working', 5), begun('b', 'working', 9)] });
      let seq = 5;
      for (const count of [1, 7, 1, 30, 2]) {
        await bench.commit({ tasks: [went('a', 'working', 'working', seq, count)] });
        seq += count;
      }
      for (let after = -1; after <= seq + 1; after++) {
        for (const limit of [0, 1, 3, 10, 1_000]) {
          const expected = eventsOf(1, seq)
            .filter((event) => event.seq > after)
            .slice(0, limit);
          expect(await bench.store.readEvents('a', after, limit), `after ${after}, limit ${limit}`).toEqual(expected);
        }
      }
      expect(await bench.store.readEvents('b', 0, 1_000)).toEqual(eventsOf(1, 9));
    });

    it('of one task never hold those of another whose id begins alike', async () => {
      const bench = await openBench(makeMedium);
      const ids = ['a', 'a/', 'a0', 'a\0', 'a\x01', 'a%', 'ä'];
      await bench.commit({ tasks: ids.map((id) => begun(id, 'working', 1)) });
      await bench.commit({ tasks: ids.map((id, i) => went(id, 'working', 'working', 1, i + 1)) });
      for (const [i, id] of ids.entries())
        expect(await bench.store.readEvents(id, 0, 100), JSON.stringify(id)).toHaveLength(i + 2);
    });
  });

  describe('an idempotency key', () => {
    it('is there until it expires', async () => {
      const bench = await openBench(makeMedium);
      const write = { principal: 'me', key: 'k 1', task: 'a', bodyHash: 'abc', expiresAtMs: NOW_MS + 1_000 };
      await bench.commit({ keys: [write] });
      expect(await bench.store.readKey('me', 'k 1')).toEqual(write);
      bench.world.wallMs = NOW_MS + 999;
      expect(await bench.store.readKey('me', 'k 1')).toEqual(write);
      bench.world.wallMs = NOW_MS + 1_000;
      expect(await bench.store.readKey('me', 'k 1')).toBeUndefined();
    });

    it('belongs to one principal, however names and keys are cut', async () => {
      const bench = await openBench(makeMedium);
      const pairs = [
        ['a', 'b\0c'],
        ['a\0b', 'c'],
        ['a', 'b'],
        ['a', 'b/c'],
        ['a/b', 'c'],
        ['', 'abc'],
        ['abc', ''],
      ] as const;
      const keys = pairs.map(([principal, key], i) => ({
        principal,
        key,
        task: `t${i}`,
        bodyHash: '',
        expiresAtMs: NOW_MS + 1,
      }));
      await bench.store.commit(epochOf({ keys }), bench.fence);
      for (const key of keys) expect(await bench.store.readKey(key.principal, key.key)).toEqual(key);
      expect(await bench.store.readKey('a', 'b\0')).toBeUndefined();
    });
  });

  describe('definitions and quarantined messages', () => {
    it('are listed by kind, replaced and removed', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({
        definitions: [
          named('agent', 'a', '1', { x: 1 }),
          named('agent', 'a', '2', { x: 2 }),
          named('workflow', 'a', '1', 'w'),
        ],
      });
      await bench.commit({ definitions: [named('agent', 'a', '1', { x: 3 }), named('agent', 'b', '1', [])] });
      expect(await bench.store.definitions('agent')).toEqual([
        named('agent', 'a', '1', { x: 3 }),
        named('agent', 'a', '2', { x: 2 }),
        named('agent', 'b', '1', []),
      ]);
      await bench.commit({ definitions: [named('agent', 'a', '1', null), named('agent', 'nobody', '1', null)] });
      await bench.restart();
      expect((await bench.store.definitions('agent')).map(({ name, version }) => name + version)).toEqual(['a2', 'b1']);
      expect(await bench.store.definitions('workflow')).toEqual([named('workflow', 'a', '1', 'w')]);
    });

    it('are read one by one, and page by page in the order of their names and versions', async () => {
      const bench = await openBench(makeMedium);
      const all = Array.from({ length: 7 }, (_, i) => named('schedule', `s${i % 4}`, String(i), { i }));
      await bench.commit({ definitions: [...all, named('state', 's0', '0', 'other')] });
      const sorted = all.toSorted((a, b) => (a.name + a.version < b.name + b.version ? -1 : 1));
      expect(await bench.store.definitions('schedule')).toEqual(sorted);
      for (const limit of [1, 3, 7, 100]) {
        const found: DefinitionWrite[] = [];
        for (;;) {
          const after = found.at(-1);
          const page = await bench.store.definitions('schedule', { limit, ...(after !== undefined && { after }) });
          if (page.length === 0) break;
          expect(page.length).toBeLessThanOrEqual(limit);
          found.push(...page);
        }
        expect(found).toEqual(sorted);
      }
      expect(await bench.store.readDefinition('schedule', 's1', '5')).toEqual(named('schedule', 's1', '5', { i: 5 }));
      expect(await bench.store.readDefinition('schedule', 's1', '6')).toBeUndefined();
      expect(await bench.store.readDefinition('state', 's0', '0')).toEqual(named('state', 's0', '0', 'other'));
    });

    it('are all kept, but a list of messages ends at a thousand', async () => {
      const bench = await openBench(makeMedium);
      await bench.commit({
        quarantine: Array.from({ length: 1_100 }, (_, i) => ({ id: String(i).padStart(5, '0'), body: i })),
      });
      const listed = await bench.store.quarantined();
      expect(listed).toHaveLength(1_000);
      expect(listed[999]).toEqual({ id: '00999', body: 999 });
    });

    it('are read one by one, in pages, replaced, and removed for good', async () => {
      const bench = await openBench(makeMedium);
      const ids = ['a', 'b', 'b\0', 'c', 'd/e'];
      await bench.commit({ quarantine: ids.map((id) => ({ id, body: { of: id, bytes: bytes(id) } })) });
      expect(await bench.store.readQuarantined('b')).toEqual({ id: 'b', body: { of: 'b', bytes: bytes('b') } });
      expect(await bench.store.readQuarantined('nobody')).toBeUndefined();
      const idsOf = async (page?: QuarantinePage) => (await bench.store.quarantined(page)).map(({ id }) => id);
      const all = await idsOf();
      expect(all.toSorted()).toEqual(ids.toSorted());
      const paged: string[] = [];
      for (let after: string | undefined; ; after = paged.at(-1)) {
        const page = await idsOf({ limit: 2, ...(after !== undefined && { after }) });
        paged.push(...page);
        if (page.length < 2) break;
      }
      expect(paged).toEqual(all);
      await bench.commit({
        quarantine: [
          { id: 'b', body: 'other' },
          { id: 'c', body: null },
          { id: 'nobody', body: null },
        ],
      });
      await bench.restart();
      expect(await bench.store.readQuarantined('b')).toEqual({ id: 'b', body: 'other' });
      expect(await bench.store.readQuarantined('c')).toBeUndefined();
      expect(await idsOf()).toEqual(all.filter((id) => id !== 'c'));
    });
  });
}

function named(kind: DefinitionKind, name: string, version: string, body: unknown): DefinitionWrite {
  return { kind, name, version, body };
}
