import { describe, expect, it } from 'vitest';
import type { EffectCall } from '../../runtime/effects.ts';
import { flatFactory, type FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent, EffectKind } from '../../runtime/host.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { type BareNode, createBareNode } from '../support/bare-node.ts';
import { createManualWorld, type ManualWorld } from '../support/manual-world.ts';

interface CallerState {
  readonly phase: 'on';
  readonly asked: readonly string[];
  readonly got: readonly string[];
}

interface Caller extends BareNode {
  readonly world: ManualWorld;
  /** Calls that were made: key, and whether it may have been made before. */
  readonly calls: string[];
  readonly told: string[];
  /** Outcomes whose handling crashes, counted down. */
  readonly faults: { left: number };
  /** Ends the call under this key. */
  answer(key: string, value: string): void;
  got(): readonly string[] | undefined;
}

async function caller(kind: EffectKind, disk = new MemoryDisk(), seed = 1): Promise<Caller> {
  const world = createManualWorld({ seed });
  const node = await createBareNode({ world, disk });
  const calls: string[] = [];
  const told: string[] = [];
  const faults = { left: 0 };
  const answers = new Map<string, (value: string) => void>();
  const request = (key: string, again: boolean) => ({ key, name: 'call', kind, input: undefined, again });
  const logic: FlatLogic<CallerState, undefined> = {
    name: 'caller',
    version: '1',
    initial: () => ({ phase: 'on', asked: [], got: [] }),
    restored: (state, port) => {
      for (const key of state.asked) port.effect(request(key, true));
      return state;
    },
    table: {
      on: {
        ask: (state, event: ActorEvent, port) => {
          port.effect(request(String(event['key']), false));
          return { ...state, asked: [...state.asked, String(event['key'])] };
        },
        cancel: (state, event: ActorEvent, port) => {
          port.cancelEffect(String(event['key']));
          return { ...state, asked: state.asked.filter((key) => key !== event['key']) };
        },
        'effect.done': (state, event: ActorEvent) => {
          if (faults.left-- > 0) throw new Error('cannot take it');
          return {
            ...state,
            asked: state.asked.filter((key) => key !== event['key']),
            got: [...state.got, String(event['value'])],
          };
        },
      },
    },
    final: {},
  };
  const perform = ({ key, again }: EffectCall): Promise<unknown> => {
    calls.push(again ? `${key} again` : key);
    return new Promise((resolve) => answers.set(key, resolve));
  };
  node.kernel.install({
    name: 'caller',
    factory: flatFactory(logic),
    kind: 'caller',
    lane: 'caller',
    laneLimit: 10,
    perform,
  });
  node.kernel.installSink('owner', (_address, event) => void told.push(event.type));
  return {
    ...node,
    world,
    calls,
    told,
    faults,
    answer: (key, value) => answers.get(key)?.(value),
    got: () => (node.kernel.cells.get('c')?.checkpoint as CallerState | undefined)?.got,
  };
}

function start(node: BareNode): void {
  node.kernel.startCell({
    address: 'c',
    logic: 'caller',
    input: undefined,
    supervisor: 'supervisor/none',
    owner: 'owner/1',
    restart: 'transient',
    recovery: 'resume',
    priority: 5,
    durable: true,
  });
}

/** Runs turns, but lets no commit end. */
function turnsOnly(node: Caller): void {
  node.kernel.drain();
}

describe('A call', () => {
  it.each<[EffectKind, readonly string[]]>([
    ['pure', ['k']],
    ['keyed', []],
    ['unsafe', []],
  ])('that is %s has begun before the commit of its intent: %j', async (kind, before) => {
    const node = await caller(kind);
    start(node);
    node.kernel.deliver('c', { type: 'ask', key: 'k' });
    turnsOnly(node);
    // Those that may begin do so together, behind the turns.
    await Promise.resolve();
    expect(node.calls).toEqual(before);
    await node.world.settle();
    expect(node.calls).toEqual(['k']);
    node.answer('k', 'answer');
    await node.world.settle();
    expect(node.got()).toEqual(['answer']);
    expect(node.counts.effects).toEqual(new Map([['completed', 1]]));
  });

  it('that is no longer wanted when its intent is committed is not made', async () => {
    const node = await caller('unsafe');
    start(node);
    node.kernel.deliver('c', { type: 'ask', key: 'k' });
    node.kernel.deliver('c', { type: 'cancel', key: 'k' });
    await node.world.settle();
    expect(node.calls).toEqual([]);
    node.kernel.deliver('c', { type: 'ask', key: 'k' });
    await node.world.settle();
    expect(node.calls).toEqual(['k']);
  });

  it('asked for by an actor that crashed before the commit is made once, and joined', async () => {
    const node = await caller('unsafe');
    start(node);
    await node.world.settle();
    node.kernel.deliver('c', { type: 'ask', key: 'k' });
    turnsOnly(node);
    const cell = node.kernel.cells.get('c');
    if (cell !== undefined) node.kernel.fail(cell, new Error('from aside'));
    await node.world.settle();
    expect([node.calls, node.told, cell?.restarts]).toEqual([['k'], [], 1]);
    node.answer('k', 'answer');
    await node.world.settle();
    expect(node.got()).toEqual(['answer']);
  });

  it('under way when its actor crashes goes on, and its outcome comes to the restarted one', async () => {
    const node = await caller('unsafe');
    start(node);
    node.kernel.deliver('c', { type: 'ask', key: 'k' });
    await node.world.settle();
    const cell = node.kernel.cells.get('c');
    if (cell !== undefined) node.kernel.fail(cell, new Error('from aside'));
    node.answer('k', 'answer');
    await node.world.settle();
    expect([node.calls, node.got()]).toEqual([['k'], ['answer']]);
  });

  it('is not made again because the turn that takes its outcome crashes', async () => {
    const node = await caller('keyed');
    start(node);
    node.kernel.deliver('c', { type: 'ask', key: 'k' });
    await node.world.settle();
    node.faults.left = 2;
    node.answer('k', 'answer');
    await node.world.elapse(1_000);
    expect([node.calls, node.got()]).toEqual([['k'], ['answer']]);
  });

  it.each<EffectKind>(['pure', 'keyed', 'unsafe'])(
    'that is %s and was cut off by the death of the node is asked for again, as such',
    async (kind) => {
      const node = await caller(kind);
      start(node);
      node.kernel.deliver('c', { type: 'ask', key: 'k' });
      await node.world.settle();
      node.kill();
      const again = await caller(kind, node.disk, 2);
      await again.recovery.resume(() => undefined);
      await again.world.settle();
      expect([again.calls, again.told]).toEqual([['k again'], []]);
    },
  );

  it('whose outcome was committed is not made again after the death of the node', async () => {
    const node = await caller('keyed');
    start(node);
    node.kernel.deliver('c', { type: 'ask', key: 'k' });
    await node.world.settle();
    node.faults.left = 1;
    node.answer('k', 'answer');
    await node.world.settle();
    node.kill();
    const again = await caller('keyed', node.disk, 2);
    await again.recovery.resume(() => undefined);
    await again.world.settle();
    expect([again.calls, again.got()]).toEqual([[], ['answer']]);
  });

  it('is aborted when its actor ends', async () => {
    const node = await caller('keyed');
    start(node);
    node.kernel.deliver('c', { type: 'ask', key: 'k' });
    await node.world.settle();
    expect(node.kernel.effects.busy('c')).toBe(true);
    node.kernel.stopCell('c');
    expect(node.kernel.effects.busy('c')).toBe(false);
    node.answer('k', 'late');
    await node.world.settle();
    expect(node.kernel.cells.has('c')).toBe(false);
    expect(node.kernel.effects.figures).toEqual({ running: 0, waiting: 0 });
  });
});
