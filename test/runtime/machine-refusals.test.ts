/** What cannot survive a restart is refused, with a code, the place and the way out, before it does any harm. */
import { assign, createMachine, enqueueActions, fromCallback, fromPromise, sendTo, setup, spawnChild } from 'xstate';
import { describe, expect, it } from 'vitest';
import type { OperatingError } from '../../protocol/errors.ts';
import { Bench } from './machine-corpus/bench.ts';
import { machineFactory } from '../../runtime/machine-host.ts';
import { createWorld } from '../../runtime/world.ts';
import type { AnyStateMachine } from 'xstate';

const idle = createMachine({});
const start = async (makeMachine: () => AnyStateMachine, input?: unknown): Promise<Bench> => {
  const bench = new Bench({ makeMachine, input, killing: 'never' });
  await bench.start();
  return bench;
};
const refusalOf = async (work: () => unknown): Promise<{ code: string; place: unknown; message: string }> => {
  try {
    await work();
  } catch (error) {
    const { code, details, message } = error as OperatingError;
    return { code, place: (details as { place?: unknown }).place, message };
  }
  expect.unreachable('it was not refused');
};

describe('the checkpoint refuses what a machine took into its state', () => {
  const holding =
    (held: () => unknown): (() => AnyStateMachine) =>
    () =>
      setup({ types: { context: {} as { held: unknown } } }).createMachine({ context: () => ({ held: held() }) });

  it.each([
    ['a function', () => ({ fetch: () => {} }), 'context.held.fetch'],
    ['a symbol', () => [Symbol('s')], 'context.held[0]'],
    ['an instance of a class', () => new (class Client {})(), 'context.held'],
    ['a promise', () => ({ later: Promise.resolve(1) }), 'context.held.later'],
    ['an abort controller', () => new AbortController(), 'context.held'],
  ])('%s', async (_, held, place) => {
    expect(await refusalOf(() => start(holding(held)))).toMatchObject({ code: 'UNSUPPORTED_LOGIC', place });
  });

  it('in the context of a child, with the way there', async () => {
    const child = setup({ types: { context: {} as { f: unknown } } }).createMachine({
      context: () => ({ f: () => {} }),
    });
    const middle = setup({ actors: { child } }).createMachine({ invoke: { src: 'child', id: 'inner' } });
    const refusal = await refusalOf(() =>
      start(() => setup({ actors: { middle } }).createMachine({ invoke: { src: 'middle', id: 'outer' } })),
    );
    expect(refusal).toMatchObject({ code: 'UNSUPPORTED_LOGIC', place: 'children.outer.children.inner.context.f' });
  });

  it('in the output', async () => {
    const machine = (): AnyStateMachine =>
      createMachine({ initial: 'z', states: { z: { type: 'final' } }, output: () => ({ call: () => {} }) });
    expect(await refusalOf(() => start(machine))).toMatchObject({ code: 'UNSUPPORTED_LOGIC', place: 'output.call' });
  });

  it('in the input of a promise and in a delayed event', async () => {
    const wait = fromPromise(() => new Promise(() => {}));
    const invoking = (): AnyStateMachine =>
      setup({ actors: { wait } }).createMachine({
        invoke: { src: 'wait', id: 'w', input: () => ({ call: () => {} }) as never },
      });
    expect(await refusalOf(() => start(invoking))).toMatchObject({ place: 'children.w.input.call' });
    const delaying = (): AnyStateMachine =>
      createMachine({
        entry: sendTo(({ self }) => self, { type: 'X', f: () => {} } as never, { delay: 5, id: 'later' }),
      });
    expect(await refusalOf(() => start(delaying))).toMatchObject({ place: 'timers.later.f' });
  });

  it('an actor of another system, which the machine made for itself', async () => {
    const { createActor } = await import('xstate');
    expect(await refusalOf(() => start(holding(() => createActor(idle))))).toMatchObject({
      code: 'UNSUPPORTED_LOGIC',
      place: 'context.held',
    });
  });

  it('a second actor under the id of one that still runs', async () => {
    const twice = (): AnyStateMachine =>
      setup({ types: { context: {} as { kids: unknown[] } }, actors: { idle } }).createMachine({
        context: ({ spawn }) => ({ kids: ['fine', 'same', 'same'].map((id) => spawn('idle', { id })) }),
      });
    const refusal = await refusalOf(() => start(twice));
    expect(refusal).toMatchObject({ code: 'UNSUPPORTED_LOGIC', place: 'children.same' });
    expect(refusal.message).toContain('Give each child an id of its own');
    const nameless = (): AnyStateMachine =>
      setup({ actors: { idle } }).createMachine({ entry: [spawnChild('idle'), spawnChild('idle')] });
    expect(await refusalOf(() => start(nameless))).toMatchObject({ code: 'UNSUPPORTED_LOGIC' });
  });
});

describe('inline logic that is spawned has no name to find it by', () => {
  let started = 0;
  const inline = fromCallback(() => void started++);

  it('and is refused at registration where it can be seen', () => {
    const machine = createMachine({ initial: 'a', states: { a: { entry: spawnChild(inline as never, { id: 'c' }) } } });
    const make = (): unknown => machineFactory(machine, { logicId: 'm', logicVersion: '1', world: createWorld() });
    expect(make).toThrow(/states\.a\.entry\[0\].*Register the logic in setup/);
    expect(make).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED_LOGIC',
        details: { place: 'states.a.entry[0]', findings: [expect.objectContaining({ severity: 'refusal' })] },
      }) as Error,
    );
  });

  it.each([
    [
      'in assign',
      () =>
        createMachine({
          entry: assign(({ spawn }) => ({ kid: (spawn as (...of: unknown[]) => unknown)(inline, { id: 'kid' }) })),
        }),
    ],
    [
      'in enqueueActions',
      () =>
        createMachine({
          entry: enqueueActions(({ enqueue }) =>
            (enqueue.spawnChild as (...of: unknown[]) => void)(inline, { id: 'kid' }),
          ),
        }),
    ],
  ])('and is refused before it starts where it cannot: %s', async (_, make) => {
    started = 0;
    const bench = await start(make);
    expect(bench.failures).toMatchObject([{ code: 'UNSUPPORTED_LOGIC', details: { place: 'children.kid' } }]);
    expect(started).toBe(0);
    expect(bench.host.status).toBe('error');
  });

  it('even where a child would have handled the error', async () => {
    const child = createMachine({
      on: {
        GO: {
          actions: enqueueActions(({ enqueue }) =>
            (enqueue.spawnChild as (...of: unknown[]) => void)(inline, { id: 'kid' }),
          ),
        },
      },
    });
    const bench = await start(() =>
      setup({ actors: { child } }).createMachine({
        invoke: { src: 'child', id: 'c', onError: { actions: () => {} } },
        on: { GO: { actions: sendTo('c', { type: 'GO' }) } },
      }),
    );
    await bench.send({ type: 'GO' });
    expect(bench.failures).toMatchObject([{ code: 'UNSUPPORTED_LOGIC' }]);
  });
});

describe('what cannot cross a border is refused there', () => {
  it('a promise that resolves to what cannot be kept fails, and its machine may handle that', async () => {
    const bad = fromPromise(() => Promise.resolve({ body: { read: () => {} } }));
    const bench = await start(() =>
      setup({ types: { context: {} as { error: unknown } }, actors: { bad } }).createMachine({
        context: { error: null },
        invoke: { src: 'bad', id: 'b', onError: { actions: assign({ error: ({ event }) => event.error }) } },
      }),
    );
    expect(bench.root._snapshot.context).toMatchObject({
      error: {
        code: 'UNSUPPORTED_LOGIC',
        message: expect.stringContaining('xstate.promise.resolve.data.body.read') as string,
      },
    });
    expect(bench.host.status).toBe('active');
  });

  it('a message to another actor must not hold functions, nor children of the sender', async () => {
    const { addressOf } = await import('../../runtime/machine-references.ts');
    const machine = (): AnyStateMachine =>
      setup({ actors: { idle } }).createMachine({
        invoke: { src: 'idle', id: 'kid' },
        on: {
          CALL: { actions: sendTo(addressOf('agent/x'), { type: 'HI', back: () => {} }) },
          KID: {
            actions: sendTo(
              addressOf('agent/x'),
              ({ self }) =>
                ({
                  type: 'HI',
                  kid: (self.getSnapshot() as unknown as { children: { kid: unknown } }).children.kid,
                }) as never,
            ),
          },
        },
      });
    const one = await start(machine);
    await one.send({ type: 'CALL' });
    expect(one.failures).toMatchObject([{ code: 'UNSUPPORTED_LOGIC', details: { place: 'HI.back' } }]);
    const other = await start(machine);
    await other.send({ type: 'KID' });
    expect(other.failures).toMatchObject([{ code: 'UNSUPPORTED_LOGIC', details: { place: 'HI.kid' } }]);
  });
});
