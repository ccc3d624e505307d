/** Monitors and links, written from OTP's documentation of monitor/2, demonitor/2, link/1 and process_flag(trap_exit, …). */
import { describe, expect, it } from 'vitest';
import { BONDS_MAX } from '../../runtime/bonds.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import type { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { type BoundState, boundLogic } from '../support/bound-actor.ts';
import { createSupervised, type Supervised, worker } from '../support/supervised.ts';

const TOP = 'supervisor/top';

function bound(address: string, more: Partial<ChildSpec> = {}): ChildSpec {
  return worker(address, TOP, { logic: 'bound', ...more });
}

async function node(options: { readonly seed?: number; readonly disk?: MemoryDisk } = {}): Promise<Supervised> {
  const made = await createSupervised(options);
  made.installFlat(boundLogic);
  made.start(made.supervise(TOP, {}));
  return made;
}

async function started(...specs: readonly ChildSpec[]): Promise<Supervised> {
  const made = await node();
  made.start(...specs);
  await made.world.settle();
  return made;
}

function stateOf({ kernel }: Supervised, address: string): BoundState | undefined {
  return kernel.cells.get(address)?.checkpoint as BoundState | undefined;
}

const heardBy = (made: Supervised, address: string) => stateOf(made, address)?.heard;

/** Kills the node and starts another on what it left. */
async function again(made: Supervised, prepare: (next: Supervised) => void = () => undefined): Promise<Supervised> {
  made.kill();
  const next = await node({ seed: 2, disk: made.disk });
  prepare(next);
  await next.recovery.resume(() => undefined);
  await next.world.elapse(100);
  return next;
}

describe('A monitor', () => {
  it.each([
    ['normal', { type: 'finish' }, 'down b normal'],
    ['failed', { type: 'fail' }, 'down b failed AGENT_FAILED'],
  ])('tells of an end %s', async (_reason, event, line) => {
    const made = await started(bound('a'), bound('b', { owner: 'a' }));
    made.tell('a', { type: 'monitor', address: 'b' });
    await made.world.settle();
    expect(heardBy(made, 'a')).toEqual([]);
    made.tell('b', event);
    await made.world.elapse(100);
    expect(heardBy(made, 'a')).toContain(line);
  });

  it('tells of an end by its supervisor, by its owner, and by force', async () => {
    const made = await started(bound('a'), bound('o'), bound('b', { owner: 'o' }), bound('c'), bound('d'));
    for (const address of ['b', 'c', 'd']) made.tell('a', { type: 'monitor', address });
    await made.world.settle();
    made.tell('o', { type: 'finish' });
    await made.world.settle();
    const [c, d] = ['c', 'd'].map((address) => made.kernel.cells.get(address));
    if (c === undefined || d === undefined) throw new Error('they have gone');
    made.kernel.shutDown(c, false, () => undefined);
    made.kernel.endCell(d, { reason: 'killed' });
    await made.world.settle();
    expect(heardBy(made, 'a')).toEqual(['down b shutdown', 'down c shutdown', 'down d killed']);
  });

  it('tells of nothing while an actor that crashed comes back as it was, and of its end once it is given up', async () => {
    const made = await node();
    made.start(made.supervise('supervisor/strict', { intensity: 1 }));
    made.start(bound('a'), bound('b', { supervisor: 'supervisor/strict' }));
    made.tell('a', { type: 'monitor', address: 'b' });
    made.tell('b', { type: 'crash', times: { left: 1 } });
    await made.world.elapse(100);
    expect([made.kernel.cells.get('b')?.restarts, heardBy(made, 'a')]).toEqual([1, []]);
    made.tell('b', { type: 'crash' });
    await made.world.elapse(100);
    expect(heardBy(made, 'a')).toEqual(['down b crashed AGENT_CRASHED']);
  });

  it('tells of the end of a life where another begins, once', async () => {
    const made = await started(bound('a'), bound('b', { recovery: 'reset' }));
    made.tell('a', { type: 'monitor', address: 'b' });
    await made.world.settle();
    for (let round = 0; round < 2; round++) {
      made.tell('b', { type: 'crash', times: { left: 1 } });
      await made.world.elapse(200);
    }
    expect([made.kernel.cells.get('b')?.life, heardBy(made, 'a')]).toEqual([2, ['down b crashed AGENT_CRASHED']]);
  });

  it('of what is dead, or never was, tells so at once', async () => {
    const made = await started(bound('a'), bound('b'));
    made.tell('b', { type: 'finish' });
    await made.world.settle();
    for (const address of ['b', 'never']) made.tell('a', { type: 'monitor', address });
    await made.world.settle();
    expect(heardBy(made, 'a')).toEqual(['down b noproc', 'down never noproc']);
  });

  it('asked for in a turn that breaks is none', async () => {
    const made = await started(bound('a', { restart: 'temporary' }), bound('c'), bound('b'));
    made.tell('c', { type: 'monitor', address: 'a' });
    made.tell('a', { type: 'both', address: 'b' });
    await made.world.elapse(100);
    made.tell('b', { type: 'finish' });
    await made.world.elapse(100);
    expect(heardBy(made, 'c')).toEqual(['down a crashed AGENT_CRASHED']);
    expect(made.counts.deadLetters.size).toBe(0);
  });

  it('tells each that watches, and one that watches twice, twice', async () => {
    const made = await started(bound('a'), bound('b'), bound('c'));
    for (const address of ['a', 'b', 'a']) made.tell(address, { type: 'monitor', address: 'c' });
    await made.world.settle();
    made.tell('c', { type: 'finish' });
    await made.world.settle();
    expect([heardBy(made, 'a'), heardBy(made, 'b')]).toEqual([
      ['down c normal of another monitor', 'down c normal'],
      ['down c normal'],
    ]);
  });

  it('that was taken back tells nothing', async () => {
    const made = await started(bound('a'), bound('b'));
    made.tell('a', { type: 'monitor', address: 'b' });
    made.tell('a', { type: 'demonitor', address: 'b' });
    await made.world.settle();
    made.tell('b', { type: 'finish' });
    await made.world.settle();
    expect(heardBy(made, 'a')).toEqual([]);
  });

  it.each([
    [true, []],
    [false, ['down b normal']],
  ])('taken back with flush: %s, when its end waits in the mailbox', async (flush, lines) => {
    const made = await started(bound('a'), bound('b'));
    made.tell('a', { type: 'monitor', address: 'b' });
    await made.world.settle();
    // The control lane goes first: this is handled before the end that the other's turn puts behind it.
    const end = made.kernel.cells.get('b');
    if (end === undefined) throw new Error('it has gone');
    made.kernel.act(() => {
      made.kernel.post('a', { type: 'demonitor', address: 'b', flush });
      made.kernel.endCell(end, { reason: 'normal', output: undefined });
    });
    await made.world.settle();
    expect(heardBy(made, 'a')).toEqual(lines);
  });

  it('is bounded: one too many is answered as if nobody were there', async () => {
    const made = await started(bound('a'), bound('b'));
    for (let count = 0; count <= BONDS_MAX; count++) made.kernel.post('a', { type: 'monitor', address: 'b' });
    await made.world.settle();
    expect(heardBy(made, 'a')).toEqual(['down b noproc BUSY']);
  });
});

describe('A durable monitor', () => {
  it('survives the death of the node', async () => {
    const made = await started(bound('a'), bound('b'));
    made.tell('a', { type: 'monitor', address: 'b' });
    await made.world.elapse(10);
    const next = await again(made);
    expect(heardBy(next, 'a')).toEqual([]);
    next.tell('b', { type: 'finish' });
    await next.world.elapse(10);
    expect(heardBy(next, 'a')).toEqual(['down b normal']);
    const last = await again(next);
    expect(heardBy(last, 'a')).toEqual(['down b normal']);
  });

  it('tells of the end of what died with the node', async () => {
    const made = await started(bound('a'), bound('b', { durable: false }));
    made.tell('a', { type: 'monitor', address: 'b' });
    await made.world.elapse(10);
    const next = await again(made);
    expect(heardBy(next, 'a')).toEqual(['down b noproc']);
  });

  it('does not take for dead what the node cannot load', async () => {
    const made = await started(bound('a'), worker('b', TOP));
    made.tell('a', { type: 'monitor', address: 'b' });
    await made.world.elapse(10);
    const next = await again(made, (one) => one.kernel.uninstall('worker'));
    expect([next.kernel.cells.has('b'), heardBy(next, 'a')]).toEqual([false, []]);
    const last = await again(next);
    last.tell('b', { type: 'finish' });
    await last.world.elapse(10);
    expect(heardBy(last, 'a')).toEqual(['down b normal']);
  });

  it.each(['before', 'after'])('tells once, whenever the node dies: %s the commit of the end', async (when) => {
    const made = await started(bound('a'), bound('b'));
    made.tell('a', { type: 'monitor', address: 'b' });
    await made.world.elapse(10);
    made.tell('b', { type: 'finish' });
    if (when === 'after') await made.world.elapse(10);
    else made.kernel.drain();
    const next = await again(made);
    // Before its commit the end has not happened.
    expect([next.kernel.cells.has('b'), heardBy(next, 'a')]).toEqual(
      when === 'before' ? [true, []] : [false, ['down b normal']],
    );
    if (when === 'before') next.tell('b', { type: 'finish' });
    await next.world.elapse(10);
    expect(heardBy(next, 'a')).toEqual(['down b normal']);
  });
});

describe('A link', () => {
  it('ends the other with whichever ends other than normally, with its owner told', async () => {
    const made = await started(bound('o'), bound('a', { owner: 'o' }), bound('b', { restart: 'temporary' }));
    made.tell('a', { type: 'link', address: 'b' });
    await made.world.settle();
    made.tell('b', { type: 'fail' });
    await made.world.elapse(100);
    expect([made.kernel.cells.has('a'), made.kernel.cells.has('b')]).toEqual([false, false]);
    expect(heardBy(made, 'o')).toEqual(['child.failed a AGENT_CRASHED']);
  });

  it.each(['a', 'b'])('is bidirectional: whoever asked for it, %s may go first', async (first) => {
    const made = await started(...['a', 'b'].map((address) => bound(address, { restart: 'temporary' })));
    made.tell('a', { type: 'link', address: 'b' });
    await made.world.settle();
    const cell = made.kernel.cells.get(first);
    if (cell !== undefined) made.kernel.endCell(cell, { reason: 'killed' });
    await made.world.elapse(100);
    expect([made.kernel.cells.has('a'), made.kernel.cells.has('b')]).toEqual([false, false]);
  });

  it('does not carry a normal end', async () => {
    const made = await started(bound('a', { restart: 'temporary' }), bound('b'));
    made.tell('a', { type: 'link', address: 'b' });
    made.tell('b', { type: 'finish' });
    await made.world.elapse(100);
    expect([made.kernel.cells.has('a'), heardBy(made, 'a')]).toEqual([true, []]);
  });

  it('does not carry a crash after which the actor comes back as it was', async () => {
    const made = await started(bound('a', { restart: 'temporary' }), bound('b'));
    made.tell('a', { type: 'link', address: 'b' });
    made.tell('b', { type: 'crash', times: { left: 1 } });
    await made.world.elapse(100);
    expect([made.kernel.cells.has('a'), made.kernel.cells.get('b')?.phase]).toEqual([true, 'live']);
  });

  it('goes through a chain of any length, and around a ring, once', async () => {
    const made = await node();
    const length = 3_000;
    made.start(...Array.from({ length }, (_, index) => bound(`n${index}`, { restart: 'temporary' })));
    await made.world.settle();
    for (let index = 0; index < length; index++)
      made.kernel.post(`n${index}`, { type: 'link', address: `n${(index + 1) % length}` });
    await made.world.settle();
    made.tell('n0', { type: 'fail' });
    await made.world.elapse(100);
    expect([...made.kernel.cells.keys()]).toEqual([TOP]);
  });

  it('that was taken back by either carries nothing', async () => {
    const made = await started(bound('a', { restart: 'temporary' }), bound('b'));
    made.tell('a', { type: 'link', address: 'b' });
    await made.world.settle();
    made.tell('b', { type: 'unlink', address: 'a' });
    await made.world.settle();
    made.tell('b', { type: 'fail' });
    await made.world.elapse(100);
    expect(made.kernel.cells.has('a')).toBe(true);
  });

  it('makes the supervisor restart whom it ended, as its restart type says', async () => {
    const made = await node();
    const child = bound('a', { durable: false, restart: 'permanent', recovery: 'reset' });
    made.start(
      made.supervise('supervisor/list', { strategy: 'one-for-one', onExcess: 'escalate' }, undefined, [
        { ...child, supervisor: 'supervisor/list' },
      ]),
    );
    made.start(bound('b'));
    await made.world.settle();
    const before = made.kernel.cells.get('a');
    made.tell('a', { type: 'link', address: 'b' });
    await made.world.settle();
    made.tell('b', { type: 'fail' });
    await made.world.elapse(100);
    expect(made.kernel.cells.get('a')).toBeDefined();
    expect(made.kernel.cells.get('a')).not.toBe(before);
    expect(made.contextOf('supervisor/list').totals.restarts).toBe(1);
  });

  it('to nobody ends the one that asked', async () => {
    const made = await started(bound('c'), bound('a', { restart: 'temporary' }));
    made.tell('c', { type: 'monitor', address: 'a' });
    made.tell('a', { type: 'link', address: 'never' });
    await made.world.elapse(100);
    expect([made.kernel.cells.has('a'), heardBy(made, 'c')]).toEqual([false, ['down a crashed AGENT_CRASHED']]);
  });

  it('survives the death of the node, and carries that of what died with it', async () => {
    const made = await started(
      bound('a', { restart: 'temporary' }),
      bound('b', { restart: 'temporary' }),
      bound('c', { restart: 'temporary' }),
      bound('v', { durable: false }),
    );
    made.tell('a', { type: 'link', address: 'b' });
    made.tell('c', { type: 'link', address: 'v' });
    await made.world.elapse(10);
    const next = await again(made);
    expect(['a', 'b', 'c'].map((address) => next.kernel.cells.has(address))).toEqual([true, true, false]);
    next.tell('a', { type: 'fail' });
    await next.world.elapse(100);
    expect(next.kernel.cells.has('b')).toBe(false);
  });
});

describe('An actor that traps exits', () => {
  it('hears of all ends of those that it is linked to, also normal ones, and lives', async () => {
    const made = await started(bound('a'), bound('b'), bound('c'), bound('d'));
    made.tell('a', { type: 'trap', isOn: true });
    for (const address of ['b', 'c', 'd']) made.tell('a', { type: 'link', address });
    await made.world.settle();
    made.tell('b', { type: 'finish' });
    made.tell('c', { type: 'fail' });
    const cell = made.kernel.cells.get('d');
    if (cell !== undefined) made.kernel.endCell(cell, { reason: 'killed' });
    made.tell('a', { type: 'link', address: 'never' });
    await made.world.elapse(100);
    expect(heardBy(made, 'a')?.toSorted()).toEqual([
      'exit b normal',
      'exit c failed AGENT_FAILED',
      'exit d killed',
      'exit never noproc',
    ]);
  });

  it('still does after the death of the node, and no longer once it has said so', async () => {
    const made = await started(bound('a', { restart: 'temporary' }), bound('b'), bound('c'));
    made.tell('a', { type: 'trap', isOn: true });
    for (const address of ['b', 'c']) made.tell('a', { type: 'link', address });
    await made.world.elapse(10);
    const next = await again(made);
    next.tell('b', { type: 'fail' });
    await next.world.elapse(10);
    expect(heardBy(next, 'a')).toEqual(['exit b failed AGENT_FAILED']);
    next.tell('a', { type: 'trap', isOn: false });
    await next.world.elapse(10);
    next.tell('c', { type: 'fail' });
    await next.world.elapse(10);
    expect(next.kernel.cells.has('a')).toBe(false);
  });
});
