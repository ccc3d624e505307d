import { type AnyStateMachine, assign, createMachine, fromPromise, setup, spawnChild } from 'xstate';
import { describe, expect, it } from 'vitest';
import { addressOf } from '../../runtime/machine-references.ts';
import { lintMachine } from '../../runtime/machine-lint.ts';

const PERFORMERS = ['effect', 'worker', 'model', 'tool'];
const findings = (machine: AnyStateMachine): string[] =>
  lintMachine(machine, PERFORMERS, { ignore: ['no-deadline'] }).map(({ severity, place }) => `${severity} ${place}`);
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
    expect(lintMachine(invoking('effect'), [], { ignore: ['no-deadline'] }).map(({ place }) => place)).toEqual([
      'states.a.invoke[0]',
    ]);
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

  it('warns of states that wait for an event without a deadline, but not where an actor waits for its key', () => {
    const machine = setup({ actors: { work } }).createMachine({
      initial: 'asking',
      states: {
        asking: { on: { ANSWER: 'bounded' } },
        bounded: { after: { 1000: 'inner' }, on: { N: 'inner' } },
        inner: { initial: 'x', states: { x: { on: { GO: 'y' } }, y: {} }, after: { 5: 'busy' } },
        busy: { invoke: { src: 'work', onDone: 'z', onError: 'stuck' } },
        stuck: {},
        z: { type: 'final' },
      },
    });
    const rules = (keyed: boolean): string[] =>
      lintMachine(machine, PERFORMERS, { keyed }).map(({ rule, place }) => `${rule} ${place}`);
    expect(rules(false)).toEqual(['no-deadline states.asking', 'no-deadline states.stuck']);
    expect(rules(true)).toEqual([]);
  });

  it('asks for an end only of machines that work on one task', () => {
    const endless = createMachine({ initial: 'a', states: { a: { after: { 5: 'b' } }, b: { after: { 5: 'a' } } } });
    expect(lintMachine(endless, PERFORMERS).map(({ rule }) => rule)).toEqual(['no-end']);
    expect(lintMachine(endless, PERFORMERS, { keyed: true })).toEqual([]);
  });

  it('warns of actions, named and inline, and of assignments that seem to reach outside', () => {
    const machine = setup({
      types: { context: {} as { at: number } },
      actions: { send: () => void fetch('https://example.org'), quiet: () => 'Date.now() // fetch(' },
    }).createMachine({
      context: { at: 0 },
      initial: 'a',
      states: {
        a: {
          entry: ['send', () => void setTimeout(() => {}, 1)],
          on: { N: { target: 'z', actions: assign({ at: () => Date.now() + Math.random() }) } },
        },
        z: { type: 'final' },
      },
    });
    const found = lintMachine(machine, PERFORMERS, { ignore: ['no-deadline'] });
    expect(found.map(({ rule, place }) => `${rule} ${place}`)).toEqual([
      'outside-call actions.send',
      'outside-call states.a.entry[1]',
      'outside-call states.a.on["N"].actions',
    ]);
    expect(found.map(({ problem }) => /reach for (.*) inside/.exec(problem)?.[1])).toEqual([
      'fetch',
      'a timer of its own',
      'the clock, chance',
    ]);
    expect(lintMachine(machine, PERFORMERS, { ignore: ['no-deadline', 'outside-call'] })).toEqual([]);
  });

  it('does not let refusals be ignored', () => {
    const machine = createMachine({ context: { f: () => {} }, initial: 'z', states: { z: { type: 'final' } } });
    expect(lintMachine(machine, PERFORMERS, { ignore: ['unkeepable-context'] })).toMatchObject([
      { rule: 'unkeepable-context', severity: 'refusal' },
    ]);
  });
});
