import { describe, expect, it } from 'vitest';
import { Asks } from '../../actors/asks.ts';
import { Families, type FamilyStart, familySupervisor, flatFamily } from '../../actors/family.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { createBareNode } from '../support/bare-node.ts';
import { settled } from '../support/indoor-node.ts';
import { createManualWorld } from '../support/manual-world.ts';

interface TallyState {
  readonly phase: 'open';
  readonly of: string;
  readonly count: number;
}

const tally: FlatLogic<TallyState, FamilyStart> = {
  name: 'tally',
  version: '1',
  initial: ({ parts }) => ({ phase: 'open', of: parts.join(' and '), count: 0 }),
  table: {
    open: {
      add: (state) => ({ ...state, count: state.count + 1 }),
      read: (state, event: ActorEvent, port) => {
        port.send(event['replyTo'] as string, { type: 'tally', of: state.of, count: state.count });
        return state;
      },
      refuse: (state, event: ActorEvent, port) => {
        const error = { code: 'FORBIDDEN', message: 'Not you.', retryable: false };
        port.send(event['replyTo'] as string, { type: 'rejected', error });
        return state;
      },
      list: (state, _event, port) => {
        port.define({ kind: 'state', name: state.of, version: '1', body: { count: state.count } });
        return state;
      },
    },
  },
  final: {},
};

async function tallyNode(disk?: MemoryDisk) {
  const world = createManualWorld();
  const families = new Families([flatFamily(tally, 2)]);
  const node = await createBareNode({
    world,
    specOf: (address) => families.specOf(address),
    ...(disk !== undefined && { disk }),
  });
  for (const logic of families.logics) node.kernel.install(logic);
  await settled(
    world,
    node.recovery.resume(() => undefined),
  );
  const asks = new Asks(node.kernel);
  const ask = (address: string, type: string) =>
    settled(world, asks.ask({ address, event: { type }, timeoutMs: 1_000 }));
  return { ...node, world, families, asks, ask };
}

describe('A family of actors', () => {
  it('has an actor for each address of its kind with as many parts as it says, and for no other', () => {
    const families = new Families([flatFamily(tally, 2)]);
    expect(families.specOf('tally/a/b')).toMatchObject({
      address: 'tally/a/b',
      logic: 'tally',
      input: { parts: ['a', 'b'] },
      supervisor: familySupervisor('tally'),
      restart: 'permanent',
      durable: true,
    });
    for (const other of ['tally/a', 'tally/a/b/c', 'tally//b', 'other/a/b', 'tally', '', 'tally/%61/b'])
      expect(families.specOf(other), other).toBeUndefined();
  });

  it('makes an actor by its first message, and gives what is in its address to it decoded', async () => {
    const { ask } = await tallyNode();
    expect(await ask('tally/caf%C3%A9/x%2Fy', 'read')).toEqual({ of: 'café and x/y', count: 0 });
  });

  it('keeps its actors over the death of the process', async () => {
    const first = await tallyNode();
    first.kernel.deliver('tally/a/b', { type: 'add' });
    first.kernel.deliver('tally/a/b', { type: 'list' });
    await settled(first.world, first.committer.committed());
    first.kill();
    const second = await tallyNode(first.disk);
    expect(await second.ask('tally/a/b', 'read')).toEqual({ of: 'a and b', count: 1 });
    expect(await settled(second.world, second.store.definitions('state'))).toEqual([
      { kind: 'state', name: 'a and b', version: '1', body: { count: 1 } },
    ]);
  });
});

describe('A question', () => {
  it('fails with what it is rejected with', async () => {
    const { ask } = await tallyNode();
    await expect(ask('tally/a/b', 'refuse')).rejects.toMatchObject({ code: 'FORBIDDEN', message: 'Not you.' });
  });

  it('ends after its time, and what is answered later is a dead letter', async () => {
    const { asks, world, kernel, counts } = await tallyNode();
    kernel.pause(true);
    const asked = asks.ask({ address: 'tally/a/b', event: { type: 'read' }, timeoutMs: 1_000, who: 'the tally' });
    const outcome = asked.catch((error: unknown) => error);
    await world.elapse(1_001);
    expect(await outcome).toMatchObject({
      code: 'TIMEOUT',
      message: 'the tally did not answer within 1000 ms. The message may still be handled.',
    });
    kernel.pause(false);
    await world.settle();
    expect(counts.deadLetters.get('no_asker')).toBe(1);
  });

  it('ends when its signal says so', async () => {
    const { asks, world } = await tallyNode();
    const leaving = new AbortController();
    const asked = asks.ask({
      ...{ address: 'tally/a/b', event: { type: 'nothing answers this' }, timeoutMs: 1_000 },
      signal: leaving.signal,
    });
    const outcome = asked.catch((error: unknown) => error);
    await world.settle();
    leaving.abort(new Error('gone'));
    expect(await outcome).toMatchObject({ message: 'gone' });
  });

  it('is refused where there is nobody to ask', async () => {
    const { ask } = await tallyNode();
    await expect(ask('nobody/a', 'read')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
