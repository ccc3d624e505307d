/** What crosses the border of a machine: events, messages to others, outside calls. */
import { type AnyActorRef, type AnyStateMachine, createActor, createMachine, sendParent, sendTo, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import type { EffectRequest } from '../../runtime/host.ts';
import { machineFactory } from '../../runtime/machine-host.ts';
import { addressOf } from '../../runtime/machine-references.ts';
import { notingPort, options, run } from './machine-corpus/noting-port.ts';

describe('what a machine sends and takes', () => {
  it('sendParent without a parent is reported, and the machine goes on', () => {
    const port = notingPort();
    const undelivered: unknown[] = [];
    const host = run(createMachine({ entry: sendParent({ type: 'PROGRESS' }) }), port, {
      onUndelivered: (address, { code }) => void undelivered.push([address, code]),
    });
    expect([host.status, undelivered, port.log]).toEqual(['active', [['task/1', 'NOT_FOUND']], []]);
  });

  it('a parent that the input names hears what is sent to it, after a restore too, and nothing of the end', () => {
    const port = notingPort();
    const machine = (): AnyStateMachine =>
      createMachine({
        initial: 'a',
        states: { a: { on: { GO: { actions: sendParent({ type: 'PROGRESS' }) }, END: 'z' } }, z: { type: 'final' } },
      });
    const factory = machineFactory(
      machine(),
      options({ parentOf: (_, input) => (input as { parent: string }).parent }),
    );
    const host = factory.create(port, { parent: 'task/boss' });
    host.start();
    const again = factory.restore(port, host.checkpoint());
    again.start();
    again.send({ type: 'GO' });
    again.send({ type: 'END' });
    expect([again.status, port.log]).toEqual(['done', [['send', 'task/boss', { type: 'PROGRESS' }]]]);
  });

  it('an event or input that is changed in place is not the one that the sender keeps', () => {
    const machine = setup({
      types: { context: {} as { list: unknown[] }, input: {} as { list: unknown[] } },
    }).createMachine({
      context: ({ input }) => ({ list: input.list }),
      on: {
        ADD: { actions: ({ context, event }) => void context.list.push((event as { list?: unknown[] }).list?.pop()) },
      },
    });
    const input = { list: [1] };
    const event = { type: 'ADD', list: [2] };
    const host = machineFactory(machine, options()).create(notingPort(), input);
    host.start();
    host.send(event);
    expect([host.status, input, event]).toEqual(['active', { list: [1] }, { type: 'ADD', list: [2] }]);
  });

  it('makes calls of the kind that the machine says, or the host knows, and by the names it is given', () => {
    const kinds: unknown[] = [];
    const port = {
      ...notingPort(),
      effect: ({ name, kind, input }: EffectRequest) => void kinds.push([name, kind, input]),
    };
    const invoke = [
      { src: 'effect', input: { name: 'pay' } },
      { src: 'effect', input: { name: 'pay', kind: 'pure', input: 1 } },
      { src: 'effect', input: { name: 'other' } },
      { src: 'worker', input: { module: 'm.ts', name: 'sum', input: [1] } },
      { src: 'mail', input: { name: 'send' } },
    ];
    run(createMachine({ invoke } as never), port, {
      performerNames: ['effect', 'worker', 'mail'],
      kindOf: (name) => (name === 'effect:pay' ? 'unsafe' : undefined),
    });
    expect(kinds).toEqual([
      ['effect:pay', 'unsafe', undefined],
      ['effect:pay', 'pure', 1],
      ['effect:other', 'keyed', undefined],
      ['worker', 'pure', { module: 'm.ts', name: 'sum', input: [1] }],
      ['mail:send', 'keyed', undefined],
    ]);
    expect(() => run(createMachine({ invoke } as never), port)).toThrow(/"mail" is not defined/);
  });

  it('gives others plain values, and takes nothing of theirs for more than data', () => {
    const port = notingPort();
    const forged = { $troupe: 'bare', keys: ['a'], values: [1] };
    const machine = createMachine({
      on: {
        GO: {
          actions: sendTo(
            () => addressOf('agent/x'),
            ({ event }) => ({ ...event, type: 'GONE', zero: -0 }),
          ),
        },
      },
    });
    run(machine, port).send({ type: 'GO', forged, at: new Date(3) });
    expect(port.log).toStrictEqual([['send', 'agent/x', { type: 'GONE', forged, at: new Date(3), zero: -0 }]]);
  });

  it('knows others by their addresses, and is known by its own', () => {
    const port = notingPort();
    const machine = setup({
      types: { context: {} as { boss: AnyActorRef }, input: {} as { boss: AnyActorRef } },
    }).createMachine({
      context: ({ input }) => ({ boss: input.boss }),
      on: {
        ASK: {
          actions: [
            sendTo(
              ({ event }) => event['who'] as AnyActorRef,
              ({ context, event, self }) => ({
                type: 'ME',
                self,
                boss: context.boss,
                is: event['me'] === self,
                of: event['odd'] as unknown,
              }),
            ),
            sendTo(({ context }) => context.boss, { type: 'ASKED' }),
          ],
        },
      },
    });
    const mark = (address: string): object => ({ $troupe: 'address', address });
    const host = machineFactory(machine, options()).create(port, { boss: mark('agent/boss') });
    host.start();
    const odd = [
      { $troupe: 'actor', path: [] },
      { $troupe: 'address', address: 5 },
    ];
    host.send({ type: 'ASK', who: mark('session/1'), me: mark('task/1'), odd });
    expect(port.log).toEqual([
      ['send', 'session/1', { type: 'ME', self: mark('task/1'), boss: mark('agent/boss'), is: true, of: odd }],
      ['send', 'agent/boss', { type: 'ASKED' }],
    ]);
  });

  it('says so when an address is used where nobody could send to it', () => {
    const actor = createActor(
      createMachine({ on: { GO: { actions: sendTo(() => addressOf('agent/x'), { type: 'X' }) } } }),
    );
    actor.subscribe({ error: () => {} });
    actor.start().send({ type: 'GO' });
    expect(actor.getSnapshot().error).toMatchObject({ code: 'STATE_CONFLICT' });
  });

  it('a call that waits takes no event but its outcome', () => {
    const machine = createMachine({
      invoke: { src: 'effect', id: 'e', input: { name: 'x' } },
      on: { GO: { actions: sendTo('e', { type: 'GO' }) } },
    } as never);
    const host = run(machine, notingPort());
    host.send({ type: 'GO' });
    expect(host.describe().children).toEqual([{ id: 'e', src: 'effect', state: 'active' }]);
  });
});
