import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

/** Settles a promise that needs this world to move. */
async function settled<T>(node: WorkNode, promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  await node.world.settle();
  return await promise;
}

const refused = (code: string): unknown => expect.objectContaining({ code });

describe('The desk', () => {
  it('takes on as many tasks as may be in flight, refuses the next, and has room again when one has ended', async () => {
    const node = await createWorkNode({ tasksInFlightMax: 2 });
    const { task } = node.submit({ agent: 'lab.stall' });
    node.submit({ agent: 'lab.stall' });
    expect(() => node.submit({ agent: 'lab.echo' })).toThrow(
      expect.objectContaining({ code: 'BUSY', retryable: true, retryAfterMs: 500 }),
    );
    await node.world.settle();
    await settled(node, node.desk.cancel('loopback', task, undefined));
    expect(node.desk.tasksInFlight).toBe(1);
    expect(await node.finish({ agent: 'lab.echo' })).toMatchObject({ status: 'completed' });
  });

  it('takes nothing on while the store is away, and does again when it is back', async () => {
    let isAway = false;
    const node = await createWorkNode({ disk: new MemoryDisk({ onWrite: () => (isAway ? 'lost' : 'done') }) });
    isAway = true;
    const { task } = node.submit({ agent: 'lab.echo' }, 'in time');
    await node.world.settle();
    expect(() => node.submit({ agent: 'lab.echo' })).toThrow(refused('STORE_UNAVAILABLE'));
    await expect(node.desk.tell('lab.counter', 'k', { type: 'add', n: 1 })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    await expect(node.desk.get('loopback', task)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    isAway = false;
    await node.world.elapse(5_000);
    expect(await node.end(task)).toMatchObject({ status: 'completed', result: { output: 'in time' } });
    expect(await node.finish({ agent: 'lab.echo' })).toMatchObject({ status: 'completed' });
  });

  it('says nothing of a task before its commit: neither to those who read nor to those who watch', async () => {
    const held = Promise.withResolvers<'done'>();
    let isHeld = false;
    const node = await createWorkNode({ disk: new MemoryDisk({ onWrite: () => (isHeld ? held.promise : 'done') }) });
    isHeld = true;
    const heard: number[] = [];
    node.kernel.feed.listenAll(({ progress }) => void heard.push(progress.seq));
    const { task } = node.submit({ agent: 'lab.echo' });
    await node.world.settle();
    await expect(node.desk.get('loopback', task)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect([heard, await node.desk.events(task, 0, 10), await node.desk.endOf(task)]).toEqual([[], [], undefined]);
    expect((await node.desk.list('loopback', { limit: 10 })).tasks).toEqual([]);
    isHeld = false;
    held.resolve('done');
    await node.world.settle();
    expect(heard.at(-1)).toBe(6);
  });

  it('takes nothing on while the node stops', async () => {
    const node = await createWorkNode();
    node.desk.drain();
    expect(node.desk.draining).toBe(true);
    expect(() => node.submit({ agent: 'lab.echo' })).toThrow(refused('DRAINING'));
    await expect(node.desk.tell('lab.counter', 'k', { type: 'add' })).rejects.toMatchObject({ code: 'DRAINING' });
    await expect(node.desk.ask('lab.counter', 'k', { type: 'get' }, 10)).rejects.toMatchObject({ code: 'DRAINING' });
  });

  it.each<[string, object, unknown]>([
    ['NO_AGENT', { agent: 'lab.ehco' }, null],
    ['NO_AGENT', { agent: 'lab.echo@9.9.9' }, null],
    ['NO_AGENT', { capability: 'nobody.can' }, null],
    ['INVALID_INPUT', { agent: 'lab.flaky' }, { failures: -1 }],
    ['INVALID_INPUT', { capability: 'lab.flaky' }, 'nonsense'],
    ['INVALID_INPUT', { agent: 'lab.counter' }, null],
    ['NO_AGENT', { capability: 'lab.counter' }, null],
    ['INVALID_INPUT', { goal: 'be good' }, null],
    ['NOT_FOUND', { workflow: 'nothing' }, null],
    ['WORKFLOW_INVALID', { graph: { steps: [] } }, null],
  ])('refuses with %s what cannot be done: %j', async (code, target, input) => {
    const node = await createWorkNode();
    expect(() => node.submit(target, input)).toThrow(refused(code));
    await node.world.settle();
    expect([node.submitted.count, (await node.store.listTasks({ limit: 10 })).tasks]).toEqual([0, []]);
  });

  it('names what was probably meant', async () => {
    const node = await createWorkNode();
    expect(() => node.submit({ agent: 'lab.ehco' })).toThrow(/Did you mean lab\.echo/);
    expect(() => node.submit({ capability: 'lab.dlay' })).toThrow(/Did you mean lab\.delay/);
    expect(() => node.submit({ agent: 'zzz' })).toThrow(/troupe agents/);
  });

  it('shows a task to nobody but who submitted it', async () => {
    const node = await createWorkNode();
    const { id } = await node.finish({ agent: 'lab.echo' });
    for (const asked of [
      node.desk.get('other', id),
      node.desk.cancel('other', id, undefined),
      node.desk.signal('other', id, 'x', {}),
    ])
      await expect(asked).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await node.desk.list('other', { limit: 10 })).tasks).toEqual([]);
    expect((await node.desk.list('loopback', { limit: 10 })).tasks).toHaveLength(1);
  });
});

describe('A keyed agent', () => {
  it('keeps what it is told, one actor for each key, also over the death of the node', async () => {
    const node = await createWorkNode();
    for (const n of [1, 2, 3]) await settled(node, node.desk.tell('lab.counter', 'a/b', { type: 'add', n }));
    await settled(node, node.desk.tell('lab.counter', 'c', { type: 'add', n: 10 }));
    expect(await settled(node, node.desk.ask('lab.counter', 'a/b', { type: 'get' }, 1_000))).toEqual({ total: 6 });
    node.kill();
    const again = await createWorkNode({ disk: node.disk, seed: 2 });
    expect(again.kernel.census.get('agent') ?? 0).toBe(0);
    expect(await settled(again, again.desk.ask('lab.counter', 'a/b', { type: 'get' }, 1_000))).toEqual({ total: 6 });
    expect(await settled(again, again.desk.ask('lab.counter', 'c', { type: 'get' }, 1_000))).toEqual({ total: 10 });
  });

  it('answers only what is committed', async () => {
    const held = Promise.withResolvers<'done'>();
    let isHeld = false;
    const node = await createWorkNode({ disk: new MemoryDisk({ onWrite: () => (isHeld ? held.promise : 'done') }) });
    await settled(node, node.desk.tell('lab.counter', 'k', { type: 'add', n: 1 }));
    isHeld = true;
    let answer: unknown;
    const told = node.desk.tell('lab.counter', 'k', { type: 'add', n: 1 });
    void node.desk.ask('lab.counter', 'k', { type: 'get' }, 60_000).then((value) => (answer = value));
    await node.world.settle();
    expect(answer).toBeUndefined();
    isHeld = false;
    held.resolve('done');
    await settled(node, told);
    expect(answer).toEqual({ total: 2 });
  });

  it('that does not answer in time is given up, and a full mailbox is told at once', async () => {
    const node = await createWorkNode();
    const asked = node.desk.ask('lab.counter', 'k', { type: 'nothing' }, 50);
    asked.catch(() => undefined);
    await node.world.elapse(50);
    await expect(asked).rejects.toMatchObject({ code: 'TIMEOUT' });
    const tells = Array.from({ length: LIMITS.mailboxMessagesMax }, () =>
      node.desk.tell('lab.counter', 'full', { type: 'add', n: 1 }),
    );
    await expect(node.desk.ask('lab.counter', 'full', { type: 'get' }, 50)).rejects.toMatchObject({ code: 'BUSY' });
    await node.world.settle();
    await Promise.all(tells);
    expect(node.world.timersPending).toBeLessThan(5);
  });

  it('leaves memory when others are used, and comes back with what it had', async () => {
    const node = await createWorkNode({ residentMax: 3 });
    for (let n = 0; n < 10; n++) await settled(node, node.desk.tell('lab.counter', `k${n}`, { type: 'add', n }));
    await node.world.settle();
    expect(node.kernel.census.get('agent')).toBeLessThanOrEqual(4);
    for (let n = 0; n < 10; n++)
      expect(await settled(node, node.desk.ask('lab.counter', `k${n}`, { type: 'get' }, 1_000))).toEqual({ total: n });
  });

  it('is not one by any other address', async () => {
    const node = await createWorkNode();
    for (const address of ['agent/lab.counter', 'agent/nobody/k', 'agent/lab.echo/k', 'task/lab.counter/k'])
      expect(node.desk.keyedSpec(address)).toBeUndefined();
    expect(node.desk.keyedSpec('agent/lab.counter/a%2Fb')?.input).toEqual({ key: 'a/b' });
    await expect(node.desk.tell('lab.echo', 'k', { type: 'x' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(node.desk.tell('nobody', 'k', { type: 'x' })).rejects.toMatchObject({ code: 'NO_AGENT' });
  });
});
