import { existsSync } from 'node:fs';
import path from 'node:path';
import { assign, sendTo, setup } from 'xstate';
import { describe, expect, it, vi } from 'vitest';
import { effect } from '../../runtime/machine-effects.ts';
import { addressOf } from '../../runtime/machine-references.ts';
import { defineAgent } from '../../actors/agent-definition.ts';
import type { AgentContext } from '../../actors/agent-context.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { temporaryFolder } from '../support/node-process.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';
import { caller, OtherSide } from './ledger-rig.ts';

const ME = 'loopback';

function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}

async function cancel(node: WorkNode, task: string): Promise<void> {
  const canceled = node.desk.cancel(ME, task, undefined);
  await node.world.settle();
  await canceled;
}

/** Answers `get` with the word it was made with, and never anything else. */
const answering = defineAgent({
  name: 'answering',
  version: '1.0.0',
  keyed: true,
  machine: setup({
    types: {
      events: {} as { type: 'get' | 'later'; replyTo: string } | { type: 'now' },
      context: {} as { to: string },
    },
  }).createMachine({
    context: { to: '' },
    on: {
      get: { actions: sendTo(({ event }) => addressOf(event.replyTo), { type: 'word', word: 'here' }) },
      later: { actions: assign({ to: ({ event }) => event.replyTo }) },
      now: { actions: sendTo(({ context }) => addressOf(context.to), { type: 'word', word: 'too late' }) },
    },
  }),
});

describe('The deadline of a task', () => {
  it('is known to its function, and cuts its asks short', async () => {
    let known: number | undefined;
    let outcome: unknown;
    const asking = defineAgent({
      name: 'asking',
      version: '1.0.0',
      run: async ({ ctx }) => {
        known = ctx.deadline;
        outcome = await ctx.ask('answering', 'k', { type: 'later' }, 3_600_000).catch((error: unknown) => error);
      },
    });
    const node = await createWorkNode({ agents: [asking, answering] });
    const fromMs = node.world.nowMs();
    const { task } = node.submit({ agent: 'asking' }, null, { options: { deadlineMs: 5_000 } });
    await node.world.elapse(4_999);
    expect([known, outcome]).toEqual([fromMs + 5_000, undefined]);
    await node.world.elapse(1);
    expect(outcome).toMatchObject({ code: expect.stringMatching(/TIMEOUT|DEADLINE_EXCEEDED|CANCELED/) });
    expect(await node.store.readTask(task)).toMatchObject({ result: { error: { code: 'DEADLINE_EXCEEDED' } } });
  });

  it('keeps what waits for a slot of its agent from ever beginning', async () => {
    const begun: string[] = [];
    const one = defineAgent({
      name: 'one',
      version: '1.0.0',
      concurrency: 1,
      timeoutMs: 0,
      run: async ({ ctx }) => {
        begun.push(ctx.task);
        await never();
      },
    });
    const node = await createWorkNode({ agents: [one] });
    const first = node.submit({ agent: 'one' });
    const second = node.submit({ agent: 'one' }, null, { options: { deadlineMs: 1_000 } });
    await node.world.elapse(1_000);
    await cancel(node, first.task);
    await node.world.elapse(1_000);
    expect(begun).toEqual([first.task]);
    expect(await node.store.readTask(second.task)).toMatchObject({ result: { error: { code: 'DEADLINE_EXCEEDED' } } });
  });

  it('ends a journaled call that repeats itself before the pause that would pass it', async () => {
    let made = 0;
    const sending = defineAgent({
      name: 'sending',
      version: '1.0.0',
      retry: { attempts: 1 },
      run: ({ ctx }) =>
        ctx.journal(
          'send',
          () => {
            made++;
            throw new OperatingError('UNAVAILABLE', 'away', { retryAfterMs: 400 });
          },
          { retry: { attempts: 10, backoffMs: 100 } },
        ),
    });
    const node = await createWorkNode({ agents: [sending] });
    const record = await node.finish({ agent: 'sending' }, null, { options: { deadlineMs: 1_000 } });
    expect([made, record.result?.error?.code]).toEqual([3, 'UNAVAILABLE']);
  });
});

describe('A task that is canceled', () => {
  it('aborts the signal of what is under way, with the reason', async () => {
    let signal: AbortSignal | undefined;
    const waiting = defineAgent({
      name: 'waiting',
      version: '1.0.0',
      run: async ({ ctx }) => {
        ({ signal } = ctx);
        await never();
      },
    });
    const node = await createWorkNode({ agents: [waiting] });
    const { task } = node.submit({ agent: 'waiting' });
    await node.world.settle();
    expect(signal?.aborted).toBe(false);
    await cancel(node, task);
    expect([signal?.aborted, signal?.reason]).toMatchObject([true, { code: 'CANCELED' }]);
    expect(node.counts.effects.get('canceled')).toBe(1);
  });

  it.each(['run', 'journal', 'machine'] as const)(
    'writes down what comes back late, and delivers it to no one (%s)',
    async (form) => {
      const other = new OtherSide();
      const node = await createWorkNode({ agents: [caller(form, 'keyed', (key) => other.call(key))] });
      const { task } = node.submit({ agent: 'caller' });
      await node.world.settle();
      await cancel(node, task);
      const seq = (await node.events(task)).length;
      other.answer({ receipt: 9 });
      await node.world.settle();
      const { effects } = await node.effects.list(ME, { state: 'late', limit: 10 });
      expect(effects).toMatchObject([
        {
          task,
          step: 'main',
          agent: expect.stringContaining('caller'),
          decision: { how: 'done', output: { receipt: 9 } },
        },
      ]);
      expect([(await node.events(task)).length, node.kernel.census.get('agent')]).toEqual([seq, 0]);
      expect(node.counts.effects.get('late')).toBe(1);
      expect(node.kernel.effects.figures).toEqual({ running: 0, waiting: 0 });
    },
  );

  it.each(['run', 'journal', 'machine'] as const)(
    'leaves an unsafe call under way in the list of what was given up, and what came of it once it is known (%s)',
    async (form) => {
      const other = new OtherSide();
      const node = await createWorkNode({ agents: [caller(form, 'unsafe', (key) => other.call(key))] });
      const { task } = node.submit({ agent: 'caller' });
      await node.world.settle();
      await cancel(node, task);
      const [given] = (await node.effects.list(ME, { state: 'abandoned', limit: 10 })).effects;
      expect(given).toMatchObject({ task, idempotencyKey: other.keys[0] });
      other.refuse(new OperatingError('UNAVAILABLE', 'the bank is shut'));
      await node.world.settle();
      expect(await node.effects.get(ME, String(given?.id))).toMatchObject({
        state: 'late',
        decision: { how: 'failed', error: { code: 'UNAVAILABLE' } },
      });
    },
  );

  it('leaves the list alone where the node stops instead', async () => {
    const other = new OtherSide();
    const node = await createWorkNode({ agents: [caller('journal', 'unsafe', (key) => other.call(key))] });
    node.submit({ agent: 'caller' });
    await node.world.settle();
    node.kernel.stop();
    other.answer(1);
    await node.world.settle();
    for (const state of ['abandoned', 'late'] as const)
      expect((await node.effects.list(ME, { state, limit: 10 })).effects).toEqual([]);
  });
});

describe('An ask', () => {
  async function asked(use: (ctx: AgentContext) => Promise<unknown>, more = {}) {
    let outcome: unknown;
    const asking = defineAgent({
      name: 'asking',
      version: '1.0.0',
      timeoutMs: 0,
      run: async ({ ctx }) => {
        outcome = await use(ctx).catch((error: unknown) => error);
        return null;
      },
    });
    const node = await createWorkNode({ agents: [asking, answering] });
    const { task } = node.submit({ agent: 'asking' }, null, more);
    return { node, task, outcome: () => outcome };
  }

  it('ends with the answer', async () => {
    const { node, outcome } = await asked((ctx) => ctx.ask('answering', 'k', { type: 'get' }));
    await node.world.settle();
    expect(outcome()).toEqual({ word: 'here' });
  });

  it('is refused where nobody is to be asked', async () => {
    const { node, outcome } = await asked((ctx) => ctx.ask('nobody', 'k', { type: 'get' }));
    await node.world.settle();
    expect(outcome()).toMatchObject({ code: 'NO_AGENT' });
  });

  it('is not known to be handled after 30 s where no limit is given, and its answer is kept for a while from then on', async () => {
    const { node, outcome } = await asked((ctx) => ctx.ask('answering', 'k', { type: 'later' }));
    await node.world.elapse(29_999);
    expect(outcome()).toBeUndefined();
    await node.world.elapse(1);
    expect(outcome()).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('may still be handled') });
    const told = node.desk.tell('answering', 'k', { type: 'now' });
    await node.world.settle();
    await told;
    expect(node.counts.deadLetters.size).toBe(0);
    expect(
      node.kernel.cells.get([...node.kernel.cells.keys()].find((one) => one.startsWith('question/')) ?? ''),
    ).toMatchObject({
      checkpoint: { phase: 'answered' },
    });
  });

  it('is over when its task is canceled', async () => {
    const { node, task, outcome } = await asked((ctx) => ctx.ask('answering', 'k', { type: 'later' }));
    await node.world.settle();
    await cancel(node, task);
    await node.world.settle();
    expect(outcome()).toMatchObject({ code: 'CANCELED' });
  });
});

describe('A keyed actor', () => {
  const other = new OtherSide();
  const till = defineAgent({
    name: 'till',
    version: '1.0.0',
    keyed: true,
    effects: {
      pay: { kind: 'unsafe', run: ({ ctx }) => ctx.journal('inner', () => other.call(ctx.idempotencyKey)) },
    },
    machine: setup({
      types: { context: {} as { paid: unknown[] }, events: {} as { type: 'pay' } | { type: 'get'; replyTo: string } },
      actors: { effect },
    }).createMachine({
      context: { paid: [] },
      initial: 'idle',
      states: {
        idle: { on: { pay: 'paying' } },
        paying: {
          invoke: {
            src: 'effect',
            input: { name: 'pay' },
            onDone: {
              target: 'idle',
              actions: assign({ paid: ({ context, event }) => [...context.paid, event.output] }),
            },
          },
        },
      },
      on: {
        get: {
          actions: sendTo(
            ({ event }) => addressOf(event.replyTo),
            ({ context }) => ({ type: 'paid', paid: context.paid }),
          ),
        },
      },
    }),
  });

  async function settled<T>(node: WorkNode, promise: Promise<T>): Promise<T> {
    await node.world.settle();
    return await promise;
  }

  it('with an unsafe call in doubt goes on by a word, without being written to, and keeps nothing of calls that are over', async () => {
    const disk = new MemoryDisk();
    const first = await createWorkNode({ agents: [till], disk });
    await settled(first, first.desk.tell('till', 'k', { type: 'pay' }));
    expect(other.calls).toBe(1);
    first.kill();
    const node = await createWorkNode({ agents: [till], disk, seed: 2 });
    await node.world.settle();
    const [effect] = (await node.effects.list(ME, { limit: 10 })).effects;
    expect(effect).toMatchObject({ owner: 'agent/till/k', agent: 'till@1.0.0', idempotencyKey: other.keys[0] });
    expect(effect?.task).toBeUndefined();
    await settled(node, node.effects.resolve(ME, String(effect?.id), { decision: 'done', output: 1 }));
    other.isQuick = true;
    for (let n = 0; n < 3; n++) await settled(node, node.desk.tell('till', 'k', { type: 'pay' }));
    expect(await settled(node, node.desk.ask('till', 'k', { type: 'get' }, 1_000))).toEqual({ paid: [1, 2, 3, 4] });
    expect(new Set(other.keys).size).toBe(4);
    expect(disk.keys().filter((key) => key.includes('journal'))).toEqual([]);
  });
});

it.each([
  ['a probe of a function that is not unsafe', { run: () => 1, probe: () => 'unknown' as const }],
  [
    'a probe of an effect that is not unsafe',
    { machine: setup({}).createMachine({}), effects: { pay: { run: () => 1, probe: () => 'unknown' as const } } },
  ],
])('An agent with %s is not defined', (_what, options) => {
  const define = (): unknown => defineAgent({ name: 'a', version: '1.0.0', ...options });
  expect(define).toThrow(expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining('probe') }));
});

it('A thread is ended with the task it works for, whether it heeds or not', { timeout: 20_000 }, async () => {
  const folder = temporaryFolder('threads');
  const marks = path.join(folder.path, 'marks');
  const module = new URL('../runtime/workers-jobs.ts', import.meta.url);
  const spinning = defineAgent({
    name: 'spinning',
    version: '1.0.0',
    run: ({ ctx }) => ctx.worker({ module, name: 'spinAndMark', input: { path: marks } }),
  });
  const node = await createWorkNode({ agents: [spinning] });
  const { task } = node.submit({ agent: 'spinning' });
  // Threads have a time of their own, which this world does not move.
  const until = (check: () => void): Promise<void> =>
    vi.waitFor(
      async () => {
        await node.world.settle();
        check();
      },
      { timeout: 8_000, interval: 5 },
    );
  await until(() => expect(existsSync(marks)).toBe(true));
  await cancel(node, task);
  await until(() => expect(node.workers.figures()).toMatchObject({ running: 0, threads: 0, killed: 1 }));
  await node.workers.stop(0);
  folder.clear();
});
