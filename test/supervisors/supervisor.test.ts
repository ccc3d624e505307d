import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { createSupervised, type Supervised, worker } from '../support/supervised.ts';

const TOP = 'supervisor/top';

/** A dynamic supervisor with three workers that have each handled something. */
async function threeWorkers(policy: Parameters<Supervised['supervise']>[1] = {}): Promise<Supervised> {
  const node = await createSupervised();
  node.start(node.supervise(TOP, policy), ...['a', 'b', 'c'].map((address) => worker(address, TOP)));
  for (const address of ['a', 'b', 'c']) node.tell(address, { type: 'work', name: 'first' });
  await node.world.settle();
  node.diary.length = 0;
  return node;
}

describe('When a child crashes', () => {
  it('it alone is restarted, from its state after the last good turn, and gets its message again', async () => {
    const node = await threeWorkers();
    const hosts = ['a', 'c'].map((address) => node.kernel.cells.get(address)?.host);
    node.tell('b', { type: 'crash', times: { left: 1 } });
    node.tell('b', { type: 'work', name: 'second' });
    await node.world.elapse(100);
    expect(node.diary).toEqual(['crash b', 'restore b']);
    expect(node.handled('b')).toEqual(['first', 'crash', 'second']);
    expect(node.kernel.cells.get('b')?.restarts).toBe(1);
    expect(['a', 'c'].map((address) => node.kernel.cells.get(address)?.host)).toEqual(hosts);
    expect(node.counts.restarts).toEqual(new Map([[TOP, 1]]));
    expect(node.counts.deadLetters.size).toBe(0);
  });

  it('siblings go on with their work while it waits', async () => {
    const node = await threeWorkers();
    node.tell('b', { type: 'crash', times: { left: 1 } });
    node.tell('a', { type: 'work', name: 'second' });
    await node.world.settle();
    expect(node.kernel.cells.get('b')?.phase).toBe('crashed');
    expect(node.handled('a')).toEqual(['first', 'second']);
  });

  it('its pauses grow with each crash, and nothing happens before they have passed', async () => {
    const node = await threeWorkers();
    node.tell('b', { type: 'crash', times: { left: 2 } });
    await node.world.settle();
    const phase = (): string | undefined => node.kernel.cells.get('b')?.phase;
    await node.world.elapse(9);
    expect([phase(), node.diary]).toEqual(['crashed', ['crash b']]);
    await node.world.elapse(1);
    await node.world.elapse(0);
    expect(node.diary).toEqual(['crash b', 'restore b', 'crash b']);
    await node.world.elapse(19);
    expect([phase(), node.diary.length]).toEqual(['crashed', 3]);
    await node.world.elapse(1);
    await node.world.settle();
    expect([phase(), node.diary]).toEqual(['live', ['crash b', 'restore b', 'crash b', 'restore b']]);
  });

  it('its pauses grow with its own crashes, not with those of its siblings', async () => {
    const node = await threeWorkers();
    node.tell('a', { type: 'crash', times: { left: 2 } });
    await node.world.elapse(100);
    node.tell('b', { type: 'crash', times: { left: 1 } });
    await node.world.settle();
    await node.world.elapse(10);
    await node.world.settle();
    expect(node.kernel.cells.get('b')?.phase).toBe('live');
  });

  it('an operator who sets the clock back or forward changes neither its pause nor the budget', async () => {
    for (const jumpMs of [-86_400_000, 86_400_000]) {
      const node = await threeWorkers({ intensity: 1 });
      node.tell('b', { type: 'crash', times: { left: 1 } });
      await node.world.settle();
      node.world.setWallClock(node.world.nowMs() + jumpMs);
      await node.world.elapse(10);
      await node.world.settle();
      expect(node.kernel.cells.get('b')?.phase).toBe('live');
      node.tell('a', { type: 'crash' });
      await node.world.settle();
      expect(node.stateOf(TOP)).toBe('exceeded');
      await node.world.elapse(2_000);
      expect(node.stateOf(TOP)).toBe('running');
    }
  });

  it('with recovery reset it starts from its input', async () => {
    const node = await createSupervised();
    node.start(node.supervise(TOP, {}), worker('a', TOP, { recovery: 'reset' }));
    node.tell('a', { type: 'work', name: 'first' });
    node.tell('a', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(100);
    expect(node.diary).toEqual(['start a', 'crash a', 'start a']);
    expect(node.handled('a')).toEqual(['crash']);
  });

  it('with recovery reset it starts from a large input too, also after the death of the node', async () => {
    const node = await createSupervised();
    const input = { text: 'long '.repeat(1_000) };
    node.start(node.supervise(TOP, {}), worker('a', TOP, { recovery: 'reset', input }));
    await node.world.settle();
    node.tell('a', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(100);
    node.kill();
    const again = await createSupervised({ seed: 2, disk: node.disk });
    again.start(again.supervise(TOP, {}));
    await again.recovery.resume(() => undefined);
    expect(again.kernel.cells.get('a')?.spec.input).toEqual(input);
  });

  it('and is temporary, it is given up at once and its owner is told', async () => {
    const node = await threeWorkers();
    node.tell('a', { type: 'adopt', spec: worker('t', TOP, { restart: 'temporary', owner: 'a' }) });
    await node.world.settle();
    node.tell('t', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(1_000);
    expect(node.kernel.cells.has('t')).toBe(false);
    expect(node.handled('a')).toEqual(['first', 'child.failed t AGENT_CRASHED']);
    expect(node.contextOf(TOP)).toMatchObject({ totals: { restarts: 0, abandoned: 1 } });
    expect(await node.store.readCell('t')).toBeUndefined();
  });

  it('and is stopped by its owner before its restart, it stays stopped', async () => {
    const node = await threeWorkers();
    node.tell('a', { type: 'adopt', spec: worker('t', TOP, { owner: 'a' }) });
    await node.world.settle();
    node.tell('t', { type: 'crash', times: { left: 1 } });
    await node.world.settle();
    node.tell('a', { type: 'finish' });
    await node.world.elapse(1_000);
    expect(node.kernel.cells.has('t')).toBe(false);
    expect(node.diary).toEqual(['start t', 'crash t']);
  });

  it('and ends with an error of its own, it is not restarted, but counted', async () => {
    const node = await threeWorkers();
    node.tell('a', { type: 'adopt', spec: worker('t', TOP, { owner: 'a' }) });
    await node.world.settle();
    node.tell('t', { type: 'fail' });
    await node.world.elapse(1_000);
    expect(node.handled('a')).toEqual(['first', 'child.failed t AGENT_FAILED']);
    expect(node.contextOf(TOP)).toMatchObject({ totals: { restarts: 0, abandoned: 0, failures: 1 }, window: [] });
  });
});

describe('A message that crashes its actor every time', () => {
  it('is delivered three times, then set aside; the owner is told, the actor ends, siblings go on', async () => {
    const node = await threeWorkers();
    node.tell('a', { type: 'adopt', spec: worker('t', TOP, { owner: 'a' }) });
    await node.world.settle();
    node.tell('t', { type: 'crash' });
    node.tell('b', { type: 'work', name: 'second' });
    await node.world.elapse(1_000);
    expect(node.diary).toEqual(['start t', 'crash t', 'restore t', 'crash t', 'restore t', 'crash t']);
    expect(node.handled('a')).toEqual(['first', 'child.quarantined t QUARANTINED']);
    expect(node.handled('b')).toEqual(['first', 'second']);
    expect(node.kernel.cells.has('t')).toBe(false);
    const [capsule, ...others] = await node.store.quarantined();
    expect(others).toEqual([]);
    expect(capsule?.body).toMatchObject({
      address: 't',
      supervisors: [TOP],
      message: { kind: 'event', event: { type: 'crash' } },
      deliveries: 3,
    });
  });

  it('is counted in the store before each delivery but the first, so that a node that dies with it does not forget', async () => {
    const node = await createSupervised();
    node.start(node.supervise(TOP, {}), worker('a', TOP));
    node.tell('a', { type: 'crash' });
    await node.world.elapse(10);
    await node.world.settle();
    expect(node.diary).toEqual(['start a', 'crash a', 'restore a', 'crash a']);
    node.kill();
    const again = await createSupervised({ seed: 2, disk: node.disk });
    again.start(again.supervise(TOP, {}));
    await again.recovery.resume(() => undefined);
    await again.world.elapse(1_000);
    expect(again.diary).toEqual(['restore a', 'crash a']);
    expect(await again.store.quarantined()).toHaveLength(1);
  });

  it('may be a timer, whose crashes are counted over the death of a node as well', async () => {
    const policy = { backoff: { firstMs: 500, factor: 1, maxMs: 500, jitter: 0 } };
    const node = await createSupervised();
    node.alarm.left = 99;
    node.start(node.supervise(TOP, policy), worker('a', TOP));
    node.tell('a', { type: 'wake', afterMs: 50 });
    await node.world.elapse(100);
    node.kill();
    expect(node.diary).toEqual(['start a', 'crash a']);
    const again = await createSupervised({ seed: 2, disk: node.disk });
    again.world.setWallClock(node.world.nowMs());
    again.alarm.left = 99;
    again.start(again.supervise(TOP, policy));
    await again.recovery.resume(() => undefined);
    await again.world.elapse(10_000);
    expect(again.diary).toEqual(['restore a', 'crash a', 'restore a', 'crash a']);
    expect(await again.store.quarantined()).toHaveLength(1);
    expect(again.kernel.cells.get('a')?.timers?.size ?? 0).toBe(0);
  });

  it('stays with an actor that works for nobody until its supervisor has spoken, also over the death of the node', async () => {
    const node = await createSupervised();
    const inner = node.supervise('supervisor/inner', {}, TOP);
    const top = {
      strategy: 'one-for-one',
      onExcess: 'escalate',
      backoff: { firstMs: 9_000, factor: 1, maxMs: 9_000, jitter: 0 },
    } as const;
    node.start(node.supervise(TOP, top, undefined, [inner]), inner, worker('a', inner.address));
    await node.world.settle();
    const cell = node.kernel.cells.get(inner.address);
    if (cell !== undefined) node.kernel.fail(cell, new Error('away for a while'));
    node.tell('a', { type: 'crash', unsupported: true });
    await node.world.elapse(1_000);
    expect([node.kernel.cells.get('a')?.phase, (await node.store.quarantined()).length]).toEqual(['crashed', 1]);
    node.kill();
    const again = await createSupervised({ seed: 2, disk: node.disk });
    again.start(again.supervise('supervisor/inner', {}));
    await again.recovery.resume(() => undefined);
    await again.world.elapse(1_000);
    expect(again.diary).toEqual(['restore a', 'crash a']);
    expect(again.contextOf('supervisor/inner').totals.abandoned).toBe(1);
    expect(again.kernel.cells.has('a')).toBe(false);
  });

  it('of an actor that is not stored is not stored either: what it holds need not be data', async () => {
    const node = await createSupervised();
    const more = {
      durable: false,
      restart: 'permanent',
      recovery: 'resume',
      input: { connection: () => 'open' },
    } as const;
    node.start(node.supervise(TOP, {}), worker('a', TOP, more));
    node.tell('a', { type: 'crash' });
    node.tell('a', { type: 'work', name: 'next' });
    await node.world.elapse(1_000);
    expect(node.handled('a')).toEqual(['next']);
    expect([await node.store.quarantined(), node.fatal]).toEqual([[], []]);
  });

  it('is the start itself where the actor cannot even begin', async () => {
    const node = await threeWorkers();
    node.startFaults.set('t', 99);
    node.tell('a', { type: 'adopt', spec: worker('t', TOP, { owner: 'a' }) });
    await node.world.elapse(1_000);
    expect(node.diary).toEqual(['crash t', 'crash t', 'crash t']);
    expect(node.handled('a')).toEqual(['first', 'child.quarantined t QUARANTINED']);
    expect(node.kernel.cells.has('t')).toBe(false);
  });

  it('may be a timer: it fires three times, and never again', async () => {
    const node = await threeWorkers();
    node.alarm.left = 99;
    node.tell('a', { type: 'adopt', spec: worker('t', TOP, { owner: 'a' }) });
    await node.world.settle();
    node.tell('t', { type: 'wake', afterMs: 50 });
    await node.world.elapse(5_000);
    expect(node.diary.filter((line) => line === 'crash t')).toHaveLength(3);
    expect(node.handled('a')).toEqual(['first', 'child.quarantined t QUARANTINED']);
  });
});

describe('A supervisor whose intensity is exceeded', () => {
  it('gives up the child that crashed, tells its owner, and leaves its siblings alone', async () => {
    const node = await threeWorkers({ intensity: 1 });
    node.tell('a', { type: 'adopt', spec: worker('t', TOP, { owner: 'a' }) });
    await node.world.settle();
    node.tell('t', { type: 'crash' });
    await node.world.elapse(500);
    expect(node.diary).toEqual(['start t', 'crash t', 'restore t', 'crash t']);
    expect(node.kernel.cells.has('t')).toBe(false);
    expect(node.handled('a')).toEqual(['first', 'child.failed t AGENT_CRASHED']);
    expect(['b', 'c'].map((address) => node.kernel.cells.get(address)?.restarts)).toEqual([0, 0]);
    expect(node.stateOf(TOP)).toBe('exceeded');
  });

  it('restarts again once time has made room, and only then', async () => {
    const node = await threeWorkers({ intensity: 1 });
    node.tell('a', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(100);
    node.tell('b', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(100);
    expect([node.stateOf(TOP), node.kernel.cells.has('b')]).toEqual(['exceeded', false]);
    await node.world.elapse(700);
    expect(node.stateOf(TOP)).toBe('exceeded');
    await node.world.elapse(200);
    expect(node.stateOf(TOP)).toBe('running');
    node.tell('c', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(100);
    expect([node.handled('c'), node.diary.at(-1)]).toEqual([['first', 'crash'], 'restore c']);
  });

  it('does not believe that there is room before there is', async () => {
    const node = await threeWorkers({ intensity: 1 });
    for (const address of ['a', 'b']) node.tell(address, { type: 'crash', times: { left: 1 } });
    await node.world.elapse(100);
    node.kernel.post(TOP, { type: 'window.refilled' });
    await node.world.settle();
    expect(node.stateOf(TOP)).toBe('exceeded');
  });

  it('tells its own supervisor, which counts and logs it but does not act', async () => {
    const node = await createSupervised();
    const inner = node.supervise('supervisor/inner', { intensity: 0 }, TOP);
    node.start(
      node.supervise(TOP, { strategy: 'one-for-one', onExcess: 'escalate' }, undefined, [inner]),
      inner,
      worker('a', inner.address),
    );
    await node.world.settle();
    node.tell('a', { type: 'crash' });
    await node.world.elapse(1_000);
    expect(node.contextOf(TOP).totals).toEqual({ restarts: 0, abandoned: 0, failures: 0, excesses: 1 });
    expect(node.log.filter(({ message }) => message.includes('beyond its intensity'))).toMatchObject([
      { fields: { supervisor: inner.address, actor: 'a' } },
    ]);
  });

  it('bounds a storm: a thousand children that crash without end cost no more restarts than the budget holds', async () => {
    const node = await createSupervised();
    const addresses = Array.from({ length: 1_000 }, (_, index) => `w${index}`);
    node.start(
      node.supervise(TOP, { intensity: 20, periodMs: 10_000 }),
      worker('calm', TOP),
      ...addresses.map((address) => worker(address, TOP)),
    );
    await node.world.settle();
    for (const address of addresses) node.tell(address, { type: 'crash' });
    await node.world.elapse(5_000);
    const restores = node.diary.filter((line) => line.startsWith('restore'));
    expect(restores.length).toBeLessThanOrEqual(20);
    expect(node.contextOf(TOP).totals.restarts).toBe(restores.length);
    expect([...node.kernel.cells.keys()].toSorted()).toEqual(['calm', TOP]);
    expect(node.world.deferredPending).toBe(0);
    expect(node.kernel.cells.get('calm')?.restarts).toBe(0);
    expect(node.contextOf(TOP).window.length).toBeLessThanOrEqual(20);
    expect(node.contextOf(TOP).procedures.size).toBe(0);
  });
});

describe('A keyed actor that is given up', () => {
  it('keeps mail that comes while its state is written for the last time', async () => {
    const spec = worker('keyed', TOP, { restart: 'permanent' });
    let held: (() => void) | undefined;
    let isHolding = false;
    const disk = new MemoryDisk({
      onWrite: () => (isHolding ? new Promise((resolve) => (held = () => resolve('done'))) : 'done'),
    });
    const node = await createSupervised({ disk, specOf: (address) => (address === 'keyed' ? spec : undefined) });
    node.start(node.supervise(TOP, { intensity: 0 }));
    node.tell('keyed', { type: 'work', name: 'first' });
    await node.world.settle();
    isHolding = true;
    node.tell('keyed', { type: 'crash', times: { left: 1 } });
    await node.world.settle();
    node.tell('keyed', { type: 'work', name: 'late' });
    isHolding = false;
    held?.();
    await node.world.settle();
    expect(node.kernel.cells.has('keyed')).toBe(false);
    node.tell('keyed', { type: 'work', name: 'next' });
    await node.world.settle();
    expect(node.handled('keyed')).toEqual(['first', 'crash', 'late', 'next']);
  });

  it('keeps its state, and works again for the next message once the fault is gone', async () => {
    const spec = worker('keyed', TOP, { restart: 'permanent' });
    const node = await createSupervised({ specOf: (address) => (address === 'keyed' ? spec : undefined) });
    node.start(node.supervise(TOP, { intensity: 0 }));
    node.tell('keyed', { type: 'work', name: 'first' });
    await node.world.settle();
    node.tell('keyed', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(100);
    expect(node.kernel.cells.has('keyed')).toBe(false);
    expect(await node.store.readCell('keyed')).toBeDefined();
    node.tell('keyed', { type: 'work', name: 'second' });
    await node.world.elapse(100);
    expect(node.handled('keyed')).toEqual(['first', 'crash', 'second']);
  });
});

describe('A supervisor that was told to stop', () => {
  it('does not carry out restarts that were planned before', async () => {
    const node = await threeWorkers();
    node.tell('a', { type: 'crash', times: { left: 1 } });
    await node.world.settle();
    node.kernel.post(TOP, { type: 'supervisor.stop' });
    await node.world.elapse(10_000);
    expect(node.kernel.cells.get('a')?.phase).toBe('crashed');
  });
});
