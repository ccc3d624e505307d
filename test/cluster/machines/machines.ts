/** Machines that tests have workers run, and owners for comparison. What they do outside stands in a diary. */
import { type AnyStateMachine, assign, fromPromise, log, raise, sendParent, sendTo, setup } from 'xstate';
import { z } from 'zod';
import { type AgentDefinition, type AgentOptions, defineAgent } from '../../../actors/agent-definition.ts';
import { effect } from '../../../runtime/machine-effects.ts';
import { ask } from '../../../runtime/machine-messages.ts';
import { addressOf } from '../../../runtime/machine-references.ts';

/** What was done outside, in order. */
export type Diary = unknown[];

/** One that works on tasks, once. */
export function agentOf(name: string, machine: AnyStateMachine, more: Partial<AgentOptions> = {}): AgentDefinition {
  return defineAgent({ name, version: '1.0.0', retry: { attempts: 1 }, machine, ...more });
}

/** Asks for one call, waits for one timer, and puts out what the call gave. */
export function courier(diary: Diary): AgentDefinition {
  const machine = setup({
    actors: { effect },
    types: {
      input: {} as { readonly order: number },
      context: {} as { readonly order: number; readonly paid: unknown; readonly rested: boolean },
      output: {} as { readonly paid: unknown; readonly rested: boolean },
    },
  }).createMachine({
    context: ({ input }) => ({ order: input.order, paid: undefined, rested: false }),
    initial: 'charging',
    output: ({ context: { paid, rested } }) => ({ paid, rested }),
    states: {
      charging: {
        entry: log(({ context: { order } }) => `charges ${order}`),
        invoke: {
          src: 'effect',
          input: ({ context: { order } }) => ({ name: 'charge', input: { order } }),
          onDone: { target: 'resting', actions: assign({ paid: ({ event }) => event.output }) },
          onError: 'failed',
        },
      },
      resting: { after: { 5_000: { target: 'done', actions: assign({ rested: true }) } } },
      done: { type: 'final' },
      failed: { type: 'final' },
    },
  });
  return agentOf('courier', machine, { effects: { charge: { run: ({ input }) => diary.push(input) } } });
}

/** Runs two promises, one of which fails, and one that takes too long. */
export function seeker(diary: Diary): AgentDefinition {
  const machine = setup({
    types: { context: {} as { readonly found: readonly unknown[] } },
    actions: {
      keep: assign({ found: ({ context, event }) => [...context.found, (event as { output?: unknown }).output] }),
    },
    actors: {
      fetch: fromPromise<string, { readonly what: string }>(async ({ input }) => {
        diary.push(input.what);
        if (input.what === 'nothing') throw new RangeError('There is nothing.');
        return await Promise.resolve(`a ${input.what}`);
      }),
      forever: fromPromise<never>(
        ({ signal }) => new Promise(() => signal.addEventListener('abort', () => void diary.push('aborted'))),
      ),
    },
  }).createMachine({
    context: { found: [] },
    initial: 'first',
    output: ({ context }) => context.found,
    states: {
      first: {
        invoke: {
          src: 'fetch',
          input: { what: 'page' },
          onDone: {
            target: 'second',
            actions: assign({ found: ({ context, event }) => [...context.found, event.output] }),
          },
        },
      },
      second: {
        invoke: {
          src: 'fetch',
          input: { what: 'nothing' },
          onError: {
            target: 'third',
            actions: assign({ found: ({ context, event }) => [...context.found, (event.error as Error).message] }),
          },
        },
      },
      third: { invoke: { src: 'forever' }, after: { 2_000: 'last' } },
      // An inline one has no type in `setup`.
      last: {
        invoke: {
          src: fromPromise(() => Promise.resolve('inline')),
          onDone: { target: 'done', actions: 'keep' },
        } as never,
      },
      done: { type: 'final' },
    },
  });
  return agentOf('seeker', machine);
}

/** Regions, history, delayed events, children that tell their parent, and data of many kinds. */
export function household(): AgentDefinition {
  const child = setup({ types: { input: {} as { readonly n: number } } }).createMachine({
    initial: 'a',
    states: {
      a: { after: { 300: { target: 'z', actions: sendParent(() => ({ type: 'GROWN' })) } } },
      z: { type: 'final' },
    },
  });
  const machine = setup({
    types: {
      context: {} as { readonly log: Map<string, number>; readonly at: Date; readonly big: bigint; grown: number },
      events: {} as { readonly type: 'GROWN' | 'TICK' | 'REST' | 'BACK' },
    },
    actors: { child },
  }).createMachine({
    context: () => ({ log: new Map([['born', 1]]), at: new Date(5), big: 12n, grown: 0 }),
    type: 'parallel',
    output: ({ context }) => ({ ...context, size: context.log.size }),
    states: {
      house: {
        initial: 'awake',
        states: {
          awake: {
            initial: 'one',
            states: { one: { after: { 100: 'two' } }, two: { entry: raise({ type: 'REST' }, { delay: 50 }) } },
            on: { REST: 'asleep' },
          },
          asleep: { after: { 200: 'back' } },
          back: { entry: log('is back'), always: 'end' },
          end: { type: 'final' },
        },
      },
      kids: {
        initial: 'growing',
        states: {
          growing: {
            invoke: [
              { id: 'kid1', src: 'child', input: { n: 1 } },
              { id: 'kid2', src: 'child', input: { n: 2 } },
            ],
            on: {
              GROWN: {
                actions: assign(({ context }) => ({
                  grown: context.grown + 1,
                  log: new Map([...context.log, [`kid ${context.grown}`, 1]]),
                })),
              },
            },
            always: { guard: ({ context }) => context.grown === 2, target: 'grown' },
          },
          grown: { type: 'final' },
        },
      },
    },
  });
  return agentOf('household', machine);
}

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

/** Takes no other input than this. */
export function picky(): AgentDefinition {
  const machine = setup({ types: { input: {} as { readonly n: number } } }).createMachine({
    initial: 'z',
    output: ({ context }) => context,
    context: ({ input }) => ({ n: input.n }),
    states: { z: { type: 'final' } },
  });
  return agentOf('picky', machine, { input: z.object({ n: z.number().default(8) }) });
}

/** Keyed: adds, and says the sum to who asks. Forgets a sum that nobody has added to for a minute. */
export function tally(): AgentDefinition {
  type Heard =
    | { readonly type: 'add'; readonly n: number }
    | { readonly type: 'sum'; readonly replyTo: string }
    | { readonly type: 'break' };
  const machine = setup({
    types: { context: {} as { readonly sums: readonly number[] }, events: {} as Heard },
  }).createMachine({
    context: { sums: [] },
    initial: 'on',
    states: {
      on: {
        after: { 60_000: { target: 'on', reenter: true, actions: assign({ sums: [] }) } },
        on: {
          add: {
            target: 'on',
            reenter: true,
            actions: assign({ sums: ({ context, event }) => [...context.sums, event.n] }),
          },
          sum: {
            actions: sendTo(
              ({ event }) => addressOf(event.replyTo),
              ({ context }) => ({ type: 'answer', sums: context.sums }),
            ),
          },
          break: {
            actions: () => {
              throw new RangeError('broken');
            },
          },
        },
      },
    },
  });
  return agentOf('tally', machine, { keyed: true });
}

/** Asks a tally, and puts out what that says. */
export function auditor(more: Partial<AgentOptions> = {}): AgentDefinition {
  const machine = setup({
    actors: { ask },
    types: { context: {} as { readonly heard: unknown } },
  }).createMachine({
    context: { heard: undefined },
    initial: 'asking',
    output: ({ context }) => context.heard,
    states: {
      asking: {
        invoke: {
          src: 'ask',
          input: { agent: 'tally', key: 'eu', event: { type: 'sum' } },
          onDone: { target: 'done', actions: assign({ heard: ({ event }) => event.output }) },
        },
      },
      done: { type: 'final' },
    },
  });
  return agentOf('auditor', machine, more);
}
