/** A keyed agent that is asked: it counts what it hears, and answers now, later, with a refusal, or never. */
import { assign, sendTo, setup } from 'xstate';
import { defineAgent } from '../../actors/agent-definition.ts';
import { addressOf } from '../../runtime/machine-references.ts';

interface Context {
  /** The addresses to answer to, in the order they asked. */
  readonly asked: readonly string[];
}

type Heard =
  | { readonly type: 'now' | 'later' | 'never' | 'count'; readonly replyTo: string }
  | { readonly type: 'refuse'; readonly error: unknown; readonly replyTo: string }
  | { readonly type: 'speak'; readonly word: string }
  | { readonly type: 'crash'; readonly replyTo: string };

const note = assign<Context, Heard, undefined, Heard, never>({
  asked: ({ context, event }) => [...context.asked, 'replyTo' in event ? event.replyTo : ''],
});

/** `count` answers {`asked`}: how often it was asked, and by how many addresses. `speak` answers the last that asked. */
export const oracle = defineAgent({
  name: 'oracle',
  version: '1.0.0',
  keyed: true,
  capabilities: ['wisdom'],
  machine: setup({
    types: { context: {} as Context, events: {} as Heard },
    actions: {
      note,
      throws: () => {
        throw new TypeError('crashed as asked');
      },
    },
  }).createMachine({
    id: 'oracle',
    context: { asked: [] },
    on: {
      now: { actions: ['note', sendTo(({ event }) => addressOf(event.replyTo), { type: 'said', word: 'now' })] },
      later: { actions: 'note' },
      never: { actions: 'note' },
      refuse: {
        actions: sendTo(
          ({ event }) => addressOf(event.replyTo),
          ({ event }) => ({ type: 'rejected', error: event.error }),
        ),
      },
      speak: {
        actions: sendTo(
          ({ context }) => addressOf(context.asked.at(-1) ?? ''),
          ({ event }) => ({ type: 'said', word: event.word }),
        ),
      },
      crash: { actions: 'throws' },
      count: {
        actions: sendTo(
          ({ event }) => addressOf(event.replyTo),
          ({ context }) => ({ type: 'count', asked: context.asked.length, by: new Set(context.asked).size }),
        ),
      },
    },
  }),
});
