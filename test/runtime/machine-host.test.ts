/** The host at its seam: crashes, loops, the end. */
import {
  type AnyStateMachine,
  assign,
  createMachine,
  emit,
  fromCallback,
  fromPromise,
  log,
  raise,
  sendTo,
  setup,
  spawnChild,
} from 'xstate';
import { describe, expect, it } from 'vitest';
import { addressOf } from '../../runtime/machine-references.ts';
import { benchOf, notingPort, restored, run } from './machine-corpus/noting-port.ts';

describe('a crash', () => {
  const machine = (): AnyStateMachine =>
    setup({ types: { context: {} as { list: number[] } } }).createMachine({
      context: () => ({ list: [1] }),
      on: {
        SPOIL: {
          actions: [
            ({ context }) => void context.list.push(2),
            sendTo(() => addressOf('agent/x'), { type: 'LOST' }),
            () => {
              throw new TypeError('on purpose');
            },
          ],
        },
      },
    });

  it('is told by status and error, sends nothing, and leaves the state before it whole', () => {
    const port = notingPort();
    const host = run(machine(), port);
    const before = host.checkpoint();
    host.send({ type: 'SPOIL' });
    expect(host.status).toBe('error');
    expect(host.error).toBeInstanceOf(TypeError);
    expect(host.endedByItself).toBe(false);
    expect(port.log).toEqual([]);
    const again = restored(machine(), port, before);
    expect(again.status).toBe('active');
    expect(Buffer.from(again.checkpoint() as Uint8Array)).toEqual(Buffer.from(before as Uint8Array));
  });

  it('in the making of the context, in an entry action and in a guard is one as well', () => {
    const broken = (): never => {
      throw new RangeError('broken');
    };
    const machines = [
      createMachine({ context: broken }),
      createMachine({ entry: broken }),
      createMachine({ initial: 'a', states: { a: { always: { guard: broken, target: 'b' } }, b: {} } }),
    ];
    for (const one of machines) {
      const host = run(one, notingPort());
      expect([host.status, String(host.error)]).toEqual(['error', expect.stringContaining('broken')]);
      expect(host.endedByItself).toBe(false);
    }
  });

  it('stops the children without a word to the outside: calls and timers belong to the state before', async () => {
    const seen: string[] = [];
    const port = notingPort();
    const child = fromCallback(() => () => void seen.push('disposed'));
    const host = run(
      setup({ actors: { child } }).createMachine({
        invoke: [
          { src: 'child', id: 'c' },
          { src: 'effect' as never, id: 'e', input: { name: 'x' } as never },
        ],
        after: { 100: {} },
        on: {
          BAD: {
            actions: () => {
              throw new Error('bad');
            },
          },
        },
      } as never) as unknown as AnyStateMachine,
      port,
    );
    for (const release of port.releases) release();
    port.log.length = 0;
    host.send({ type: 'BAD' });
    expect(seen).toEqual(['disposed']);
    expect(port.log).toEqual([]);
    host.stop();
    expect(seen).toEqual(['disposed']);
  });

  it('of a child stops the children of that child, which nobody could reach any more', async () => {
    const seen: string[] = [];
    const inner = fromCallback(() => () => void seen.push('inner disposed'));
    const outer = setup({ actors: { inner } }).createMachine({
      invoke: { src: 'inner', id: 'i' },
      on: {
        BAD: {
          actions: () => {
            throw new Error('bad');
          },
        },
      },
    });
    const made = await benchOf(() =>
      setup({ actors: { outer } }).createMachine({
        initial: 'a',
        states: { a: { invoke: { src: 'outer', id: 'o', onError: 'b' } }, b: {} },
        on: { BAD: { actions: sendTo('o', { type: 'BAD' }) } },
      }),
    );
    await made.send({ type: 'BAD' });
    expect(seen).toEqual(['inner disposed']);
    expect(made.host.describe()).toEqual({ state: 'b' });
    expect(made.failures).toEqual([]);
  });

  it('is no crash where a child fails and nobody handles it: the machine ends so by itself', async () => {
    const made = await benchOf(() =>
      setup({ actors: { fails: fromPromise(() => Promise.reject(new Error('no'))) } }).createMachine({
        invoke: { src: 'fails' },
      }),
    );
    expect([made.host.status, made.host.endedByItself, String(made.host.error)]).toEqual(['error', true, 'Error: no']);
    expect(made.failures).toEqual([]);
  });

  it('of a child that breaks is a crash of the machine, and a child that fails is none, however deep', async () => {
    const breaking = createMachine({
      on: {
        GO: {
          actions: () => {
            throw new Error('broken');
          },
        },
      },
    });
    const failing = createMachine({
      initial: 'a',
      states: {
        a: { on: { GO: 'b' } },
        b: { invoke: { src: fromPromise(() => Promise.reject(new Error('failed'))) } },
      },
    });
    const around = (inner: AnyStateMachine): AnyStateMachine => {
      const middle = setup({ actors: { inner } }).createMachine({
        invoke: { src: 'inner', id: 'i' },
        on: { GO: { actions: sendTo('i', { type: 'GO' }) } },
      });
      return setup({ actors: { middle } }).createMachine({
        invoke: { src: 'middle', id: 'm' },
        on: { GO: { actions: sendTo('m', { type: 'GO' }) } },
      });
    };
    const ends: unknown[] = [];
    for (const inner of [breaking, failing]) {
      const made = await benchOf(() => around(inner));
      await made.send({ type: 'GO' });
      ends.push([String(made.host.error), made.host.endedByItself]);
    }
    expect(ends).toEqual([
      ['Error: broken', false],
      ['Error: failed', true],
    ]);
  });

  it('is what a delivery is that cannot be read', () => {
    const host = run(createMachine({}), notingPort());
    const packed = Uint8Array.of(0xc7, 0xff);
    host.relay({ sourcePath: undefined, targetPath: [], event: { type: 'X', packed } });
    expect([host.status, host.endedByItself]).toEqual(['error', false]);
  });
});

describe('a loop', () => {
  it('of events between actors ends as LIVELOCK', () => {
    const host = run(
      createMachine({ on: { GO: { actions: sendTo(({ self }) => self, { type: 'GO' }) } } }),
      notingPort(),
    );
    host.send({ type: 'GO' });
    expect(host.status).toBe('error');
    expect(host.error).toMatchObject({ code: 'LIVELOCK' });
  });

  it('of messages to others ends as LIVELOCK', () => {
    const host = run(
      createMachine({ entry: Array.from({ length: 10_001 }, () => sendTo(() => addressOf('agent/x'), { type: 'X' })) }),
      notingPort(),
    );
    expect(host.error).toMatchObject({ code: 'LIVELOCK' });
  });

  it('that makes ever more actors ends as BUSY', () => {
    const kid = createMachine({});
    const spawns = Array.from({ length: 1_001 }, (_, at) => spawnChild('kid', { id: `k${at}` }));
    expect(run(setup({ actors: { kid } }).createMachine({ entry: spawns as never }), notingPort()).error).toMatchObject(
      {
        code: 'BUSY',
      },
    );
    expect(
      run(setup({ actors: { kid } }).createMachine({ entry: spawns.slice(1) as never }), notingPort()).status,
    ).toBe('active');
  });

  it('of always transitions or raised events ends as LIVELOCK', () => {
    const always = run(
      createMachine({ initial: 'a', states: { a: { always: 'b' }, b: { always: 'a' } } }),
      notingPort(),
    );
    expect(always.error).toMatchObject({ code: 'LIVELOCK', cause: expect.any(Error) as Error });
    const raised = run(createMachine({ on: { GO: { actions: raise({ type: 'GO' }) } } }), notingPort());
    raised.send({ type: 'GO' });
    expect(raised.error).toMatchObject({ code: 'LIVELOCK' });
  });

  it('is found earlier where the machine itself sets a lower bound', () => {
    const actions = Array.from({ length: 6 }, () => raise({ type: 'X' }));
    const bounded = (maxIterations: number): AnyStateMachine =>
      createMachine({
        options: { maxIterations },
        on: { GO: { actions }, X: { actions: () => {} } },
      }) as AnyStateMachine;
    const errors = [5, 50].map((bound) => {
      const host = run(bounded(bound), notingPort());
      host.send({ type: 'GO' });
      return host.error;
    });
    expect(errors).toEqual([expect.objectContaining({ code: 'LIVELOCK' }), undefined]);
  });

  it('just below its bound is none, and each turn has the whole bound', () => {
    const machine = setup({ types: { context: {} as { n: number } } }).createMachine({
      context: { n: 0 },
      on: {
        GO: {
          guard: ({ context }) => context.n % 9_000 !== 8_999,
          actions: [assign({ n: ({ context }) => context.n + 1 }), sendTo(({ self }) => self, { type: 'GO' })],
        },
        ON: { actions: [assign({ n: 0 }), sendTo(({ self }) => self, { type: 'GO' })] },
      },
    });
    const host = run(machine, notingPort());
    for (let turn = 0; turn < 3; turn++) host.send({ type: 'ON' });
    expect(host.status).toBe('active');
  });
});

describe('the end', () => {
  it('stop lets go of what the machine holds itself, and cancels nothing that is kept', () => {
    const port = notingPort();
    const seen: string[] = [];
    const held = fromPromise(
      ({ signal }) => new Promise(() => signal.addEventListener('abort', () => seen.push('aborted'))),
    );
    const host = run(
      setup({ actors: { held } }).createMachine({
        invoke: [{ src: 'held' }, { src: 'effect' as never, input: { name: 'x' } as never }],
        after: { 10: {} },
      } as never) as unknown as AnyStateMachine,
      port,
    );
    for (const release of port.releases) release();
    port.log.length = 0;
    host.stop();
    host.stop();
    expect([host.status, seen, port.log, port.reentries]).toEqual(['stopped', ['aborted'], [], []]);
  });

  it('what a callback sends while it is let go is not heard', () => {
    const port = notingPort();
    const saying = fromCallback(
      ({ sendBack }) =>
        () =>
          sendBack({ type: 'BYE' }),
    );
    const host = run(setup({ actors: { saying } }).createMachine({ invoke: { src: 'saying' } }), port);
    port.releases[0]?.();
    host.stop();
    expect(port.reentries).toEqual([]);
  });

  it('a done machine cancels the calls and timers that are left', () => {
    const port = notingPort();
    const host = run(
      createMachine({
        invoke: { src: 'effect', input: { name: 'x' } },
        initial: 'a',
        states: { a: { after: { 50: 'z' }, on: { END: 'z' } }, z: { type: 'final' } },
      } as never),
      port,
    );
    host.send({ type: 'END' });
    expect(port.log.slice(-2)).toEqual(
      expect.arrayContaining([
        ['cancel', 'effect:x/2'],
        ['clear', 't3'],
      ]),
    );
    expect(host.status).toBe('done');
  });
});

describe('in passing', () => {
  it('logs go where they should', () => {
    const said: unknown[] = [];
    const host = run(createMachine({ entry: [log('here', 'label'), emit({ type: 'told' })] }), notingPort(), {
      log: (...what) => void said.push(what),
    });
    expect([host.status, said]).toEqual(['active', [['task/1', 'label', 'here']]]);
  });

  it('describes nested and parallel states and all children', async () => {
    const deep = createMachine({ initial: 'x', states: { x: {} } });
    const child = setup({ actors: { deep } }).createMachine({
      type: 'parallel',
      states: { l: { initial: '1', states: { 1: {} } }, r: {} },
      invoke: { src: 'deep', id: 'd' },
    });
    const made = await benchOf(() =>
      setup({ actors: { child } }).createMachine({
        initial: 'working',
        states: { working: { initial: 'fetching', states: { fetching: {} }, invoke: { src: 'child', id: 'c' } } },
      }),
    );
    expect(made.host.describe()).toEqual({
      state: 'working.fetching',
      children: [
        { id: 'c', src: 'child', state: 'l.1, r' },
        { id: 'c/d', src: 'deep', state: 'x' },
      ],
    });
  });

  it('holds work while a promise or a callback of it runs', async () => {
    const work = fromPromise(() => new Promise(() => {}));
    const child = createMachine({});
    const host = run(
      setup({ actors: { work, child } }).createMachine({
        initial: 'a',
        invoke: { src: 'child' },
        states: { a: { invoke: { src: 'work' }, on: { OUT: 'b' } }, b: {} },
      }),
      notingPort(),
    );
    expect(host.holdsWork).toBe(true);
    host.send({ type: 'OUT' });
    expect(host.holdsWork).toBe(false);
  });

  it('leaves the machine it was given as it was', () => {
    const child = createMachine({});
    const machine = setup({ actors: { child } }).createMachine({
      invoke: [{ src: 'child' }, { src: fromPromise(async () => 1) as never }],
    });
    const { maxIterations } = machine.options ?? {};
    run(machine, notingPort());
    expect(machine.implementations.actors['child']).toBe(child);
    expect(Object.keys(machine.implementations.actors)).toEqual(['child']);
    expect(machine.options?.maxIterations).toBe(maxIterations);
  });
});
