/** Supervisors above and below each other: listed children, escalation, supervisors that crash themselves, the end. */
import { describe, expect, it } from 'vitest';
import { createSupervised, type Supervised, worker } from '../support/supervised.ts';

const TOP = 'supervisor/top';

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
    expect(node.stateOf(TOP)).toBe('ended');
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
    const cell = node.kernel.cells.get('supervisor/inner');
    node.tell('a', { type: 'crash', times: { left: 1 } });
    await node.world.settle();
    crashInner(node);
    await node.world.elapse(1_000);
    expect(node.handled('a')).toEqual(['crash']);
    expect(node.kernel.cells.get('supervisor/inner')).toBe(cell);
    expect([cell?.phase, cell?.restarts]).toEqual(['live', 1]);
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
    expect(node.kernel.cells.get('supervisor/inner')?.restarts).toBe(1);
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
