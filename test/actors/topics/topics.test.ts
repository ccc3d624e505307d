import { describe, expect, it } from 'vitest';
import { assign, sendTo, setup } from 'xstate';
import { defineAgent } from '../../../actors/agent-definition.ts';
import type { SubscriptionRequest } from '../../../protocol/subscription.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { publish as publishing } from '../../../runtime/machine-messages.ts';
import { addressOf } from '../../../runtime/machine-references.ts';
import { packState } from '../../../runtime/state-codec.ts';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { scribe } from '../../support/scribe.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

/** Counts what comes, and what does not come in its place. */
const counting = defineAgent({
  name: 'counting',
  version: '1.0.0',
  keyed: true,
  machine: setup({
    types: {
      context: {} as { next: number; strays: number },
      events: {} as { type: 'next'; data: number } | { type: 'read'; replyTo: string },
    },
  }).createMachine({
    context: { next: 0, strays: 0 },
    on: {
      next: {
        actions: assign(({ context: { next, strays }, event }) => ({
          next: next + 1,
          strays: strays + Number(event.data !== next),
        })),
      },
      read: {
        actions: sendTo(
          ({ event }) => addressOf(event.replyTo),
          ({ context }) => ({ type: 'read', ...context }),
        ),
      },
    },
  }),
});

const ME = 'loopback';
const orders = scribe('orders');
const TO_ORDERS = { topic: 'orders.#', agent: 'orders', key: '${input.data.order}', event: 'changed' } as const;

async function settled<T>(node: WorkNode, promise: Promise<T>): Promise<T> {
  void promise.catch(() => undefined);
  await node.world.settle();
  return await promise;
}

const publish = (node: WorkNode, topic: string, data?: unknown, key?: string) =>
  settled(node, node.topics.publish(ME, { topic, data, ...(key !== undefined && { key }) }));
const subscribe = (node: WorkNode, name: string, request: SubscriptionRequest, replace = false) =>
  settled(node, node.subscriptions.define(ME, name, request, replace));
const heard = async (node: WorkNode, agent: string, key: string) =>
  (await settled(node, node.desk.ask(agent, key, { type: 'read' }, 10_000))) as { heard: Record<string, unknown>[] };
const numbers = async (node: WorkNode, key: string) =>
  (await heard(node, 'orders', key)).heard.map(({ data }) => (data as { n: number }).n);

describe('A durable subscription', () => {
  it('wakes the actor that its key names, with the message as an event', async () => {
    const node = await createWorkNode({ agents: [orders] });
    expect(await subscribe(node, 'book', TO_ORDERS)).toMatchObject({ subscription: 'book', state: 'open', waiting: 0 });
    const { message, subscriptions } = await publish(node, 'orders.eu', { order: 'o1', n: 1 });
    expect(subscriptions).toBe(1);
    expect(await publish(node, 'invoices.eu', { order: 'o1', n: 2 })).toMatchObject({ subscriptions: 0 });
    expect(await heard(node, 'orders', 'o1')).toEqual({
      heard: [{ type: 'changed', topic: 'orders.eu', message, at: expect.any(Number), data: { order: 'o1', n: 1 } }],
    });
    expect(await settled(node, node.subscriptions.read('book'))).toMatchObject({ handed: 1, waiting: 0, dropped: 0 });
  });

  it('starts a task, labelled with the message, as whoever made it', async () => {
    const node = await createWorkNode();
    const task = { capability: 'lab.echo', input: { got: '${input.data}', of: '${input.topic}' } };
    await subscribe(node, 'echo', { topic: 'a.*', task });
    const { message } = await publish(node, 'a.b', [1]);
    const { tasks } = await node.desk.list(ME, { limit: 10 });
    expect(tasks).toMatchObject([
      {
        status: 'completed',
        options: { labels: { 'topic.message': message, 'topic.subscription': 'echo' } },
        result: { output: { got: [1], of: 'a.b' } },
      },
    ]);
  });

  it('keeps what is acknowledged over the death of the process, in order, each message once', async () => {
    const disk = new MemoryDisk();
    const first = await createWorkNode({ agents: [orders], disk });
    await subscribe(first, 'book', TO_ORDERS);
    for (let n = 1; n <= 3; n++) await publish(first, 'orders.eu', { order: 'o', n });
    first.kill();
    // Its agent is not there: what comes now waits.
    const second = await createWorkNode({ disk, seed: 2 });
    for (let n = 4; n <= 6; n++) await publish(second, 'orders.eu', { order: 'o', n });
    expect(await settled(second, second.subscriptions.read('book'))).toMatchObject({
      state: 'waiting',
      waiting: 3,
      lastError: { code: 'NO_AGENT' },
    });
    second.kill();
    const third = await createWorkNode({ agents: [orders], disk, seed: 3 });
    await publish(third, 'orders.eu', { order: 'o', n: 7 });
    expect(await numbers(third, 'o')).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(await settled(third, third.subscriptions.read('book'))).toMatchObject({ handed: 7, waiting: 0, bytes: 0 });
  });

  it('refuses its publisher when too much waits, and then nobody gets the message', async () => {
    const node = await createWorkNode({ agents: [orders, scribe('others')] });
    await subscribe(node, 'narrow', { ...TO_ORDERS, backlogMax: 2 });
    await subscribe(node, 'wide', { topic: '#', agent: 'others', key: 'all' });
    node.registry.unregisterAgent('orders');
    for (let n = 1; n <= 2; n++) await publish(node, 'orders.eu', { order: 'o', n });
    await expect(publish(node, 'orders.eu', { order: 'o', n: 3 })).rejects.toMatchObject({
      code: 'BUSY',
      retryAfterMs: 200,
      details: { subscriptions: ['narrow'] },
    });
    expect((await heard(node, 'others', 'all')).heard).toHaveLength(2);
    node.registry.registerAgent(orders);
    await node.world.elapse(60_000);
    await publish(node, 'orders.eu', { order: 'o', n: 3 });
    expect(await numbers(node, 'o')).toEqual([1, 2, 3]);
  });

  it('lets the oldest go where it says so, as dead letters', async () => {
    const node = await createWorkNode({ agents: [orders] });
    await subscribe(node, 'recent', { ...TO_ORDERS, backlogMax: 2, whenFull: 'drop-oldest' });
    node.registry.unregisterAgent('orders');
    for (let n = 1; n <= 5; n++) await publish(node, 'orders.eu', { order: 'o', n });
    node.registry.registerAgent(orders);
    await node.world.elapse(60_000);
    expect(await numbers(node, 'o')).toEqual([4, 5]);
    expect(await settled(node, node.subscriptions.read('recent'))).toMatchObject({ dropped: 3, handed: 2 });
    expect(node.kernel.deadLetters.list({ limit: 10 })).toMatchObject([
      { reason: 'subscription_full', to: 'subscription/recent', type: 'changed' },
      { reason: 'subscription_full' },
      { reason: 'subscription_full' },
    ]);
  });

  it('lets go of what waits for too long, and of what can never be handed over, as dead letters', async () => {
    const node = await createWorkNode({ agents: [orders] });
    await subscribe(node, 'book', { ...TO_ORDERS, keepMs: 1_000 });
    await publish(node, 'orders.eu', { other: 'has no order' });
    node.registry.unregisterAgent('orders');
    await publish(node, 'orders.eu', { order: 'o', n: 1 });
    await node.world.elapse(2_000);
    expect(node.kernel.deadLetters.list({ limit: 10 })).toMatchObject([
      { reason: 'subscription_expired' },
      { reason: 'subscription_refused' },
    ]);
    expect(await settled(node, node.subscriptions.read('book'))).toMatchObject({ dropped: 2, waiting: 0 });
  });

  it('has at most so many tasks under way, and starts them in order', async () => {
    const order: number[] = [];
    const ends: (() => void)[] = [];
    const slow = defineAgent({
      name: 'slow',
      version: '1.0.0',
      run: async ({ input }) => {
        order.push(input as number);
        await new Promise<void>((resolve) => ends.push(resolve));
      },
    });
    const node = await createWorkNode({ agents: [slow] });
    await subscribe(node, 'two', { topic: 't', task: { agent: 'slow' }, tasksMax: 2 });
    for (let n = 1; n <= 5; n++) await publish(node, 't', n);
    expect(order).toEqual([1, 2]);
    expect(await settled(node, node.subscriptions.read('two'))).toMatchObject({ tasks: 2, waiting: 3 });
    while (order.length < 5) {
      ends.shift()?.();
      await node.world.settle();
    }
    expect(order).toEqual([1, 2, 3, 4, 5]);
  });

  it('keeps to the mailbox of its actor, and to its order: what finds no room waits', async () => {
    const node = await createWorkNode({ agents: [counting] });
    const request = { topic: 'n', agent: 'counting', key: 'k', event: 'next', backlogMax: 10_000 };
    await subscribe(node, 'book', request);
    node.registry.unregisterAgent('counting');
    const count = LIMITS.mailboxMessagesMax + 300;
    const publishing = Array.from({ length: count }, (_, n) => node.topics.publish(ME, { topic: 'n', data: n }));
    await settled(node, Promise.all(publishing));
    node.registry.registerAgent(counting);
    // More at a time than its actor takes: its mailbox fills up.
    await node.world.elapse(60_000);
    const asked = node.desk.ask('counting', 'k', { type: 'read' }, 1_000);
    expect(await settled(node, asked)).toEqual({ next: count, strays: 0 });
    expect(await settled(node, node.subscriptions.read('book'))).toMatchObject({ waiting: 0, handed: count });
    expect(node.counts.deadLetters.size).toBe(0);
  });

  it('lets none go by one that has found no room', async () => {
    const node = await createWorkNode({ agents: [counting] });
    await subscribe(node, 'book', { topic: 'n', agent: 'counting', key: 'k', event: 'next' });
    node.kernel.deliver('agent/counting/k', { type: 'nothing' });
    await node.world.settle();
    for (const n of [0, 1, 2]) node.topics.put('n', packState(n));
    // Its actor takes its turns between those of the subscription, and each makes room for one.
    for (let n = 0; n < LIMITS.mailboxMessagesMax; n++) node.kernel.deliver('agent/counting/k', { type: 'nothing' });
    await node.world.elapse(1_000);
    const asked = node.desk.ask('counting', 'k', { type: 'read' }, 1_000);
    expect(await settled(node, asked)).toEqual({ next: 3, strays: 0 });
  });

  it('takes a message that comes to it twice once', async () => {
    const node = await createWorkNode({ agents: [orders] });
    await subscribe(node, 'book', TO_ORDERS);
    const body = packState({ order: 'o', n: 1 });
    const message = { id: 'm', topic: 'orders', atMs: node.world.nowMs(), body };
    for (const seq of [1, 1]) node.kernel.post('subscription/book', { type: 'subscription.message', message, seq });
    await node.world.settle();
    expect(await numbers(node, 'o')).toEqual([1]);
  });

  it('gets back what its actor could not be loaded for, and hands it over when it can', async () => {
    const disk = new MemoryDisk();
    const first = await createWorkNode({ agents: [orders], disk });
    await subscribe(first, 'book', TO_ORDERS);
    await publish(first, 'orders', { order: 'o', n: 1 });
    first.kill();
    const other = scribe('orders', { version: '2.0.0' });
    const second = await createWorkNode({ agents: [other], disk, seed: 2 });
    for (const n of [2, 3]) await publish(second, 'orders', { order: 'o', n });
    await publish(second, 'orders', { order: 'fresh', n: 4 });
    expect(await settled(second, second.subscriptions.read('book'))).toMatchObject({
      state: 'waiting',
      lastError: { code: 'VERSION_MISMATCH' },
    });
    expect(second.counts.deadLetters.size).toBe(0);
    second.kill();
    const third = await createWorkNode({ agents: [orders, other], disk, seed: 3 });
    await third.world.elapse(60_000);
    expect(await numbers(third, 'o')).toEqual([1, 2, 3]);
    expect(await numbers(third, 'fresh')).toEqual([4]);
  });

  it('is removed with what waits in it, and may be made anew', async () => {
    const node = await createWorkNode({ agents: [orders] });
    await subscribe(node, 'book', TO_ORDERS);
    node.registry.unregisterAgent('orders');
    await publish(node, 'orders', { order: 'o', n: 1 });
    expect(await settled(node, node.subscriptions.remove('book'))).toBe(1);
    await expect(settled(node, node.subscriptions.remove('book'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await node.store.definitions('subscription')).toEqual([]);
    node.registry.registerAgent(orders);
    await subscribe(node, 'book', TO_ORDERS);
    await publish(node, 'orders', { order: 'o', n: 2 });
    expect(await numbers(node, 'o')).toEqual([2]);
  });
});

describe('What is asked of a subscription', () => {
  it('is judged before it is taken on', async () => {
    const node = await createWorkNode({ agents: [orders] });
    const codeOf = async (request: SubscriptionRequest) =>
      await subscribe(node, 's', request).then(
        () => undefined,
        (error: { code: string }) => error.code,
      );
    expect(await codeOf({ topic: 'a', agent: 'ordes', key: 'k' })).toBe('NO_AGENT');
    expect(await codeOf({ topic: 'a', agent: 'lab.echo', key: 'k' })).toBe('INVALID_INPUT');
    expect(await codeOf({ topic: 'a', task: { agent: 'orders' } })).toBe('INVALID_INPUT');
    expect(await codeOf({ topic: 'a', task: { capability: 'nobody.offers' } })).toBe('NO_AGENT');
    expect(await codeOf({ topic: 'a', task: { workflow: 'none' } })).toBe('NOT_FOUND');
    expect(await codeOf({ topic: 'a', task: { graph: { steps: [] } } })).toBe('WORKFLOW_INVALID');
    expect(await codeOf({ topic: 'a', agent: 'orders', key: '${input.' })).toBe('INVALID_INPUT');
    expect(await codeOf({ topic: 'a', agent: 'orders', key: '${steps.a.output}' })).toBe('INVALID_INPUT');
    expect(await codeOf({ topic: 'a', task: { agent: 'lab.echo', input: 'x'.repeat(70_000) } })).toBe(
      'PROTOCOL_TOO_BIG',
    );
    expect(node.subscriptions.list(10, undefined)).toEqual({ subscriptions: [], cursor: null });
  });

  it('may be said again, and changed only where that is wanted; what waits stays', async () => {
    const node = await createWorkNode({ agents: [orders, scribe('others')] });
    await subscribe(node, 'book', TO_ORDERS);
    await subscribe(node, 'book', TO_ORDERS);
    await expect(subscribe(node, 'book', { ...TO_ORDERS, topic: 'x' })).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
    });
    node.registry.unregisterAgent('orders');
    await publish(node, 'orders', { order: 'o', n: 1 });
    await subscribe(node, 'book', { ...TO_ORDERS, topic: 'x', agent: 'others' }, true);
    await publish(node, 'orders', { order: 'o', n: 2 });
    await publish(node, 'x', { order: 'o', n: 3 });
    const numbersOf = (await heard(node, 'others', 'o')).heard.map(({ data }) => (data as { n: number }).n);
    expect(numbersOf).toEqual([1, 3]);
    expect(node.subscriptions.list(10, undefined).subscriptions).toMatchObject([{ subscription: 'book', topic: 'x' }]);
  });
});

describe('A subscription in code', () => {
  const declared = scribe('orders', { on: { 'orders.#': { key: '${input.data.order}', event: 'changed' } } });

  it('is made at the start, follows what its agent says, and cannot be changed by others', async () => {
    const disk = new MemoryDisk();
    const first = await createWorkNode({ agents: [declared], disk });
    await publish(first, 'orders.eu', { order: 'o', n: 1 });
    await expect(subscribe(first, 'on:orders:orders.#', TO_ORDERS, true)).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
    });
    first.kill();
    // The agent is missing for once: what is published meanwhile waits for it.
    const second = await createWorkNode({ disk, seed: 2 });
    await publish(second, 'orders.eu', { order: 'o', n: 2 });
    second.kill();
    const third = await createWorkNode({ agents: [declared], disk, seed: 3 });
    expect(await numbers(third, 'o')).toEqual([1, 2]);
    third.kill();
    const fourth = await createWorkNode({ agents: [orders], disk, seed: 4 });
    expect(await publish(fourth, 'orders.eu', { order: 'o', n: 3 })).toMatchObject({ subscriptions: 0 });
  });

  it('starts tasks of an agent that is not keyed, and is refused where it is wrong', async () => {
    const seen: unknown[] = [];
    const run = ({ input }: { input: unknown }) => void seen.push(input);
    const agent = defineAgent({
      name: 'mailer',
      version: '1.0.0',
      on: { 'mail.*': { input: { to: '${input.data.to}' } } },
      run,
    });
    const subscriptions = [{ name: 'mine', topic: 'mail.in', task: { agent: 'mailer' } }];
    const node = await createWorkNode({ agents: [agent], subscriptions });
    await publish(node, 'mail.in', { to: 'Ada' });
    expect(seen).toEqual([{ to: 'Ada' }, { to: 'Ada' }]);
    expect(() => scribe('x', { on: { 'a.#.b': { key: 'k' }, b: {} } })).toThrow(
      /a\.#\.b.*expected a topic[^]*"b".*key/,
    );
    expect(() => defineAgent({ name: 'x', version: '1.0.0', run, on: { a: { key: 'k' } } })).toThrow(/key/);
  });
});

describe('What is published', () => {
  it('with a key is published once, by whoever says it', async () => {
    const disk = new MemoryDisk();
    const first = await createWorkNode({ agents: [orders], disk });
    await subscribe(first, 'book', TO_ORDERS);
    const { message } = await publish(first, 'orders', { order: 'o', n: 1 }, 'k');
    const again = { message, subscriptions: 0, duplicate: true };
    expect(await publish(first, 'orders', { order: 'o', n: 1 }, 'k')).toEqual(again);
    await expect(publish(first, 'orders', { order: 'o', n: 2 }, 'k')).rejects.toMatchObject({
      code: 'IDEMPOTENCY_MISMATCH',
      message: 'This idempotency key was used for another message. Use a new key for a new message.',
      details: { message },
    });
    first.kill();
    const second = await createWorkNode({ agents: [orders], disk, seed: 2 });
    expect(await publish(second, 'orders', { order: 'o', n: 1 }, 'k')).toEqual(again);
    expect(await numbers(second, 'o')).toEqual([1]);
  });

  it('by one sender comes in the order that it was sent in, with keys and without', async () => {
    const node = await createWorkNode({ agents: [orders] });
    await subscribe(node, 'book', TO_ORDERS);
    const lane = { last: undefined };
    const sent = [1, 2, 3, 4, 5, 6].map((n) =>
      node.topics.publish(ME, { topic: 'orders', data: { order: 'o', n }, ...(n % 2 === 1 && { key: `k${n}` }) }, lane),
    );
    await settled(node, Promise.all(sent));
    expect(await numbers(node, 'o')).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('is refused where it is no message of a topic', async () => {
    const node = await createWorkNode();
    await expect(publish(node, 'a.*', 1)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(publish(node, 'a', 'x'.repeat(LIMITS.topicMessageBytesMax))).rejects.toMatchObject({
      code: 'PROTOCOL_TOO_BIG',
    });
    node.desk.drain();
    await expect(publish(node, 'a', 1)).rejects.toMatchObject({ code: 'DRAINING' });
  });

  it('by a function that begins again is published once', async () => {
    const disk = new MemoryDisk();
    let hold = true;
    const agent = defineAgent({
      name: 'crier',
      version: '1.0.0',
      run: async ({ ctx }) => {
        const { subscriptions } = await ctx.publish('orders', { order: 'o', n: 1 });
        await ctx.journal('more', () => ctx.publish('orders', { order: 'o', n: 2 }));
        if (hold) await new Promise(() => undefined);
        await ctx.publish('orders', { order: 'o', n: 3 });
        return subscriptions;
      },
    });
    const first = await createWorkNode({ agents: [orders, agent], disk });
    await subscribe(first, 'book', TO_ORDERS);
    const { task } = first.submit({ agent: 'crier' });
    await first.world.settle();
    expect(await numbers(first, 'o')).toEqual([1, 2]);
    first.kill();
    hold = false;
    const second = await createWorkNode({ agents: [orders, agent], disk, seed: 2 });
    expect(await second.end(task)).toMatchObject({ result: { output: 1 } });
    expect(await numbers(second, 'o')).toEqual([1, 2, 3]);
  });

  it('by a machine is an actor that it invokes, once also over a restart', async () => {
    const disk = new MemoryDisk();
    const machine = setup({ types: { events: {} as { type: 'go' } }, actors: { publish: publishing } }).createMachine({
      initial: 'idle',
      states: {
        idle: { on: { go: 'telling' } },
        telling: {
          invoke: {
            src: 'publish',
            input: { topic: 'orders', data: { order: 'o', n: 1 } },
            onDone: 'idle',
            onError: 'idle',
          },
        },
      },
    });
    const agents = [orders, defineAgent({ name: 'herald', version: '1.0.0', keyed: true, machine })];
    const first = await createWorkNode({ agents, disk });
    await subscribe(first, 'book', TO_ORDERS);
    await settled(first, first.desk.tell('herald', 'h', { type: 'go' }));
    await first.world.settle();
    first.kill();
    const second = await createWorkNode({ agents, disk, seed: 2 });
    await second.world.settle();
    expect(await numbers(second, 'o')).toEqual([1]);
    expect(second.kernel.cells.get('agent/herald/h')?.host?.describe().state ?? 'at rest').toMatch(/idle|at rest/);
  });
});
