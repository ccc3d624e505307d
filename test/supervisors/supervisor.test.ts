import { describe, expect, it } from 'vitest';
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
      supervisor: TOP,
      envelope: { kind: 'event', event: { type: 'crash' }, deliveries: 3 },
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

  it('bounds a storm: a thousand children that crash without end cost as many restarts as the budget holds, and nothing spins', async () => {
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
    expect(node.contextOf(TOP).pending.size).toBe(0);
  });
});

describe('A supervisor with listed children', () => {
  const listed = (
    strategy: 'one-for-one' | 'one-for-all' | 'rest-for-one',
    more: Parameters<Supervised['supervise']>[1] = {},
  ) =>
    createSupervised().then((node) => {
      const children = ['a', 'b', 'c'].map((address) =>
        worker(address, TOP, { durable: false, restart: 'permanent', recovery: 'reset' }),
      );
      node.start(node.supervise(TOP, { strategy, onExcess: 'escalate', ...more }, undefined, children));
      return node;
    });

  it('starts them in order', async () => {
    const node = await listed('one-for-one');
    await node.world.settle();
    expect(node.diary).toEqual(['start a', 'start b', 'start c']);
  });

  it.each([
    ['one-for-one', ['crash b', 'start b'], [true, false, true]],
    ['rest-for-one', ['crash b', 'start b', 'start c'], [true, false, false]],
    ['one-for-all', ['crash b', 'start a', 'start b', 'start c'], [false, false, false]],
  ] as const)('and the strategy %s stops and starts those it should', async (strategy, lines, kept) => {
    const node = await listed(strategy);
    await node.world.settle();
    const before = ['a', 'b', 'c'].map((address) => node.kernel.cells.get(address)?.host);
    node.diary.length = 0;
    node.tell('b', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(500);
    expect(node.diary.toSorted()).toEqual([...lines].toSorted());
    expect(['a', 'b', 'c'].map((address, index) => node.kernel.cells.get(address)?.host === before[index])).toEqual(
      kept,
    );
    expect(['a', 'b', 'c'].map((address) => node.kernel.cells.get(address)?.phase)).toEqual(['live', 'live', 'live']);
  });

  it('makes anew one that ended with an error of its own', async () => {
    const node = await listed('one-for-one');
    await node.world.settle();
    node.tell('b', { type: 'fail' });
    await node.world.elapse(500);
    expect(node.diary.slice(3)).toEqual(['start b']);
  });

  it('does not start one that waits for it once it has given up', async () => {
    const node = await listed('one-for-one', {
      intensity: 1,
      backoff: { firstMs: 500, factor: 1, maxMs: 500, jitter: 0 },
    });
    await node.world.settle();
    node.tell('b', { type: 'fail' });
    await node.world.settle();
    node.tell('c', { type: 'crash' });
    await node.world.elapse(5_000);
    expect([node.exhausted.length, [...node.kernel.cells.keys()]]).toEqual([1, [TOP]]);
  });

  it('and no room left stops them all in reverse order, and at the root says so once', async () => {
    const node = await listed('one-for-one', { intensity: 1 });
    await node.world.settle();
    for (const address of ['a', 'b', 'c']) node.tell(address, { type: 'crash' });
    await node.world.elapse(2_000);
    expect(node.exhausted).toHaveLength(1);
    expect(node.exhausted[0]?.message).toContain(`${TOP} exceeded its 1 restarts in 1000 ms`);
    expect([...node.kernel.cells.keys()]).toEqual([TOP]);
    expect(node.stateOf(TOP)).toBe('escalating');
  });
});

describe('An escalation', () => {
  const nested = async (): Promise<Supervised> => {
    const node = await createSupervised();
    const leaf = worker('leaf', 'supervisor/inner', { durable: false, restart: 'permanent', recovery: 'reset' });
    const inner = node.supervise(
      'supervisor/inner',
      { strategy: 'one-for-one', intensity: 1, onExcess: 'escalate' },
      TOP,
      [leaf],
    );
    const other = worker('other', TOP, { durable: false, restart: 'permanent', recovery: 'reset' });
    node.start(
      node.supervise(
        TOP,
        { strategy: 'one-for-one', intensity: 2, periodMs: 100_000, onExcess: 'escalate' },
        undefined,
        [inner, other],
      ),
    );
    await node.world.settle();
    node.diary.length = 0;
    return node;
  };

  it('makes the supervisor anew with its children, and counts as one restart of its own supervisor', async () => {
    const node = await nested();
    node.tell('leaf', { type: 'crash', times: { left: 2 } });
    await node.world.elapse(1_000);
    expect(node.diary).toEqual(['crash leaf', 'start leaf', 'crash leaf', 'start leaf']);
    expect(node.contextOf(TOP).totals.restarts).toBe(1);
    expect(node.contextOf('supervisor/inner').totals.restarts).toBe(0);
    expect(node.kernel.cells.get('other')?.restarts).toBe(0);
    expect(node.exhausted).toEqual([]);
  });

  it('goes to the top when it happens too often', async () => {
    const node = await nested();
    for (let round = 0; round < 3; round++) {
      node.tell('leaf', { type: 'crash', times: { left: 2 } });
      await node.world.elapse(2_000);
    }
    expect(node.exhausted).toHaveLength(1);
  });
});

describe('A supervisor that crashes itself', () => {
  const pair = async (): Promise<Supervised> => {
    const node = await createSupervised();
    const inner = node.supervise('supervisor/inner', { intensity: 2, periodMs: 60_000 }, TOP);
    node.start(
      node.supervise(TOP, { strategy: 'one-for-one', onExcess: 'escalate' }, undefined, [inner]),
      inner,
      worker('a', inner.address),
      worker('b', inner.address),
    );
    await node.world.settle();
    return node;
  };
  const crashInner = (node: Supervised): void => {
    const cell = node.kernel.cells.get('supervisor/inner');
    if (cell !== undefined) node.kernel.fail(cell, new Error('a fault of the supervisor'));
  };

  it('goes on with what it knew: restarts that were planned happen, and its budget is not refilled', async () => {
    const node = await pair();
    node.tell('a', { type: 'crash', times: { left: 1 } });
    await node.world.settle();
    crashInner(node);
    await node.world.elapse(1_000);
    expect(node.handled('a')).toEqual(['crash']);
    expect(node.contextOf('supervisor/inner').window).toHaveLength(1);
    node.tell('b', { type: 'crash', times: { left: 2 } });
    await node.world.elapse(1_000);
    expect(node.stateOf('supervisor/inner')).toBe('exceeded');
  });

  it('hears of the crashes that happened meanwhile once it is back', async () => {
    const node = await pair();
    crashInner(node);
    node.tell('a', { type: 'crash', times: { left: 1 } });
    await node.world.settle();
    expect(node.kernel.cells.get('a')?.phase).toBe('crashed');
    await node.world.elapse(1_000);
    expect(node.handled('a')).toEqual(['crash']);
  });

  it('and hears of a crash twice counts it once', async () => {
    const node = await createSupervised();
    node.start(node.supervise(TOP, {}), worker('a', TOP));
    const cell = node.kernel.cells.get('a');
    if (cell !== undefined) node.kernel.fail(cell, new Error('before the first turn of anyone'));
    await node.world.elapse(1_000);
    expect(node.contextOf(TOP).totals.restarts).toBe(1);
    expect(node.diary).toEqual(['start a']);
  });

  it('and is made anew takes over the children that crashed and that nobody dealt with', async () => {
    const node = await pair();
    node.tell('a', { type: 'crash', times: { left: 1 } });
    await node.world.settle();
    const { spec } = node.kernel.cells.get('supervisor/inner') ?? {};
    node.kernel.stopCell('supervisor/inner');
    if (spec !== undefined) node.start(spec);
    await node.world.elapse(1_000);
    expect(node.handled('a')).toEqual(['crash']);
    expect(node.contextOf('supervisor/inner').totals.restarts).toBe(1);
  });
});

describe('A supervisor that stops', () => {
  it('restarts nothing any more, and so do those below it; what crashed rests in the store', async () => {
    const node = await createSupervised();
    const inner = node.supervise('supervisor/inner', {}, TOP);
    node.start(
      node.supervise(TOP, { strategy: 'one-for-one', onExcess: 'escalate' }, undefined, [inner]),
      inner,
      worker('a', inner.address),
    );
    await node.world.settle();
    node.kernel.post(TOP, { type: 'supervisor.stop' });
    await node.world.settle();
    node.tell('a', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(10_000);
    expect([node.stateOf(TOP), node.stateOf(inner.address)]).toEqual(['stopping', 'stopping']);
    expect(node.kernel.cells.get('a')?.phase).toBe('crashed');
    expect(await node.store.readCell('a')).toBeDefined();
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

describe('A keyed actor that is given up', () => {
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
