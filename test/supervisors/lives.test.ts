/** What a restart starts from: `resume` goes on, `reset` begins another life that finds nothing of the one before. */
import { describe, expect, it } from 'vitest';
import { flatFactory, type FlatLogic } from '../../runtime/flat-logic.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import { createSupervised, type Supervised, worker } from '../support/supervised.ts';

const TOP = 'supervisor/top';

describe('Siblings that are restarted with the child that crashed', () => {
  const GENTLE = { firstMs: 200, factor: 1, maxMs: 200, jitter: 0 };

  async function family(durable: boolean, seed = 1, disk?: Supervised['disk']): Promise<Supervised> {
    const node = await createSupervised({ seed, ...(disk !== undefined && { disk }) });
    const children = [
      worker('a', TOP, { durable, restart: 'permanent' }),
      worker('b', TOP, { durable, restart: 'permanent' }),
      worker('c', TOP, { durable, restart: 'permanent', recovery: 'reset' }),
    ];
    node.start(
      node.supervise(TOP, { strategy: 'one-for-all', onExcess: 'escalate', backoff: GENTLE }, undefined, children),
    );
    return node;
  }

  const work = (node: Supervised, name: string): void => {
    for (const address of ['a', 'b', 'c']) node.tell(address, { type: 'work', name });
  };
  const handled = (node: Supervised) => ['a', 'b', 'c'].map((address) => node.handled(address));

  it.each([true, false])(
    'come back each by its own recovery, with the mail that came meanwhile (durable: %s)',
    async (durable) => {
      const node = await family(durable);
      await node.world.settle();
      work(node, 'first');
      await node.world.settle();
      node.tell('a', { type: 'crash', times: { left: 1 } });
      await node.world.elapse(100);
      expect(['a', 'b', 'c'].map((address) => node.kernel.cells.get(address)?.phase)).toEqual([
        'crashed',
        'crashed',
        'crashed',
      ]);
      work(node, 'second');
      await node.world.elapse(300);
      expect(handled(node)).toEqual([['first', 'crash', 'second'], ['first', 'second'], ['second']]);
    },
  );

  it('are there again when the node dies in between, with what was committed', async () => {
    const node = await family(true);
    await node.world.settle();
    work(node, 'first');
    node.tell('a', { type: 'crash', times: { left: 1 } });
    await node.world.elapse(100);
    node.kill();
    const again = await family(true, 2, node.disk);
    await again.recovery.resume(() => undefined);
    await again.world.elapse(1_000);
    expect(handled(again).map((names) => names?.[0])).toEqual(['first', 'first', 'first']);
    expect(['a', 'b', 'c'].map((address) => again.kernel.cells.get(address)?.phase)).toEqual(['live', 'live', 'live']);
  });
});

interface CallerState {
  readonly phase: 'ready' | 'done';
  readonly heard: readonly string[];
}

/** Calls under the same key in each life, keeps rows, sets timers, owns others; `crash` {times}. */
const callerLogic: FlatLogic<CallerState, string> = {
  name: 'caller',
  version: '1',
  initial: (_input, port) => {
    port.effect({ key: 'call', name: 'call', kind: 'keyed', input: undefined, again: false });
    return { phase: 'ready', heard: [...port.attached().keys()].filter((key) => !key.startsWith('\0')) };
  },
  restored: (state, port) => {
    if (state.heard.length === 0)
      port.effect({ key: 'call', name: 'call', kind: 'keyed', input: undefined, again: true });
    return state;
  },
  table: {
    ready: {
      keep: (state, { key }: { readonly key: string }, port) => {
        port.attach(key, 'kept');
        port.setTimer('later', port.nowMs() + 500);
        return state;
      },
      adopt: (state, { spec }: { readonly spec: ChildSpec }, port) => {
        port.startChild(spec);
        return state;
      },
      crash: (state, { times }: { readonly times: { left: number } }) => {
        if (times.left-- <= 0) return state;
        throw new Error('crashed on demand');
      },
      work: (state, { name }: { readonly name: string }) => ({ ...state, heard: [...state.heard, name] }),
      'timer.later': (state) => ({ ...state, heard: [...state.heard, 'timer'] }),
      'child.done': (state) => ({ ...state, heard: [...state.heard, 'child'] }),
      'effect.done': (state, { value }: { readonly value: unknown }) => ({
        ...state,
        heard: [...state.heard, String(value)],
      }),
      'effect.failed': (state) => ({ ...state, heard: [...state.heard, 'failed'] }),
    },
    done: {},
  },
  final: { done: () => ({ output: undefined }) },
};

interface Calling extends Supervised {
  /** The calls made so far: their life, whether they are aborted, and their answers. */
  readonly calls: { readonly life: number; readonly signal: AbortSignal; answer(value: string): void }[];
}

async function calling(recovery: 'resume' | 'reset', disk?: Supervised['disk']): Promise<Calling> {
  const node = await createSupervised({ seed: disk === undefined ? 1 : 2, ...(disk !== undefined && { disk }) });
  const calls: Calling['calls'] = [];
  node.kernel.install({
    name: 'caller',
    factory: flatFactory(callerLogic),
    kind: 'caller',
    lane: 'caller',
    laneLimit: 10,
    perform: ({ life, signal }) => new Promise((resolve) => void calls.push({ life, signal, answer: resolve })),
  });
  node.start(node.supervise(TOP, {}));
  if (disk === undefined) node.start(worker('a', TOP, { logic: 'caller', recovery }));
  await node.world.settle();
  return { ...node, calls };
}

const heard = ({ kernel }: Supervised) => (kernel.cells.get('a')?.checkpoint as CallerState | undefined)?.heard;
const crash = (node: Supervised): void => node.tell('a', { type: 'crash', times: { left: 1 } });

describe('A life that begins again', () => {
  it('makes its own call under the same key; that of the life before is aborted, and its answer is nobody’s', async () => {
    const node = await calling('reset');
    crash(node);
    await node.world.elapse(100);
    expect(node.calls.map(({ life, signal }) => [life, signal.aborted])).toEqual([
      [0, true],
      [1, false],
    ]);
    node.calls[0]?.answer('of the first life');
    await node.world.settle();
    expect(heard(node)).toEqual([]);
    node.calls[1]?.answer('of the second life');
    await node.world.settle();
    expect(heard(node)).toEqual(['of the second life']);
  });

  it('does not get an outcome that the life before was owed', async () => {
    const node = await calling('reset');
    crash(node);
    await node.world.settle();
    node.calls[0]?.answer('of the first life');
    await node.world.elapse(100);
    expect([node.calls.length, heard(node)]).toEqual([2, []]);
  });

  it('finds no rows and no timers of the life before, and ends whom that one owned; its mail stays', async () => {
    const node = await calling('reset');
    node.tell('a', { type: 'keep', key: 'row' });
    node.tell('a', { type: 'adopt', spec: worker('child', TOP, { owner: 'a' }) });
    await node.world.settle();
    crash(node);
    node.tell('a', { type: 'work', name: 'still asked for' });
    await node.world.elapse(2_000);
    expect([heard(node), node.kernel.cells.has('child')]).toEqual([['still asked for'], false]);
  });

  it('is counted over the death of the node', async () => {
    const node = await calling('reset');
    crash(node);
    await node.world.elapse(100);
    crash(node);
    await node.world.elapse(100);
    node.kill();
    const again = await calling('reset', node.disk);
    await again.recovery.resume(() => undefined);
    await again.world.elapse(10);
    expect(again.kernel.cells.get('a')?.life).toBe(2);
    expect(again.calls.map(({ life }) => life)).toEqual([2]);
  });
});

describe('A life that goes on', () => {
  it('joins its call that is under way, and gets an outcome that came meanwhile', async () => {
    const node = await calling('resume');
    crash(node);
    await node.world.settle();
    node.calls[0]?.answer('kept');
    await node.world.elapse(100);
    expect([node.calls.length, node.calls[0]?.signal.aborted, heard(node)]).toEqual([1, false, ['kept']]);
  });
});
