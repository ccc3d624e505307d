/** Agents whose code is on workers alone. What each making of them gives has a mark, by which it can be told from other makings. */
import type { AgentContext } from '../../../actors/agent-context.ts';
import { type AgentDefinition, type AgentOptions, defineAgent } from '../../../actors/agent-definition.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import type { Outside } from '../outside.ts';
import { type JournalCall, runOf, stepOf } from '../simulated-agents.ts';
import type { MeshWitness } from './mesh-witness.ts';
import type { SimulatedWorker } from './simulated-worker.ts';

const OPTIONS = {
  version: '1.0.0',
  concurrency: 3,
  timeoutMs: 12_000,
  retry: { attempts: 5, backoffMs: 100, maxBackoffMs: 2_000 },
  breaker: { failures: 0 },
} as const;

/** The agents of one worker. */
export function meshAgents(
  outside: Outside,
  process: SimulatedWorker,
  witness: MeshWitness,
  isWell: () => boolean,
): readonly AgentDefinition[] {
  const agent = <Input>(
    name: string,
    run: (work: { readonly input: Input; readonly ctx: AgentContext; readonly making: string }) => Promise<object>,
    options: Partial<AgentOptions> = {},
  ): AgentDefinition =>
    defineAgent<Input>({
      ...{ ...OPTIONS, ...options, name },
      run: async ({ input, ctx }) => {
        const making = witness.making();
        return { making, ...(await run({ input, ctx, making })) };
      },
    } as Parameters<typeof defineAgent<Input>>[0]);
  const call = (ctx: AgentContext, { token, kind }: JournalCall, key: string): Promise<string> => {
    const [step, run] = [stepOf(ctx), runOf(ctx)];
    return outside.call(process, { kind, key, token, step, run, holder: step, wish: `call-${token}` });
  };
  const health = { check: isWell, intervalMs: 1_000, failures: 2, passes: 1 };
  return [
    agent<{ readonly calls: readonly JournalCall[]; readonly sleepMs?: number }>(
      'mesh.journal',
      async ({ input, ctx }) => {
        const receipts: string[] = [];
        for (const one of input.calls) {
          const { token, kind } = one;
          const options = { kind, args: { token } };
          receipts.push(await ctx.journal(`call-${token}`, (key) => call(ctx, one, key), options));
          if (input.sleepMs !== undefined) await ctx.sleep(input.sleepMs);
        }
        return { receipts };
      },
    ),
    agent<JournalCall>('mesh.repeating', async ({ input, ctx }) => {
      const options = { kind: input.kind, retry: { attempts: 4, backoffMs: 200 } };
      return { receipts: [await ctx.journal(`call-${input.token}`, (key) => call(ctx, input, key), options)] };
    }),
    agent<{ readonly token: string }>(
      'mesh.once',
      async ({ input: { token }, ctx }) => {
        const [key, holder, step] = [ctx.idempotencyKey, runOf(ctx), stepOf(ctx)];
        return {
          receipts: [
            await outside.call(process, { kind: 'unsafe', key, token, holder, run: holder, wish: token, step }),
          ],
        };
      },
      { kind: 'unsafe', retry: { attempts: 2, backoffMs: 100 } },
    ),
    agent<{ readonly failures: number; readonly value: string }>(
      'mesh.failing',
      async ({ input, ctx, making }) => {
        if (ctx.attempt <= input.failures) throw new OperatingError('AGENT_FAILED', `${making} does not work yet.`);
        return { value: input.value };
      },
      { health },
    ),
    agent<{ readonly key: string; readonly waitMs: number }>(
      'mesh.asking',
      async ({ input, ctx }) => {
        const shared = ctx.state();
        const count = await shared.update<number>('asked', (value = 0) => value + 1);
        await ctx.sleep(input.waitMs);
        const { ops } = (await ctx.ask('sim.ledger', input.key, { type: 'get' })) as {
          readonly ops: readonly string[];
        };
        return { ops: ops.length, hasCounted: count > 0 };
      },
      { health },
    ),
    agent<{ readonly requests: number; readonly text: string }>('mesh.chatty', async ({ input, ctx }) => {
      const shared = ctx.state();
      await shared.set('text', input.text);
      const all = await Promise.all(Array.from({ length: input.requests }, () => shared.get('text')));
      return { requests: all.length };
    }),
    agent<{ readonly bytes: readonly number[] }>('mesh.bulky', async ({ input, ctx }) => {
      const shared = ctx.state();
      const set = async (bytes: number, at: number): Promise<number> => {
        await shared.set(`bulk${at}`, 'x'.repeat(bytes));
        return String((await shared.get(`bulk${at}`)).value).length;
      };
      const sizes = await Promise.all(input.bytes.map((bytes, at) => set(bytes, at).catch(() => 'too large')));
      return { sizes };
    }),
    agent('mesh.stalling', ({ ctx: { signal } }) => {
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => reject(signal.reason as Error));
      return promise;
    }),
  ];
}
