import { describe, expect, it } from 'vitest';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { createBareNode } from '../support/bare-node.ts';
import { createManualWorld, type ManualWorld } from '../support/manual-world.ts';

const SPEC: ChildSpec = {
  address: 'clerk/1',
  logic: 'clerk',
  input: null,
  supervisor: 'none',
  restart: 'permanent',
  recovery: 'resume',
  priority: 5,
  durable: true,
};
const LINES_MAX = 3;

interface ClerkState {
  readonly phase: 'on';
  readonly heard: readonly string[];
}

/** Writes down what it hears, turn by turn. It can wait for `news`. */
const clerk = (turns: string[]): FlatLogic<ClerkState, null> => {
  const hear = (state: ClerkState, event: ActorEvent): ClerkState => {
    const lines = event['lines'] as readonly string[];
    turns.push(`${event.type} ${lines.join(',')}`);
    if (lines.includes('bad') && turns.filter((turn) => turn.includes('bad')).length === 1) throw new Error('bad news');
    return { ...state, heard: [...state.heard, ...lines] };
  };
  return {
    name: 'clerk',
    version: '1',
    initial: () => ({ phase: 'on', heard: [] }),
    table: { on: { news: hear, order: hear } },
    final: {},
    patience: {
      allows: ({ type }) => type === 'news',
      join: (first, second) => {
        const lines = first['lines'] as readonly string[];
        return lines.length < LINES_MAX
          ? { type: 'news', lines: [...lines, ...(second['lines'] as string[])] }
          : undefined;
      },
    },
  };
};

async function node(world: ManualWorld = createManualWorld(), disk = new MemoryDisk()) {
  const turns: string[] = [];
  const specOf = (address: string): ChildSpec | undefined => (address === SPEC.address ? SPEC : undefined);
  const bare = await createBareNode({ world, disk, specOf });
  bare.installFlat(clerk(turns));
  const { kernel } = bare;
  const post = (type: 'news' | 'order', ...lines: string[]): void =>
    kernel.act((port) => port.send(SPEC.address, { type, lines }));
  const heard = (): readonly string[] | undefined =>
    (kernel.cells.get(SPEC.address)?.checkpoint as ClerkState | undefined)?.heard;
  return { ...bare, turns, world, disk, post, heard };
}

async function started() {
  const rig = await node();
  await rig.recovery.resume(() => undefined);
  rig.kernel.act((port) => port.startChild(SPEC));
  await rig.world.settle();
  return rig;
}

describe('News that an actor can wait for', () => {
  it('are handled in one turn, right before the commit that holds them', async () => {
    const { kernel, world, post, turns, heard } = await started();
    post('news', 'a');
    kernel.drain();
    post('news', 'b');
    kernel.drain();
    expect(turns).toEqual([]);
    await world.settle();
    expect([turns, heard()]).toEqual([['news a,b'], ['a', 'b']]);
  });

  it('do not hold up what cannot wait, and keep their order with it', async () => {
    const { kernel, world, post, turns } = await started();
    post('news', 'a');
    post('news', 'b');
    post('order', 'c');
    post('news', 'd');
    kernel.drain();
    expect(turns).toEqual(['news a,b', 'order c', 'news d']);
    await world.settle();
    expect(turns).toHaveLength(3);
  });

  it('are not added to without end', async () => {
    const { world, post, turns } = await started();
    for (const line of ['a', 'b', 'c', 'd', 'e']) post('news', line);
    await world.settle();
    expect(turns).toEqual(['news a,b,c', 'news d,e']);
  });

  it('are heard by whoever comes after one who died right after the commit', async () => {
    const { world, disk, post, kill, heard } = await started();
    post('news', 'a');
    post('news', 'b');
    await world.settle();
    expect(heard()).toEqual(['a', 'b']);
    kill();
    const next = await node(createManualWorld(), disk);
    await next.recovery.resume(() => undefined);
    next.kernel.rouse(SPEC.address);
    await next.world.settle();
    expect(next.heard()).toEqual(['a', 'b']);
  });

  it('come again when their turn has crashed, like any message', async () => {
    const { world, post, turns, heard } = await started();
    post('news', 'bad');
    post('news', 'b');
    await world.settle();
    expect([turns, heard()]).toEqual([
      ['news bad,b', 'news bad,b'],
      ['bad', 'b'],
    ]);
  });

  it('that came while no turn could run are handled when turns go on', async () => {
    const { kernel, world, post, turns } = await started();
    kernel.pause(true);
    post('news', 'a');
    await world.settle();
    expect(turns).toEqual([]);
    kernel.pause(false);
    await world.settle();
    expect(turns).toEqual(['news a']);
  });

  it('are handled at once by an actor that is in no commit', async () => {
    const { kernel, world, turns } = await started();
    kernel.act((port) => port.startChild({ ...SPEC, address: 'clerk/volatile', durable: false }));
    await world.settle();
    kernel.act((port) => port.send('clerk/volatile', { type: 'news', lines: ['a'] }));
    kernel.drain();
    expect(turns).toEqual(['news a']);
  });

  it('of an actor that has ended meanwhile are nobody’s', async () => {
    const { kernel, world, post, turns } = await started();
    post('news', 'a');
    kernel.act((port) => port.stopChild(SPEC.address));
    await world.settle();
    expect(turns).toEqual([]);
  });
});
