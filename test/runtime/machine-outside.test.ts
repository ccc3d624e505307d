/** What happens outside of a turn: it starts after the commit and comes back as a turn. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import {
  type AnyActorLogic,
  type AnyStateMachine,
  assign,
  createMachine,
  forwardTo,
  fromCallback,
  fromObservable,
  fromPromise,
  setup,
} from 'xstate';
import { describe, expect, it, vi } from 'vitest';
import type { Reentry } from '../../runtime/host.ts';
import { ActorAddress, addressOf, currentCell } from '../../runtime/machine-references.ts';
import { notingPort, restored, run } from './machine-corpus/noting-port.ts';

describe('what happens outside of a turn', () => {
  it('starts after the commit, and comes back as a turn of its own', async () => {
    const order: string[] = [];
    const port = notingPort();
    const work = fromPromise(async () => {
      order.push('body');
      return 'done';
    });
    const host = run(
      setup({ actors: { work } }).createMachine({
        initial: 'a',
        states: { a: { invoke: { src: 'work', id: 'w', onDone: 'b' } }, b: {} },
      }),
      port,
    );
    order.push('turn over');
    port.releases[0]?.();
    await vi.waitFor(() => expect(port.reentries).toHaveLength(1));
    expect(order).toEqual(['turn over', 'body']);
    expect(host.describe().state).toBe('a');
    expect(port.reentries[0]).toMatchObject({
      sourcePath: ['w'],
      targetPath: ['w'],
      event: { type: 'xstate.promise.resolve' },
    });
    host.relay(port.reentries[0] as Reentry);
    expect(host.describe().state).toBe('b');
  });

  it.each(['promise', 'callback', 'observable'])(
    'is not begun when the child is gone by the time of the commit: %s',
    (kind) => {
      let runs = 0;
      const begin = (): void => void runs++;
      const observable = { subscribe: () => ({ unsubscribe: begin() as never }) };
      const logics: { [kind: string]: AnyActorLogic } = {
        promise: fromPromise(async () => begin()),
        callback: fromCallback(begin),
        observable: fromObservable(() => observable as never),
      };
      const machine = (): AnyStateMachine =>
        setup({ actors: logics }).createMachine({
          initial: 'a',
          states: { a: { invoke: { src: kind }, on: { N: 'b' } }, b: {} },
        });
      const left = notingPort();
      const host = run(machine(), left);
      host.send({ type: 'N' });
      left.releases[0]?.();
      expect([runs, host.status]).toEqual([0, 'active']);
      const stopped = notingPort();
      run(machine(), stopped).stop();
      stopped.releases[0]?.();
      expect(runs).toBe(0);
    },
  );

  it('waits for what was sent to it before, within a bound, and takes that up after a restore', () => {
    const got: unknown[] = [];
    const child = fromCallback(({ receive }) => receive((event) => void got.push((event as { n?: number }).n)));
    const machine = (): AnyStateMachine =>
      setup({ actors: { child } }).createMachine({
        initial: 'a',
        states: {
          a: { invoke: { src: 'child', id: 'c' }, on: { OUT: 'b', SAY: { actions: forwardTo('c') } } },
          b: {},
        },
      });
    const port = notingPort();
    const host = run(machine(), port);
    for (let n = 0; n < 1_000; n++) host.send({ type: 'SAY', n });
    const bytes = host.checkpoint();
    host.send({ type: 'SAY', n: 1_000 });
    expect([host.status, host.error]).toEqual(['error', expect.objectContaining({ code: 'BUSY' })]);
    const later = notingPort();
    const again = restored(machine(), later, bytes);
    later.releases[0]?.();
    again.relay(later.reentries[0] as Reentry);
    expect(got).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
    const left = restored(machine(), notingPort(), bytes);
    left.send({ type: 'OUT' });
    expect(left.status).toBe('active');
  });

  it('that sends what cannot be kept fails, and lets go of what it held', () => {
    const port = notingPort();
    const seen: string[] = [];
    const child = fromCallback(({ sendBack }) => {
      sendBack({ type: 'X', call: () => {} });
      return () => void seen.push('disposed');
    });
    const host = run(setup({ actors: { child } }).createMachine({ invoke: { src: 'child' } }), port);
    port.releases[0]?.();
    host.relay(port.reentries[0] as Reentry);
    expect([seen, host.status, host.endedByItself]).toEqual([['disposed'], 'error', true]);
    expect(host.error).toMatchObject({ code: 'UNSUPPORTED_LOGIC' });
  });

  it('that cannot be kept and comes from nobody is refused to the one who sends it', () => {
    const port = notingPort();
    let send = (): void => {};
    const child = fromCallback(({ self }) => void (send = () => self.send({ type: 'X', call: () => {} } as never)));
    run(setup({ actors: { child } }).createMachine({ invoke: { src: 'child' } }), port);
    port.releases[0]?.();
    expect(send).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_LOGIC' }) as Error);
    expect(port.reentries).toEqual([]);
  });

  it('does not reach an actor that took the place of the one it was meant for', async () => {
    const port = notingPort();
    const work = fromPromise(({ input }) => Promise.resolve(input));
    const host = run(
      setup({ types: { context: {} as { got: unknown[] } }, actors: { work } }).createMachine({
        context: { got: [] },
        initial: 'a',
        states: {
          a: {
            invoke: {
              src: 'work',
              id: 'w',
              onDone: { actions: assign({ got: ({ context }) => [...context.got, 'done'] }) },
            },
            on: { AGAIN: { target: 'a', reenter: true } },
          },
        },
      }),
      port,
    );
    port.releases[0]?.();
    await vi.waitFor(() => expect(port.reentries).toHaveLength(1));
    host.send({ type: 'AGAIN' });
    host.relay(port.reentries[0] as Reentry);
    expect(host.describe().children).toEqual([{ id: 'w', src: 'work', state: 'active' }]);
    port.releases[1]?.();
    await vi.waitFor(() => expect(port.reentries).toHaveLength(2));
    host.relay(port.reentries[1] as Reentry);
    expect(host.describe().children).toEqual([{ id: 'w', src: 'work', state: 'done' }]);
  });

  it('goes to other actors too: an address that outside code sends to is a turn with a message', () => {
    const port = notingPort();
    const work = fromCallback(({ input }) => (input as ActorAddress).send({ type: 'FROM_OUTSIDE', n: 1 }));
    const host = run(
      setup({ actors: { work } }).createMachine({ invoke: { src: 'work', input: () => addressOf('agent/x') } }),
      port,
    );
    port.releases[0]?.();
    expect(port.log).toEqual([]);
    host.relay(port.reentries[0] as Reentry);
    expect(port.log).toEqual([['send', 'agent/x', { type: 'FROM_OUTSIDE', n: 1 }]]);
    expect(() => new ActorAddress('agent/x').send({ type: 'X' })).toThrow(
      expect.objectContaining({ code: 'STATE_CONFLICT' }) as Error,
    );
  });

  it('takes deliveries that were made by hand, as a contract test of the cell would', () => {
    const host = run(createMachine({ initial: 'a', states: { a: { on: { N: 'b' } }, b: {} } }), notingPort());
    host.relay({ sourcePath: undefined, targetPath: [], event: { type: 'N' } });
    host.relay({ sourcePath: undefined, targetPath: ['nobody'], event: { type: 'N' } });
    expect(host.describe().state).toBe('b');
  });

  it('is attributed to its cell, also after an await and in callbacks', async () => {
    const port = notingPort();
    const cells: unknown[] = [];
    const work = fromPromise(async () => {
      cells.push(currentCell());
      await Promise.resolve();
      cells.push(currentCell());
      queueMicrotask(() => cells.push(currentCell()));
    });
    run(
      setup({ actors: { work } }).createMachine({
        invoke: { src: 'work' },
        entry: () => void cells.push(currentCell()),
      }),
      port,
    );
    port.releases[0]?.();
    await vi.waitFor(() => expect(cells).toHaveLength(4));
    expect(cells.every((cell) => cell === port)).toBe(true);
    expect(currentCell()).toBeUndefined();
  });

  it('is not heard any more once the machine or the child it is meant for has stopped', () => {
    const port = notingPort();
    const reach: (() => void)[] = [];
    const child = fromCallback(({ self, input }) => {
      reach.push(
        () => self.send({ type: 'X' }),
        AsyncLocalStorage.bind(() => (input as ActorAddress).send({ type: 'Y' })),
      );
    });
    const machine = setup({ actors: { child } }).createMachine({
      initial: 'a',
      states: { a: { invoke: { src: 'child', input: () => addressOf('agent/x') }, on: { OUT: 'b' } }, b: {} },
    });
    const host = run(machine, port);
    port.releases[0]?.();
    for (const send of reach) send();
    expect(port.reentries.map(({ event }) => event.type)).toEqual(['X', 'troupe.forwarded']);
    host.send({ type: 'OUT' });
    reach[0]?.();
    host.stop();
    for (const send of reach) send();
    expect(port.reentries).toHaveLength(2);
  });

  it('is no part of what a turn sends: an action that sends to an address does it in the turn', () => {
    const port = notingPort();
    const host = run(createMachine({ on: { GO: { actions: () => addressOf('agent/x').send({ type: 'HI' }) } } }), port);
    host.send({ type: 'GO' });
    expect([port.log, port.reentries]).toEqual([[['send', 'agent/x', { type: 'HI' }]], []]);
  });

  it('is attributed to its cell when it escapes to the process', () => {
    const { stdout } = spawnSync(process.execPath, [path.join(import.meta.dirname, 'machine-corpus/escaping.ts')], {
      encoding: 'utf8',
    });
    expect(stdout.trim().split('\n').sort()).toEqual([
      'uncaught task/one Error: in a timer',
      'uncaught task/two Error: in a timer',
      'unhandled task/one Error: in an action',
      'unhandled task/two Error: in an action',
    ]);
  });
});
