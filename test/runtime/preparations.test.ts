import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import { flatFactory, type FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { type BareNode, type BareNodeOptions, createBareNode } from '../support/bare-node.ts';
import { createManualWorld, type ManualWorld } from '../support/manual-world.ts';

interface SlowState {
  readonly phase: 'on' | 'off';
  /** What was handled, each with what its turn was prepared with. */
  readonly seen: readonly string[];
}

/** A turn that waits to be prepared. */
interface Asked {
  readonly what: string;
  readonly signal: AbortSignal;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

const see = (state: SlowState, event: ActorEvent, port: CellPort): SlowState => {
  const what = `${event.type} ${String(port.prepared)}`;
  if (event.type === 'timed') port.setTimer('t', port.nowMs() + 1_000);
  if (event.type === 'untimed') port.clearTimer('t');
  return { ...state, seen: [...state.seen, what] };
};
const slow: FlatLogic<SlowState, unknown> = {
  ...{ name: 'slow', version: '1' },
  initial: (_input, port) => ({ phase: 'on', seen: [`begins ${String(port.prepared)}`] }),
  table: {
    on: {
      ...{ a: see, b: see, c: see, timed: see, untimed: see, 'timer.t': see },
      off: (state) => ({ ...state, phase: 'off' }),
    },
    off: {},
  },
  final: { off: ({ seen }) => ({ output: seen }) },
};

const SPEC: ChildSpec = {
  ...{ address: 'slow/1', logic: 'slow', input: undefined, supervisor: 'supervisor/none' },
  ...{ restart: 'transient', recovery: 'resume', priority: 5, durable: true },
};

interface Stage extends BareNode {
  readonly world: ManualWorld;
  readonly asked: Asked[];
  seen(): readonly string[] | undefined;
  tell(...types: readonly string[]): void;
  /** Lets the oldest turn that waits be prepared. */
  ready(value: unknown): Promise<void>;
}

async function stage(options: Partial<BareNodeOptions> = {}): Promise<Stage> {
  const world = createManualWorld();
  const node = await createBareNode({ world, ...options });
  const { kernel } = node;
  const asked: Asked[] = [];
  kernel.install({
    ...{ name: 'slow', kind: 'slow', lane: 'slow', laneLimit: 1, factory: flatFactory(slow) },
    prepare: (_cell, envelope, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const what = envelope.kind === 'event' ? envelope.event.type : envelope.kind;
      asked.push({ what, signal, resolve, reject });
      return promise;
    },
  });
  return {
    ...node,
    ...{ world, asked },
    seen: () => (kernel.cells.get('slow/1')?.checkpoint as SlowState | undefined)?.seen,
    tell: (...types) => {
      for (const type of types) kernel.deliver('slow/1', { type });
    },
    ready: async (value) => {
      asked.shift()?.resolve(value);
      await world.settle();
    },
  };
}

/** One whose actor has begun. */
async function begun(options: Partial<BareNodeOptions> = {}): Promise<Stage> {
  const on = await stage(options);
  on.kernel.act((port) => port.startChild(SPEC));
  await on.world.settle();
  await on.ready(0);
  return on;
}

describe('An actor whose turns are prepared', () => {
  it('takes each turn with what that was prepared with, one at a time, in the order of its mail', async () => {
    const on = await begun();
    on.tell('a', 'b');
    await on.world.settle();
    expect(on.asked.map(({ what }) => what)).toEqual(['a']);
    on.tell('c');
    await on.world.settle();
    expect([on.asked.length, on.seen()]).toEqual([1, ['begins 0']]);
    await on.ready(1);
    await on.ready(2);
    await on.ready(3);
    expect(on.seen()).toEqual(['begins 0', 'a 1', 'b 2', 'c 3']);
    expect(on.asked).toEqual([]);
  });

  it('handles the message that it was prepared for, also where one that goes first has come meanwhile', async () => {
    const on = await begun();
    on.tell('a');
    await on.world.settle();
    on.kernel.post('slow/1', { type: 'b' });
    await on.world.settle();
    await on.ready(1);
    await on.ready(2);
    expect(on.seen()).toEqual(['begins 0', 'a 1', 'b 2']);
  });

  it('holds the message as waiting in every commit meanwhile, and prepares it anew after the node has died', async () => {
    const before = await begun();
    before.tell('a');
    await before.world.settle();
    before.asked[0]?.resolve('never heard of');
    before.kill();
    expect(before.asked[0]?.signal.aborted).toBe(true);
    const after = await stage({ disk: before.disk });
    const resumed = after.recovery.resume(() => undefined);
    await after.world.settle();
    expect((await resumed).resumed).toBe(1);
    expect(after.asked.map(({ what }) => what)).toEqual(['start']);
    await after.ready(1);
    expect(after.asked.map(({ what }) => what)).toEqual(['a']);
    await after.ready(2);
    expect(after.seen()).toEqual(['begins 0', 'a 2']);
  });

  it('drops a timer that was cleared since it fired, also while a turn was prepared', async () => {
    const on = await begun();
    on.tell('timed');
    await on.world.settle();
    await on.ready(1);
    on.tell('untimed');
    await on.world.elapse(2_000);
    expect(on.kernel.cells.get('slow/1')?.mailbox.size).toBe(2);
    await on.ready(2);
    expect(on.asked).toEqual([]);
    expect(on.kernel.cells.get('slow/1')?.mailbox.size).toBe(0);
    on.tell('a');
    await on.world.settle();
    await on.ready(3);
    expect(on.seen()).toEqual(['begins 0', 'timed 1', 'untimed 2', 'a 3']);
  });

  it('crashes over a turn that could not be prepared, with its error, and has it prepared again', async () => {
    const on = await begun();
    on.tell('a', 'b');
    await on.world.settle();
    for (let delivery = 1; delivery < 3; delivery++) {
      on.asked.shift()?.reject(new OperatingError('LIVELOCK', 'Round and round.'));
      await on.world.settle();
      expect(on.asked.map(({ what }) => what)).toEqual(['start']);
      await on.ready('');
      expect(on.asked.map(({ what }) => what)).toEqual(['a']);
    }
    expect(on.kernel.cells.get('slow/1')?.mailbox.next?.deliveries).toBe(2);
    await on.ready(1);
    await on.ready(2);
    expect(on.seen()).toEqual(['begins 0', 'a 1', 'b 2']);
    expect(on.log.filter(({ message }) => message === 'An actor crashed.').map(({ fields }) => fields['code'])).toEqual(
      ['LIVELOCK', 'LIVELOCK'],
    );
  });

  it('sets a message aside that cannot be prepared again and again', async () => {
    const on = await begun();
    on.tell('a');
    for (let delivery = 0; delivery < 3; delivery++) {
      await on.world.settle();
      if (on.asked[0]?.what === 'start') await on.ready('');
      on.asked.shift()?.reject(new TypeError('no'));
    }
    await on.world.settle();
    expect(on.counts.quarantined.get('crash')).toBe(1);
  });

  it('is cut off when it ends or is stopped, and what comes of the turn then changes nothing', async () => {
    const on = await begun();
    on.tell('a');
    await on.world.settle();
    const [turn] = on.asked;
    on.kernel.stopCell('slow/1');
    expect(turn?.signal.reason).toMatchObject({ code: 'CANCELED' });
    turn?.resolve(1);
    await on.world.settle();
    expect(on.kernel.cells.has('slow/1')).toBe(false);
  });

  it('that is stopped and restarted is prepared from its start, and not from where it was cut off', async () => {
    const on = await begun();
    on.tell('a');
    await on.world.settle();
    const [turn] = on.asked.splice(0);
    const cell = on.kernel.cells.get('slow/1');
    let rests = 0;
    if (cell !== undefined) on.kernel.shutDown(cell, true, () => void rests++);
    expect([rests, turn?.signal.aborted]).toEqual([1, true]);
    on.kernel.restart('slow/1', 'resume');
    turn?.resolve('too late');
    await on.world.settle();
    expect(on.asked.map(({ what }) => what)).toEqual(['start']);
    await on.ready('');
    await on.ready(1);
    expect(on.seen()).toEqual(['begins 0', 'a 1']);
  });

  it('that crashes from outside of a turn is prepared anew, with its life begun anew where that is asked for', async () => {
    const on = await begun();
    on.kernel.onOrphan = (cell) => on.kernel.restart(cell.address, 'reset');
    on.tell('a');
    await on.world.settle();
    const [turn] = on.asked.splice(0);
    on.kernel.cells.get('slow/1')?.fail(new TypeError('escaped'));
    turn?.resolve('of the life before');
    await on.world.settle();
    await on.ready('anew');
    await on.ready(1);
    expect(on.seen()).toEqual(['begins anew', 'a 1']);
  });

  it('takes no turn while the store is away, and takes it then', async () => {
    const on = await begun();
    on.tell('a');
    await on.world.settle();
    on.kernel.pause(true);
    await on.ready(1);
    expect(on.seen()).toEqual(['begins 0']);
    on.kernel.pause(false);
    await on.world.settle();
    expect(on.seen()).toEqual(['begins 0', 'a 1']);
  });

  it('stays in memory while its turn is prepared, however long it is idle', async () => {
    const keyed: ChildSpec = { ...SPEC, restart: 'permanent' };
    const on = await stage({
      specOf: (address) => (address === 'slow/1' ? keyed : undefined),
      passivateAfterMs: 1_000,
    });
    await on.recovery.resume(() => undefined);
    on.tell('a');
    await on.world.settle();
    await on.ready(0);
    await on.world.elapse(10_000);
    expect(on.kernel.cells.has('slow/1')).toBe(true);
    await on.ready(1);
    await on.world.elapse(10_000);
    expect(on.kernel.cells.has('slow/1')).toBe(false);
  });
});
