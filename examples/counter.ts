/**
 * A keyed agent: one durable actor for each key, which lives on between messages and over restarts. Tell it something, or
 * ask it; an answer goes to the address in `replyTo`.
 *
 *   npm start -- --agents examples/shout.ts examples/counter.ts
 *   node scripts/setup.mjs examples/client.ts
 *
 * The second command, which tells it {"type":"add","n":2} and then asks it, prints {"total":2}; run again, {"total":4}.
 */
import { addressOf, defineAgent } from 'troupe';
import { assign, sendTo, setup } from 'xstate';

const machine = setup({
  types: {
    context: {} as { total: number },
    events: {} as { type: 'add'; n: number } | { type: 'get'; replyTo: string },
  },
}).createMachine({
  id: 'counter',
  context: { total: 0 },
  on: {
    add: { actions: assign({ total: ({ context, event }) => context.total + event.n }) },
    get: {
      actions: sendTo(
        ({ event }) => addressOf(event.replyTo),
        ({ context }) => ({ type: 'total', total: context.total }),
      ),
    },
  },
});

/** A number for each key. */
export const counter = defineAgent({ name: 'counter', version: '1.0.0', keyed: true, machine });
