/**
 * An agent as an XState machine: it waits for a person, for a day at most, and its wait survives restarts of the node. While
 * it waits it holds no slot and no thread. What comes from outside reaches it as a signal: the event's type is the name of
 * the signal, its fields are the data.
 *
 *   npm start -- --agents examples/reviewer.ts
 *   npm run -s troupe -- submit --agent reviewer --input '{"text":"a draft"}'
 *   curl -X POST http://127.0.0.1:7600/api/v1/tasks/ID/signals/approve \
 *     -H 'content-type: application/json' -d '{"by":"Ada"}'
 *   npm run -s troupe -- result ID
 *
 * The second command prints the ID, the last one the output: {"text":"a draft","verdict":"approved","by":"Ada"}.
 */
import { defineAgent } from 'troupe';
import { assign, setup } from 'xstate';
import { z } from 'zod';

const DAY_MS = 86_400_000;

interface Review {
  readonly text: string;
  readonly verdict: 'open' | 'approved' | 'rejected' | 'expired';
  readonly by: string | null;
}

const machine = setup({
  types: {
    input: {} as { text: string },
    context: {} as Review,
    events: {} as { type: 'approve'; by: string } | { type: 'reject'; by: string },
  },
}).createMachine({
  id: 'reviewer',
  context: ({ input }) => ({ text: input.text, verdict: 'open', by: null }),
  initial: 'waiting',
  states: {
    waiting: {
      on: {
        approve: { target: 'done', actions: assign(({ event }) => ({ verdict: 'approved', by: event.by })) },
        reject: { target: 'done', actions: assign(({ event }) => ({ verdict: 'rejected', by: event.by })) },
      },
      after: { [DAY_MS]: { target: 'done', actions: assign({ verdict: 'expired' }) } },
    },
    done: { type: 'final' },
  },
  output: ({ context }) => context,
});

/** Ends with what a person said of a text. */
export const reviewer = defineAgent({
  name: 'reviewer',
  version: '1.0.0',
  capabilities: ['text.review'],
  input: z.object({ text: z.string() }),
  machine,
});
