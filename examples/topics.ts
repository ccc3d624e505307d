/**
 * Topics: what happened is published once, and whoever wants to know hears of it. Each entry of `on` is a durable subscription:
 * a message that was acknowledged wakes the actor of its order, and starts the task, also over a kill of the node in between.
 *
 *   npm start -- --agents examples/topics.ts
 *   npm run -s troupe -- publish orders.eu.placed '{"order":"o-7","by":"Ada","total":40}'
 *   npm run -s troupe -- publish orders.eu.paid '{"order":"o-7","paid":40}'
 *   npm run -s troupe -- subscriptions
 *   npm run -s troupe -- list --label topic.subscription=on:receipts:orders.*.paid
 *
 * The first two commands print the id of their message, and to how many durable subscriptions it went: 1, and 2. The last shows the
 * task that the second has started; its output is {"receipt":"o-7: 40 paid"}. `troupe listen 'orders.#'` in another terminal shows
 * the messages as they come.
 */
import { addressOf, defineAgent } from 'troupe';
import { assign, sendTo, setup } from 'xstate';

interface Order {
  readonly by: string;
  readonly open: number;
  readonly history: readonly string[];
}

type Heard =
  | {
      readonly type: 'order.changed';
      readonly topic: string;
      readonly data: { by?: string; total?: number; paid?: number };
    }
  | { readonly type: 'get'; readonly replyTo: string };

const machine = setup({ types: { context: {} as Order, events: {} as Heard } }).createMachine({
  id: 'orders',
  context: { by: '', open: 0, history: [] },
  on: {
    'order.changed': {
      actions: assign(({ context, event: { topic, data } }) => ({
        by: data.by ?? context.by,
        open: context.open + (data.total ?? 0) - (data.paid ?? 0),
        history: [...context.history, topic],
      })),
    },
    get: {
      actions: sendTo(
        ({ event }) => addressOf(event.replyTo),
        ({ context }) => ({ type: 'order', ...context }),
      ),
    },
  },
});

/** One actor for each order: it is woken by all that happens to it. */
export const orders = defineAgent({
  name: 'orders',
  version: '1.0.0',
  keyed: true,
  machine,
  on: { 'orders.#': { key: '${input.data.order}', event: 'order.changed' } },
});

/** A task for each payment. */
export const receipts = defineAgent<{ order: string; paid: number }>({
  name: 'receipts',
  version: '1.0.0',
  on: { 'orders.*.paid': { tasksMax: 4 } },
  run: async ({ input: { order, paid }, ctx }) => {
    // Recorded in the journal: a function that begins again does not publish again.
    await ctx.publish('receipts.written', { order });
    return { receipt: `${order}: ${paid} paid` };
  },
});
