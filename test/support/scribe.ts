/** Keyed agents for tests of messages: one that writes down what it hears, and answers what it has. */
import { assign, sendTo, setup } from 'xstate';
import { type AgentOptions, defineAgent } from '../../actors/agent-definition.ts';
import { addressOf } from '../../runtime/machine-references.ts';

interface Heard {
  readonly type: string;
  readonly replyTo?: string;
  readonly [field: string]: unknown;
}

/** `read` answers {`heard`}: every other event it got, in order, without the address to answer to. */
export function scribe(name: string, more: Partial<AgentOptions> = {}) {
  const machine = setup({
    types: { context: {} as { heard: readonly object[] }, events: {} as Heard },
  }).createMachine({
    id: name,
    context: { heard: [] },
    on: {
      read: {
        actions: sendTo(
          ({ event }) => addressOf(event.replyTo ?? ''),
          ({ context }) => ({ type: 'heard', heard: context.heard }),
        ),
      },
      '*': {
        actions: assign({
          heard: ({ context, event: { replyTo: _whose, ...heard } }) => [...context.heard, heard],
        }),
      },
    },
  });
  return defineAgent({ name, version: '1.0.0', keyed: true, machine, ...more });
}
