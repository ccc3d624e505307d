import { describe, expect, it } from 'vitest';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { createBareNode } from '../support/bare-node.ts';
import { createManualWorld } from '../support/manual-world.ts';

interface State {
  readonly phase: 'on';
  readonly held: unknown;
  readonly heard: readonly string[];
}

const UNREADABLE = {
  get value(): never {
    throw new Error('nobody may read this');
  },
};

/** Holds what it is given, and remembers the ends of those that it has started. */
const holder: FlatLogic<State, null> = {
  name: 'holder',
  version: '1',
  initial: () => ({ phase: 'on', held: null, heard: [] }),
  table: {
    on: {
      hold: (state, event: ActorEvent) => ({ ...state, held: event['what'] }),
      start: (state, event: ActorEvent, port) => {
        port.startChild(event['spec'] as ChildSpec);
        return state;
      },
      'child.failed': (state, event: ActorEvent) => ({
        ...state,
        heard: [...state.heard, `${String(event['address'])}: ${(event['error'] as { message: string }).message}`],
      }),
    },
  },
  final: {},
};

const spec = (address: string, more: Partial<ChildSpec> = {}): ChildSpec => ({
  ...{ address, logic: 'holder', input: null, supervisor: 'none', recovery: 'resume', priority: 5, durable: true },
  restart: 'permanent',
  ...more,
});

async function node(disk = new MemoryDisk()) {
  const world = createManualWorld();
  const specOf = (address: string): ChildSpec => spec(address);
  const bare = await createBareNode({ world, disk, specOf });
  bare.installFlat(holder);
  await bare.recovery.resume(() => undefined);
  const stateOf = (address: string): State | undefined => bare.kernel.cells.get(address)?.checkpoint as State;
  const tell = (to: string, event: ActorEvent): void => bare.kernel.act((port) => port.send(to, event));
  return { ...bare, world, disk, stateOf, tell };
}

describe('An actor that cannot be written', () => {
  it('has failed, and its owner hears of it in the same commit; nobody else is harmed', async () => {
    const { world, kernel, stateOf, tell, store, fatal, log } = await node();
    tell('owner', { type: 'start', spec: spec('child', { owner: 'owner', restart: 'transient' }) });
    await world.settle();
    expect((await store.readCell('child'))?.head).toBeDefined();
    tell('child', { type: 'hold', what: UNREADABLE });
    tell('other', { type: 'hold', what: 'a thing' });
    await world.settle();
    expect(kernel.cells.has('child')).toBe(false);
    expect(await store.readCell('child')).toBeUndefined();
    expect(stateOf('owner')?.heard).toEqual(['child: nobody may read this']);
    expect(stateOf('other')?.held).toBe('a thing');
    expect(fatal).toEqual([]);
    expect(log.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'An actor cannot be kept; it ends.', fields: { actor: 'child' } },
    ]);
  });

  it('goes on from what was written last with its next message, where it lives for its key', async () => {
    const { world, kernel, stateOf, tell } = await node();
    tell('key', { type: 'hold', what: 'the first' });
    await world.settle();
    tell('key', { type: 'hold', what: UNREADABLE });
    await world.settle();
    expect(kernel.cells.has('key')).toBe(false);
    tell('key', { type: 'nothing' });
    await world.settle();
    expect(stateOf('key')?.held).toBe('the first');
  });
});
