import { type AnyActorLogic, type AnyStateMachine, assign, createMachine, fromPromise, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { structureHash } from '../../runtime/machine-structure.ts';

const child = (states: object = { a: {} }): AnyStateMachine => createMachine({ initial: 'a', states } as never);

/** A machine, with what differs. */
function machine(
  more: object = {},
  actors: Record<string, AnyActorLogic> = { child: child() },
  count = 1,
): AnyStateMachine {
  return setup({
    actors: actors,
    guards: { ok: () => count > 0 },
    actions: { add: assign({ n: () => count }) },
  }).createMachine({
    id: 'm',
    initial: 'a',
    states: {
      a: {
        invoke: { src: 'child', id: 'c' },
        after: { 100: 'b' },
        on: { N: { target: 'b', guard: 'ok', actions: 'add' } },
      },
      b: { type: 'parallel', states: { l: {}, r: { initial: 'x', states: { x: {}, y: {}, h: { type: 'history' } } } } },
    },
    ...more,
  } as never) as unknown as AnyStateMachine;
}

describe('the structure hash', () => {
  it('is the same for the same shape, in every process', () => {
    expect(structureHash(machine())).toBe(structureHash(machine()));
    expect(
      structureHash(
        createMachine({ id: 'fixed', initial: 'a', states: { a: { on: { N: 'b' } }, b: { type: 'final' } } }),
      ),
    ).toMatchInlineSnapshot(`"0abbfbf041a5a831b22d63bfff40d11f"`);
  });

  it('does not look at what functions do', () => {
    expect(structureHash(machine({}, { child: child() }, 2))).toBe(structureHash(machine()));
    expect(structureHash(machine({ context: { n: 5 }, entry: () => {} }))).toBe(structureHash(machine()));
  });

  it.each([
    [
      'a state more',
      { states: { a: { invoke: { src: 'child', id: 'c' }, after: { 100: 'b' }, on: { N: 'b' } }, b: {}, c: {} } },
    ],
    ['another initial state', { initial: 'b' }],
    ['another target', { on: { X: '.a' } }],
    ['a transition that reenters', { on: { X: { target: '.a', reenter: true } } }],
    ['an always transition', { always: { guard: () => false, target: '.b' } }],
    ['another delay', { after: { 5: '.b' } }],
    ['another invoke', { invoke: { src: 'child', id: 'other' } }],
    ['another id', { id: 'n' }],
  ])('changes with %s', (_, more) => {
    expect(structureHash(machine(more))).not.toBe(structureHash(machine()));
  });

  it('changes with the shape of machines that it can start, and with the kind of its actors', () => {
    const hashes = [
      { child: child() },
      { child: child({ a: {}, b: {} }) },
      { child: fromPromise(async () => 1) },
      { child: child(), more: child() },
    ].map((actors) => structureHash(machine({}, actors)));
    expect(new Set(hashes).size).toBe(4);
    const inline = (src: unknown): string => structureHash(createMachine({ invoke: { src: src as never } }));
    expect(new Set([inline(child()), inline(child({ a: {}, b: {} })), inline(fromPromise(async () => 1))]).size).toBe(
      3,
    );
  });

  it('ends for machines that can start themselves', () => {
    const one = setup({ actors: { self: child() } }).createMachine({});
    one.implementations.actors.self = one as never;
    expect(structureHash(one)).toMatch(/^[0-9a-f]{32}$/);
  });
});
