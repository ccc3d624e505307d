/** Agents of one's own: in a file outside of the checkout, given with --agents, on a node that is killed; and in code. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { assign, setup } from 'xstate';
import { z } from 'zod';
import { connect, defineAgent, startNode } from '../../index.ts';
import { freePort, NodeUnderTest, temporaryFolder } from '../support/node-process.ts';
import { Wire } from '../support/wire.ts';

const AGENTS = `
import { appendFileSync } from 'node:fs';
import { addressOf, defineAgent, defineWorkflow } from 'troupe';
import { assign, sendTo, setup } from 'xstate';
import { z } from 'zod';

const mark = (line: string): void => appendFileSync(new URL('./marks', import.meta.url), line + '\\n');

export default defineAgent({
  name: 'shout', version: '1.0.0', capabilities: ['text.upper'],
  input: z.object({ text: z.string() }), output: z.object({ text: z.string() }),
  run: async ({ input }) => ({ text: input.text.toUpperCase() }),
});

export const careful = defineAgent({
  name: 'careful', version: '1.0.0', retry: { attempts: 3, backoffMs: 10 },
  run: async ({ ctx }) => {
    const first = await ctx.journal('first', () => { mark('first'); return 'one'; });
    const rounds: string[] = [];
    for (let round = 0; round < 3; round++)
      rounds.push(await ctx.journal('round', () => { mark('round ' + round); return 'r' + round; }));
    mark('attempt ' + ctx.attempt);
    if (ctx.attempt < 3) throw new TypeError('not yet');
    await ctx.sleep(1_500);
    const last = await ctx.journal('last', (key) => { mark('last'); return key.length > 10; });
    return { first, rounds, last };
  },
});

export const liar = defineAgent({
  name: 'liar', version: '1.0.0', retry: { attempts: 1 }, output: z.object({ text: z.string() }),
  run: async () => ({ text: 1 }) as never,
});

export const reviewer = defineAgent({
  name: 'reviewer', version: '2.1.0', capabilities: ['text.review'],
  input: z.object({ text: z.string() }), output: z.object({ verdict: z.string(), reviewed: z.string() }),
  effects: { fetch: { run: ({ input }) => { mark('fetch'); return String((input as { text: string }).text).length; } } },
  machine: setup({
    types: {
      input: {} as { text: string },
      context: {} as { text: string; length: number; verdict: string },
      events: {} as { type: 'decide'; verdict: string },
    },
  }).createMachine({
    id: 'review',
    context: ({ input }) => ({ text: input.text, length: 0, verdict: '' }),
    initial: 'fetching',
    states: {
      fetching: {
        invoke: {
          src: 'effect' as never,
          input: (({ context }: { context: { text: string } }) => ({ name: 'fetch', input: { text: context.text } })) as never,
          onDone: { target: 'pausing', actions: assign({ length: ({ event }) => (event as unknown as { output: number }).output }) },
        },
      },
      pausing: { after: { 300: 'deciding' } },
      deciding: { on: { decide: { target: 'done', actions: assign({ verdict: ({ event }) => event.verdict }) } } },
      done: { type: 'final' },
    },
    output: ({ context }) => ({ verdict: context.verdict, reviewed: context.text + ' (' + context.length + ')' }),
  }),
});

export const ledger = defineAgent({
  name: 'ledger', version: '1.0.0', keyed: true,
  machine: setup({
    types: {
      context: {} as { lines: string[] },
      events: {} as { type: 'write'; line: string } | { type: 'read'; replyTo: string },
    },
  }).createMachine({
    id: 'ledger',
    context: { lines: [] },
    on: {
      write: { actions: assign({ lines: ({ context, event }) => [...context.lines, event.line] }) },
      read: {
        actions: sendTo(({ event }) => addressOf(event.replyTo), ({ context }) => ({ type: 'lines', lines: context.lines })),
      },
    },
  }),
});

export const pair = defineWorkflow({
  name: 'pair', version: '1.0.0',
  steps: [
    { id: 'loud', agent: 'shout', input: { text: '\${input.text}' } },
    { id: 'again', capability: 'text.upper', input: { text: '\${steps.loud.output.text + "!"}' } },
  ],
  output: '\${steps.again.output.text}',
});
`;

describe('a file of agents outside of the checkout', () => {
  const folder = temporaryFolder('agents');
  const marks = path.join(folder.path, 'marks');
  const markLines = (): string[] => (existsSync(marks) ? readFileSync(marks, 'utf8').trimEnd().split('\n') : []);
  let node: NodeUnderTest;
  let wire: Wire;

  beforeAll(async () => {
    writeFileSync(path.join(folder.path, 'agents.ts'), AGENTS);
    const data = temporaryFolder('agents-data');
    node = new NodeUnderTest(data.path, await freePort(), ['--agents', path.join(folder.path, '*.ts')]);
    await node.start();
    wire = await Wire.open(node.socketUrl);
  }, 40_000);

  afterAll(async () => {
    await node.kill();
    folder.clear();
  });

  /** Kills the node and comes back to these tasks. */
  async function crash(...tasks: string[]): Promise<void> {
    await node.kill();
    await node.start();
    wire = await Wire.open(node.socketUrl);
    for (const task of tasks) wire.send({ type: 'task.watch', id: task, task, after: 0 });
  }

  it('brings agents, by default and by name, and workflows', async () => {
    const { agents } = await wire.request({ type: 'agent.list' });
    expect((agents as { name: string }[]).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['shout', 'careful', 'reviewer', 'ledger']),
    );
    const task = await wire.submit({ agent: 'shout@1.0.0', input: { text: 'hi' } });
    expect(await wire.result(task)).toMatchObject({ status: 'completed', output: { text: 'HI' } });
    const flow = await wire.submit({ workflow: 'pair', input: { text: 'hi' } });
    expect(await wire.result(flow)).toMatchObject({ status: 'completed', output: 'HI!' });
  });

  it('has its input and output held against the schemas', async () => {
    const refused = await wire.request({ type: 'task.submit', agent: 'shout', input: { text: 1 } });
    expect(refused).toMatchObject({ type: 'error', code: 'INVALID_INPUT', message: expect.stringContaining('text') });
    const liar = await wire.result(await wire.submit({ agent: 'liar', input: null }));
    expect(liar).toMatchObject({ status: 'failed', error: { code: 'INVALID_OUTPUT' } });
  });

  it('keeps what a function has journaled over failed attempts and over a kill', { timeout: 40_000 }, async () => {
    const task = await wire.submit({ agent: 'careful', input: null });
    await vi.waitFor(() => expect(markLines()).toContain('attempt 3'), { timeout: 10_000 });
    await crash(task);
    const output = { first: 'one', rounds: ['r0', 'r1', 'r2'], last: true };
    expect(await wire.result(task)).toMatchObject({ status: 'completed', output });
    const lines = markLines();
    for (const once of ['first', 'round 0', 'round 1', 'round 2', 'last', 'attempt 1', 'attempt 2'])
      expect([once, lines.filter((line) => line === once).length]).toEqual([once, 1]);
    // The function itself runs again after the kill; what it was doing before is given back to it.
    expect(lines.filter((line) => line === 'attempt 3')).toHaveLength(2);
    const kinds = wire.events(task).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'step.retried')).toHaveLength(2);
    expect(kinds.filter((kind) => kind === 'task.resumed')).toHaveLength(1);
  });

  it('drives a machine by signals, its calls and timers kept over a kill', { timeout: 40_000 }, async () => {
    const task = await wire.submit({ capability: 'text.review', input: { text: 'abc' } });
    await vi.waitFor(() => expect(markLines()).toContain('fetch'), { timeout: 10_000 });
    await crash(task);
    const signal = { type: 'task.signal', task, name: 'decide', data: { verdict: 'good' } };
    // It takes the signal once it is there: before, the machine has no use for it.
    await vi.waitFor(
      async () => {
        expect(await wire.request(signal)).toMatchObject({ type: 'ok' });
        expect(await wire.request({ type: 'task.get', task })).toMatchObject({ status: 'completed' });
      },
      { timeout: 10_000 },
    );
    expect(await wire.result(task)).toMatchObject({ output: { verdict: 'good', reviewed: 'abc (3)' } });
    expect(markLines().filter((line) => line === 'fetch').length).toBeLessThanOrEqual(2);
    expect(await wire.request(signal)).toMatchObject({ type: 'error', code: 'STATE_CONFLICT' });
  });

  it('keeps one durable actor per key', { timeout: 40_000 }, async () => {
    const tell = (key: string, line: string): Promise<unknown> =>
      wire.request({ type: 'agent.tell', agent: 'ledger', key, event: { type: 'write', line } });
    const read = async (key: string): Promise<unknown> =>
      (await wire.request({ type: 'agent.ask', agent: 'ledger', key, event: { type: 'read' } }))['value'];
    for (const line of ['one', 'two']) expect(await tell('user/42 ü', line)).toMatchObject({ type: 'ok' });
    await tell('other', 'three');
    await crash();
    await tell('user/42 ü', 'four');
    expect(await read('user/42 ü')).toEqual({ lines: ['one', 'two', 'four'] });
    expect(await read('other')).toEqual({ lines: ['three'] });
    const task = await wire.request({ type: 'task.submit', agent: 'ledger', input: null });
    expect(task).toMatchObject({ type: 'error', code: 'INVALID_INPUT' });
    const plain = await wire.request({ type: 'agent.tell', agent: 'shout', key: 'x', event: { type: 'write' } });
    expect(plain).toMatchObject({ type: 'error', code: 'INVALID_INPUT' });
  });
});

describe('the library', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  const shout = defineAgent({
    name: 'shout',
    version: '1.0.0',
    capabilities: ['text.upper'],
    input: z.object({ text: z.string() }),
    output: z.object({ text: z.string() }),
    run: async ({ input }) => ({ text: input.text.toUpperCase() }),
  });
  const reviewer = defineAgent({
    name: 'reviewer',
    version: '1.0.0',
    machine: setup({
      types: { context: {} as { by: string }, events: {} as { type: 'approve'; by: string } },
    }).createMachine({
      context: { by: '' },
      initial: 'waiting',
      states: {
        waiting: { on: { approve: { target: 'done', actions: assign({ by: ({ event }) => event.by }) } } },
        done: { type: 'final' },
      },
      output: ({ context }) => context.by,
    }),
  });

  it('starts a node, submits, and stops; started again on the same folder it goes on', async () => {
    const folder = temporaryFolder('library');
    cleanups.push(folder.clear);
    const dataDir = folder.path;
    const port = await freePort();
    const node = await startNode({ dataDir, port, agents: [shout, reviewer], workflows: [], logLevel: 'error' });
    cleanups.push(() => node.stop());
    const client = await connect(`ws://127.0.0.1:${port}/ws`);
    cleanups.push(() => client.close());
    const result = await client.submit({ agent: 'shout', input: { text: 'hi' } }).result();
    expect(result).toMatchObject({ status: 'completed', output: { text: 'HI' } });
    const waiting = client.submit({ agent: 'reviewer' });
    const { task } = await waiting.accepted;
    await node.stop();
    await node.stop();

    const again = await startNode({ dataDir, port, agents: [shout, reviewer], workflows: [], logLevel: 'error' });
    cleanups.push(() => again.stop());
    expect(again.recovery.resumed).toBeGreaterThan(0);
    // The client comes back by itself, and so does what it follows.
    await client.signal(task, 'approve', { by: 'ada' });
    expect(await waiting.result()).toMatchObject({ status: 'completed', output: 'ada' });
  });

  it('refuses a second node on the same folder', async () => {
    const folder = temporaryFolder('library');
    cleanups.push(folder.clear);
    const node = await startNode({ dataDir: folder.path, port: 0, logLevel: 'error' });
    cleanups.push(() => node.stop());
    await expect(startNode({ dataDir: folder.path, port: 0, logLevel: 'error' })).rejects.toMatchObject({
      name: 'OperatingError',
      message: expect.stringContaining(folder.path),
    });
  });
});
