/** Whose restarts count where: those of supervisors, of the root, and of cells that have no supervisor. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holding, installHolding } from '../support/holding-worker.ts';
import { createSupervised, type Supervised, worker } from '../support/supervised.ts';
import { book, hasRoom, type RestartWindow } from '../../supervisors/intensity.ts';
import { careForOrphans } from '../../supervisors/orphans.ts';
import { POLICIES, startTree } from '../../supervisors/tree.ts';

const TOP = 'supervisor/top';
const MIDDLE = 'supervisor/middle';
const LOW = 'supervisor/low';

function failCell(node: Supervised, address: string): void {
  const cell = node.kernel.cells.get(address);
  if (cell !== undefined) node.kernel.fail(cell, new Error('a fault of its own'));
}

async function grow(): Promise<Supervised> {
  const node = await createSupervised();
  startTree({
    kernel: node.kernel,
    world: node.world,
    log: node.kernel.log,
    onRootExhausted: (error) => void node.exhausted.push(error),
    onSessionCrashed: () => undefined,
  });
  await node.world.settle();
  return node;
}

describe('A supervisor that crashes itself', () => {
  it('costs its own supervisor a restart each time, up to the end', async () => {
    const node = await createSupervised();
    const inner = node.supervise(MIDDLE, { strategy: 'one-for-one', onExcess: 'escalate' }, TOP);
    const policy = { strategy: 'one-for-one', onExcess: 'escalate', intensity: 2, periodMs: 60_000 } as const;
    node.start(node.supervise(TOP, policy, undefined, [inner]));
    for (let times = 1; times <= 2; times++) {
      await node.world.elapse(1_000);
      failCell(node, MIDDLE);
      await node.world.settle();
      expect(node.contextOf(TOP).window).toHaveLength(times);
    }
    await node.world.elapse(1_000);
    expect([node.exhausted.length, node.kernel.cells.get(MIDDLE)?.phase]).toEqual([0, 'live']);
    failCell(node, MIDDLE);
    await node.world.elapse(1_000);
    expect([node.exhausted.length, node.kernel.cells.has(MIDDLE)]).toEqual([1, false]);
  });
});

describe('The root', () => {
  it('that crashes itself comes back as often as its policy allows, then the node must end', async () => {
    const node = await grow();
    for (const expected of [0, 0, 1]) {
      failCell(node, 'supervisor/root');
      await node.world.elapse(5_000);
      expect(node.exhausted).toHaveLength(expected);
    }
    expect(node.exhausted[0]?.message).toContain('supervisor/root crashed itself more than 2 times in 60000 ms');
  });

  it('has its crashes forgotten by time alone', async () => {
    const node = await grow();
    for (let round = 0; round < 10; round++) {
      failCell(node, 'supervisor/root');
      await node.world.elapse(31_000);
      expect(node.kernel.cells.get('supervisor/root')?.phase).toBe('live');
    }
    expect(node.exhausted).toEqual([]);
  });

  it('keeps its tree while it is away: what crashes meanwhile waits', async () => {
    const node = await grow();
    failCell(node, 'supervisor/root');
    failCell(node, 'supervisor/tasks');
    await node.world.elapse(5_000);
    expect(['supervisor/root', 'supervisor/tasks'].map((address) => node.kernel.cells.get(address)?.phase)).toEqual([
      'live',
      'live',
    ]);
  });
});

describe('A cell that has no supervisor', () => {
  it('is restarted within the budget of all such cells, then given up', async () => {
    const node = await grow();
    node.start(worker('stray', 'supervisor/nobody'));
    await node.world.settle();
    // As soon as it is back: time that it waits does not make room.
    for (let round = 0; round < 3_000 && node.kernel.cells.has('stray'); round++) {
      failCell(node, 'stray');
      await node.world.elapse(100);
    }
    expect(node.kernel.cells.has('stray')).toBe(false);
    expect(node.diary.filter((line) => line === 'restore stray').length).toBe(20);
    expect(node.exhausted).toEqual([]);
  });

  it('because that one is about to be made anew waits for it', async () => {
    const node = await createSupervised();
    installHolding(node);
    const { kernel, world } = node;
    const { root: rootPolicy, orphans: policy } = POLICIES;
    careForOrphans({ kernel, world, log: kernel.log, root: TOP, rootPolicy, policy, onRootExhausted: () => undefined });
    const gentle = { firstMs: 1_000, factor: 1, maxMs: 1_000, jitter: 0 };
    const inner = node.supervise(MIDDLE, { strategy: 'dynamic' }, TOP);
    node.start(
      node.supervise(TOP, { strategy: 'one-for-all', onExcess: 'escalate', backoff: gentle }, undefined, [
        holding('a', TOP),
        inner,
      ]),
    );
    await node.world.settle();
    node.start(worker('child', MIDDLE));
    await node.world.settle();
    node.tell('a', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(100);
    expect(node.kernel.cells.has(MIDDLE)).toBe(false);
    node.tell('child', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(3_000);
    expect([node.kernel.cells.get('child')?.phase, node.contextOf(MIDDLE).totals.restarts]).toEqual(['live', 1]);
  });
});

describe('An escalation', () => {
  it('goes up step by step: each supervisor stops its children, ends, and costs the one above a restart', async () => {
    const node = await createSupervised();
    installHolding(node);
    const strict = { strategy: 'one-for-one', intensity: 1, periodMs: 3_600_000, onExcess: 'escalate' } as const;
    const low = node.supervise(LOW, strict, MIDDLE, [holding('x', LOW), holding('y', LOW)]);
    const middle = node.supervise(MIDDLE, strict, TOP, [holding('m', MIDDLE), low]);
    node.start(node.supervise(TOP, strict, undefined, [holding('t', TOP), middle]));
    await node.world.settle();
    const crash = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time++) {
        node.tell('y', { type: 'crash', times: { left: 1 } });
        await node.world.elapse(1_000);
      }
    };
    node.diary.length = 0;
    await crash(2);
    expect(node.diary).toEqual([...['stop y', 'start y'], ...['stop y', 'stop x', 'start x', 'start y']]);
    expect([MIDDLE, TOP].map((address) => node.contextOf(address).totals.restarts)).toEqual([1, 0]);
    node.diary.length = 0;
    await crash(2);
    expect(node.diary.slice(2)).toEqual([...['stop y', 'stop x', 'stop m'], ...['start m', 'start x', 'start y']]);
    expect([MIDDLE, TOP].map((address) => node.contextOf(address).totals.restarts)).toEqual([0, 1]);
    await crash(4);
    expect(node.exhausted).toHaveLength(1);
    expect([...node.kernel.cells.keys()]).toEqual([TOP]);
  });

  it('of a transient supervisor ends there: its end is a shutdown, after which a transient child stays away', async () => {
    const node = await createSupervised();
    installHolding(node);
    const strict = { strategy: 'one-for-one', intensity: 0, onExcess: 'escalate' } as const;
    const inner = node.supervise(MIDDLE, strict, TOP, [holding('x', MIDDLE)], { restart: 'transient' });
    node.start(
      node.supervise(TOP, { strategy: 'one-for-one', onExcess: 'escalate' }, undefined, [inner, holding('t', TOP)]),
    );
    await node.world.settle();
    node.tell('x', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(1_000);
    expect([...node.kernel.cells.keys()]).toEqual([TOP, 't']);
    expect(node.contextOf(TOP).totals.restarts).toBe(0);
  });

  it('of a significant supervisor ends the one above', async () => {
    const node = await createSupervised();
    installHolding(node);
    const strict = { strategy: 'one-for-one', intensity: 0, onExcess: 'escalate' } as const;
    const low = node.supervise(LOW, strict, MIDDLE, [holding('x', LOW)], { restart: 'transient', significant: true });
    const middle = node.supervise(
      MIDDLE,
      { strategy: 'one-for-one', onExcess: 'escalate', autoShutdown: 'all-significant' },
      TOP,
      [low, holding('m', MIDDLE)],
    );
    node.start(node.supervise(TOP, { strategy: 'one-for-one', onExcess: 'escalate' }, undefined, [middle]));
    await node.world.settle();
    node.diary.length = 0;
    node.tell('x', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(1_000);
    // It is permanent itself, so that it is made anew, and counts.
    expect(node.diary).toEqual(['stop x', 'stop m', 'start x', 'start m']);
    expect(node.contextOf(TOP).totals.restarts).toBe(1);
  });
});

describe('A window of restarts', () => {
  /** The rule in OTP's words, without any bookkeeping: look at all restarts there ever were. */
  function naive(restarts: readonly number[], intensity: number, periodMs: number, nowMs: number): boolean {
    return restarts.filter((atMs) => nowMs - atMs <= periodMs).length < intensity;
  }

  it('allows what a list of all restarts allows, whatever is asked of it and when', () => {
    fc.assert(
      fc.property(
        fc.nat(8),
        fc.integer({ min: 1, max: 500 }),
        fc.array(fc.record({ afterMs: fc.nat(200), child: fc.constantFrom('a', 'b', 'c') }), { maxLength: 120 }),
        (intensity, periodMs, crashes) => {
          const limits = { intensity, periodMs };
          const all: number[] = [];
          let window: RestartWindow = [];
          let nowMs = 0;
          for (const { afterMs, child } of crashes) {
            nowMs += afterMs;
            const isAllowed = naive(all, intensity, periodMs, nowMs);
            expect(hasRoom(window, limits, nowMs)).toBe(isAllowed);
            if (!isAllowed) continue;
            all.push(nowMs);
            window = book(window, limits, nowMs, child, 0);
            expect(window.length).toBeLessThanOrEqual(intensity);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
