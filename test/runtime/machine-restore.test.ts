/** Timers on the port, and what a restore does. */
import { type AnyStateMachine, createMachine, fromCallback, fromPromise, raise, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { machineFactory } from '../../runtime/machine-host.ts';
import { packKept, unpackKept } from '../../runtime/machine-values.ts';
import { benchOf, notingPort, options, restored, run } from './machine-corpus/noting-port.ts';

describe('timers', () => {
  const machine = (): AnyStateMachine =>
    createMachine({ initial: 'a', states: { a: { after: { 100: 'b' }, on: { N: 'c' } }, b: {}, c: {} } });

  it('are set on the port, fired once, and cleared when they are left', () => {
    const port = notingPort();
    const host = run(machine(), port);
    expect(port.log).toEqual([['set', 't1', 1_100]]);
    port.nowAtMs = 1_100;
    host.fire('t1');
    host.fire('t1');
    expect(host.describe().state).toBe('b');
    const other = notingPort();
    run(machine(), other).send({ type: 'N' });
    expect(other.log).toEqual([
      ['set', 't1', 1_100],
      ['clear', 't1'],
    ]);
  });

  it('that were canceled while they waited to be handled do nothing', () => {
    const port = notingPort();
    const host = run(machine(), port);
    port.nowAtMs = 1_100;
    host.send({ type: 'N' });
    host.fire('t1');
    expect(host.describe().state).toBe('c');
  });

  it('are never early: one that comes before its time is armed again', () => {
    const port = notingPort();
    const host = run(machine(), port);
    port.nowAtMs = 1_099;
    host.fire('t1');
    expect(host.describe().state).toBe('a');
    expect(port.log).toEqual([
      ['set', 't1', 1_100],
      ['set', 't1', 1_100],
    ]);
  });

  it('are armed again after a restore, overdue ones too, in the order of scheduling', () => {
    const port = notingPort();
    const several = (): AnyStateMachine =>
      createMachine({ entry: [30, 10, 20].map((delay) => raise({ type: `AT${delay}` }, { delay })) });
    const bytes = run(several(), port).checkpoint();
    const later = notingPort();
    later.nowAtMs = 5_000;
    const host = restored(several(), later, bytes);
    expect(later.log).toEqual([
      ['set', 't1', 1_030],
      ['set', 't2', 1_010],
      ['set', 't3', 1_020],
    ]);
    host.fire('t2');
    expect(Buffer.from(host.checkpoint() as Uint8Array).includes('AT10')).toBe(false);
  });

  it('of a child go with the child', () => {
    const port = notingPort();
    const child = createMachine({ initial: 'a', states: { a: { after: { 50: 'b' } }, b: {} } });
    const host = run(
      setup({ actors: { child } }).createMachine({
        initial: 'a',
        states: { a: { invoke: { src: 'child' }, on: { OUT: 'b' } }, b: {} },
      }),
      port,
    );
    host.send({ type: 'OUT' });
    expect(port.log).toEqual([
      ['set', 't2', 1_050],
      ['clear', 't2'],
    ]);
  });

  it('are bounded', () => {
    const host = run(
      createMachine({ entry: Array.from({ length: 10_001 }, () => raise({ type: 'X' }, { delay: 10 })) }),
      notingPort(),
    );
    expect(host.error).toMatchObject({ code: 'BUSY' });
  });
});

describe('a restore', () => {
  const machine = (): AnyStateMachine =>
    setup({ types: { context: {} as { list: number[] } } }).createMachine({
      context: () => ({ list: [] }),
      on: { ADD: { actions: ({ context }) => void context.list.push(1) } },
    });

  it('can be made several times from one checkpoint, which stays as it is', () => {
    const port = notingPort();
    const bytes = run(machine(), port).checkpoint() as Uint8Array;
    const copy = Uint8Array.from(bytes);
    for (let time = 0; time < 3; time++) restored(machine(), port, bytes).send({ type: 'ADD' });
    expect(Uint8Array.from(bytes)).toEqual(copy);
    expect(restored(machine(), port, bytes).checkpoint()).toBe(bytes);
  });

  it('gives the same checkpoint object while nothing has changed', () => {
    const host = run(machine(), notingPort());
    const first = host.checkpoint();
    host.send({ type: 'UNKNOWN' });
    expect(host.checkpoint()).toBe(first);
    host.send({ type: 'ADD' });
    expect(host.checkpoint()).not.toBe(first);
  });

  it('asks for open calls again, under the same keys, and says so', () => {
    const port = notingPort();
    const calling = (): AnyStateMachine =>
      createMachine({ invoke: { src: 'effect', id: 'e', input: { name: 'x' } } } as never);
    const bytes = run(calling(), port).checkpoint();
    expect(port.log).toEqual([['effect', 'effect:x/2', false]]);
    const later = notingPort();
    const host = restored(calling(), later, bytes);
    expect(later.log).toEqual([['effect', 'effect:x/2', true]]);
    host.settle('effect:x/2', { ok: true, value: 1 });
    host.settle('effect:x/2', { ok: true, value: 2 });
    host.settle('effect:x/9', { ok: true, value: 3 });
    expect(host.status).toBe('active');
    expect(host.describe().children?.[0]).toMatchObject({ state: 'done' });
  });

  it('does not start what had ended', () => {
    const port = notingPort();
    const ended = (): AnyStateMachine =>
      createMachine({ initial: 'z', states: { z: { type: 'final' } }, output: { n: 1 } });
    const host = run(ended(), port);
    expect([host.status, host.output]).toEqual(['done', { n: 1 }]);
    const again = restored(ended(), port, host.checkpoint());
    expect([again.status, again.output]).toEqual(['done', { n: 1 }]);
  });

  it.each([
    ['a state that is gone', createMachine({ initial: 'x', states: { x: {} } })],
    ['an actor that is gone', createMachine({ initial: 'a', states: { a: {} } })],
    [
      'an actor that is another kind of logic now',
      setup({ actors: { child: fromPromise(async () => 1) } }).createMachine({ initial: 'a', states: { a: {} } }),
    ],
  ])('with a machine that has changed is refused: %s', (_, changed) => {
    const child = createMachine({});
    const bytes = run(
      setup({ actors: { child } }).createMachine({ initial: 'a', states: { a: { invoke: { src: 'child' } } } }),
      notingPort(),
    ).checkpoint();
    expect(() => machineFactory(changed, options()).restore(notingPort(), bytes)).toThrow(
      expect.objectContaining({ code: 'VERSION_MISMATCH' }) as Error,
    );
  });

  it('with a remembered state that is gone is refused', () => {
    const remembering = (inner: object): AnyStateMachine =>
      createMachine({
        initial: 'on',
        states: {
          on: { initial: 'x', states: { x: {}, h: { type: 'history' }, ...inner }, on: { OFF: 'off' } },
          off: {},
        },
      });
    const host = run(remembering({ x: { on: { N: 'y' } }, y: {} }), notingPort());
    host.send({ type: 'N' });
    host.send({ type: 'OFF' });
    expect(() => machineFactory(remembering({}), options()).restore(notingPort(), host.checkpoint())).toThrow(
      /remembered state "on\.y" is not there/,
    );
  });

  it('of a child with a state that is gone, or of bytes of another format, is refused too', () => {
    const around = (child: AnyStateMachine): AnyStateMachine =>
      setup({ actors: { child } }).createMachine({ invoke: { src: 'child' } });
    const bytes = run(around(createMachine({ initial: 'a', states: { a: {} } })), notingPort()).checkpoint();
    const changed = machineFactory(around(createMachine({ initial: 'b', states: { b: {} } })), options());
    expect(() => changed.restore(notingPort(), bytes)).toThrow(
      expect.objectContaining({ code: 'VERSION_MISMATCH' }) as Error,
    );
    expect(() => changed.restore(notingPort(), Uint8Array.of(0x91, 0x07))).toThrow(/format 7/);
  });

  it('reads what the format before wrote, in which the active states do not stand', () => {
    const port = notingPort();
    const nested = (): AnyStateMachine =>
      createMachine({
        initial: 'a',
        states: { a: { initial: 'b', states: { b: { tags: 'old', on: { N: 'c' } }, c: {} } } },
      });
    const [, marked, body] = unpackKept(run(nested(), port).checkpoint() as Uint8Array) as [number, boolean, unknown[]];
    const machine = (body[2] as unknown[]).slice(0, 7);
    const host = restored(nested(), port, packKept([1, marked, [body[0], body[1], machine, body[3]]]));
    host.send({ type: 'N' });
    expect(host.describe().state).toBe('a.c');
  });

  it('shows code that cares whether it is a fresh start', async () => {
    const starts: boolean[] = [];
    const work = fromCallback(
      ({ self }) =>
        void starts.push((self as unknown as { options: { snapshot?: unknown } }).options.snapshot === undefined),
    );
    const made = await benchOf(() => setup({ actors: { work } }).createMachine({ invoke: { src: 'work' } }));
    await made.kill();
    expect(starts).toEqual([true, false]);
  });
});
