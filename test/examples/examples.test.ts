/** Every example, and what the README shows, run as they say: against one node that was started with `--agents`. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Command, freePort, NodeUnderTest, ROOT, temporaryFolder } from '../support/node-process.ts';

const EXAMPLES = path.join(ROOT, 'examples');
const AGENT_FILES = [
  'state.ts',
  'shout.ts',
  'reviewer.ts',
  'counter.ts',
  'journal.ts',
  'worker.ts',
  'workflow.ts',
  'topics.ts',
  'coordinator.ts',
  'state.ts',
  'approval.ts',
  'schedule.ts',
];
const PYTHON = '/usr/bin/python3';
const README = readFileSync(path.join(ROOT, 'README.md'), 'utf8');

const pythonLack =
  spawnSync(PYTHON, ['-c', 'import websockets']).status === 0 ? undefined : 'apt install python3-websockets';
const curlLack = spawnSync('curl', ['--version']).status === 0 ? undefined : 'apt install curl';
const lacking = (lack: string | undefined): string => (lack === undefined ? '' : ` (${lack})`);

const folder = temporaryFolder('examples');
let node: NodeUnderTest;

/** A block of code of the README, by its language and a word in it. */
function blockOf(language: string, word: string): string {
  const blocks = [...README.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)];
  const found = blocks.find(([, tongue, code = '']) => tongue === language && code.includes(word));
  expect(found, `the README has no ${language} with ${word}`).toBeDefined();
  return found?.[2] ?? '';
}

/** What `troupe submit … --wait` prints behind the id of the task. */
async function outputOf(...args: readonly string[]): Promise<unknown> {
  const { code, out, err } = await new Command(['submit', '--url', node.url, '--wait', ...args]).ended();
  expect(code, `${out}${err}`).toBe(0);
  return JSON.parse(out.slice(out.indexOf('\n'))) as unknown;
}

/** Runs a program to its end, which must be a good one; gives what it printed. */
async function run(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, {
    cwd: folder.path,
    env: { ...process.env, TROUPE_URL: node.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  await once(child, 'close');
  expect(child.exitCode, `${out}${err}`).toBe(0);
  return out;
}

beforeAll(async () => {
  // The README waits for 20 seconds, so that there is time for a kill; here nothing is killed.
  const greeter = path.join(folder.path, 'greeter.ts');
  writeFileSync(greeter, blockOf('ts', 'greeter').replace('20_000', '50'));
  const files = [...AGENT_FILES.map((file) => path.join(EXAMPLES, file)), greeter];
  node = new NodeUnderTest(folder.path, await freePort(), ['--agents', ...files]);
  await node.start();
}, 40_000);

afterAll(async () => {
  await node.kill();
  folder.clear();
});

describe('The examples', () => {
  it('are all in the index, which names no others', () => {
    const index = readFileSync(path.join(EXAMPLES, 'README.md'), 'utf8');
    const named = [...index.matchAll(/\]\(([\w.-]+)\)/g)].map(([, file]) => file);
    const files = readdirSync(EXAMPLES).filter((file) => !['README.md', 'data', 'patterns'].includes(file));
    expect(new Set(named)).toEqual(new Set(files));
    // Its page names each of them: see patterns.test.ts.
    expect(index).toContain('[patterns/](../docs/patterns.md)');
  });

  it('shout.ts: an agent that is a function', async () => {
    expect(await outputOf('--agent', 'shout', '--input', '{"text":"hi"}')).toEqual({ text: 'HI' });
  });

  it('state.ts: a number that many tasks share', async () => {
    expect(await outputOf('--agent', 'tickets')).toEqual({ ticket: 1 });
    expect(await outputOf('--agent', 'tickets')).toEqual({ ticket: 2 });
  });

  it('reviewer.ts: an agent that is a machine, and a signal', async () => {
    const { out } = await new Command([
      ...['submit', '--url', node.url, '--agent', 'reviewer', '--input', '{"text":"a draft"}'],
    ]).ended();
    const task = out.trim();
    const signal = await fetch(`${node.url}/api/v1/tasks/${task}/signals/approve`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"by":"Ada"}',
    });
    expect(signal.status).toBe(202);
    await vi.waitFor(
      async () => {
        const view = (await (await fetch(`${node.url}/api/v1/tasks/${task}`)).json()) as { result?: object };
        expect(view.result).toMatchObject({ output: { text: 'a draft', verdict: 'approved', by: 'Ada' } });
      },
      { timeout: 10_000, interval: 20 },
    );
  });

  it('journal.ts: an effect that a second attempt does not repeat', async () => {
    const file = path.join(folder.path, 'bookings.txt');
    const output = await outputOf('--agent', 'bookkeeper', '--input', JSON.stringify({ file, amount: 5 }));
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(output).toEqual({ attempt: 2, receipt: lines[0]?.split(' ')[0] });
  });

  it('worker.ts: a count of primes in a thread', async () => {
    expect(await outputOf('--agent', 'primes', '--input', '{"upTo":1000000}')).toEqual({ count: 78_498 });
  });

  it('topics.ts: an actor that is woken, and a task that is started, by what is published', async () => {
    const publish = async (topic: string, data: object): Promise<string> => {
      const { out } = await new Command(['publish', topic, JSON.stringify(data), '--url', node.url]).ended();
      return out.trim().replace(/^\S+ +/, '');
    };
    expect(await publish('orders.eu.placed', { order: 'o-7', by: 'Ada', total: 40 })).toBe(
      'to 1 durable subscriptions',
    );
    expect(await publish('orders.eu.paid', { order: 'o-7', paid: 40 })).toBe('to 2 durable subscriptions');
    const label = 'topic.subscription:on:receipts:orders.*.paid';
    await vi.waitFor(
      async () => {
        const page = await fetch(`${node.url}/api/v1/tasks?label=${encodeURIComponent(label)}`);
        expect(await page.json()).toMatchObject({ tasks: [{ result: { output: { receipt: 'o-7: 40 paid' } } }] });
      },
      { timeout: 10_000, interval: 50 },
    );
  });

  it('coordinator.ts: an agent that stands before another', async () => {
    expect(await outputOf('--agent', 'thief', '--input', '{"take":500}')).toEqual({
      refused: 'FORBIDDEN: Nobody takes more than 100.',
    });
    expect(await outputOf('--agent', 'thief', '--input', '{"take":5}')).toEqual({ left: 995 });
  });

  it('workflow.ts and workflow.json: the same graph, registered and sent along', async () => {
    const json = path.join(EXAMPLES, 'workflow.json');
    const { headlines } = await import('../../examples/workflow.ts');
    expect({ ...headlines }).toEqual(JSON.parse(readFileSync(json, 'utf8')));
    expect(await outputOf('--workflow', 'headlines', '--input', '{"lines":["one","two"]}')).toEqual({
      lines: ['ONE', 'TWO'],
      primes: 303,
    });
    expect(await outputOf('--graph', json, '--input', '{"lines":["one"]}')).toEqual({ lines: ['ONE'], primes: null });
  });

  it('approval.ts: a function that asks a person', async () => {
    const submitted = await new Command([
      ...['submit', '--url', node.url, '--wait', '--agent', 'payments', '--input', '{"to":"Ada","usd":250}'],
    ]).ended();
    expect(submitted.code).toBe(3);
    const [task = ''] = submitted.out.split('\n');
    const approve = ['approve', `${task}.main.pay`, '--comment', 'It is fine.', '--url', node.url];
    expect((await new Command(approve).ended()).code).toBe(0);
    await vi.waitFor(
      async () => {
        const view = (await (await fetch(`${node.url}/api/v1/tasks/${task}`)).json()) as { result?: object };
        expect(view.result).toMatchObject({ output: { paid: true, by: 'loopback' } });
      },
      { timeout: 10_000, interval: 20 },
    );
  });

  it('schedule.ts and schedule.json: an agent that is run at times', async () => {
    const { name: _name, ...morning } = JSON.parse(readFileSync(path.join(EXAMPLES, 'schedule.json'), 'utf8')) as {
      name?: string;
      task: object;
    };
    const put = async (name: string, body: object): Promise<number> => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${node.url}/api/v1/schedules/${name}`, {
        ...{ method: 'PUT', headers, body: JSON.stringify(body) },
      });
      return answer.status;
    };
    expect(await put('morning', { ...morning, task: { ...morning.task, agent: 'shout', input: { text: 'up' } } })).toBe(
      201,
    );
    const input = ['--input', '{"day":"${schedule.time}"}', '--url', node.url];
    const added = await new Command([
      'schedules',
      'add',
      'beat',
      '--every',
      '1s',
      '--agent',
      'diary',
      ...input,
    ]).ended();
    expect(added.code, added.err).toBe(0);
    await vi.waitFor(
      async () => {
        const answer = await fetch(`${node.url}/api/v1/tasks?label=schedule:beat`);
        const { tasks } = (await answer.json()) as { tasks: { result?: object }[] };
        const entry = expect.stringMatching(/^Dear diary, it is \d{4}-\d\d-\d\d\.$/) as string;
        expect(tasks.at(-1)?.result).toMatchObject({ output: { entry } });
      },
      { timeout: 10_000, interval: 20 },
    );
    expect((await fetch(`${node.url}/api/v1/schedules/beat`, { method: 'DELETE' })).status).toBe(200);
  });

  it('selection.ts: agents chosen by capability', async () => {
    const out = await run(process.execPath, [path.join(EXAMPLES, 'selection.ts')]);
    expect(out.trim().split('\n')).toEqual([
      'done by cheap',
      'done by quick',
      'flaky failed, done by cheap',
      'the only one left, after flaky@1.0.0 failed',
    ]);
  });

  it('breaker.ts: a circuit breaker', async () => {
    const out = await run(process.execPath, [path.join(EXAMPLES, 'breaker.ts')]);
    const [opened, degraded, back, closed] = out.trim().split('\n').slice(-4);
    expect([opened, closed]).toEqual(['open', 'closed']);
    expect([degraded, back]).toEqual(['translated by the dictionary', 'translated by the provider']);
  });

  it('budget.ts: a budget that is kept, and a result that is', async () => {
    const out = await run(process.execPath, [path.join(EXAMPLES, 'budget.ts')]);
    expect(out.trim().split('\n').slice(-4)).toEqual([
      'three, in short: 0.037 of 0.05 USD, 3 steps',
      'failed: BUDGET_EXCEEDED',
      '1: five, in short for 0.001 USD',
      '2: five, in short for 0 USD',
    ]);
  });

  it('embed.ts: a node in a program', async () => {
    const out = await run(process.execPath, [path.join(EXAMPLES, 'embed.ts'), path.join(folder.path, 'embedded')]);
    expect(out.trim().split('\n').at(-1)).toBe('{"text":"HI FROM INSIDE"}');
  });

  it('client.ts and counter.ts: the client library, and an actor that remembers', async () => {
    const client = path.join(EXAMPLES, 'client.ts');
    const lines = (await run(process.execPath, [client])).trim().split('\n');
    expect(lines[0]).toBe('1 task.submitted');
    expect(lines.slice(-3)).toEqual(['6 completed {"text":"HI"}', 'the same task', '{"total":2}']);
    expect((await run(process.execPath, [client])).trim().endsWith('{"total":4}')).toBe(true);
  });

  it.skipIf(pythonLack !== undefined)(
    `client.py: every event once, over two connections${lacking(pythonLack)}`,
    async () => {
      const lines = (await run(PYTHON, [path.join(EXAMPLES, 'client.py')])).trim().split('\n');
      expect(lines).toContain('connection dropped; the task goes on');
      const numbers = lines.flatMap((line) => /^(\d+) /.exec(line)?.[1] ?? []);
      expect(numbers).toEqual(['1', '2', '3', '4', '5', '6']);
      expect(lines.at(-1)).toBe('6 completed {"text": "HI"}');
    },
  );

  it.skipIf(curlLack !== undefined)(`rest.sh: what it says, in its order${lacking(curlLack)}`, async () => {
    const out = await run('sh', [path.join(EXAMPLES, 'rest.sh')]);
    expect(out).toMatch(/"output":\{"text":"HI"\}[^]*"duplicate":false[^]*"signal":"approve"/);
    expect(out).toMatch(/event: task\.result\ndata: .*"verdict":"approved"[^]*"code":"NO_AGENT"/);
  });
});

describe('unsafe.ts: a call that a kill cuts off', () => {
  const shop = temporaryFolder('unsafe');
  const payments = path.join(shop.path, 'payments.txt');
  const lines = (): string[] => readFileSync(payments, 'utf8').trim().split('\n');
  let bank: NodeUnderTest;

  /** The lines that a command prints with --json, and how it ends. */
  async function say(...args: readonly string[]) {
    const { code, out, err } = await new Command([...args, '--url', bank.url, '--json']).ended();
    const objects = out.split('\n').filter((line) => line.startsWith('{'));
    return { code, err, objects: objects.map((line) => JSON.parse(line) as Record<string, unknown>) };
  }

  async function pay(to: string, probe: boolean): Promise<string> {
    const input = JSON.stringify({ file: payments, to, slowMs: 60_000, probe });
    const { objects } = await say('submit', '--agent', 'payer', '--input', input);
    await vi.waitFor(() => expect(lines().filter((line) => line.endsWith(to))).toHaveLength(1), { timeout: 10_000 });
    return String(objects[0]?.['task']);
  }

  beforeAll(async () => {
    bank = new NodeUnderTest(shop.path, await freePort(), ['--agents', path.join(EXAMPLES, 'unsafe.ts')]);
    writeFileSync(payments, '');
    await bank.start();
  }, 40_000);
  afterAll(async () => {
    await bank.kill();
    shop.clear();
  });

  it('is not made again: it waits for a word, by hand or by its probe', { timeout: 60_000 }, async () => {
    const byHand = await pay('Ada', false);
    const byProbe = await pay('Bo', true);
    await bank.kill();
    await bank.start();
    const effect = await vi.waitFor(
      async () => {
        const { code, objects } = await say('effects');
        expect([code, objects]).toMatchObject([3, [{ task: byHand, name: 'pay', agent: 'payer@1.0.0' }]]);
        return String(objects[0]?.['effect']);
      },
      { timeout: 10_000, interval: 50 },
    );
    expect(lines()).toHaveLength(2);
    expect(lines()[0]).toMatch(/^[0-9a-f]{64} Ada$/);
    expect((await say('status', byHand)).code).toBe(3);
    const decided = await say(
      'effects',
      'resolve',
      effect,
      '--done',
      '{"paid":"by hand"}',
      '--comment',
      'saw the line',
    );
    expect(decided).toMatchObject({ code: 0, objects: [{ state: 'resolved', decision: { by: 'loopback' } }] });
    const again = await say('effects', 'resolve', effect, '--retry');
    expect(again).toMatchObject({ code: 1, objects: [{ error: { code: 'STATE_CONFLICT' } }] });
    const outputs = await vi.waitFor(
      async () => {
        const ends = await Promise.all([byHand, byProbe].map((task) => say('result', task)));
        expect(ends.map(({ code }) => code)).toEqual([0, 0]);
        return ends.map(({ objects }) => objects[0]);
      },
      { timeout: 10_000, interval: 50 },
    );
    expect(outputs).toMatchObject([{ output: { paid: 'by hand' } }, { output: { paid: true } }]);
    expect(await say('effects')).toMatchObject({ code: 0, objects: [] });
    const resolved = await say('effects', '--state', 'resolved');
    expect(resolved.objects.map(({ decision }) => (decision as { by: string }).by).toSorted()).toEqual([
      'loopback',
      'probe',
    ]);
    expect(lines()).toHaveLength(2);
  });
});

describe('The README', () => {
  it('has a first agent that works, with the command that it gives', async () => {
    const [, words = ''] = /npm run -s troupe -- submit (.*)/.exec(blockOf('sh', '--agent greeter')) ?? [];
    const [, input = ''] = /--input '(.*)'/.exec(words) ?? [];
    expect(words).toBe(`--agent greeter --input '${input}'`);
    expect(await outputOf('--agent', 'greeter', '--input', input)).toMatchObject({ greeting: 'Hello, Ada' });
  });

  it('has a workflow that works', async () => {
    const file = path.join(folder.path, 'greet-all.json');
    writeFileSync(file, blockOf('json', 'greet-all'));
    const [, input = ''] = /greet-all\.json --input '(.*)'/.exec(blockOf('sh', 'greet-all.json')) ?? [];
    expect(await outputOf('--graph', file, '--input', input)).toEqual({ said: ['Hello, Ada', 'Hello, Bo'] });
  });

  it.skipIf(pythonLack !== undefined)(`has six lines of Python that work${lacking(pythonLack)}`, async () => {
    const code = blockOf('python', 'task.submit');
    expect(code.trim().split('\n')).toHaveLength(6);
    const script = path.join(folder.path, 'six.py');
    writeFileSync(script, code.replace('127.0.0.1:7600', `127.0.0.1:${node.port}`));
    const frames = (await run(PYTHON, [script])).trim().split('\n');
    expect(frames.map((frame) => (JSON.parse(frame) as { type: string }).type)).toEqual([
      'hello',
      'task.accepted',
      'task.result',
    ]);
  });

  it.skipIf(curlLack !== undefined)(`has a request that works${lacking(curlLack)}`, async () => {
    const command = blockOf('sh', 'curl ').replace('127.0.0.1:7600', `127.0.0.1:${node.port}`);
    const out = await run('sh', ['-c', command]);
    expect(JSON.parse(out)).toMatchObject({ status: 'completed', output: { greeting: 'Hello, Cy' } });
  });
});
