/** Two agents that cannot stand the number thirteen: a till that works for one task, and a drawer that has keys. */
import { sendTo, setup } from 'xstate';
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { defineAgent } from '../../actors/agent-definition.ts';
import { addressOf } from '../../runtime/machine-references.ts';

type TillEvent =
  | { readonly type: 'pay'; readonly amount: number; readonly replyTo?: string }
  | { readonly type: 'read'; readonly replyTo: string }
  | { readonly type: 'close' };

const till = setup({
  types: { context: {} as { total: number }, events: {} as TillEvent, input: {} as { readonly start: number } | null },
});
const unlucky = new Set([13]);
/** Their crashes are what the tests are about: they must not be given a rest for them. */
const PATIENT = { failures: 0 };

/** Adds what is paid. `isFixed`: it takes thirteen as well. */
function adding(isFixed: boolean) {
  return till.assign({
    total: ({ context, event }) => {
      const { amount } = event as Extract<TillEvent, { type: 'pay' }>;
      if (!isFixed && unlucky.has(amount)) throw new RangeError(`${amount} brings bad luck`);
      return context.total + amount;
    },
  });
}

/** For tasks: `pay` {amount}, `close`. Its input may have a `start` amount; 13 is no start. */
export function tillAgent(isFixed = false): AgentDefinition {
  const machine = till.createMachine({
    id: 'till',
    context: ({ input }) => {
      const start = input?.start ?? 0;
      if (!isFixed && unlucky.has(start)) throw new RangeError('a bad start');
      return { total: start };
    },
    initial: 'open',
    states: {
      open: { on: { pay: { actions: adding(isFixed) }, close: 'closed' } },
      closed: { type: 'final' },
    },
    output: ({ context }) => ({ total: context.total }),
  });
  return defineAgent({ name: 'till', version: '1.0.0', breaker: PATIENT, machine });
}

/** By key: `pay` {amount}, `read` {replyTo} answers `total` {total}. */
export function drawerAgent(isFixed = false): AgentDefinition {
  const machine = till.createMachine({
    id: 'drawer',
    context: { total: 0 },
    on: {
      pay: { actions: adding(isFixed) },
      read: {
        actions: sendTo(
          ({ event }) => addressOf('replyTo' in event ? (event.replyTo ?? '') : ''),
          ({ context }) => ({ type: 'total', total: context.total }),
        ),
      },
    },
  });
  return defineAgent({ name: 'drawer', version: '1.0.0', breaker: PATIENT, keyed: true, machine });
}
