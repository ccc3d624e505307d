/** Machines that tests have workers run. */
import { assign, setup } from 'xstate';
import { type AgentDefinition, defineAgent } from '../../../actors/agent-definition.ts';
import { effect } from '../../../runtime/machine-effects.ts';

/** Asks for one call, waits for one timer, and puts out what the call gave and how it was waited. */
export function courier(charge: (input: unknown) => unknown): AgentDefinition {
  return defineAgent({
    ...{ name: 'courier', version: '1.0.0', retry: { attempts: 1 } },
    effects: { charge: { run: ({ input }) => charge(input) } },
    machine: setup({
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
    }),
  });
}
