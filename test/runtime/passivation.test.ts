import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign, sendTo, setup } from 'xstate';
import { defineAgent } from '../../actors/agent-definition.ts';
import { addressOf } from '../../runtime/machine-references.ts';
import { keyOf } from '../../runtime/stores/keys.ts';
import { createSupervised, type Supervised, worker } from '../support/supervised.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

const TOP = 'supervisor/top';
const MINUTE_MS = 60_000;
const keyed = (address: string) =>
  address.startsWith('keyed/') ? worker(address, TOP, { restart: 'permanent' }) : undefined;

async function node(options: Parameters<typeof createSupervised>[0] = {}): Promise<Supervised> {
  const made = await createSupervised({ specOf: keyed, ...options });
  made.start(made.supervise(TOP, {}), worker('sender', TOP));
  await made.world.settle();
  await made.recovery.resume(() => undefined);
  await made.world.settle();
  return made;
}

/** Sends numbered work, and lets it be done. */
async function work(on: Supervised, address: string, ...names: readonly string[]): Promise<void> {
  for (const name of names) on.tell(address, { type: 'work', name });
  await on.world.settle();
}

const inMemory = ({ kernel }: Supervised): string[] =>
  [...kernel.cells.keys()].filter((address) => address.startsWith('keyed/')).sort();

describe('A keyed actor that has nothing to do', () => {
  it('leaves memory once it has rested long enough, and comes back with its state, in order', async () => {
    const on = await node({ passivateAfterMs: 4_000 });
    await work(on, 'keyed/a', '1', '2');
    await on.world.elapse(3_000);
    expect(inMemory(on)).toEqual(['keyed/a']);
    await on.world.elapse(3_000);
    expect(inMemory(on)).toEqual([]);
    await work(on, 'keyed/a', '3', '4');
    expect(on.handled('keyed/a')).toEqual(['1', '2', '3', '4']);
    expect(on.diary.filter((line) => line.endsWith('keyed/a'))).toEqual(['start keyed/a', 'restore keyed/a']);
  });

  it('stays as long as it is used', async () => {
    const on = await node({ passivateAfterMs: 4_000 });
    for (let round = 0; round < 10; round++) {
      await work(on, 'keyed/a', String(round));
      await on.world.elapse(2_500);
    }
    expect(on.diary.filter((line) => line.startsWith('restore'))).toEqual([]);
  });

  it('leaves when there are more than may stay, the least recently used first', async () => {
    const on = await node({ residentMax: 2 });
    for (const key of ['a', 'b', 'c', 'a', 'd']) await work(on, `keyed/${key}`, '1');
    await on.world.settle();
    expect(inMemory(on)).toEqual(['keyed/a', 'keyed/d']);
    await work(on, 'keyed/b', '2');
    expect(on.handled('keyed/b')).toEqual(['1', '2']);
  });

  it('stays while it has mail, a crash to be decided about, or nothing stored of it', async () => {
    const on = await node({ residentMax: 1, passivateAfterMs: 4_000 });
    await work(on, 'keyed/a', '1');
    const cell = on.kernel.cells.get('keyed/a');
    on.kernel.pause(true);
    on.tell('keyed/a', { type: 'work', name: '2' });
    await on.world.elapse(20_000);
    expect(on.kernel.cells.get('keyed/a')).toBe(cell);
    on.kernel.pause(false);
    await on.world.settle();
    expect(on.handled('keyed/a')).toEqual(['1', '2']);
  });

  it('takes the next one along under the same address once it has ended, and not its old state', async () => {
    const on = await node();
    await work(on, 'keyed/a', '1');
    on.tell('keyed/a', { type: 'finish' });
    on.kernel.drain();
    expect(on.kernel.cells.has('keyed/a')).toBe(false);
    await work(on, 'keyed/a', '2');
    expect(on.handled('keyed/a')).toEqual(['2']);
    on.kill();
    const again = await node({ disk: on.disk, seed: 2 });
    await work(again, 'keyed/a', '3');
    expect(again.handled('keyed/a')).toEqual(['2', '3']);
  });
});

describe('A keyed actor that waits for a timer', () => {
  it('leaves memory, and is back when the timer is due, not before', async () => {
    const on = await node({ passivateAfterMs: 4_000 });
    on.tell('keyed/a', { type: 'wake', afterMs: 60 * MINUTE_MS });
    await work(on, 'keyed/a', '1');
    await on.world.elapse(10_000);
    expect(inMemory(on)).toEqual([]);
    await on.world.elapse(59 * MINUTE_MS);
    expect(on.diary).not.toContain('restore keyed/a');
    await on.world.elapse(MINUTE_MS - 10_000);
    expect(on.handled('keyed/a')).toEqual(['1', 'crash']);
  });

  it('is not loaded by a start, and is woken on time all the same, also when it is overdue', async () => {
    const on = await node();
    on.tell('keyed/soon', { type: 'wake', afterMs: 30 * MINUTE_MS });
    on.tell('keyed/late', { type: 'wake', afterMs: 120 * MINUTE_MS });
    await on.world.settle();
    on.kill();
    const again = await createSupervised({ specOf: keyed, disk: on.disk, seed: 2 });
    again.start(again.supervise(TOP, {}));
    await again.world.elapse(31 * MINUTE_MS);
    const report = await again.recovery.resume(() => undefined);
    // The one without a key.
    expect(report).toMatchObject({ resumed: 1, stranded: [] });
    await again.world.elapse(1);
    expect(again.handled('keyed/soon')).toEqual(['crash']);
    expect(again.kernel.cells.has('keyed/late')).toBe(false);
    await again.world.elapse(90 * MINUTE_MS);
    expect(again.handled('keyed/late')).toEqual(['crash']);
  });

  it('is not woken for a timer that was moved or fired, and by the day its clock is set to', async () => {
    const on = await node({ passivateAfterMs: 4_000 });
    on.tell('keyed/a', { type: 'wake', afterMs: 20 * MINUTE_MS });
    await on.world.elapse(10_000);
    on.tell('keyed/a', { type: 'wake', afterMs: 48 * 60 * MINUTE_MS });
    await on.world.elapse(30 * MINUTE_MS);
    expect(on.handled('keyed/a')).toBeUndefined();
    expect(on.diary.filter((line) => line === 'restore keyed/a')).toHaveLength(1);
    on.world.setWallClock(on.world.nowMs() + 48 * 60 * MINUTE_MS);
    await on.world.elapse(MINUTE_MS);
    await work(on, 'keyed/a', '1');
    expect(on.handled('keyed/a')).toEqual(['crash', '1']);
    expect(await on.store.alarms(undefined, Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
  });

  it('is one of any number: those in memory are bounded, and all wake', async () => {
    const count = 21_000;
    const on = await node({ passivateAfterMs: 4_000 });
    for (let at = 0; at < count; at++) on.tell(`keyed/${at}`, { type: 'wake', afterMs: 2 * MINUTE_MS + (at % 5) });
    await on.world.settle();
    await on.world.elapse(10_000);
    expect(inMemory(on)).toEqual([]);
    expect(on.recovery.figures.alarms).toBeLessThanOrEqual(20_000);
    on.diary.length = 0;
    await on.world.elapse(2 * MINUTE_MS);
    expect(new Set(on.diary).size).toBe(count);
    expect(on.diary).toHaveLength(count);
  }, 60_000);
});

describe('While the state of an actor is read', () => {
  /** A node whose reads of heads wait for `open`. */
  async function slow() {
    const on = await node({ passivateAfterMs: 4_000 });
    await work(on, 'keyed/a', '1');
    await on.world.elapse(10_000);
    expect(inMemory(on)).toEqual([]);
    const gate = Promise.withResolvers<void>();
    const read = on.store.readHeads.bind(on.store);
    on.store.readHeads = async (addresses) => {
      await gate.promise;
      return await read(addresses);
    };
    return { on, open: () => gate.resolve() };
  }

  it('nothing is committed of it, so that a kill in the middle takes neither its state nor what was acknowledged', async () => {
    const { on } = await slow();
    let acknowledged = false;
    on.tell('keyed/a', { type: 'work', name: '2' });
    on.kernel.release(() => (acknowledged = true));
    await on.world.settle();
    expect(acknowledged).toBe(false);
    on.kill();
    const again = await node({ disk: on.disk, seed: 2 });
    await work(again, 'keyed/a', '3');
    expect(again.handled('keyed/a')).toEqual(['1', '3']);
  });

  it('its mail is kept for it, and is durable when whoever sent it is told so', async () => {
    const { on, open } = await slow();
    on.tell('keyed/a', { type: 'work', name: '2' });
    const killed = Promise.withResolvers<void>();
    on.kernel.release(() => {
      on.kill();
      killed.resolve();
    });
    open();
    await on.world.settle();
    await killed.promise;
    const again = await node({ disk: on.disk, seed: 2 });
    await work(again, 'keyed/a', '3');
    expect(again.handled('keyed/a')).toEqual(['1', '2', '3']);
  });

  it('a commit does not wait for ever while others wake, and writes none of those over what is stored of them', async () => {
    const on = await node({ passivateAfterMs: 4_000 });
    const names = Array.from({ length: 12 }, (_, at) => `keyed/${at}`);
    for (const name of names) await work(on, name, '1');
    await on.world.elapse(10_000);
    expect(inMemory(on)).toEqual([]);
    const gates = new Map(names.map((name) => [name, Promise.withResolvers<void>()]));
    const read = on.store.readHeads.bind(on.store);
    on.store.readHeads = async (addresses) => {
      await Promise.all(addresses.map(async (address) => await gates.get(address)?.promise));
      return await read(addresses);
    };
    let acknowledged = 0;
    for (const [at, name] of names.entries()) {
      on.tell(name, { type: 'work', name: '2' });
      on.kernel.release(() => acknowledged++);
      await on.world.settle();
      // The one before comes while this one, in a read of its own, does not.
      gates.get(names[at - 1] ?? '')?.resolve();
      await on.world.settle();
    }
    expect(acknowledged).toBeGreaterThan(0);
    on.kill();
    const again = await node({ disk: on.disk, seed: 2 });
    for (const [at, name] of names.entries()) {
      await work(again, name, '3');
      expect(again.handled(name), name).toEqual(
        at < acknowledged ? ['1', '2', '3'] : expect.arrayContaining(['1', '3']),
      );
    }
  });

  it('others who write to it join the same wake, and all is taken in order', async () => {
    const { on, open } = await slow();
    for (const name of ['2', '3', '4']) on.kernel.post('keyed/a', { type: 'work', name });
    await on.world.settle();
    open();
    await on.world.settle();
    expect(on.handled('keyed/a')).toEqual(['1', '2', '3', '4']);
    expect(on.diary.filter((line) => line === 'restore keyed/a')).toHaveLength(1);
  });

  it('its mailbox is as bounded as ever', async () => {
    const { on, open } = await slow();
    const fill = (): void => {
      for (let at = 0; at < 100_000; at++) on.tell('keyed/a', { type: 'work', name: 'x' });
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'BUSY' }));
    open();
    await on.world.settle();
  });
});

describe('An actor that cannot be woken', () => {
  async function damaged(): Promise<Supervised> {
    const on = await node({ passivateAfterMs: 4_000 });
    await work(on, 'keyed/a', '1');
    await on.world.elapse(10_000);
    expect(on.disk.flipBit(keyOf('r', 'keyed/a'), 200)).toBe(true);
    return on;
  }

  it('answers whoever asks with the code, and is listed', async () => {
    const on = await damaged();
    const answers: unknown[] = [];
    on.kernel.installSink('ask', (_to, event) => void answers.push(event));
    const cell = on.kernel.deliver('keyed/a', { type: 'work', name: '2', replyTo: 'ask/1' });
    await on.world.settle();
    expect(answers).toEqual([{ type: 'rejected', error: expect.objectContaining({ code: 'STORE_CORRUPT' }) }]);
    expect(on.kernel.refusalOf?.(cell)).toMatchObject({ code: 'STORE_CORRUPT' });
    expect(on.recovery.stranded).toMatchObject([{ address: 'keyed/a', error: { code: 'STORE_CORRUPT' } }]);
    expect(inMemory(on)).toEqual([]);
  });

  it('stays in the store as it is', async () => {
    const on = await damaged();
    on.tell('keyed/a', { type: 'work', name: '2' });
    await on.world.settle();
    on.disk.flipBit(keyOf('r', 'keyed/a'), 200);
    await work(on, 'keyed/a', '3');
    expect(on.handled('keyed/a')).toEqual(['1', '3']);
  });
});

describe('A keyed actor that its supervisor gave up', () => {
  it('with mail waiting is woken again after a while, without another message', async () => {
    const on = await createSupervised({ specOf: keyed });
    on.start(on.supervise(TOP, { intensity: 0 }));
    await on.world.settle();
    on.tell('keyed/a', { type: 'work', name: '1' });
    await on.world.settle();
    const times = { left: 1 };
    on.tell('keyed/a', { type: 'crash', times });
    on.tell('keyed/a', { type: 'work', name: '2' });
    await on.world.settle();
    expect(inMemory(on)).toEqual([]);
    await on.world.elapse(2 * MINUTE_MS);
    expect(on.handled('keyed/a')?.at(-1)).toBe('2');
  });
});

describe('The history of a keyed machine', () => {
  const HISTORIAN = defineAgent({
    name: 'historian',
    version: '1.0.0',
    keyed: true,
    machine: setup({
      types: {
        context: {} as { log: string[]; seen: Map<string, Date | bigint> },
        events: {} as { type: 'next' | 'back' | 'note'; n?: number } | { type: 'get'; replyTo: string },
      },
      actions: {
        log: assign({ log: ({ context, event }) => [...context.log, event.type] }),
      },
    }).createMachine({
      id: 'historian',
      context: { log: [], seen: new Map() },
      type: 'parallel',
      on: {
        note: {
          actions: assign({
            seen: ({ context, event }) => new Map([...context.seen, [`n${event.n}`, BigInt(event.n ?? 0)]]),
          }),
        },
        get: {
          actions: sendTo(
            ({ event }) => addressOf(event.replyTo),
            ({ context }) => ({ type: 'log', log: context.log, seen: [...context.seen].map(String) }),
          ),
        },
      },
      states: {
        work: {
          initial: 'a',
          states: {
            a: { on: { next: { target: 'b', actions: 'log' } }, after: { 90_000: { target: 'b', actions: 'log' } } },
            b: {
              initial: 'one',
              states: { one: { on: { next: 'two' } }, two: { after: { 400_000: { target: 'one', actions: 'log' } } } },
              on: { back: { target: 'away', actions: 'log' } },
            },
            away: { on: { next: { target: 'again', actions: 'log' } } },
            again: { type: 'history', history: 'deep', target: 'b' },
          },
        },
        count: { initial: 'x', states: { x: { on: { next: 'y' } }, y: { on: { back: 'x' } } } },
      },
    }),
  });

  type Op =
    | { readonly do: 'tell'; readonly key: number; readonly type: 'next' | 'back' | 'note'; readonly n: number }
    | { readonly do: 'ask'; readonly key: number }
    | { readonly do: 'elapse'; readonly ms: number };

  async function play(on: WorkNode, ops: readonly Op[]): Promise<unknown[]> {
    const seen: unknown[] = [];
    for (const op of ops) {
      const key = 'key' in op ? `k${op.key}` : '';
      if (op.do === 'elapse') await on.world.elapse(op.ms);
      else if (op.do === 'tell') void on.desk.tell('historian', key, { type: op.type, n: op.n });
      else {
        const answer = on.desk.ask('historian', key, { type: 'get' }, 10_000_000);
        await on.world.settle();
        seen.push(await answer);
      }
    }
    await on.world.settle();
    for (let key = 0; key < 4; key++) {
      const answer = on.desk.ask('historian', `k${key}`, { type: 'get' }, 10_000_000);
      await on.world.settle();
      seen.push(await answer);
    }
    return seen;
  }

  it('is the same whether it is in memory all the time or leaves it at any moment', async () => {
    const key = fc.nat(3);
    const op: fc.Arbitrary<Op> = fc.oneof(
      fc.record({
        do: fc.constant('tell' as const),
        key,
        type: fc.constantFrom('next', 'back', 'note'),
        n: fc.nat(9),
      }),
      fc.record({ do: fc.constant('ask' as const), key }),
      fc.record({ do: fc.constant('elapse' as const), ms: fc.constantFrom(1, 1_500, 5_000, 90_000, 700_000) }),
    );
    let left = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(op, { maxLength: 40 }), fc.integer({ min: 1, max: 3 }), async (ops, residentMax) => {
        const stays = await createWorkNode({ agents: [HISTORIAN], passivateAfterMs: 10_000_000_000 });
        const leaves = await createWorkNode({ agents: [HISTORIAN], residentMax, passivateAfterMs: 1_000 });
        const expected = await play(stays, ops);
        expect(await play(leaves, ops)).toEqual(expected);
        left += 4 - leaves.recovery.figures.residents;
        for (const on of [stays, leaves]) on.kill();
      }),
      { numRuns: 60 },
    );
    expect(left).toBeGreaterThan(0);
  }, 60_000);
});
