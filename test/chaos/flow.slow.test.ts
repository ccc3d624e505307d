/**
 * Kills in the middle of workflows, of calls of every kind, and of keyed actors' messages: what is done stays done, what may
 * not be repeated is not, what was answered is kept.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { freePort, NodeUnderTest, temporaryFolder } from '../support/node-process.ts';
import { type TaskRecord, TaskRecords } from '../support/task-record.ts';
import { Wire } from '../support/wire.ts';

const WAIT_MS = 30_000;
const TEST_MS = 90_000;
const ITEMS = 200;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function freshNode(): Promise<NodeUnderTest> {
  const folder = temporaryFolder('flow');
  const node = new NodeUnderTest(folder.path, await freePort());
  cleanups.push(folder.clear, () => node.kill());
  await node.start();
  return node;
}

async function until(check: () => boolean | Promise<boolean>, what: string): Promise<void> {
  await vi.waitFor(
    async () => {
      if (!(await check())) throw new TypeError(`Not yet: ${what}.`);
    },
    { timeout: WAIT_MS, interval: 5 },
  );
}

/** How often each line is in a file of the lab. */
function linesOf(node: NodeUnderTest, name: string): Map<string, number> {
  const file = path.join(node.dataDir, 'lab', name);
  const counts = new Map<string, number>();
  if (!existsSync(file)) return counts;
  for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

/** The steps (and items) whose end was told. */
function doneOf(record: TaskRecord): string[] {
  return record
    .inOrder()
    .filter(({ kind, data }) => kind === 'step.completed' && data?.['attempt'] !== undefined)
    .map(({ data }) =>
      ([data?.['step'], data?.['item']] as (string | number | undefined)[])
        .filter((part) => part !== undefined)
        .join('-'),
    );
}

/** A graph whose every call leaves a line, so that repeats show: two in parallel, a fan-out behind both, a wait, a last one. */
function graphOf(kind: string): object {
  const append = (line: string, delayMs: number): object => ({ name: kind, line, kind, delayMs });
  return {
    steps: [
      { id: 'first', agent: 'lab.append', input: append('first', 10) },
      { id: 'side', agent: 'lab.append', input: append('side', 300) },
      {
        id: 'fan',
        agent: 'lab.append',
        needs: ['first'],
        forEach: '${input.items}',
        concurrency: 8,
        input: append('fan-${item}', 15),
      },
      { id: 'echo', agent: 'lab.echo', input: '${steps.fan.output}' },
      { id: 'wait', agent: 'lab.delay', needs: ['side'], input: { ms: 900, value: 'waited' } },
      { id: 'last', agent: 'lab.append', needs: ['echo', 'wait'], input: append('last', 10) },
    ],
    output: { lines: '${size(steps.echo.output)}', waited: '${steps.wait.output}' },
  };
}

/** Goes on where a client was cut off: every task that has not ended is watched from its last seq. */
async function reconnect(node: NodeUnderTest, records: TaskRecords): Promise<Wire> {
  const wire = await Wire.open(node.socketUrl);
  records.follow(wire);
  records.watchOn(wire);
  return wire;
}

describe('a workflow with a fan-out whose node is killed', () => {
  it.each(['keyed', 'pure'])(
    'never begins again what was done (calls that are %s)',
    async (kind) => {
      const node = await freshNode();
      const records = new TaskRecords();
      let wire = await reconnect(node, records);
      const items = Array.from({ length: ITEMS }, (_, item) => item);
      const task = await wire.submit({ graph: graphOf(kind), input: { items } });
      const record = records.of(task);
      wire.frames.forEach((frame) => record.take(frame));
      const kills = [3, 60, 130, 195];
      const cutOff = new Map<string, number>();
      for (const done of kills) {
        await until(() => doneOf(record).length >= done || record.end !== undefined, `${done} steps are done`);
        await node.kill(1 + Math.floor(Math.random() * 30));
        await wire.closed;
        const before = linesOf(node, kind);
        const finished = new Set(doneOf(record));
        for (const [line, count] of before) if (!finished.has(line)) cutOff.set(line, count);
        await node.start();
        wire = await reconnect(node, records);
        // Whatever was told to be done had left its line, and leaves no other.
        for (const line of finished)
          if (line !== 'echo' && line !== 'wait') expect([line, before.has(line)]).toEqual([line, true]);
      }
      await until(() => record.end !== undefined, 'the workflow is at its end');
      expect(record.faultsAtEnd()).toEqual([]);
      expect(record.end).toMatchObject({ status: 'completed', output: { lines: ITEMS, waited: 'waited' } });
      expect(record.end?.['usage']).toMatchObject({ steps: ITEMS + 5 });
      expect(record.count('task.resumed')).toBe(kills.length);
      const lines = linesOf(node, kind);
      expect(lines.size).toBe(ITEMS + 3);
      const repeats = [...lines].filter(([, count]) => count > 1);
      // Each kill cuts off at most what was under way: eight items and one step beside them.
      expect(repeats.reduce((sum, [, count]) => sum + count - 1, 0)).toBeLessThanOrEqual(kills.length * 9);
      for (const [line, count] of repeats) {
        expect(cutOff.has(line)).toBe(true);
        expect(count).toBeLessThanOrEqual(1 + kills.length);
      }
    },
    TEST_MS,
  );
});

describe('an unsafe call that a kill cut off', () => {
  it('is never made again: its task waits for a person, and says why', { timeout: TEST_MS }, async () => {
    const node = await freshNode();
    const records = new TaskRecords();
    let wire = await reconnect(node, records);
    const cut = await wire.submit({
      agent: 'lab.append',
      input: { name: 'unsafe', line: 'cut', kind: 'unsafe', delayMs: 60_000 },
    });
    const whole = await wire.submit({ agent: 'lab.append', input: { name: 'unsafe', line: 'whole', kind: 'unsafe' } });
    expect(await wire.result(whole)).toMatchObject({ status: 'completed' });
    await until(() => linesOf(node, 'unsafe').has('cut'), 'the call is under way');
    const record = records.of(cut);
    for (let kills = 0; kills < 3; kills++) {
      await node.kill();
      await node.start();
      wire = await reconnect(node, records);
      await until(
        async () => (await wire.request({ type: 'task.get', task: cut })).status === 'input-required',
        'it is parked',
      );
    }
    await until(() => record.count('effect.unknown') > 0, 'the log says so');
    expect(record.count('effect.unknown')).toBe(1);
    expect(linesOf(node, 'unsafe')).toEqual(
      new Map([
        ['cut', 1],
        ['whole', 1],
      ]),
    );
    expect((await wire.request({ type: 'task.get', task: cut }))['waiting']).toMatch(/append/);
    expect(await wire.request({ type: 'task.cancel', task: cut })).toMatchObject({ type: 'ok' });
    await until(() => record.end !== undefined, 'it is canceled');
    expect(record.end).toMatchObject({ status: 'canceled' });
    expect(record.faultsAtEnd()).toEqual([]);
  });

  it('parks a fan-out, none of whose items is done twice', { timeout: TEST_MS }, async () => {
    const node = await freshNode();
    const records = new TaskRecords();
    let wire = await reconnect(node, records);
    const items = Array.from({ length: 24 }, (_, item) => item);
    const input = { name: 'fan', line: 'item-${item}', kind: 'unsafe', delayMs: 250 };
    const graph = { steps: [{ id: 'fan', agent: 'lab.append', forEach: '${input}', concurrency: 4, input }] };
    const task = await wire.submit({ graph, input: items });
    const record = records.of(task);
    wire.frames.forEach((frame) => record.take(frame));
    // A call writes its line first, and takes a quarter of a second then.
    await until(
      () => doneOf(record).length >= 8 && linesOf(node, 'fan').size > doneOf(record).length,
      'a third is done, and some are under way',
    );
    await node.kill();
    await node.start();
    wire = await reconnect(node, records);
    const doubts = (): number => record.count('effect.unknown');
    const begun = (): number =>
      record.inOrder().filter(({ kind, data }) => kind === 'step.started' && data?.['attempt'] !== undefined).length;
    await until(
      () => doubts() > 0 && begun() === doneOf(record).length + doubts(),
      'all that was begun is done or in doubt',
    );
    expect(doubts()).toBeLessThanOrEqual(4);
    expect(await wire.request({ type: 'task.get', task })).toMatchObject({ status: 'input-required' });
    for (const count of linesOf(node, 'fan').values()) expect(count).toBe(1);
    expect(record.stepFaults()).toEqual([]);
  });
});

describe('the messages of a keyed actor', () => {
  it('are in its total once they were answered, over four kills', { timeout: TEST_MS }, async () => {
    const node = await freshNode();
    const sent = new Map<string, number>();
    const answered = new Map<string, number>();
    const add = (book: Map<string, number>, key: string, n: number): unknown => book.set(key, (book.get(key) ?? 0) + n);
    const keys = ['a', 'b', 'c'];
    let wire = await Wire.open(node.socketUrl);
    for (let kill = 0; kill < 4; kill++) {
      for (let index = 0; index < 300; index++) {
        const key = keys[index % keys.length] as string;
        const n = 1 + (index % 7);
        add(sent, key, n);
        wire.request({ type: 'agent.tell', agent: 'lab.counter', key, event: { type: 'add', n } }).then(
          ({ type }) => type === 'ok' && add(answered, key, n),
          () => {},
        );
      }
      await node.kill(1 + Math.floor(Math.random() * 60));
      await wire.closed;
      await node.start();
      wire = await Wire.open(node.socketUrl);
      for (const key of keys) {
        const { value } = await wire.request({ type: 'agent.ask', agent: 'lab.counter', key, event: { type: 'get' } });
        const { total } = value as { total: number };
        expect(total).toBeGreaterThanOrEqual(answered.get(key) ?? 0);
        expect(total).toBeLessThanOrEqual(sent.get(key) ?? 0);
        // From here on this is what there is.
        sent.set(key, total);
        answered.set(key, total);
      }
    }
    expect(Math.max(...answered.values())).toBeGreaterThan(0);
  });
});
