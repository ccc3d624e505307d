/** What many machines of the corpus are made of: a context with a list of words and a number, and actions that write there. */
import { assign, setup } from 'xstate';

/** `log` is what happened, in order; `held` is anything. */
export interface Notebook {
  readonly log: readonly string[];
  readonly n: number;
  readonly held?: unknown;
}

export const EMPTY: Notebook = { log: [], n: 0 };

/** `say` notes a word, `note` the type of the event, `add` counts, `hold` keeps the event's value. */
export const notebook = setup({
  types: { context: {} as Notebook },
  actions: {
    say: assign({ log: ({ context }, word: string) => [...context.log, word] }),
    note: assign({ log: ({ context, event }) => [...context.log, event.type] }),
    add: assign({ n: ({ context }) => context.n + 1 }),
    hold: assign({ held: ({ event }) => event['value'] as unknown }),
  },
  guards: {
    few: ({ context }) => context.n < 2,
    many: ({ context }) => context.n >= 2,
    over: ({ context }, limit: number) => context.n > limit,
  },
  delays: { soon: 10, late: 1_000, counted: ({ context }) => context.n * 100 },
});
