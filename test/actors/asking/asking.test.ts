import fc from 'fast-check';
import { assign, sendTo, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import type { AgentContext } from '../../../actors/agent-context.ts';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { ANSWER_KEPT_MS } from '../../../actors/asking/question.ts';
import type { OperatingError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { ask } from '../../../runtime/machine-messages.ts';
import { addressOf } from '../../../runtime/machine-references.ts';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { deaths, DyingDisk } from '../../support/dying-disk.ts';
import { oracle } from '../../support/oracle.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

async function settled<T>(node: WorkNode, promise: Promise<T>): Promise<T> {
  void promise.catch(() => undefined);
  await node.world.settle();
  return await promise;
}

const count = (node: WorkNode) => settled(node, node.desk.ask('oracle', 'k', { type: 'count' }, 1_000));
const speak = (node: WorkNode, word: string) => settled(node, node.desk.tell('oracle', 'k', { type: 'speak', word }));
/** Questions in memory. */
const questions = (node: WorkNode) =>
  [...node.kernel.cells.keys()].filter((address) => address.startsWith('question/'));

function asker(run: (ctx: AgentContext) => unknown, attempts = 1) {
  return defineAgent({
    name: 'asker',
    version: '1.0.0',
    retry: { attempts, backoffMs: 1 },
    breaker: { failures: 0 },
    run: ({ ctx }) => run(ctx),
  });
}

/** What an ask in a task ended with, in the time that is given. */
async function outcomeOf(event: { type: string; [field: string]: unknown }, elapseMs = 0): Promise<unknown> {
  let outcome: unknown;
  const agent = asker(async (ctx) => {
    outcome = await ctx.ask('oracle', 'k', event, 1_000).catch((error: unknown) => error);
  });
  const node = await createWorkNode({ agents: [agent, oracle] });
  node.submit({ agent: 'asker' });
  await node.world.elapse(elapseMs);
  return outcome;
}

describe('A question of an agent ends', () => {
  const coded = { code: 'FORBIDDEN', message: 'Not you.' };
  const failed = { code: 'AGENT_FAILED', retryable: false };
  it.each([
    ['with an answer', { type: 'now' }, 0, { word: 'now' }],
    ['with a refusal that has a code', { type: 'refuse', error: coded }, 0, { ...coded, retryable: false }],
    ['with a refusal in words', { type: 'refuse', error: 'no' }, 0, { ...failed, message: 'no' }],
    ['with a refusal without a word', { type: 'refuse' }, 0, { ...failed, message: 'oracle/k refused the message.' }],
    ['with a refusal whose code nobody knows', { type: 'refuse', error: { code: 'X', message: 'x' } }, 0, failed],
    ['when its message was set aside', { type: 'crash' }, 60_000, { code: 'QUARANTINED' }],
    ['unknown, after its time', { type: 'never' }, 1_000, { code: 'TIMEOUT', details: { outcome: 'unknown' } }],
  ])('%s', async (_how, event, elapseMs, outcome) => {
    expect(await outcomeOf(event, elapseMs)).toMatchObject(outcome);
  });

  it('refused at once where the asked has no room, and where there is nobody', async () => {
    let outcome: unknown;
    const agent = asker(async (ctx) => {
      outcome = await ctx.ask('oracle', 'k', { type: 'now' }).catch((error: unknown) => error);
    });
    const node = await createWorkNode({ agents: [agent, oracle] });
    await settled(node, node.desk.tell('oracle', 'k', { type: 'never', replyTo: '' }));
    const cell = node.kernel.cells.get('agent/oracle/k');
    for (let n = 0; n < LIMITS.mailboxMessagesMax; n++)
      cell?.mailbox.offer({ kind: 'event', event: { type: 'never', n }, deliveries: 0, bytes: 1 });
    node.submit({ agent: 'asker' });
    await node.world.settle();
    expect(outcome).toMatchObject({ code: 'BUSY' });
    expect(questions(node)).toEqual([]);
  });

  it('and leaves nothing behind once its answer was taken', async () => {
    const agent = asker((ctx) => ctx.ask('oracle', 'k', { type: 'now' }));
    const node = await createWorkNode({ agents: [agent, oracle] });
    expect(await node.finish({ agent: 'asker' })).toMatchObject({ result: { output: { word: 'now' } } });
    expect(questions(node)).toEqual([]);
    expect(node.disk.keys().filter((key) => key.includes('question/'))).toEqual([]);
  });
});

describe('A question', () => {
  it('is asked once by a function that begins again, and its answer reaches it after a restart', async () => {
    const disk = new MemoryDisk();
    const agent = asker((ctx) => ctx.ask('oracle', 'k', { type: 'later' }, 60_000));
    const first = await createWorkNode({ agents: [agent, oracle], disk });
    const { task } = first.submit({ agent: 'asker' });
    await first.world.settle();
    first.kill();
    const second = await createWorkNode({ agents: [agent, oracle], disk, seed: 2 });
    await second.world.settle();
    expect(await count(second)).toEqual({ asked: 1, by: 1 });
    await speak(second, 'at last');
    expect(await second.end(task)).toMatchObject({ result: { output: { word: 'at last' } } });
  });

  it('keeps an answer that came when nobody could take it', async () => {
    const disk = new MemoryDisk();
    const agent = asker((ctx) => ctx.ask('oracle', 'k', { type: 'later' }, 60_000));
    const first = await createWorkNode({ agents: [agent, oracle], disk });
    const { task } = first.submit({ agent: 'asker' });
    await first.world.settle();
    first.kill();
    // Its agent is missing for once.
    const second = await createWorkNode({ agents: [oracle], disk, seed: 2 });
    await speak(second, 'to nobody');
    const startMs = second.world.nowMs() + 5 * ANSWER_KEPT_MS;
    second.kill();
    // Long after it would have been forgotten, and with nobody there who could be asked again.
    const third = await createWorkNode({ agents: [agent], disk, seed: 3, startMs });
    expect(await third.end(task)).toMatchObject({ result: { output: { word: 'to nobody' } } });
  });

  it('keeps its answer for an asker that comes back late after a long time, since others are before it', async () => {
    const disk = new MemoryDisk();
    const gate = Promise.withResolvers<void>();
    let isHeld = false;
    const agent = defineAgent({
      name: 'asker',
      version: '1.0.0',
      concurrency: 1,
      run: async ({ input, ctx }) => {
        if (input !== 'blocks') return await ctx.ask('oracle', 'k', { type: 'later' }, 60_000);
        return isHeld ? await gate.promise : await ctx.sleep(3_600_000);
      },
    });
    const first = await createWorkNode({ agents: [agent, oracle], disk });
    first.submit({ agent: 'asker' }, 'blocks');
    await first.world.settle();
    const { task } = first.submit({ agent: 'asker' });
    await first.world.settle();
    first.kill();
    const second = await createWorkNode({ agents: [oracle], disk, seed: 2 });
    await speak(second, 'kept');
    second.kill();
    const startMs = second.world.nowMs() + 7_200_000;
    isHeld = true;
    const third = await createWorkNode({ agents: [agent, oracle], disk, seed: 3, startMs });
    await third.world.elapse(10_000);
    expect((await third.store.readTask(task))?.status).toBe('working');
    gate.resolve();
    expect(await third.end(task)).toMatchObject({ result: { output: { word: 'kept' } } });
  });

  it('that has expired is not asked again by the same attempt, however often that begins again', async () => {
    const dying = new DyingDisk();
    const agent = asker((ctx) => ctx.ask('oracle', 'k', { type: 'later' }, 1_000));
    const first = await createWorkNode({ agents: [agent, oracle], disk: dying.disk });
    const { task } = first.submit({ agent: 'asker' });
    await first.world.settle();
    // That it has expired is committed, and what the asker makes of it is not.
    dying.arm({ after: 2, outcome: 'lost' });
    await first.world.elapse(1_000);
    expect(dying.isDead).toBe(true);
    first.kill();
    dying.heal();
    const startMs = first.world.nowMs();
    const second = await createWorkNode({ agents: [agent, oracle], disk: dying.disk, seed: 2, startMs });
    expect(await second.end(task)).toMatchObject({ result: { error: { code: 'TIMEOUT' } } });
    expect(await count(second)).toEqual({ asked: 1, by: 1 });
  });

  it('ends on time where the node was down meanwhile, and is not asked again by the same attempt', async () => {
    const disk = new MemoryDisk();
    const agent = asker((ctx) => ctx.ask('oracle', 'k', { type: 'later' }, 1_000));
    const first = await createWorkNode({ agents: [agent, oracle], disk });
    const { task } = first.submit({ agent: 'asker' });
    await first.world.settle();
    const startMs = first.world.nowMs() + 5 * ANSWER_KEPT_MS;
    first.kill();
    const second = await createWorkNode({ agents: [agent, oracle], disk, seed: 2, startMs });
    expect(await second.end(task)).toMatchObject({ result: { error: { code: 'TIMEOUT' } } });
    expect(await count(second)).toEqual({ asked: 1, by: 1 });
  });

  it('is asked again by the next attempt, under the same address, and an answer to either counts', async () => {
    const agent = asker((ctx) => ctx.ask('oracle', 'k', { type: 'later' }, 1_000), 3);
    const node = await createWorkNode({ agents: [agent, oracle] });
    const { task } = node.submit({ agent: 'asker' });
    await node.world.elapse(1_500);
    expect(await count(node)).toEqual({ asked: 2, by: 1 });
    await speak(node, 'to the second');
    expect(await node.end(task)).toMatchObject({ result: { output: { word: 'to the second' } } });
  });

  it('whose answer came too late is not asked again: the next attempt takes it', async () => {
    let isSpoken = false;
    const agent = asker(async (ctx) => {
      if (ctx.attempt === 2) {
        await ctx.tell('oracle', 'k', { type: 'speak', word: 'late' });
        isSpoken = true;
      }
      return await ctx.ask('oracle', 'k', { type: 'later' }, 1_000);
    }, 2);
    const node = await createWorkNode({ agents: [agent, oracle] });
    expect(await node.finish({ agent: 'asker' })).toMatchObject({ result: { output: { word: 'late' } } });
    expect([isSpoken, await count(node)]).toEqual([true, { asked: 1, by: 1 }]);
  });

  it('is forgotten when nobody has taken its answer for long, and a later one is a dead letter', async () => {
    const agent = asker((ctx) => ctx.ask('oracle', 'k', { type: 'later' }, 1_000));
    const node = await createWorkNode({ agents: [agent, oracle] });
    await node.finish({ agent: 'asker' });
    expect(questions(node)).toHaveLength(1);
    await node.world.elapse(ANSWER_KEPT_MS);
    expect(questions(node)).toEqual([]);
    await speak(node, 'to nobody');
    await node.world.settle();
    expect(node.kernel.deadLetters.list({ limit: 9 })).toMatchObject([{ reason: 'no_asker', type: 'said' }]);
    expect(questions(node)).toEqual([]);
  });

  it('holds no slot of its agent while it waits, nor does the wait count against the time limit of its call', async () => {
    const agent = defineAgent({
      name: 'asker',
      version: '1.0.0',
      concurrency: 1,
      timeoutMs: 500,
      run: ({ ctx }) => ctx.ask('oracle', 'k', { type: 'later' }, 60_000),
    });
    const node = await createWorkNode({ agents: [agent, oracle] });
    const one = node.submit({ agent: 'asker' });
    const two = node.submit({ agent: 'asker' });
    await node.world.elapse(2_000);
    expect(await count(node)).toEqual({ asked: 2, by: 2 });
    await speak(node, 'to the second');
    expect(await node.end(two.task)).toMatchObject({ status: 'completed' });
    expect(await node.store.readTask(one.task)).toMatchObject({ status: 'working' });
  });

  it('of a machine is an actor that it invokes, and waits on after a restart', async () => {
    const machine = setup({
      types: {
        context: {} as { words: unknown[] },
        events: {} as { type: 'go' } | { type: 'get'; replyTo: string },
      },
      actors: { ask },
    }).createMachine({
      context: { words: [] },
      initial: 'idle',
      states: {
        idle: { on: { go: 'asking' } },
        asking: {
          invoke: {
            src: 'ask',
            input: { agent: 'oracle', key: 'k', event: { type: 'later' }, timeoutMs: 60_000 },
            onDone: {
              target: 'idle',
              actions: assign({ words: ({ context, event }) => [...context.words, event.output] }),
            },
            onError: { target: 'idle', actions: assign({ words: ({ context }) => [...context.words, 'none'] }) },
          },
        },
      },
      on: {
        get: {
          actions: sendTo(
            ({ event }) => addressOf(event.replyTo),
            ({ context }) => ({ type: 'words', ...context }),
          ),
        },
      },
    });
    const agents = [oracle, defineAgent({ name: 'curious', version: '1.0.0', keyed: true, machine })];
    const disk = new MemoryDisk();
    const first = await createWorkNode({ agents, disk });
    await settled(first, first.desk.tell('curious', 'c', { type: 'go' }));
    await first.world.settle();
    first.kill();
    const second = await createWorkNode({ agents, disk, seed: 2 });
    await second.world.settle();
    await speak(second, 'hi');
    await second.world.settle();
    const words = await settled(second, second.desk.ask('curious', 'c', { type: 'get' }, 1_000));
    expect([words, await count(second)]).toEqual([{ words: [{ word: 'hi' }] }, { asked: 1, by: 1 }]);
    await settled(second, second.desk.tell('curious', 'c', { type: 'go' }));
    await second.world.elapse(60_000);
    expect(await settled(second, second.desk.ask('curious', 'c', { type: 'get' }, 1_000))).toEqual({
      words: [{ word: 'hi' }, 'none'],
    });
    expect(second.disk.keys().filter((key) => key.startsWith('a/agent/curious'))).toEqual([]);
  });
});

describe('What a function tells', () => {
  it('is told once, however often it begins again, also inside of a journaled call', async () => {
    const disk = new MemoryDisk();
    let isHeld = true;
    const agent = asker(async (ctx) => {
      await ctx.tell('oracle', 'k', { type: 'never', replyTo: '' });
      await ctx.journal('tell', () => ctx.tell('oracle', 'k', { type: 'never', replyTo: '' }));
      await ctx.tell('oracle', 'k', { type: 'later', replyTo: '' });
      if (isHeld) await new Promise(() => undefined);
    });
    const first = await createWorkNode({ agents: [agent, oracle], disk });
    const { task } = first.submit({ agent: 'asker' });
    await first.world.settle();
    first.kill();
    isHeld = false;
    const second = await createWorkNode({ agents: [agent, oracle], disk, seed: 2 });
    expect(await second.end(task)).toMatchObject({ status: 'completed' });
    expect(await count(second)).toMatchObject({ asked: 3 });
  });

  it('is told to nobody where it is refused, and so is told again', async () => {
    const outcomes: unknown[] = [];
    const agent = asker(async (ctx) => {
      outcomes.push(await ctx.tell('nobody', 'k', { type: 'x' }).catch((error: OperatingError) => error.code));
      outcomes.push(await ctx.tell('lab.echo', 'k', { type: 'x' }).catch((error: OperatingError) => error.code));
      await ctx.tell('oracle', 'k', { type: 'never', replyTo: '' });
    });
    const node = await createWorkNode({ agents: [agent, oracle] });
    expect(await node.finish({ agent: 'asker' })).toMatchObject({ status: 'completed' });
    expect([outcomes, await count(node)]).toMatchObject([['NO_AGENT', 'INVALID_INPUT'], { asked: 1 }]);
  });
});

describe('Questions on a node that dies', () => {
  it('are each asked once, and each answer reaches whoever asked', async () => {
    let died = 0;
    const agent = asker(async (ctx) => {
      const words: unknown[] = [];
      for (const n of [1, 2, 3, 4]) {
        await ctx.sleep(100);
        words.push(await ctx.ask('oracle', 'k', { type: 'now', n }, 600_000));
        await ctx.tell('oracle', 'told', { type: 'never', n });
      }
      return words;
    });
    const start = (dying: DyingDisk, seed: number, startMs?: number) =>
      createWorkNode({
        ...{ agents: [agent, oracle], disk: dying.disk, seed, noBreakers: true },
        ...(startMs !== undefined && { startMs }),
      });
    await fc.assert(
      fc.asyncProperty(deaths(5, 4), async (all) => {
        const dying = new DyingDisk();
        let seed = 1;
        let node = await start(dying, seed);
        const { task } = node.submit({ agent: 'asker' });
        await node.world.settle();
        for (const death of all) {
          dying.arm(death);
          for (let round = 0; round < 6 && !dying.isDead; round++) await node.world.elapse(100);
          const startMs = node.world.nowMs();
          node.kill();
          died += Number(dying.isDead);
          dying.heal();
          node = await start(dying, ++seed, startMs);
        }
        const word = { word: 'now' };
        expect(await node.end(task)).toMatchObject({ result: { output: [word, word, word, word] } });
        expect(await count(node)).toEqual({ asked: 4, by: 4 });
        expect(await settled(node, node.desk.ask('oracle', 'told', { type: 'count' }, 1_000))).toMatchObject({
          asked: 4,
        });
        // A task that ends while the node starts is told all the same that it has started.
        const lost = node.kernel.deadLetters.list({ limit: 9 }).filter(({ type }) => type !== 'node.resumed');
        expect(lost).toEqual([]);
        node.kill();
      }),
      { numRuns: 30 },
    );
    // Without deaths this would have shown nothing.
    expect(died).toBeGreaterThan(20);
  }, 60_000);
});
