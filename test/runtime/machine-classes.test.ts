/** Instances of classes that a machine may hold because somebody said how they are kept. */
import { type AnyStateMachine, assign, createMachine, fromPromise, sendTo, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import { type KeptClass, KeptClasses } from '../../runtime/machine-classes.ts';
import { machineFactory } from '../../runtime/machine-host.ts';
import { addressOf } from '../../runtime/machine-references.ts';
import { notingPort, options } from './machine-corpus/noting-port.ts';

class Money {
  readonly cents: number;
  readonly of: unknown;
  constructor(cents: number, of?: unknown) {
    this.cents = cents;
    this.of = of;
  }
  twice(): Money {
    return new Money(this.cents * 2, this.of);
  }
}
class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}
const money: KeptClass<Money> = {
  name: 'money',
  type: Money,
  pack: ({ cents, of }) => [cents, of],
  unpack: (data) => new Money(...(data as [number, unknown])),
};
const httpError: KeptClass<HttpError> = {
  name: 'http-error',
  type: HttpError,
  pack: ({ message, status }) => ({ message, status }),
  unpack: (data) => new HttpError((data as HttpError).message, (data as HttpError).status),
};
const classes = [money, httpError];

interface Held {
  held: unknown;
}
const holder = (make: () => unknown): AnyStateMachine =>
  setup({ types: { context: {} as Held } }).createMachine({
    context: () => ({ held: make() }),
    on: {
      TWICE: { actions: assign({ held: ({ context }) => (context.held as Money).twice() }) },
      WRAP: { actions: assign({ held: ({ context }) => [context.held] }) },
    },
  });

function afterRestart(make: () => unknown, events: readonly string[] = []): unknown {
  const factory = machineFactory(holder(make), options({ classes }));
  let host = factory.create(notingPort(), undefined);
  host.start();
  for (const type of [...events, 'NOTHING']) {
    host.send({ type });
    expect(host.error).toBeUndefined();
    host = factory.restore(notingPort(), host.checkpoint());
    host.start();
  }
  return contextOf(host).held;
}

function contextOf(host: unknown): Held {
  const bytes = (host as { checkpoint(): unknown }).checkpoint();
  let seen: Held | undefined;
  const machine = setup({ types: { context: {} as Held } }).createMachine({
    context: { held: 0 },
    on: { LOOK: { actions: ({ context }) => void (seen = context) } },
  });
  const again = machineFactory(machine, options({ classes })).restore(notingPort(), bytes);
  again.start();
  again.send({ type: 'LOOK' });
  return seen as Held;
}

describe('an instance of a registered class', () => {
  it('comes back as one, with its methods', () => {
    const back = afterRestart(() => new Money(5), ['TWICE']) as Money;
    expect(back).toBeInstanceOf(Money);
    expect(back.twice().cents).toBe(20);
  });

  it('that stands in several places comes back as one object, and its data as what it was', () => {
    const back = afterRestart(() => {
      const one = new Money(1, new Map([['d', new Date(7)]]));
      return { one, list: [one, new Set([one])], inner: new Money(2, one) };
    }) as { one: Money; list: [Money, Set<Money>]; inner: Money };
    expect(back.list[0]).toBe(back.one);
    expect([...back.list[1]][0]).toBe(back.one);
    expect(back.inner.of).toBe(back.one);
    expect(back.one.of).toEqual(new Map([['d', new Date(7)]]));
  });

  it('of an error class keeps that class', () => {
    const back = afterRestart(() => new HttpError('gone', 410)) as HttpError;
    expect(back).toBeInstanceOf(HttpError);
    expect(back).toMatchObject({ message: 'gone', status: 410 });
  });

  it('may lie inside of a cycle, but must not lead back to itself through its own data', () => {
    const back = afterRestart(() => {
      const around: { money?: Money; self?: unknown } = {};
      around.self = around;
      around.money = new Money(3);
      return around;
    }) as { money: Money; self: unknown };
    expect(back.self).toBe(back);
    expect(back.money.cents).toBe(3);
    const list: unknown[] = [];
    list.push(new Money(1, list));
    const host = machineFactory(
      holder(() => new Money(1, list)),
      options({ classes }),
    ).create(notingPort(), undefined);
    const self = new Money(4, {}) as { of: { self?: unknown } };
    self.of.self = self;
    const looped = machineFactory(
      holder(() => self),
      options({ classes }),
    ).create(notingPort(), undefined);
    expect(() => looped.checkpoint()).toThrow(
      /context\.held<money>\[1\]\.self holds an instance of "money" that its own/,
    );
    expect(() => host.checkpoint()).not.toThrow();
  });

  it('whose data cannot be kept is refused with the way there', () => {
    const host = machineFactory(
      holder(() => ({ list: [new Money(1, { call: () => {} })] })),
      options({ classes }),
    ).create(notingPort(), undefined);
    expect(() => host.checkpoint()).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED_LOGIC',
        details: { place: 'context.held.list[0]<money>[1].call' },
      }) as Error,
    );
  });

  it('comes back in delayed events, inputs and results too', () => {
    const machine = setup({
      types: { context: {} as Held },
      actors: { wait: fromPromise(() => new Promise(() => {})) },
    }).createMachine({
      context: { held: null },
      entry: sendTo(({ self }) => self, { type: 'LATER', what: new Money(9) }, { delay: 10 }),
      invoke: { src: 'wait', input: () => new Money(8) as never },
      on: { LATER: { actions: assign({ held: ({ event }) => (event['what'] as Money).twice().cents }) } },
    });
    const factory = machineFactory(machine, options({ classes }));
    const first = factory.create(notingPort(), undefined);
    first.start();
    const port = notingPort();
    const host = factory.restore(port, first.checkpoint());
    host.start();
    port.nowAtMs += 10;
    host.fire('t1');
    host.fire('t2');
    host.fire('t3');
    expect(contextHeld(host.checkpoint() as Uint8Array)).toBe(18);
  });

  it('does not leave the machine: other actors do not know the class', () => {
    const machine = createMachine({
      on: { GO: { actions: sendTo(addressOf('agent/x'), { type: 'HI', what: new Money(1) }) } },
    });
    const host = machineFactory(machine, options({ classes })).create(notingPort(), undefined);
    host.start();
    host.send({ type: 'GO' });
    expect(host.error).toMatchObject({ code: 'UNSUPPORTED_LOGIC', details: { place: 'HI.what' } });
  });

  it('whose class is not registered any more is a VERSION_MISMATCH that names it', () => {
    const host = machineFactory(
      holder(() => new Money(1)),
      options({ classes }),
    ).create(notingPort(), undefined);
    host.start();
    const without = machineFactory(
      holder(() => 0),
      options(),
    );
    expect(() => without.restore(notingPort(), host.checkpoint())).toThrow(
      /the class "money", which is not registered/,
    );
  });
});

function contextHeld(bytes: Uint8Array): unknown {
  let seen: unknown;
  const machine = setup({
    types: { context: {} as Held },
    actors: { wait: fromPromise(() => new Promise(() => {})) },
  }).createMachine({
    context: { held: 0 },
    invoke: { src: 'wait' },
    on: { LOOK: { actions: ({ context }) => void (seen = context.held) } },
  });
  const host = machineFactory(machine, options({ classes })).restore(notingPort(), bytes);
  host.start();
  host.send({ type: 'LOOK' });
  return seen;
}

describe('classes', () => {
  it.each([
    ['a name that is none', [{ ...money, name: 'no name' }], /"no name" is not a name/],
    ['a name twice', [money, { ...httpError, name: 'money' }], /the name "money" stands there twice/],
    ['a class twice', [money, { ...money, name: 'other' }], /the class of "other" stands there twice/],
  ])('with %s are refused', (_, given, words) => {
    const make = (): unknown => new KeptClasses(given);
    expect(make).toThrow(OperatingError);
    expect(make).toThrow(words);
  });

  it('of which a value is only a subclass are not its class', () => {
    class Euro extends Money {}
    const host = machineFactory(
      holder(() => new Euro(1)),
      options({ classes }),
    ).create(notingPort(), undefined);
    expect(() => host.checkpoint()).toThrow(/context\.held holds an instance of Euro/);
  });
});
