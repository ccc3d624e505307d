/**
 * Agents that pay, over HTTP, at a bank of the test's own: one for each form and kind, and for `unsafe` each with a probe and without. The
 * input names the bank and whom to pay.
 */
import { assign, setup } from 'xstate';
import { type AgentContext, type AgentDefinition, defineAgent } from '../../index.ts';
import type { EffectKind } from '../../runtime/host.ts';
import { effect } from '../../runtime/machine-effects.ts';

interface Payment {
  readonly bank: string;
  readonly to: string;
}

async function pay(input: unknown, idempotencyKey: string, { signal }: AgentContext): Promise<string> {
  const { bank, to } = input as Payment;
  const response = await fetch(`${bank}/pay?key=${idempotencyKey}&to=${to}`, { method: 'POST', signal });
  return await response.text();
}

/** What the probes ask, and what a person would. */
export async function lookUp(bank: string, idempotencyKey: string): Promise<string | undefined> {
  const response = await fetch(`${bank}/payments?key=${idempotencyKey}`);
  return response.status === 404 ? undefined : await response.text();
}

function agentsOf(kind: EffectKind, name: string, isProbed: boolean): readonly AgentDefinition[] {
  const probe = async ({ idempotencyKey, input }: { readonly idempotencyKey: string; readonly input: unknown }) => {
    const found = await lookUp((input as Payment).bank, idempotencyKey);
    return found === undefined ? { happened: false as const } : { happened: true as const, value: found };
  };
  const probed = isProbed ? { probe } : {};
  const base = { version: '1.0.0', timeoutMs: 0, concurrency: 100 };
  return [
    defineAgent({
      ...{ ...base, name: `pay.run.${name}`, kind, ...probed },
      run: ({ input, ctx }) => pay(input, ctx.idempotencyKey, ctx),
    }),
    defineAgent({
      ...{ ...base, name: `pay.journal.${name}` },
      run: ({ input, ctx }) => ctx.journal('pay', (key) => pay(input, key, ctx), { kind, args: input, ...probed }),
    }),
    defineAgent({
      ...{ ...base, name: `pay.machine.${name}` },
      effects: { pay: { kind, ...probed, run: ({ input, ctx }) => pay(input, ctx.idempotencyKey, ctx) } },
      machine: setup({ types: { context: {} as { input: unknown; paid: unknown } }, actors: { effect } }).createMachine(
        {
          context: ({ input }) => ({ input, paid: undefined }),
          initial: 'paying',
          states: {
            paying: {
              invoke: {
                src: 'effect',
                input: ({ context }) => ({ name: 'pay', input: context.input }),
                onDone: { target: 'paid', actions: assign({ paid: ({ event }) => event.output }) },
              },
            },
            paid: { type: 'final' },
          },
          output: ({ context }) => context.paid,
        },
      ),
    }),
  ];
}

/** `pay.FORM.NAME`, where NAME is the kind, or `probed`. */
export const payingAgents: readonly AgentDefinition[] = [
  ...agentsOf('pure', 'pure', false),
  ...agentsOf('keyed', 'keyed', false),
  ...agentsOf('unsafe', 'unsafe', false),
  ...agentsOf('unsafe', 'probed', true),
];
