/** The agents and workflows that simulated clients work with, as one process has them. All they do outside goes to `Outside`. */
import { assign, createMachine, sendTo, setup } from 'xstate';
import type { AgentContext } from '../../actors/agent-context.ts';
import { type AgentDefinition, defineAgent } from '../../actors/agent-definition.ts';
import { defineWorkflow } from '../../actors/workflow-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { EffectKind } from '../../runtime/host.ts';
import { addressOf } from '../../runtime/machine-references.ts';
import type { Outside } from './outside.ts';
import type { Owner } from './simulated-world.ts';

/** One call of `sim.journal`. */
export interface JournalCall {
  readonly token: string;
  readonly kind: EffectKind;
}

const VERSION = '1.0.0';
const RETRY = { attempts: 5, backoffMs: 100, maxBackoffMs: 2_000 };
const TIMEOUT_MS = 12_000;
/** Rests of agents are for those of the lab: a ledger must answer whatever it was told. */
const BREAKER = { failures: 0 };

/** The agents of one process. */
export function simulatedAgents(outside: Outside, process: Owner): readonly AgentDefinition[] {
  return [
    ledger(outside, process),
    journaling(outside, process),
    once(outside, process),
    saga(outside, process),
    patient,
    teller,
  ];
}

/** Registered under its name; clients send others inline. */
export const SIMULATED_FLOW = defineWorkflow({
  name: 'sim.flow',
  version: VERSION,
  steps: [
    { id: 'list', agent: 'lab.echo', input: '${input.items}' },
    {
      id: 'each',
      agent: 'sim.journal',
      forEach: '${steps.list.output}',
      concurrency: 2,
      input: { calls: [{ token: '${item}', kind: '${input.kind}' }], sleepMs: '${input.sleepMs}' },
      retry: { attempts: 6, backoffMs: 50 },
    },
    {
      id: 'extra',
      capability: 'lab.flaky',
      when: 'input.extra',
      input: { failures: 1, value: 'extra' },
      retry: { attempts: 3, backoffMs: 100 },
    },
    { id: 'wait', agent: 'lab.delay', needs: ['each'], input: { ms: '${input.sleepMs}', value: 'waited' } },
    { id: 'spare', agent: 'lab.flaky', optional: true, input: { failures: 9 }, retry: { attempts: 2, backoffMs: 50 } },
  ],
  output: {
    each: '${steps.each.output}',
    extra: '${steps.extra.output}',
    wait: '${steps.wait.output}',
    spare: '${steps.spare.output}',
  },
});

/** The address of the step that a call is made for. */
export function stepOf({ task, step, item }: AgentContext): string {
  return `step/${task}/${step}${item === undefined ? '' : `/${item}`}`;
}

/** That of the actor that makes it. */
export function runOf(ctx: AgentContext): string {
  return `run/${stepOf(ctx).slice('step/'.length)}/${ctx.attempt}`;
}

/** Keeps the name of every message it was told. A fragile message crashes it once, a poisonous one each time. */
function ledger(outside: Outside, process: Owner): AgentDefinition {
  type Add = { type: 'add'; op: string; fragile?: boolean; poison?: boolean };
  const machine = setup({
    types: { context: {} as { ops: readonly string[] }, events: {} as Add | { type: 'get'; replyTo: string } },
    actions: {
      look: (_, { op, fragile, poison }: Add) => {
        if (fragile !== true && poison !== true) return;
        const count = outside.delivered(process, op);
        if (poison === true || count === 1) throw new OperatingError('AGENT_CRASHED', `${op} crashes its actor.`);
      },
    },
  }).createMachine({
    id: 'ledger',
    context: { ops: [] },
    on: {
      add: {
        actions: [
          { type: 'look', params: ({ event }) => event },
          assign({ ops: ({ context, event }) => [...context.ops, event.op] }),
        ],
      },
      get: {
        actions: sendTo(
          ({ event }) => addressOf(event.replyTo),
          ({ context }) => ({ type: 'ops', ops: context.ops }),
        ),
      },
    },
  });
  return defineAgent({ name: 'sim.ledger', version: VERSION, keyed: true, machine, breaker: BREAKER });
}

/** Makes journaled calls, one after the other, and gives their receipts. */
function journaling(outside: Outside, process: Owner): AgentDefinition {
  return defineAgent<{ readonly calls: readonly JournalCall[]; readonly sleepMs?: number }>({
    name: 'sim.journal',
    version: VERSION,
    capabilities: ['sim.work'],
    concurrency: 4,
    timeoutMs: TIMEOUT_MS,
    retry: RETRY,
    breaker: BREAKER,
    run: async ({ input, ctx }) => {
      const receipts: string[] = [];
      for (const { token, kind } of input.calls) {
        const [step, run] = [stepOf(ctx), runOf(ctx)];
        receipts.push(
          await ctx.journal(
            `call-${token}`,
            (key) => outside.call(process, { kind, key, token, step, run, holder: step, wish: `call-${token}` }),
            { kind, args: { token } },
          ),
        );
        if (input.sleepMs !== undefined) await ctx.sleep(input.sleepMs);
      }
      return receipts;
    },
  });
}

/** A function that must not run twice, and has no journal. */
function once(outside: Outside, process: Owner): AgentDefinition {
  return defineAgent<{ readonly token: string }>({
    name: 'sim.once',
    version: VERSION,
    kind: 'unsafe',
    timeoutMs: TIMEOUT_MS,
    retry: { attempts: 2, backoffMs: 100 },
    breaker: BREAKER,
    run: ({ input, ctx }) => {
      const [key, token, holder] = [ctx.idempotencyKey, input.token, runOf(ctx)];
      return outside.call(process, { kind: 'unsafe', key, token, holder, run: holder, wish: token, step: stepOf(ctx) });
    },
  });
}

/** Waits, makes a call by an effect, waits for a child with a timer of its own, and makes another call. */
function saga(outside: Outside, process: Owner): AgentDefinition {
  interface Saga {
    readonly token: string;
    readonly waitMs: number;
    readonly kind: EffectKind;
    readonly receipts: readonly unknown[];
  }
  const resting = createMachine({
    id: 'resting',
    context: ({ input }) => ({ ms: (input as { readonly ms: number }).ms }),
    initial: 'one',
    states: {
      one: { after: { half: 'two' } },
      two: { after: { half: 'end' } },
      end: { type: 'final' },
    },
    output: 'rested',
  }).provide({ delays: { half: ({ context }) => context.ms / 2 } });
  const take = assign<Saga, { readonly output: unknown } & { readonly type: string }, undefined, never, never>({
    receipts: ({ context, event }) => [...context.receipts, event.output],
  });
  const machine = setup({
    types: { context: {} as Saga, input: {} as Omit<Saga, 'receipts'> },
    actors: { resting },
    delays: { wait: ({ context }) => context.waitMs },
    actions: { take: take as never },
  }).createMachine({
    id: 'saga',
    context: ({ input }) => ({ ...input, receipts: [] }),
    initial: 'waiting',
    states: {
      waiting: { after: { wait: 'first' } },
      first: {
        invoke: {
          src: 'effect' as never,
          input: ({ context }: { context: Saga }) => ({ name: context.kind, input: `${context.token}-1` }),
          onDone: { target: 'resting', actions: 'take' },
        },
      },
      resting: {
        invoke: {
          src: 'resting',
          input: ({ context }: { context: Saga }) => ({ ms: context.waitMs }),
          onDone: { target: 'second', actions: 'take' },
        },
      },
      second: {
        invoke: {
          src: 'effect' as never,
          input: ({ context }: { context: Saga }) => ({ name: 'keyed', input: `${context.token}-2` }),
          onDone: { target: 'end', actions: 'take' },
        },
      },
      end: { type: 'final' },
    },
    output: ({ context }) => context.receipts,
  });
  const effect = (kind: EffectKind) => ({
    kind,
    run: ({ input, ctx }: { readonly input: unknown; readonly ctx: AgentContext }) => {
      const [token, holder] = [String(input), runOf(ctx)];
      return outside.call(process, {
        kind,
        key: ctx.idempotencyKey,
        token,
        holder,
        run: holder,
        wish: token,
        step: stepOf(ctx),
      });
    },
  });
  const effects = { pure: effect('pure'), keyed: effect('keyed'), unsafe: effect('unsafe') };
  const options = { name: 'sim.saga', version: VERSION, timeoutMs: TIMEOUT_MS, retry: RETRY, breaker: BREAKER };
  return defineAgent({ ...options, machine, effects });
}

/** Waits for a signal. */
const patient = defineAgent({
  name: 'sim.patient',
  version: VERSION,
  machine: setup({
    types: { context: {} as { word: string }, events: {} as { type: 'go'; word: string } },
  }).createMachine({
    id: 'patient',
    context: { word: '' },
    initial: 'waiting',
    states: {
      waiting: { on: { go: { target: 'done', actions: assign({ word: ({ event }) => event.word }) } } },
      done: { type: 'final' },
    },
    output: ({ context }) => context.word,
  }),
});

/** Tells a ledger, once, from inside of a task. */
const teller = defineAgent<{ readonly key: string; readonly op: string }>({
  name: 'sim.teller',
  version: VERSION,
  timeoutMs: TIMEOUT_MS,
  retry: RETRY,
  breaker: BREAKER,
  run: async ({ input, ctx }) => {
    const { key, op } = input;
    const tell = async (): Promise<string> => {
      await ctx.tell('sim.ledger', key, { type: 'add', op });
      return op;
    };
    return await ctx.journal('tell', tell, { kind: 'unsafe' });
  },
});
