/** Starting in order, stopping in reverse order, and how long each child may take for it. */
import { describe, expect, it } from 'vitest';
import type { ChildSpec, Shutdown } from '../../runtime/child-spec.ts';
import { holding, type HoldingWorkers, installHolding } from '../support/holding-worker.ts';
import { createSupervised, type Supervised } from '../support/supervised.ts';

const TOP = 'supervisor/top';
const SUP = 'supervisor/sup';

/** The one that crashes: its call goes on meanwhile, so that all stops seen are stops of others. */
const RESUMES = { recovery: 'resume' } as const;

interface Family extends Supervised {
  readonly workers: HoldingWorkers;
}

/** A node on which such children can be made. */
async function node(): Promise<Family> {
  const made = await createSupervised();
  return { ...made, workers: installHolding(made) };
}

/** Two below a one-for-all supervisor; when the first crashes, the second has to stop. */
async function pair(shutdown: Shutdown | undefined, more: Partial<ChildSpec> = {}): Promise<Family> {
  const made = await node();
  const b = holding('b', TOP, { ...(shutdown !== undefined && { shutdown }), ...more });
  made.start(
    made.supervise(TOP, { strategy: 'one-for-all', onExcess: 'escalate' }, undefined, [holding('a', TOP, RESUMES), b]),
  );
  await made.world.settle();
  made.diary.length = 0;
  return made;
}

const crash = (made: Supervised, address: string, left = 1): void =>
  made.tell(address, { type: 'crash', times: { left } });
const phaseOf = (made: Supervised, address: string) => made.kernel.cells.get(address)?.phase;

describe('A supervisor that starts', () => {
  it('starts a child only when the one before has begun', async () => {
    const made = await node();
    const inner = made.supervise(SUP, { strategy: 'one-for-one', onExcess: 'escalate' }, TOP, [
      holding('x', SUP),
      holding('y', SUP),
    ]);
    made.start(
      made.supervise(TOP, { strategy: 'one-for-one', onExcess: 'escalate' }, undefined, [
        holding('a', TOP, RESUMES),
        inner,
        holding('c', TOP),
      ]),
    );
    await made.world.settle();
    expect(made.diary).toEqual(['start a', 'start x', 'start y', 'start c']);
    expect(made.stateOf(TOP)).toBe('running');
  });

  it('and cannot start a child stops those before it, in reverse order, and the node ends where it is the root', async () => {
    const made = await node();
    made.workers.faults.set('c', 99);
    const children = ['a', 'b', 'c', 'd'].map((address) => holding(address, TOP));
    made.start(made.supervise(TOP, { strategy: 'one-for-one', onExcess: 'escalate' }, undefined, children));
    await made.world.elapse(5_000);
    expect(made.diary).toEqual(['start a', 'start b', 'stop b', 'stop a']);
    expect(made.exhausted).toMatchObject([{ code: 'AGENT_CRASHED' }]);
    expect(made.exhausted[0]?.message).toContain(`${TOP} could not start c`);
    expect([...made.kernel.cells.keys()]).toEqual([TOP]);
  });

  it('tells its own supervisor that a child could not be started: that one tries again, and each try counts', async () => {
    const made = await node();
    const inner = made.supervise(SUP, { strategy: 'one-for-one', onExcess: 'escalate' }, TOP, [
      holding('x', SUP),
      holding('y', SUP),
    ]);
    made.workers.faults.set('y', 2);
    made.start(
      made.supervise(
        TOP,
        { strategy: 'one-for-one', intensity: 2, periodMs: 60_000, onExcess: 'escalate' },
        undefined,
        [holding('a', TOP, RESUMES)],
      ),
    );
    // As a child that is not started with the others, its start is not part of that of its own supervisor.
    made.start(inner);
    await made.world.elapse(5_000);
    expect(made.diary.filter((line) => !line.endsWith(' a'))).toEqual([
      ...['start x', 'stop x', 'start x', 'stop x'],
      ...['start x', 'start y'],
    ]);
    expect(made.contextOf(TOP).window).toHaveLength(2);
  });

  it('and whose child cannot be made of anything on this node says so', async () => {
    const made = await node();
    made.start(
      made.supervise(TOP, { strategy: 'one-for-one', onExcess: 'escalate' }, undefined, [
        holding('a', TOP, RESUMES),
        holding('b', TOP, { logic: 'unheard of' }),
      ]),
    );
    await made.world.elapse(100);
    expect(made.diary).toEqual(['start a', 'stop a']);
    expect(made.exhausted[0]?.message).toContain('No logic unheard of');
  });

  it('hears afterwards of children that ended while it was starting others', async () => {
    const made = await node();
    const slow = made.supervise(SUP, { strategy: 'one-for-one', onExcess: 'escalate' }, TOP, [holding('x', SUP)]);
    made.start(
      made.supervise(TOP, { strategy: 'one-for-one', onExcess: 'escalate' }, undefined, [
        holding('a', TOP, RESUMES),
        slow,
      ]),
    );
    // The first is there, the second is not yet: it waits for its own child.
    while (!made.diary.includes('start a')) made.kernel.drain();
    made.kernel.act((port) => port.stopChild('a'));
    await made.world.elapse(1_000);
    expect(made.diary.filter((line) => line === 'start a')).toHaveLength(2);
    expect([made.stateOf(TOP), phaseOf(made, 'a')]).toEqual(['running', 'live']);
  });
});

describe('A restart of several', () => {
  it('begins again, and counts again, when one of them cannot start', async () => {
    const made = await node();
    const children = ['a', 'b', 'c'].map((address) => holding(address, TOP, RESUMES));
    made.start(made.supervise(TOP, { strategy: 'one-for-all', onExcess: 'escalate' }, undefined, children));
    await made.world.settle();
    made.diary.length = 0;
    made.workers.faults.set('b', 1);
    crash(made, 'a');
    await made.world.elapse(1_000);
    expect(made.diary).toEqual(['stop c', 'stop b', 'start a', 'stop a', 'start a', 'start b', 'start c']);
    expect(made.contextOf(TOP).totals.restarts).toBe(2);
  });

  it('takes in the crash of another one of them meanwhile', async () => {
    const made = await node();
    const children = ['a', 'b', 'c'].map((address) => holding(address, TOP, RESUMES));
    made.workers.stubborn.set('c', 'deaf');
    made.start(made.supervise(TOP, { strategy: 'rest-for-one', onExcess: 'escalate' }, undefined, children));
    await made.world.settle();
    made.diary.length = 0;
    crash(made, 'b');
    await made.world.elapse(100);
    crash(made, 'a');
    await made.world.elapse(10_000);
    expect(made.diary.filter((line) => line.startsWith('start'))).toEqual(['start a', 'start b', 'start c']);
    expect(['a', 'b', 'c'].map((address) => phaseOf(made, address))).toEqual(['live', 'live', 'live']);
    expect(made.contextOf(TOP).procedures.size).toBe(0);
  });
});

describe('A child that is stopped', () => {
  it('has 5 s for its calls to end, where its spec says nothing; then they are cut off', async () => {
    const made = await pair(undefined);
    made.workers.stubborn.set('b', 'deaf');
    crash(made, 'a');
    await made.world.elapse(4_999);
    expect([made.diary, phaseOf(made, 'b')]).toEqual([['stop b'], 'stopping']);
    await made.world.elapse(1);
    await made.world.elapse(10);
    expect(made.diary).toEqual(['stop b', 'start a', 'start b']);
  });

  it.each([
    [100, 99, 100],
    ['brutal-kill', 0, 10],
  ] as const)('with shutdown %s has as long as that', async (shutdown, beforeMs, afterMs) => {
    const made = await pair(shutdown);
    made.workers.stubborn.set('b', 'deaf');
    crash(made, 'a');
    await made.world.elapse(beforeMs);
    expect(made.diary).toEqual(['stop b']);
    await made.world.elapse(afterMs - beforeMs + 50);
    expect(made.diary).toEqual(['stop b', 'start a', 'start b']);
  });

  it('with shutdown infinity is waited for, however long it takes, while its supervisor goes on answering', async () => {
    const made = await pair('infinity');
    made.workers.stubborn.set('b', { answersAfterMs: 3_600_000 });
    crash(made, 'a');
    await made.world.elapse(3_500_000);
    expect(made.diary).toEqual(['stop b']);
    made.kernel.post(TOP, { type: 'child.excess', address: SUP, child: 'x' });
    await made.world.settle();
    expect(made.contextOf(TOP).totals.excesses).toBe(1);
    await made.world.elapse(200_000);
    expect(made.diary).toEqual(['stop b', 'start a', 'start b']);
  });

  it.each([
    ['answers in time, and keeps the answer', { answersAfterMs: 50 }, ['answered'], 1],
    ['fails since it was aborted, and asks again', 'yields', [], 2],
    ['is cut off, and asks again', 'deaf', [], 2],
  ] as const)('to come back as it was: its call %s', async (_how, how, outcomes, calls) => {
    const made = await pair(100, RESUMES);
    made.workers.stubborn.set('b', how);
    crash(made, 'a');
    await made.world.elapse(500);
    const b = made.kernel.cells.get('b');
    expect([b?.phase, b?.checkpoint]).toEqual(['live', { phase: 'ready', outcomes }]);
    expect(made.workers.made.get('b')).toBe(calls);
  });

  it('and whose calls have all ended does not wait', async () => {
    const made = await pair(60_000);
    crash(made, 'a');
    await made.world.elapse(20);
    expect(made.diary).toEqual(['stop b', 'start a', 'start b']);
  });

  it('a late word about an earlier stop does not cut short a later one', async () => {
    const made = await pair(1_000);
    crash(made, 'a');
    await made.world.elapse(800);
    made.diary.length = 0;
    made.workers.stubborn.set('b', 'deaf');
    crash(made, 'a');
    await made.world.elapse(500);
    expect([made.diary, phaseOf(made, 'b')]).toEqual([['stop b'], 'stopping']);
    await made.world.elapse(600);
    expect(made.diary).toEqual(['stop b', 'start a', 'start b']);
  });

  it('one after the other, each in its own time', async () => {
    const made = await node();
    const children = ['a', 'b', 'c'].map((address) => holding(address, TOP, { ...RESUMES, shutdown: 100 }));
    for (const address of ['b', 'c']) made.workers.stubborn.set(address, 'deaf');
    made.start(made.supervise(TOP, { strategy: 'one-for-all', onExcess: 'escalate' }, undefined, children));
    await made.world.settle();
    made.diary.length = 0;
    crash(made, 'a');
    await made.world.elapse(99);
    expect(made.diary).toEqual(['stop c']);
    await made.world.elapse(100);
    expect(made.diary).toEqual(['stop c', 'stop b']);
    await made.world.elapse(100);
    expect(made.diary).toEqual(['stop c', 'stop b', 'start a', 'start b', 'start c']);
  });

  it('with a supervisor among the siblings: that one stops its own children first', async () => {
    const made = await node();
    const inner = made.supervise(SUP, { strategy: 'one-for-one', onExcess: 'escalate' }, TOP, [
      holding('x', SUP),
      holding('y', SUP),
    ]);
    made.start(
      made.supervise(TOP, { strategy: 'one-for-all', onExcess: 'escalate' }, undefined, [
        holding('a', TOP, RESUMES),
        inner,
        holding('c', TOP),
      ]),
    );
    await made.world.settle();
    made.diary.length = 0;
    crash(made, 'a');
    await made.world.elapse(100);
    expect(made.diary).toEqual([...['stop c', 'stop y', 'stop x'], ...['start a', 'start x', 'start y', 'start c']]);
    expect(made.contextOf(TOP).totals.restarts).toBe(1);
  });

  it.each([
    ['that has crashed itself', true],
    ['that takes longer than it may', false],
  ])('and is a supervisor %s is cut off with all below it', async (_how, crashes) => {
    const made = await node();
    const inner = made.supervise(
      SUP,
      { strategy: 'one-for-one', onExcess: 'escalate' },
      TOP,
      [holding('x', SUP, { shutdown: 'infinity' })],
      { shutdown: 200 },
    );
    made.workers.stubborn.set('x', 'deaf');
    made.start(
      made.supervise(
        TOP,
        { strategy: 'one-for-all', onExcess: 'escalate', backoff: { firstMs: 300, factor: 1, maxMs: 300, jitter: 0 } },
        undefined,
        [holding('a', TOP, RESUMES), inner],
      ),
    );
    await made.world.settle();
    made.diary.length = 0;
    crash(made, 'a');
    await made.world.settle();
    const cell = made.kernel.cells.get(SUP);
    if (crashes && cell !== undefined) made.kernel.fail(cell, new Error('a fault of the supervisor'));
    await made.world.elapse(1_000);
    expect(made.diary).toEqual(['stop x', 'start a', 'start x']);
    expect([phaseOf(made, 'x'), made.stateOf(SUP)]).toEqual(['live', 'running']);
  });
});

describe('Children that come and go', () => {
  it('cost their supervisor no message when they start and when they end well', async () => {
    const made = await node();
    const away = { firstMs: 60_000, factor: 1, maxMs: 60_000, jitter: 0 };
    const inner = made.supervise(SUP, { strategy: 'dynamic' }, TOP);
    made.start(
      made.supervise(TOP, { strategy: 'one-for-one', onExcess: 'escalate', backoff: away }, undefined, [inner]),
    );
    await made.world.settle();
    // While it is away, what is written to it stays in its mailbox.
    const cell = made.kernel.cells.get(SUP);
    if (cell !== undefined) made.kernel.fail(cell, new Error('away for a while'));
    for (const [index, restart] of (['transient', 'temporary', 'transient'] as const).entries()) {
      made.start(holding(`x${index}`, SUP, { restart, durable: index === 2 }));
      await made.world.settle();
      made.tell(`x${index}`, { type: 'finish' });
    }
    await made.world.elapse(1_000);
    expect(made.diary).toHaveLength(6);
    expect([cell?.phase, cell?.mailbox.size]).toEqual(['crashed', 0]);
    made.start(holding('y', SUP, { restart: 'transient' }));
    await made.world.settle();
    made.tell('y', { type: 'fail' });
    await made.world.elapse(1_000);
    expect(cell?.mailbox.size).toBe(1);
  });

  it('are stopped with their supervisor all at once; those that rest in the store go on without it', async () => {
    const made = await node();
    const inner = made.supervise(SUP, { strategy: 'dynamic' }, TOP);
    made.start(
      made.supervise(TOP, { strategy: 'one-for-all', onExcess: 'escalate' }, undefined, [
        holding('a', TOP, RESUMES),
        inner,
      ]),
    );
    await made.world.settle();
    made.start(...['x', 'y'].map((address) => holding(address, SUP, { shutdown: 100 })));
    made.start(holding('z', SUP, { durable: true }));
    for (const address of ['x', 'y']) made.workers.stubborn.set(address, 'deaf');
    await made.world.settle();
    made.diary.length = 0;
    crash(made, 'a');
    await made.world.elapse(50);
    expect(made.diary).toEqual(['stop x', 'stop y']);
    await made.world.elapse(100);
    expect(made.diary).toEqual(['stop x', 'stop y', 'start a']);
    expect(['x', 'y', 'z'].map((address) => phaseOf(made, address))).toEqual([undefined, undefined, 'live']);
    made.tell('z', { type: 'crash', times: { left: 1 } });
    await made.world.elapse(100);
    expect(made.contextOf(SUP).totals.restarts).toBe(1);
  });
});
