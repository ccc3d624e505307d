/** Machines that tests have workers run, and owners for comparison. What they do outside stands in a diary. */
import { type AnyStateMachine, assign, fromPromise, log, raise, sendParent, setup } from 'xstate';
import { type AgentDefinition, type AgentOptions, defineAgent } from '../../../actors/agent-definition.ts';
import { effect } from '../../../runtime/machine-effects.ts';

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
export function seeker(diary: Diary, more: Partial<AgentOptions> = {}): AgentDefinition {
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
  return agentOf('seeker', machine, more);
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
