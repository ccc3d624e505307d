/** The verbs about tasks, as people and programs run them, against a real node. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, freePort, NodeUnderTest, runTroupe, temporaryFolder } from '../support/node-process.ts';
import { Wire } from '../support/wire.ts';

const folder = temporaryFolder('cli-tasks');
const ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;
let node: NodeUnderTest;
let wire: Wire;
/** A task that is parked: its unsafe call was cut off. */
let parked: string;

beforeAll(async () => {
  node = new NodeUnderTest(folder.path, await freePort());
  await node.start();
  wire = await Wire.open(node.socketUrl);
  const input = { name: 'x', line: 'x', kind: 'unsafe', delayMs: 60_000 };
  parked = await wire.submit({ agent: 'lab.append', input });
  await wire.until(({ kind }) => kind === 'step.started');
  // Its line in the store is what makes the call doubtful; it is there once another task has gone by.
  await wire.result(await wire.submit({ agent: 'lab.append', input: { ...input, kind: 'keyed', delayMs: 0 } }));
  await node.kill();
  await node.start();
  wire = await Wire.open(node.socketUrl);
}, 60_000);

afterAll(async () => {
  await node.kill();
  folder.clear();
});

function troupe(...args: string[]): Promise<Ended> {
  return runTroupe([...args, '--url', node.url], { cwd: folder.path });
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('troupe submit', () => {
  it('prints the id of the task, alone on its line', async () => {
    const { code, out, err } = await troupe('submit', '--agent', 'lab.echo', '--input', '{"a":1}');
    expect([code, err]).toEqual([0, '']);
    expect(out.trimEnd()).toMatch(ID);
  });

  it('with --wait prints the output after the id, and how it went beside it', async () => {
    const { code, out, err } = await troupe('submit', '--agent', 'lab.echo', '--input', '{"a":1}', '--wait');
    const [id, ...output] = out.split('\n');
    expect([code, JSON.parse(output.join('\n'))]).toEqual([0, { a: 1 }]);
    expect(id).toMatch(ID);
    expect(err).toMatch(/^completed after \d/);
  });

  it('with --json prints one object for the id and one for the end', async () => {
    const { code, out } = await troupe('submit', '--capability', 'lab.echo', '--input', '"x"', '--wait', '--json');
    const [accepted, end, ...more] = jsonLines(out);
    expect(code).toBe(0);
    expect(accepted).toEqual({ task: expect.stringMatching(ID), duplicate: false });
    expect(end).toMatchObject({ type: 'task.result', task: accepted?.['task'], status: 'completed', output: 'x' });
    expect(more).toEqual([]);
  });

  it('reads its input from a file or from standard input', async () => {
    writeFileSync(path.join(folder.path, 'input.json'), '{"from":"file"}');
    const file = await troupe('submit', '--agent', 'lab.echo', '--input', '@input.json', '--wait', '--json');
    expect(jsonLines(file.out)[1]).toMatchObject({ output: { from: 'file' } });
    const args = ['submit', '--agent', 'lab.echo', '--input', '-', '--wait', '--json', '--url', node.url];
    const piped = await runTroupe(args, { input: '{"from":"stdin"}' });
    expect(jsonLines(piped.out)[1]).toMatchObject({ output: { from: 'stdin' } });
  });

  it('takes a graph from a file', async () => {
    const steps = [
      { id: 'one', agent: 'lab.echo', input: '${input}' },
      { id: 'two', agent: 'lab.echo', input: '${steps.one.output + 1}' },
    ];
    writeFileSync(path.join(folder.path, 'graph.json'), JSON.stringify({ steps, output: '${steps.two.output}' }));
    const { code, out } = await troupe('submit', '--graph', 'graph.json', '--input', '41', '--wait', '--json');
    expect(code).toBe(0);
    expect(jsonLines(out)[1]).toMatchObject({ status: 'completed', output: 42 });
  });

  it('names every fault of a graph with its place, and exits 2', async () => {
    const steps = [
      { id: 'one', agent: 'lab.ecko', input: '${steps.none.output}' },
      { id: 'two', agent: 'lab.echo', needs: ['three'], input: 1 },
      { id: 'three', agent: 'lab.echo', needs: ['two'], input: 1 },
    ];
    writeFileSync(path.join(folder.path, 'bad.json'), JSON.stringify({ steps }));
    const { code, out, err } = await troupe('submit', '--graph', 'bad.json');
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('lab.ecko');
    expect(err).toContain('/steps/0');
    expect(err).toMatch(/wait for each other: .two. needs .three./);
  });

  it('gives the same task for the same key', async () => {
    const args = ['submit', '--agent', 'lab.echo', '--input', '1', '--key', 'twice', '--json'];
    const [first] = jsonLines((await troupe(...args)).out);
    const [second] = jsonLines((await troupe(...args)).out);
    expect(second).toEqual({ task: first?.['task'], duplicate: true });
    const other = await troupe('submit', '--agent', 'lab.echo', '--input', '2', '--key', 'twice', '--json');
    expect(other.code).toBe(2);
    expect(jsonLines(other.out)[0]).toMatchObject({ error: { code: 'IDEMPOTENCY_MISMATCH' } });
  });

  it('exits 1 with the reason when the task fails', async () => {
    const args = ['submit', '--agent', 'lab.crash', '--input', '{"where":"effect"}', '--wait', '--deadline', '3s'];
    const { code, err } = await troupe(...args);
    expect(code).toBe(1);
    expect(err).toMatch(/^failed after .*lab\.crash threw in its effect/);
  });

  it.each([
    [
      'an agent that is not there',
      ['--agent', 'lab.ecko', '--input', '1'],
      /No agent lab\.ecko.*Did you mean lab\.echo\?/,
    ],
    ['input that is no JSON', ['--agent', 'lab.echo', '--input', 'hello'], /--input is not JSON.*quotes/],
    ['a file that is not there', ['--agent', 'lab.echo', '--input', '@none.json'], /none\.json cannot be read/],
    ['no target', ['--input', '1'], /exactly one of --agent/],
    ['two targets', ['--agent', 'lab.echo', '--capability', 'lab.echo'], /exactly one of --agent/],
    ['input that does not fit', ['--agent', 'lab.delay', '--input', '{"ms":"x"}'], /ms/],
    ['a wrong time', ['--agent', 'lab.echo', '--deadline', 'soon'], /500ms, 30s, 5m/],
    ['a wrong label', ['--agent', 'lab.echo', '--label', 'urgent'], /key=value/],
    ['an unknown option', ['--agnet', 'lab.echo'], /--agent/],
  ])('exits 2 for %s, and says what to do', async (_what, args, says) => {
    const { code, out, err } = await troupe('submit', ...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(says);
    expect(err).not.toMatch(/\bat .*\.ts:\d/);
  });
});

describe('a task that is there', () => {
  it('is shown by status and result', async () => {
    const task = await wire.submit({ agent: 'lab.echo', input: 'shown' });
    await wire.result(task);
    const status = await troupe('status', task);
    expect(status).toEqual({ code: 0, out: `${task}  completed  seq 6\n`, err: '' });
    expect(jsonLines((await troupe('status', task, '--json')).out)).toMatchObject([
      { task, status: 'completed', seq: 6 },
    ]);
    expect(await troupe('result', task)).toMatchObject({ code: 0, out: 'shown\n' });
    const [end] = jsonLines((await troupe('result', task, '--json')).out);
    expect(end).toMatchObject({ task, status: 'completed', output: 'shown' });
  });

  it('has no result before its end', async () => {
    const task = await wire.submit({ agent: 'lab.stall' });
    const { code, err } = await troupe('result', task);
    expect(code).toBe(1);
    expect(err).toContain(`troupe watch ${task}`);
    expect((await troupe('status', task)).code).toBe(0);
    const canceled = await troupe('cancel', task, '--reason', 'enough');
    expect(canceled).toEqual({ code: 0, out: `${task}  canceled\n`, err: '' });
    expect((await troupe('result', task)).code).toBe(6);
    expect((await troupe('status', task)).code).toBe(6);
    expect((await troupe('watch', task)).code).toBe(6);
  });

  it('is followed from any line, to its end', async () => {
    const task = await wire.submit({ agent: 'lab.echo', input: 'shown' });
    await wire.result(task);
    const people = await troupe('watch', task);
    expect(people.code).toBe(0);
    expect(people.out.split('\n').filter((line) => /^ +\d/.test(line))).toHaveLength(5);
    expect(people.out).toContain('step.completed');
    const { code, out } = await troupe('watch', task, '--after', '3', '--json');
    expect(code).toBe(0);
    expect(jsonLines(out).map(({ seq }) => seq)).toEqual([4, 5, 6]);
  });

  it('that waits for a person makes status and watch say so', async () => {
    const { code, out } = await troupe('status', parked);
    expect(code).toBe(3);
    expect(out).toContain('input-required');
    expect(out).toMatch(/may or may not have happened/);
  });

  it('is found by its status and labels', async () => {
    const labelled = await troupe(
      'submit',
      '--agent',
      'lab.echo',
      '--input',
      '1',
      '--label',
      'team=a',
      '--label',
      'kind=b',
    );
    const task = labelled.out.trim();
    const found = await troupe('list', '--label', 'team=a', '--json');
    expect(jsonLines(found.out).map((row) => row['task'])).toEqual([task]);
    const waiting = await troupe('list', '--status', 'input-required', '--json');
    expect(jsonLines(waiting.out).map((row) => row['task'])).toEqual([parked]);
    const none = await troupe('list', '--label', 'team=a', '--label', 'kind=c');
    expect(none).toEqual({ code: 0, out: 'No tasks.\n', err: '' });
    expect((await troupe('list', '--status', 'input-required')).out).toMatch(/^TASK +STATUS +SEQ +NOTE\n/);
  });

  it('is listed the newest first, as many as asked for', async () => {
    const tasks: string[] = [];
    for (let index = 0; index < 205; index++)
      tasks.push(await wire.submit({ agent: 'lab.echo', input: index, watch: false }));
    const two = jsonLines((await troupe('list', '--limit', '2', '--json')).out).map((row) => row['task']);
    expect(two).toEqual(tasks.slice(-2).toReversed());
    // More than a page.
    const many = jsonLines((await troupe('list', '--limit', '204', '--json')).out).map((row) => row['task']);
    expect(many).toEqual(tasks.slice(1).toReversed());
    expect((await troupe('list', '--limit', '0')).code).toBe(2);
    expect((await troupe('list', '--status', 'done')).err).toMatch(/submitted.*working.*completed/);
  });
});

describe('a task that is not there', () => {
  it.each([['status'], ['result'], ['cancel'], ['watch'], ['tree']])('makes `%s` fail with its id', async (verb) => {
    const { code, out, err } = await troupe(verb, '01ARZ3NDEKTSV4RRFFQ69G5FAV');
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^troupe: .*01ARZ3NDEKTSV4RRFFQ69G5FAV/);
  });
});
