/** Machines that are asked for something: with an input, or by others. */
import { assign, sendTo, setup } from 'xstate';
import { z } from 'zod';
import type { AgentDefinition, AgentOptions } from '../../../actors/agent-definition.ts';
import { ask } from '../../../runtime/machine-messages.ts';
import { addressOf } from '../../../runtime/machine-references.ts';
import { agentOf } from './machines.ts';

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
