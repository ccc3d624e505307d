import { type AnyStateMachine, assign, createMachine, fromPromise, setup, spawnChild } from 'xstate';
import { describe, expect, it } from 'vitest';
import { addressOf } from '../../runtime/machine-references.ts';
import { lintMachine } from '../../runtime/machine-lint.ts';

const PERFORMERS = ['effect', 'worker', 'model', 'tool'];
const findings = (machine: AnyStateMachine): string[] =>
  lintMachine(machine, PERFORMERS).map(({ severity, place }) => `${severity} ${place}`);
const work = fromPromise(async () => 1);

describe('the linter', () => {
  it('finds nothing in a machine that is well made', () => {
    const child = createMachine({ initial: 'a', states: { a: {} } });
    const machine = setup({ actors: { work, child } }).createMachine({
      initial: 'a',
      context: { to: addressOf('agent/x'), list: [1] },
      states: {
        a: { invoke: { src: 'work', onError: 'b', onDone: 'h' }, entry: spawnChild('child', { id: 'c' }) },
        b: { initial: 'x', states: { x: { always: 'y' }, y: {}, h: { type: 'history', id: 'h' } }, on: { END: 'z' } },
        h: { type: 'history' },
        z: { type: 'final' },
      },
    });
    expect(findings(machine)).toEqual([]);
  });

  it('refuses what is in the first context and cannot be kept', () => {
    const [first] = lintMachine(
      createMachine({ context: { a: { call: () => {} } }, initial: 'z', states: { z: { type: 'final' } } }),
      PERFORMERS,
    );
    expect(first).toMatchObject({
      severity: 'refusal',
      place: 'context.a.call',
      problem: expect.stringContaining('a function (call)') as string,
    });
  });

  it('refuses inline spawns wherever they stand in the definition', () => {
    const bad = spawnChild(work as never, { id: 'w' });
    const machine = createMachine({
      initial: 'a',
      states: {
        a: {
          entry: bad,
          exit: [() => {}, bad],
          on: { N: { target: 'z', actions: bad } },
          always: { guard: () => false, actions: bad },
        },
        z: { type: 'final' },
      },
    });
    expect(findings(machine)).toEqual(
      ['states.a.entry[0]', 'states.a.exit[1]', 'states.a.on["N"].actions', 'states.a.on["always"].actions'].map(
        (place) => `refusal ${place}`,
      ),
    );
    expect(
      findings(
        setup({ actions: { grow: bad as never } }).createMachine({ initial: 'z', states: { z: { type: 'final' } } }),
      ),
    ).toEqual(['refusal actions.grow']);
  });

  it('refuses an invoke of an actor that is not defined, which XState would wait for in silence', () => {
    const invoking = (src: string): AnyStateMachine =>
      createMachine({
        initial: 'a',
        states: { a: { invoke: { src: src as never, onError: 'z' } }, z: { type: 'final' } },
      });
    expect(findings(invoking('nobody'))).toEqual(['refusal states.a.invoke[0]']);
    expect(findings(invoking('effect'))).toEqual([]);
    expect(lintMachine(invoking('effect'), []).map(({ place }) => place)).toEqual(['states.a.invoke[0]']);
  });

  it('warns of errors that nobody handles; any state around may, and wildcards do', () => {
    const around = (more: object): AnyStateMachine =>
      setup({ actors: { work } }).createMachine({
        initial: 'a',
        states: { a: { invoke: { src: 'work', id: 'w' } }, z: { type: 'final' } },
        on: { END: '.z' },
        ...more,
      } as never) as unknown as AnyStateMachine;
    expect(findings(around({}))).toEqual(['warning states.a.invoke[0]']);
    for (const event of ['xstate.error.actor.w', 'xstate.error.*', '*'])
      expect(findings(around({ on: { END: '.z', [event]: {} } }))).toEqual([]);
    expect(findings(around({ on: { END: '.z', 'xstate.error.actor.other': {} } }))).toEqual([
      'warning states.a.invoke[0]',
    ]);
  });

  it('warns of states that nothing leads to, and of machines that never end', () => {
    expect(
      findings(
        createMachine({
          initial: 'a',
          states: { a: { on: { N: 'b' } }, b: {}, lost: { on: { N: 'only' } }, only: {} },
        }),
      ),
    ).toEqual(['warning states.lost', 'warning states.only', 'warning ']);
    expect(
      findings(createMachine({ type: 'parallel', states: { l: { initial: 'x', states: { x: {} } }, r: {} } })),
    ).toEqual([]);
  });

  it('warns of spawns without an id', () => {
    expect(
      findings(
        setup({ actors: { work } }).createMachine({
          entry: spawnChild('work'),
          initial: 'z',
          states: { z: { type: 'final' } },
        }),
      ),
    ).toEqual(['warning entry[0]']);
  });

  it('looks into the machines that a machine can start, once each, and puts refusals first', () => {
    const child = setup({ types: { context: {} as { n: number } }, actors: { work } }).createMachine({
      context: { n: 0 },
      initial: 'a',
      states: { a: { invoke: { src: 'work' } } },
      entry: assign({ n: 1 }),
    });
    const broken = createMachine({ context: { f: () => {} } });
    const machine = setup({ actors: { child, broken, other: child } }).createMachine({
      initial: 'z',
      states: { z: { type: 'final' } },
    });
    expect(findings(machine)).toEqual(['refusal actors.broken.context.f', 'warning actors.child.states.a.invoke[0]']);
  });
});
