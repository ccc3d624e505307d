/**
 * A coordinator: messages to the vault go to the guard, whoever sends them, who hands them on, changes them, holds them until a
 * moment later, or refuses them. Nobody who sends to the vault has to know.
 *
 *   npm start -- --agents examples/coordinator.ts
 *   npm run -s troupe -- submit --agent thief --wait --input '{"take":500}'
 *   npm run -s troupe -- submit --agent thief --wait --input '{"take":5}'
 *
 * The first prints {"refused":"FORBIDDEN: Nobody takes more than 100."}, the second {"left":995}: the answer goes straight from
 * the vault to whoever asked.
 */
import { addressOf, defineAgent, OperatingError } from 'troupe';
import { assign, sendTo, setup } from 'xstate';

interface Take {
  readonly type: 'take';
  readonly amount: number;
  readonly replyTo: string;
}

/** A message for the vault, as its coordinator gets it. */
interface Mediated {
  readonly type: 'mediate';
  /** Who is meant: the address of the vault's actor. */
  readonly address: string;
  readonly from: string;
  readonly replyTo: string;
  readonly event: Take;
}

const AMOUNT_MAX = 100;

const guarding = setup({
  types: { events: {} as Mediated },
  guards: { isTooMuch: ({ event }) => event.event.amount > AMOUNT_MAX },
}).createMachine({
  id: 'guard',
  on: {
    mediate: [
      {
        guard: 'isTooMuch',
        actions: sendTo(({ event }) => addressOf(event.replyTo), {
          type: 'rejected',
          error: { code: 'FORBIDDEN', message: `Nobody takes more than ${AMOUNT_MAX}.` },
        }),
      },
      // What comes from the guard itself goes to the vault.
      {
        actions: sendTo(
          ({ event }) => addressOf(event.address),
          ({ event }) => event.event,
        ),
      },
    ],
  },
});

const keeping = setup({ types: { context: {} as { left: number }, events: {} as Take } }).createMachine({
  id: 'vault',
  context: { left: 1_000 },
  on: {
    take: {
      actions: [
        assign({ left: ({ context, event }) => context.left - event.amount }),
        sendTo(
          ({ event }) => addressOf(event.replyTo),
          ({ context }) => ({ type: 'taken', left: context.left }),
        ),
      ],
    },
  },
});

/** Its actor `main` gets what is meant for the vault. */
export const guard = defineAgent({ name: 'guard', version: '1.0.0', keyed: true, machine: guarding });

/** One actor for each vault. */
export const vault = defineAgent({ name: 'vault', version: '1.0.0', keyed: true, via: 'guard', machine: keeping });

/** Asks the vault, and knows nothing of the guard. */
export const thief = defineAgent<{ take: number }>({
  name: 'thief',
  version: '1.0.0',
  run: async ({ input, ctx }) => {
    try {
      return await ctx.ask('vault', 'v', { type: 'take', amount: input.take }, 5_000);
    } catch (error) {
      if (!(error instanceof OperatingError) || error.code !== 'FORBIDDEN') throw error;
      return { refused: `${error.code}: ${error.message}` };
    }
  },
});
