/** A saga over five appends whose fourth fails, on a node that is killed while it undoes: what was done is undone, once each. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { freePort, NodeUnderTest, runTroupe, temporaryFolder } from '../support/node-process.ts';
import { TaskRecords } from '../support/task-record.ts';
import { Wire } from '../support/wire.ts';

const WAIT_MS = 30_000;
const TEST_MS = 90_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function freshNode(): Promise<NodeUnderTest> {
  const folder = temporaryFolder('saga');
  const node = new NodeUnderTest(folder.path, await freePort());
  cleanups.push(folder.clear, () => node.kill());
  await node.start();
  return node;
}

function bookOf(node: NodeUnderTest): string[] {
  const file = path.join(node.dataDir, 'lab', 'book');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
}

async function until(check: () => boolean, what: string): Promise<void> {
  await vi.waitFor(
    () => {
      if (!check()) throw new TypeError(`Not yet: ${what}.`);
    },
    { timeout: WAIT_MS, interval: 5 },
  );
}

/** A line in the book, that takes as long to be taken back as a kill takes to come. */
function append(id: string, kind: string, name = 'book'): object {
  const line = `\${"-" + steps.${id}.output.line}`;
  return {
    ...{ id, agent: 'lab.append', input: { name, line: `+${id}`, kind } },
    compensate: { agent: 'lab.append', input: { name: 'book', line, kind, delayMs: 400 } },
  };
}

/** One after the other; the one with the bad name is refused by its agent. */
function saga(kind: string): { readonly steps: readonly object[] } {
  const ids = ['one', 'two', 'three', 'four', 'five'];
  const steps = ids.map((id, at) => ({
    ...append(id, kind, id === 'four' ? '.no' : 'book'),
    needs: ids.slice(Math.max(0, at - 1), at),
  }));
  return { steps };
}

async function reconnect(node: NodeUnderTest, records: TaskRecords): Promise<Wire> {
  const wire = await Wire.open(node.socketUrl);
  records.follow(wire);
  records.watchOn(wire);
  return wire;
}

describe('a saga whose node is killed while it undoes', () => {
  it.each(['keyed', 'pure'])(
    'undoes three steps in reverse, each recorded once (calls that are %s)',
    async (kind) => {
      const node = await freshNode();
      const records = new TaskRecords();
      let wire = await reconnect(node, records);
      const task = await wire.submit({ graph: saga(kind) });
      const record = records.of(task);
      wire.frames.forEach((frame) => record.take(frame));
      // Once in each of the three undoings.
      for (const line of ['-+three', '-+two', '-+one']) {
        await until(() => bookOf(node).includes(line), line);
        if (line === '-+two') {
          const status = await wire.request({ type: 'task.get', task });
          expect(status).toMatchObject({ status: 'working', waiting: 'compensating' });
        }
        await node.kill(20);
        await wire.closed;
        await node.start();
        wire = await reconnect(node, records);
      }
      await until(() => record.end !== undefined, 'the saga is at its end');
      expect(record.faultsAtEnd()).toEqual([]);
      expect(record.end).toMatchObject({
        status: 'failed',
        error: { code: 'INVALID_INPUT', details: { step: 'four', compensation: { undone: 3 } } },
      });
      const undone = record.inOrder().filter(({ kind: is }) => is === 'step.compensated');
      expect(undone.map(({ data }) => data?.['step'])).toEqual(['three', 'two', 'one']);
      const book = bookOf(node);
      expect([...new Set(book)]).toEqual(['+one', '+two', '+three', '-+three', '-+two', '-+one']);
      // What a kill cut off was made again, under its key; nothing else was. Where no line is there twice, none came in the middle.
      expect(book.length).toBeGreaterThan(6);
      expect(book.length).toBeLessThanOrEqual(6 + 3);
      expect(book.filter((line) => line.startsWith('+'))).toEqual(['+one', '+two', '+three']);
    },
    TEST_MS,
  );

  it('undoes after a cancel from the command line, through a kill', { timeout: TEST_MS }, async () => {
    const node = await freshNode();
    const records = new TaskRecords();
    let wire = await reconnect(node, records);
    const { steps } = saga('keyed');
    const graph = { steps: [...steps.slice(0, 2), { id: 'wait', agent: 'lab.stall', needs: ['two'] }] };
    const task = await wire.submit({ graph });
    const record = records.of(task);
    wire.frames.forEach((frame) => record.take(frame));
    await until(() => bookOf(node).length === 2, 'two are done');
    await until(() => record.kinds().filter((is) => is === 'step.completed').length === 2, 'and known to be');
    const canceled = await runTroupe(['cancel', task, '--url', node.url]);
    expect(canceled).toMatchObject({ code: 0, out: `${task}  working: compensating\n` });
    await until(() => bookOf(node).includes('-+two'), 'it undoes');
    await node.kill();
    await wire.closed;
    await node.start();
    wire = await reconnect(node, records);
    await until(() => record.end !== undefined, 'it has ended');
    expect(record.end).toMatchObject({
      status: 'canceled',
      error: { code: 'CANCELED', details: { compensation: { undone: 2 } } },
    });
    expect([...new Set(bookOf(node))]).toEqual(['+one', '+two', '-+two', '-+one']);
    expect(record.count('step.compensated')).toBe(2);
  });

  it('undoes one that a step calls before the rest, where the task is canceled', { timeout: TEST_MS }, async () => {
    const node = await freshNode();
    const inner = saga('keyed').steps.with(3, { id: 'four', agent: 'lab.stall', needs: ['three'] });
    const file = path.join(node.dataDir, 'inner.json');
    writeFileSync(file, JSON.stringify({ name: 'inner', version: '1.0.0', steps: inner }));
    expect(await runTroupe(['workflows', 'add', file, '--url', node.url])).toMatchObject({ code: 0 });
    const records = new TaskRecords();
    let wire = await reconnect(node, records);
    const graph = { steps: [append('before', 'keyed'), { id: 'call', workflow: 'inner', needs: ['before'] }] };
    const task = await wire.submit({ graph });
    const record = records.of(task);
    wire.frames.forEach((frame) => record.take(frame));
    await until(() => record.kinds().filter((is) => is === 'step.completed').length === 4, 'four are done');
    expect(await runTroupe(['cancel', task, '--url', node.url])).toMatchObject({ code: 0 });
    // Once in the workflow that is called, and once in the one that calls it.
    for (const line of ['-+two', '-+before']) {
      await until(() => bookOf(node).includes(line), line);
      await node.kill(20);
      await wire.closed;
      await node.start();
      wire = await reconnect(node, records);
    }
    await until(() => record.end !== undefined, 'it has ended');
    expect(record.faultsAtEnd()).toEqual([]);
    expect(record.end).toMatchObject({
      status: 'canceled',
      error: { code: 'CANCELED', details: { compensation: { undone: 4 } } },
    });
    const undone = record.inOrder().filter(({ kind: is }) => is === 'step.compensated');
    expect(undone.map(({ data }) => data?.['step'])).toEqual(['call.three', 'call.two', 'call.one', 'before']);
    const book = bookOf(node);
    const done = ['+before', '+one', '+two', '+three'];
    expect([...new Set(book)]).toEqual([...done, '-+three', '-+two', '-+one', '-+before']);
    expect(book.length).toBeGreaterThan(8);
    expect(book.length).toBeLessThanOrEqual(8 + 2);
    expect(book.filter((line) => line.startsWith('+'))).toEqual(done);
  });
});
