import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { type BareNode, type BareNodeOptions, createBareNode } from '../support/bare-node.ts';
import { createManualWorld, type ManualWorld } from '../support/manual-world.ts';

interface ActorState {
  readonly phase: 'on' | 'off';
  readonly seen: readonly string[];
}

type Script = (port: CellPort, event: ActorEvent) => void;

interface Stage extends BareNode {
  readonly world: ManualWorld;
  /** What left the node, in order. */
  readonly out: string[];
  seen(address: string): readonly string[] | undefined;
}

/** An actor that notes what it sees, and does what the event's `script` says; ends at `off`. */
function actorLogic(scripts: Readonly<Record<string, Script>>): FlatLogic<ActorState, unknown> {
  const see = (state: ActorState, event: ActorEvent, port: CellPort): ActorState => {
    const name = typeof event['script'] === 'string' ? event['script'] : '';
    scripts[name]?.(port, event);
    return { ...state, seen: [...state.seen, event.type === 'go' ? name : event.type] };
  };
  const types = [
    'go',
    'child.done',
    'child.failed',
    'child.quarantined',
    'effect.done',
    'effect.failed',
    'timer.t',
    'timer.u',
  ];
  return {
    name: 'actor',
    version: '1',
    initial: (_input, port) => {
      scripts['initial']?.(port, { type: 'initial' });
      return { phase: 'on', seen: [] };
    },
    restored: (state, port) => {
      scripts['restored']?.(port, { type: 'restored' });
      return state;
    },
    table: {
      on: { ...Object.fromEntries(types.map((type) => [type, see])), off: (state) => ({ ...state, phase: 'off' }) },
      off: {},
    },
    final: { off: (state) => ({ output: state.seen }) },
  };
}

function spec(address: string, more: Partial<ChildSpec> = {}): ChildSpec {
  return {
    address,
    logic: 'actor',
    input: undefined,
    supervisor: 'supervisor/none',
    restart: 'transient',
    recovery: 'resume',
    priority: 5,
    durable: true,
    ...more,
  };
}

async function stage(
  scripts: Readonly<Record<string, Script>> = {},
  options: Partial<BareNodeOptions> & { readonly seed?: number } = {},
): Promise<Stage> {
  const { seed = 1, ...rest } = options;
  const world = createManualWorld({ seed });
  const node = await createBareNode({ world, ...rest });
  const out: string[] = [];
  node.installFlat(actorLogic(scripts));
  node.kernel.installSink('out', (address, event) => void out.push(`${address} ${event.type}`));
  return {
    ...node,
    world,
    out,
    seen: (address) => (node.kernel.cells.get(address)?.checkpoint as ActorState | undefined)?.seen,
  };
}

const go = (script: string, more: object = {}): ActorEvent => ({ type: 'go', script, ...more });

describe('A turn', () => {
  it('follows another: messages are handled one by one in the order they came, what the cell is owed first', async () => {
    const node = await stage();
    node.kernel.startCell(spec('a'));
    node.kernel.deliver('a', go('1'));
    node.kernel.deliver('a', go('2'));
    node.kernel.post('a', go('owed'));
    await node.world.settle();
    expect(node.seen('a')).toEqual(['owed', '1', '2']);
  });

  it('does what it asked for only when it has ended, and in that order', async () => {
    const order: string[] = [];
    const node = await stage({
      both: (port) => {
        port.send('b', go('first'));
        port.startChild(spec('c', { owner: 'a' }));
        port.send('c', go('second'));
        order.push(
          ...['b', 'c'].map((address) => `${address} ${node.kernel.cells.get(address)?.mailbox.size ?? 'none'}`),
        );
      },
    });
    for (const address of ['a', 'b']) node.kernel.startCell(spec(address));
    await node.world.settle();
    node.kernel.deliver('a', go('both'));
    await node.world.settle();
    expect(order).toEqual(['b 0', 'c none']);
    expect([node.seen('b'), node.seen('c')]).toEqual([['first'], ['second']]);
  });

  it('that throws has asked for nothing and changed nothing', async () => {
    let faults = 1;
    const node = await stage({
      everything: (port) => {
        port.send('out/x', { type: 'said' });
        port.send('b', go('told'));
        port.startChild(spec('child', { owner: 'a' }));
        port.setTimer('t', port.nowMs() + 10);
        port.attach('note', 1);
        port.afterCommit(() => node.out.push('after commit'));
        if (faults-- > 0) throw new Error('fault');
      },
    });
    for (const address of ['a', 'b']) node.kernel.startCell(spec(address));
    node.kernel.deliver('a', go('before'));
    await node.world.settle();
    node.kernel.pause(true);
    node.kernel.deliver('a', go('everything'));
    node.kernel.pause(false);
    node.world.run();
    expect([node.kernel.cells.get('a')?.phase, node.seen('a')]).toEqual(['crashed', ['before']]);
    expect([node.seen('b'), node.out, node.kernel.cells.has('child'), node.kernel.timersPending]).toEqual([
      [],
      [],
      false,
      0,
    ]);
    expect(node.kernel.cells.get('a')?.attached().size).toBe(0);
    await node.world.elapse(100);
    expect(node.seen('a')).toEqual(['before', 'everything', 'timer.t']);
    expect(node.seen('b')).toEqual(['told']);
    expect(node.out).toEqual(['out/x said', 'after commit']);
  });

  it('outside of any actor does nothing either if it throws', async () => {
    const node = await stage();
    const act = (): void =>
      node.kernel.act((port) => {
        port.startChild(spec('a'));
        throw new OperatingError('BUSY', 'no');
      });
    expect(act).toThrow('no');
    await node.world.settle();
    expect(node.kernel.cells.size).toBe(0);
    node.kernel.act((port) => port.startChild(spec('b')));
    await node.world.settle();
    expect([...node.kernel.cells.keys()]).toEqual(['b']);
  });

  it('of two actors that write to each other without end leaves the event loop its turns', async () => {
    let turns = 0;
    const pass: Script = (port, event) => {
      turns++;
      port.send(String(event['to']), go('pass', { to: port.address }));
    };
    const node = await stage({ pass });
    for (const address of ['a', 'b']) node.kernel.startCell(spec(address, { durable: false }));
    node.kernel.post('a', go('pass', { to: 'b' }));
    node.kernel.drain();
    expect(turns).toBeGreaterThan(100);
    expect(turns).toBeLessThanOrEqual(1_000);
    expect(node.world.deferredPending).toBeGreaterThan(0);
  });
});

describe('Nothing leaves the node', () => {
  it('before the commit of the state that caused it', async () => {
    let write = (): void => {};
    const disk = new MemoryDisk({
      onWrite: (rows) => (rows < 2 ? 'done' : new Promise((resolve) => (write = () => resolve('done')))),
    });
    const node = await stage({ say: (port) => port.send('out/x', { type: 'said' }) }, { disk });
    node.kernel.startCell(spec('a'));
    node.kernel.startCell(spec('b'));
    node.kernel.deliver('a', go('say'));
    await node.world.settle();
    expect([node.seen('a'), node.out]).toEqual([['say'], []]);
    write();
    await node.world.settle();
    expect(node.out).toEqual(['out/x said']);
  });

  it('while the store is away; it leaves, in order, once the same epoch is written', async () => {
    let away = 0;
    const disk = new MemoryDisk({ onWrite: () => (away-- > 0 ? 'lost' : 'done') });
    const node = await stage({ say: (port, event) => port.send('out/x', { type: String(event['word']) }) }, { disk });
    node.kernel.startCell(spec('a'));
    await node.world.settle();
    away = 3;
    node.kernel.deliver('a', go('say', { word: 'one' }));
    await node.world.settle();
    node.kernel.deliver('a', go('say', { word: 'two' }));
    await node.world.settle();
    expect([node.out, node.kernel.paused]).toEqual([[], true]);
    await node.world.elapse(5_000);
    expect([node.out, node.kernel.paused, node.fatal]).toEqual([['out/x one', 'out/x two'], false, []]);
  });

  it('when the store stays away: the node is told to end', async () => {
    let isAway = false;
    const disk = new MemoryDisk({ onWrite: () => (isAway ? 'lost' : 'done') });
    const node = await stage({ say: (port) => port.send('out/x', { type: 'said' }) }, { disk });
    node.kernel.startCell(spec('a'));
    await node.world.settle();
    isAway = true;
    node.kernel.deliver('a', go('say'));
    await node.world.elapse(60_000);
    expect(node.fatal).toMatchObject([{ code: 'STORE_UNAVAILABLE' }]);
    expect(node.out).toEqual([]);
  });
});

describe('A message from outside', () => {
  it('to nobody is refused', async () => {
    const node = await stage();
    expect(() => node.kernel.deliver('nobody', go('x'))).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });

  it('to a full mailbox is refused and counted, and those before it are handled', async () => {
    const node = await stage();
    node.kernel.startCell(spec('a'));
    for (let n = 0; n < LIMITS.mailboxMessagesMax; n++) node.kernel.deliver('a', go(''));
    expect(() => node.kernel.deliver('a', go(''))).toThrow(
      expect.objectContaining({ code: 'BUSY', retryAfterMs: 200 }),
    );
    expect(node.counts.deadLetters.get('mailbox_full')).toBe(1);
    await node.world.settle();
    expect(node.seen('a')).toHaveLength(LIMITS.mailboxMessagesMax);
  });
});

describe('A durable timer', () => {
  const timing: Readonly<Record<string, Script>> = {
    set: (port, event) => port.setTimer('t', port.nowMs() + Number(event['ms'])),
    clear: (port) => port.clearTimer('t'),
  };

  it('fires once when it is due, moved if it was set again, and not when it was cleared', async () => {
    const node = await stage(timing);
    for (const address of ['plain', 'moved', 'cleared']) {
      node.kernel.startCell(spec(address));
      node.kernel.deliver(address, go('set', { ms: 10 }));
    }
    node.kernel.deliver('moved', go('set', { ms: 30 }));
    node.kernel.deliver('cleared', go('clear'));
    await node.world.elapse(10);
    await node.world.settle();
    const fired = (): unknown[] =>
      ['plain', 'moved', 'cleared'].map((address) => node.seen(address)?.includes('timer.t'));
    expect(fired()).toEqual([true, false, false]);
    await node.world.elapse(1_000);
    expect(fired()).toEqual([true, true, false]);
    expect(node.seen('plain')?.filter((word) => word === 'timer.t')).toHaveLength(1);
  });

  it('that has fired is dropped when it was moved or cleared before its turn came', async () => {
    const node = await stage(timing);
    for (const address of ['moved', 'cleared']) {
      node.kernel.startCell(spec(address));
      node.kernel.deliver(address, go('set', { ms: 10 }));
    }
    await node.world.settle();
    node.kernel.pause(true);
    node.kernel.post('moved', go('set', { ms: 50 }));
    node.kernel.post('cleared', go('clear'));
    await node.world.elapse(10);
    node.kernel.pause(false);
    await node.world.settle();
    expect(node.seen('moved')).toEqual(['set', 'set']);
    await node.world.elapse(1_000);
    expect(node.seen('moved')).toEqual(['set', 'set', 'timer.t']);
    expect(node.seen('cleared')).toEqual(['set', 'clear']);
  });

  it('survives the node, and fires at once if it is overdue by then', async () => {
    const node = await stage(timing);
    node.kernel.startCell(spec('a'));
    node.kernel.deliver('a', go('set', { ms: 60_000 }));
    await node.world.settle();
    node.kill();
    const again = await stage(timing, { disk: node.disk, seed: 2 });
    again.world.setWallClock(node.world.nowMs() + 3_600_000);
    await again.recovery.resume(() => undefined);
    await again.world.elapse(0);
    await again.world.settle();
    expect(again.seen('a')).toEqual(['set', 'timer.t']);
  });

  it('that has fired is not lost when the clock goes back before its turn comes', async () => {
    const node = await stage(timing);
    node.kernel.startCell(spec('a'));
    node.kernel.deliver('a', go('set', { ms: 10 }));
    await node.world.settle();
    node.kernel.pause(true);
    await node.world.elapse(10);
    node.world.setWallClock(node.world.nowMs() - 86_400_000);
    node.kernel.pause(false);
    await node.world.settle();
    expect(node.seen('a')).toEqual(['set', 'timer.t']);
  });
});
