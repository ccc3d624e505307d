/** A hostile or careless user: whatever comes is answered with a code, and nobody else is disturbed by it. */
import { readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { freePort, NodeUnderTest, temporaryFolder } from '../support/node-process.ts';
import { TaskRecords } from '../support/task-record.ts';
import { type Frame, Wire } from '../support/wire.ts';

const IN_FLIGHT_MAX = 300;
const KIB = 1024;
const folder = temporaryFolder('hostile');
let node: NodeUnderTest;
let wire: Wire;

beforeAll(async () => {
  node = new NodeUnderTest(folder.path, await freePort(), ['--lab', '--tasks-in-flight-max', String(IN_FLIGHT_MAX)]);
  await node.start();
}, 40_000);

beforeEach(async () => {
  wire = await Wire.open(node.socketUrl);
});

/** After every test: the node is the same process, and serves others. */
afterEach(async () => {
  if (node.command.isOver) throw new TypeError(`The node ended: ${node.command.err}`);
  const other = await Wire.open(node.socketUrl);
  const { output } = await other.result(await other.submit({ agent: 'lab.echo', input: 'well' }));
  if (output !== 'well') throw new TypeError('The node does not serve others.');
  other.drop();
  wire.drop();
});

afterAll(async () => {
  const { err, out } = node.command;
  await node.kill();
  folder.clear();
  if (/unhandled|uncaught|INTERNAL/i.test(err + out)) throw new TypeError(`The node logged: ${err}${out}`);
});

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

async function run(body: object): Promise<Frame> {
  return await wire.result(await wire.submit(body));
}

describe('frames that are odd', () => {
  it('depth: what is too deep is refused, what is just deep enough comes back', async () => {
    const deep: readonly (readonly ['troupe.v1.json' | 'troupe.v1.msgpack', string | Buffer])[] = [
      ['troupe.v1.json', '['.repeat(30_000) + ']'.repeat(30_000)],
      ['troupe.v1.msgpack', Buffer.alloc(60_000, 0x91)],
    ];
    for (const [codec, bomb] of deep) {
      const one = await Wire.open(node.socketUrl, codec);
      one.sendRaw(bomb);
      expect(await one.until(({ type }) => type === 'error')).toMatchObject({ code: 'PROTOCOL_TOO_BIG' });
      expect(await one.closed).toMatchObject({ code: 1009 });
    }
    // The frame itself is the first level.
    expect(await run({ agent: 'lab.echo', input: nested(31) })).toMatchObject({ output: nested(31) });
    wire.send({ type: 'task.submit', id: 'deep', agent: 'lab.echo', input: nested(32) });
    expect(await wire.closed).toMatchObject({ code: 1009 });
  });

  it('ids: up to 128 characters are echoed, longer ones and those that are no strings are refused', async () => {
    const id = 'ü'.repeat(128);
    wire.send({ type: 'ping', id });
    expect(await wire.until(({ re }) => re === id)).toMatchObject({ type: 'pong' });
    for (const wrong of ['x'.repeat(129), 'x'.repeat(50_000), '', 7, { a: 1 }]) {
      const before = wire.frames.length;
      wire.send({ type: 'ping', id: wrong });
      await vi.waitFor(() => expect(wire.frames.length).toBe(before + 1));
      expect(wire.frames.at(-1)).toMatchObject({ type: 'error' });
      expect(wire.frames.at(-1)?.re).toBeUndefined();
    }
    for (const task of ['x'.repeat(129), '../../etc/passwd', '\u0000', '__proto__', 'task/x', 'x'.repeat(128)])
      for (const type of ['task.get', 'task.watch', 'task.cancel', 'task.signal'])
        expect(await wire.request({ type, task, name: 'go' })).toMatchObject({ type: 'error' });
  });

  it('names that every object has are no agents, and no fields', async () => {
    for (const agent of ['__proto__', 'constructor', 'toString', 'hasOwnProperty'])
      expect(await wire.request({ type: 'task.submit', agent })).toMatchObject({ type: 'error' });
    const json = await Wire.open(node.socketUrl, 'troupe.v1.json');
    json.sendRaw(
      '{"type":"task.submit","id":"p","agent":"lab.echo","input":{"__proto__":{"admin":true},"constructor":1}}',
    );
    const answer = await json.until(({ type }) => type === 'error' || type === 'task.accepted');
    expect(answer).toMatchObject({ type: 'error', code: 'PROTOCOL_MALFORMED' });
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    json.drop();
  });

  it('values that are odd come back as they were, or are refused', async () => {
    const odd = ['', '\u0000', '🎭'.repeat(1_000), 0, 0.1, 2 ** 53, -(2 ** 40), null, [], {}, { '': 1 }, '\u2028'];
    expect(await run({ agent: 'lab.echo', input: odd })).toMatchObject({ status: 'completed', output: odd });
    for (const input of [Number.NaN, Number.POSITIVE_INFINITY, 2n ** 63n, Buffer.from('bytes')]) {
      const answer = await wire.request({ type: 'task.submit', agent: 'lab.echo', input });
      if (answer.type === 'task.accepted')
        expect(await wire.result(String(answer.task))).toMatchObject({ status: expect.any(String) });
      else expect(answer).toMatchObject({ type: 'error', code: expect.stringMatching(/^[A-Z_]+$/) });
    }
  });

  it('text where bytes were agreed on, and the other way round', async () => {
    const json = await Wire.open(node.socketUrl, 'troupe.v1.json');
    wire.sendRaw('{"type":"ping"}');
    json.sendRaw(Buffer.from([0x81, 0xa4, 0x74, 0x79, 0x70, 0x65, 0xa4, 0x70, 0x69, 0x6e, 0x67]));
    for (const one of [wire, json]) {
      const end = await Promise.race([one.until(({ type }) => type === 'error'), one.closed]);
      expect(end).toMatchObject({ code: expect.anything() });
    }
    json.drop();
  });

  it('what does not exist is not found', async () => {
    const task = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
    for (const type of ['task.get', 'task.watch', 'task.cancel'])
      expect(await wire.request({ type, task })).toMatchObject({ type: 'error', code: 'NOT_FOUND', retryable: false });
    expect(await wire.request({ type: 'task.signal', task, name: 'x' })).toMatchObject({ code: 'NOT_FOUND' });
    expect(await wire.request({ type: 'task.unwatch', task })).toMatchObject({ type: 'ok' });
    expect(await wire.request({ type: 'task.list', cursor: 'nonsense' })).toMatchObject({
      type: expect.stringMatching(/^(?:error|task\.page)$/),
    });
  });
});

describe('sizes', () => {
  it('an input of nearly a frame comes back, a frame over its limit ends the connection', async () => {
    const text = 'x'.repeat(63 * KIB);
    expect(await run({ agent: 'lab.echo', input: text })).toMatchObject({ status: 'completed', output: text });
    wire.send({ type: 'task.submit', id: 'big', agent: 'lab.echo', input: 'x'.repeat(65 * KIB) });
    expect(await wire.closed).toMatchObject({ code: 1009 });
  });

  it('an output over its limit fails its task with a code', async () => {
    const text = 'x'.repeat(50 * KIB);
    const step = { id: 'many', agent: 'lab.echo', forEach: '${input.items}', concurrency: 20, input: '${input.text}' };
    const graph = { steps: [step], output: '${steps.many.output}' };
    const items = (count: number): number[] => Array.from({ length: count }, (_, item) => item);
    const fits = await run({ graph, input: { text, items: items(15) } });
    expect(fits).toMatchObject({ status: 'completed', output: items(15).map(() => text) });
    const over = await run({ graph, input: { text, items: items(60) } });
    expect(over).toMatchObject({
      status: 'failed',
      error: { code: expect.stringMatching(/^[A-Z_]+$/), retryable: false },
    });
    expect(over.error?.code).not.toBe('INTERNAL');
  });

  it('a graph that doubles its text with every step is stopped by a code', async () => {
    const steps = Array.from({ length: 40 }, (_, index) => ({
      id: `s${index}`,
      agent: 'lab.echo',
      input: index === 0 ? 'x'.repeat(KIB) : `\${steps.s${index - 1}.output + steps.s${index - 1}.output}`,
    }));
    const end = await run({ graph: { steps } });
    expect(end).toMatchObject({ status: 'failed', error: { code: expect.stringMatching(/^[A-Z_]+$/) } });
    expect(end.error?.code).not.toBe('INTERNAL');
  });

  it('a fan-out over more items than it may have is refused with a code', async () => {
    const graph = { steps: [{ id: 'a', agent: 'lab.echo', forEach: '${input}', input: 1 }] };
    const end = await run({ graph, input: Array.from({ length: LIMITS.forEachItemsMax + 1 }, () => 1) });
    expect(end).toMatchObject({
      status: 'failed',
      error: { code: expect.stringMatching(/^[A-Z_]+$/), retryable: false },
    });
  });

  it('a file name that leads out of the folder is refused', async () => {
    for (const name of ['../x', '/etc/x', '.x', 'a/b', '', 'x'.repeat(65), 'a\u0000b', '..'])
      expect(
        await wire.request({ type: 'task.submit', agent: 'lab.append', input: { name, line: 'x' } }),
      ).toMatchObject({
        type: 'error',
        code: 'INVALID_INPUT',
      });
    expect(readdirSync(folder.path)).not.toContain('x');
  });
});

describe('hurry', () => {
  it('tasks that are canceled at once, twice, from two connections end once', async () => {
    const other = await Wire.open(node.socketUrl);
    const records = new TaskRecords();
    records.follow(wire);
    const agents = ['lab.stall', 'lab.delay', 'lab.echo', 'lab.burn', 'lab.append', 'lab.flaky'];
    const input = { ms: 20, value: 1, failures: 1, name: 'hurry', line: 'x', delayMs: 20 };
    const tasks: string[] = [];
    await Promise.all(
      Array.from({ length: 120 }, async (_, index) => {
        const task = await wire.submit({ agent: agents[index % agents.length], input });
        tasks.push(task);
        const answers = await Promise.all([
          wire.request({ type: 'task.cancel', task }),
          other.request({ type: 'task.cancel', task, reason: 'hurry' }),
        ]);
        for (const { type, code } of answers)
          expect([type, code]).toEqual(type === 'ok' ? ['ok', undefined] : ['error', 'STATE_CONFLICT']);
      }),
    );
    for (const task of tasks) {
      const end = await wire.result(task);
      expect(['canceled', 'completed']).toContain(end.status);
      expect(records.of(task).faultsAtEnd()).toEqual([]);
    }
    expect(tasks.filter((task) => records.of(task).end?.status === 'canceled').length).toBeGreaterThan(20);
    other.drop();
  });

  it('more tasks than may be in flight are refused as busy, with the time to wait, and nothing of them is kept', async () => {
    const answers = await Promise.all(
      Array.from({ length: IN_FLIGHT_MAX + 100 }, () =>
        wire.request({ type: 'task.submit', agent: 'lab.stall', watch: false }),
      ),
    );
    const busy = answers.filter(({ type }) => type === 'error');
    const accepted = answers.filter(({ type }) => type === 'task.accepted');
    expect(accepted).toHaveLength(IN_FLIGHT_MAX);
    for (const answer of busy) {
      expect(answer).toMatchObject({ code: 'BUSY', retryable: true });
      expect(answer['retryAfterMs']).toBeGreaterThan(0);
    }
    const { tasks } = await wire.request({ type: 'task.list', status: 'working', limit: 200 });
    expect((tasks as Frame[]).length).toBe(200);
    const cancels = await Promise.all(accepted.map(({ task }) => wire.request({ type: 'task.cancel', task })));
    expect(cancels.every(({ type }) => type === 'ok')).toBe(true);
    expect(await run({ agent: 'lab.echo', input: 1 })).toMatchObject({ status: 'completed' });
  });

  it('a flood of messages to one actor is taken or refused, and what was taken counts', async () => {
    const answers = await Promise.all(
      Array.from({ length: 3_000 }, () =>
        wire.request({ type: 'agent.tell', agent: 'lab.counter', key: 'flood', event: { type: 'add', n: 1 } }),
      ),
    );
    const taken = answers.filter(({ type }) => type === 'ok').length;
    for (const { type, code } of answers) if (type !== 'ok') expect(code).toBe('BUSY');
    const { value } = await wire.request({
      type: 'agent.ask',
      agent: 'lab.counter',
      key: 'flood',
      event: { type: 'get' },
    });
    expect(value).toEqual({ total: taken });
    const odd = [{ type: 'add', n: 'x' }, { type: 'add' }, { type: 'nothing' }, { type: 'get' }];
    for (const event of odd) await wire.request({ type: 'agent.tell', agent: 'lab.counter', key: 'flood', event });
    const events = [{ type: 'xstate.init' }, { type: 'xstate.stop' }, { type: 'add', n: 1, replyTo: 'task/x' }];
    for (const event of events) await wire.request({ type: 'agent.tell', agent: 'lab.counter', key: 'other', event });
    const after = await wire.request({ type: 'agent.ask', agent: 'lab.counter', key: 'flood', event: { type: 'get' } });
    expect(after).toMatchObject({ value: { total: taken } });
  });

  it('the same key a hundred times at once is one task', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        wire.request({ type: 'task.submit', agent: 'lab.echo', input: 1, key: 'herd', watch: false }),
      ),
    );
    expect(new Set(answers.map(({ task }) => task)).size).toBe(1);
    expect(answers.filter(({ duplicate }) => duplicate === false)).toHaveLength(1);
  });

  it('agents that crash, stall past their deadline or burn fail alone', { timeout: 40_000 }, async () => {
    const quiet = await wire.submit({ agent: 'lab.delay', input: { ms: 3_000, value: 'quiet' } });
    const ends = await Promise.all([
      run({ agent: 'lab.crash', input: { where: 'action' } }),
      run({ agent: 'lab.crash', input: { where: 'effect' } }),
      run({ agent: 'lab.stall', options: { deadlineMs: 200 } }),
      run({ agent: 'lab.burn', input: { ms: 60_000 }, options: { deadlineMs: 300 } }),
      run({ agent: 'lab.delay', input: { ms: 10_000 }, options: { deadlineMs: 1 } }),
    ]);
    expect(ends.map(({ status }) => status)).toEqual(ends.map(() => 'failed'));
    expect(ends.slice(2).map(({ error }) => error?.code)).toEqual([
      'DEADLINE_EXCEEDED',
      'DEADLINE_EXCEEDED',
      'DEADLINE_EXCEEDED',
    ]);
    expect(ends[0]?.error?.code).toMatch(/^(?:QUARANTINED|AGENT_CRASHED)$/);
    expect(ends[1]?.error?.message).toContain('lab.crash threw in its effect');
    expect(await wire.result(quiet)).toMatchObject({ status: 'completed', output: 'quiet' });
  });
});
