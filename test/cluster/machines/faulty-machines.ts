/** Machines that do not end well, each in its way. */
import { assign, log, setup } from 'xstate';
import type { AgentDefinition } from '../../../actors/agent-definition.ts';
import { effect } from '../../../runtime/machine-effects.ts';
import { agentOf, type Diary } from './machines.ts';

/** Its own call fails, and no state handles that: it ends by itself. */
export function unlucky(): AgentDefinition {
  const machine = setup({ actors: { effect } }).createMachine({
    initial: 'calling',
    states: { calling: { invoke: { src: 'effect', input: { name: 'fail' } } } },
  });
  const fail = (): never => {
    throw new TypeError('The call has failed.');
  };
  return agentOf('unlucky', machine, { effects: { fail: { run: fail } } });
}

/** Throws in an action, so many times before it does not any more. */
export function clumsy(diary: Diary, times: number): AgentDefinition {
  let thrown = 0;
  const machine = setup({}).createMachine({
    initial: 'a',
    output: 'did it',
    states: {
      a: { entry: log('begins'), after: { 100: 'b' } },
      b: {
        entry: () => {
          diary.push('tries');
          if (thrown++ < times) throw new RangeError('dropped it');
        },
        always: 'z',
      },
      z: { type: 'final' },
    },
  });
  return agentOf('clumsy', machine);
}

/** Comes to hold what cannot be kept. */
export function hoarder(): AgentDefinition {
  const machine = setup({ types: { context: {} as { readonly kept: unknown } } }).createMachine({
    context: { kept: undefined },
    initial: 'a',
    states: { a: { after: { 10: { target: 'b', actions: assign({ kept: () => () => 1 }) } } }, b: { type: 'final' } },
  });
  return agentOf('hoarder', machine);
}

/** Goes from state to state for ever. */
export function dizzy(): AgentDefinition {
  const machine = setup({}).createMachine({
    initial: 'a',
    states: { a: { after: { 10: 'b' } }, b: { always: 'c' }, c: { always: 'b' } },
  });
  return agentOf('dizzy', machine);
}
