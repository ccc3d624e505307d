/** Machines in cells of a real kernel, on a world that stands still: timers by the wall clock, and work that keeps one awake. */
import { type AnyStateMachine, assign, fromPromise, raise, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import type { CheckpointBody } from '../../runtime/machine-checkpoint.ts';
import { machineFactory } from '../../runtime/machine-host.ts';
import { unpackKept } from '../../runtime/machine-values.ts';
import { unpackCell } from '../../runtime/snapshots.ts';
import type { StoredCell } from '../../runtime/stores/store.ts';
import type { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { createBareNode } from '../support/bare-node.ts';
import { createManualWorld, type ManualWorld } from '../support/manual-world.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const ringing = (): AnyStateMachine =>
  setup({ types: { context: {} as { readonly rang: readonly string[] } } }).createMachine({
    context: { rang: [] },
    entry: [
      raise({ type: 'C' }, { delay: HOUR_MS }),
      raise({ type: 'A' }, { delay: HOUR_MS }),
      raise({ type: 'B' }, { delay: 2 * HOUR_MS, id: 'b' }),
      raise({ type: 'FAR' }, { delay: 26 * DAY_MS }),
    ],
    on: { '*': { actions: assign({ rang: ({ context, event }) => [...context.rang, event.type] }) } },
  });

interface Rig {
  readonly world: ManualWorld;
  readonly disk: MemoryDisk;
  /** What the machine has heard, in order. */
  rang(): Promise<readonly string[]>;
  live(address: string): boolean;
  tell(address: string, type: string): void;
  kill(): void;
}

async function rig(
  machine: () => AnyStateMachine,
  at: { readonly disk?: MemoryDisk; readonly startMs?: number } = {},
): Promise<Rig> {
  const world = createManualWorld(at.startMs === undefined ? {} : { startMs: at.startMs });
  const spec = (address: string): ChildSpec => ({
    address,
    logic: 'm',
    input: undefined,
    supervisor: 'supervisor/none',
    restart: 'permanent',
    recovery: 'resume',
    priority: 5,
    durable: true,
  });
  const node = await createBareNode({
    world,
    specOf: (address) => (address.startsWith('agent/') ? spec(address) : undefined),
    residentMax: 1,
    ...(at.disk !== undefined && { disk: at.disk }),
  });
  const factory = machineFactory(machine(), { logicId: 'm', logicVersion: '1', world });
  node.kernel.install({
    name: 'm',
    factory,
    kind: 'agent',
    lane: 'm',
    laneLimit: 1,
    perform: async () => await new Promise(() => {}),
  });
  const stored = async (): Promise<StoredCell> => (await node.store.readCell('agent/m')) as StoredCell;
  const resuming = node.recovery.resume(() => undefined);
  await world.settle();
  await resuming;
  return {
    world,
    disk: node.disk,
    rang: async () => {
      // One that waits for long leaves memory.
      const kept = node.kernel.cells.get('agent/m')?.checkpoint ?? unpackCell((await stored()).head).body;
      const [, , [, , machine]] = unpackKept(kept as Uint8Array) as [number, boolean, CheckpointBody];
      return (machine[2] as { readonly rang: readonly string[] }).rang;
    },
    live: (address) => node.kernel.cells.has(address),
    tell: (address, type) => node.kernel.deliver(address, { type }),
    kill: () => node.kill(),
  };
}

describe('Delayed events of a machine in its cell', () => {
  it('fire once, in the order in which those of one moment were sent, over the death of the node too', async () => {
    const first = await rig(ringing);
    first.tell('agent/m', 'GO');
    await first.world.elapse(HOUR_MS - 1);
    expect(await first.rang()).toEqual(['GO']);
    first.kill();
    const again = await rig(ringing, { disk: first.disk, startMs: first.world.nowMs() });
    expect(await again.rang()).toEqual(['GO']);
    await again.world.elapse(1);
    expect(await again.rang()).toEqual(['GO', 'C', 'A']);
    again.kill();
    const overdue = await rig(ringing, { disk: again.disk, startMs: again.world.nowMs() + 5 * DAY_MS });
    await overdue.world.elapse(1);
    expect(await overdue.rang()).toEqual(['GO', 'C', 'A', 'B']);
    await overdue.world.elapse(20 * DAY_MS);
    expect(await overdue.rang()).toEqual(['GO', 'C', 'A', 'B']);
    await overdue.world.elapse(DAY_MS);
    expect(await overdue.rang()).toEqual(['GO', 'C', 'A', 'B', 'FAR']);
  });

  it.each([
    ['an hour', HOUR_MS],
    ['a day', DAY_MS],
  ])(
    'are never early where the wall clock is set back by %s, and fire within a minute where it is set forward',
    async (_, jumpMs) => {
      const back = await rig(ringing);
      back.tell('agent/m', 'GO');
      await back.world.settle();
      back.world.setWallClock(back.world.nowMs() - jumpMs);
      await back.world.elapse(HOUR_MS + jumpMs - 1);
      expect(await back.rang()).toEqual(['GO']);
      await back.world.elapse(60_001);
      expect(await back.rang()).toEqual(['GO', 'C', 'A']);
      const forward = await rig(ringing);
      forward.tell('agent/m', 'GO');
      await forward.world.settle();
      forward.world.setWallClock(forward.world.nowMs() + jumpMs);
      await forward.world.elapse(60_000);
      expect((await forward.rang()).slice(0, 3)).toEqual(['GO', 'C', 'A']);
      await forward.world.elapse(3 * HOUR_MS);
      expect(await forward.rang()).toEqual(['GO', 'C', 'A', 'B']);
    },
  );
});

describe('A keyed machine with work under way', () => {
  const waiting = (invoke: object) => (): AnyStateMachine =>
    setup({ actors: { never: fromPromise(() => new Promise(() => {})) } }).createMachine({
      initial: 'idle',
      states: { idle: { on: { GO: 'busy' } }, busy: { invoke, on: { STOP: 'idle' } } },
    } as never) as unknown as AnyStateMachine;

  it.each([
    ['a promise', { src: 'never', onError: 'idle' }],
    ['a call', { src: 'effect', input: { name: 'x' }, onError: 'idle' }],
  ])('stays in memory, and is there at once after the death of the node: %s', async (_, invoke) => {
    const first = await rig(waiting(invoke));
    first.tell('agent/m', 'GO');
    await first.world.settle();
    for (const other of ['b', 'c', 'd']) first.tell(`agent/${other}`, 'NOTHING');
    await first.world.settle();
    expect(first.live('agent/m')).toBe(true);
    expect(first.live('agent/b')).toBe(false);
    first.kill();
    const again = await rig(waiting(invoke), { disk: first.disk });
    expect(again.live('agent/m')).toBe(true);
    expect(again.live('agent/d')).toBe(false);
  });
});
