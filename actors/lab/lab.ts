/**
 * Agents that make behaviour visible from outside: for trying things, for tests and for operators. `troupe start --lab`
 * loads them. None of them is of use for work.
 */
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { assign, fromPromise, sendTo, setup } from 'xstate';
import { z } from 'zod';
import { OperatingError } from '../../protocol/errors.ts';
import { addressOf } from '../../runtime/machine-references.ts';
import { type AgentDefinition, defineAgent } from '../agent-definition.ts';

const VERSION = '1.0.0';
const WAIT_MAX_MS = 366 * 24 * 3_600_000;
const BURN_MAX_MS = 600_000;
const LINE_CHARACTERS_MAX = 4_096;
/** A plain file name: no folder, nothing hidden, nothing that leads out. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const waitMs = z.number().min(0).max(WAIT_MAX_MS);

/** All lab agents. `dataDir`: where `lab.append` writes, below `lab/`. */
export function labAgents(dataDir: string): readonly AgentDefinition[] {
  return [echo, delay, flaky, crash, burn, stall, appender(dataDir), counter];
}

const echo = defineAgent({
  name: 'lab.echo',
  version: VERSION,
  capabilities: ['lab.echo'],
  description: 'Returns its input.',
  kind: 'pure',
  concurrency: 1_000,
  run: ({ input }) => input,
});

const delay = defineAgent({
  name: 'lab.delay',
  version: VERSION,
  capabilities: ['lab.delay'],
  description: 'Waits `ms`, durably: a restart in the middle does not start the wait over. Returns `value`.',
  input: z.object({ ms: waitMs, value: z.unknown().optional() }),
  machine: setup({
    types: { input: {} as { ms: number; value?: unknown }, context: {} as { ms: number; value: unknown } },
    delays: { wait: ({ context }) => context.ms },
  }).createMachine({
    id: 'lab-delay',
    context: ({ input }) => ({ ms: input.ms, value: input.value ?? null }),
    initial: 'waiting',
    states: { waiting: { after: { wait: 'done' } }, done: { type: 'final' } },
    output: ({ context }) => context.value,
  }),
});

const flaky = defineAgent({
  name: 'lab.flaky',
  version: VERSION,
  capabilities: ['lab.flaky'],
  description: 'Fails in attempts 1 to `failures`, then returns `value`.',
  input: z.object({ failures: z.number().int().min(0), value: z.unknown().optional() }),
  run: ({ input, ctx }) => {
    if (ctx.attempt <= input.failures)
      throw new OperatingError(
        'AGENT_FAILED',
        `lab.flaky fails in attempt ${ctx.attempt} of ${input.failures} as asked.`,
      );
    return input.value ?? null;
  },
});

const crash = defineAgent({
  name: 'lab.crash',
  version: VERSION,
  capabilities: ['lab.crash'],
  description: 'Throws each time: in an `action` of its machine, or in an `effect`.',
  input: z.object({ where: z.enum(['action', 'effect']) }),
  lint: { ignore: ['no-end', 'no-deadline', 'unhandled-error'] },
  machine: setup({
    types: { input: {} as { where: 'action' | 'effect' }, context: {} as { where: 'action' | 'effect' } },
    actors: {
      breaks: fromPromise(() =>
        Promise.reject(new OperatingError('AGENT_FAILED', 'lab.crash threw in its effect, as asked.')),
      ),
    },
    actions: {
      throws: () => {
        throw new OperatingError('AGENT_CRASHED', 'lab.crash threw in its action, as asked.');
      },
    },
  }).createMachine({
    id: 'lab-crash',
    context: ({ input }) => ({ where: input.where }),
    initial: 'choosing',
    states: {
      choosing: {
        after: {
          1: [{ guard: ({ context }) => context.where === 'action', target: 'inAction' }, { target: 'inEffect' }],
        },
      },
      inAction: { entry: 'throws' },
      inEffect: { invoke: { src: 'breaks', onDone: 'done' } },
      done: { type: 'final' },
    },
  }),
});

const burn = defineAgent({
  name: 'lab.burn',
  version: VERSION,
  capabilities: ['lab.burn'],
  description: 'Spins for `ms` in a worker thread. Returns how long, and in which thread.',
  kind: 'pure',
  timeoutMs: BURN_MAX_MS,
  input: z.object({ ms: z.number().min(0).max(BURN_MAX_MS) }),
  output: z.object({ ms: z.number(), threadId: z.number() }),
  run: async ({ input, ctx }) =>
    (await ctx.worker({
      module: new URL('./burn.ts', import.meta.url),
      name: 'burn',
      input,
    })) as { ms: number; threadId: number },
});

const stall = defineAgent({
  name: 'lab.stall',
  version: VERSION,
  capabilities: ['lab.stall'],
  description: 'Never ends by itself.',
  lint: { ignore: ['no-end', 'no-deadline'] },
  machine: setup({}).createMachine({ id: 'lab-stall', initial: 'stalled', states: { stalled: {} } }),
});

function appender(dataDir: string): AgentDefinition {
  return defineAgent({
    name: 'lab.append',
    version: VERSION,
    capabilities: ['lab.append'],
    description:
      'Appends `line` to DATA_DIR/lab/NAME in an effect of the given kind, then takes `delayMs`. ' +
      'It does not look whether the line is there already, so that repeats show.',
    input: z.object({
      name: z.string().regex(FILE_NAME, 'expected a plain file name'),
      line: z
        .string()
        .max(LINE_CHARACTERS_MAX)
        .regex(/^[^\r\n]*$/, 'expected one line'),
      kind: z.enum(['pure', 'keyed', 'unsafe']).default('keyed'),
      delayMs: waitMs.default(0),
    }),
    run: async ({ input, ctx }) => {
      await ctx.journal(
        'append',
        async () => {
          await mkdir(join(dataDir, 'lab'), { recursive: true });
          await appendFile(join(dataDir, 'lab', input.name), `${input.line}\n`);
          // Not a durable wait: the effect itself is meant to take this long.
          await new Promise<void>((resolve, reject) => {
            const timer = globalThis.setTimeout(resolve, input.delayMs); // tidy-allow timer: an effect that takes real time
            ctx.signal.addEventListener(
              'abort',
              () => {
                clearTimeout(timer);
                reject(ctx.signal.reason);
              },
              { once: true },
            );
          });
        },
        { kind: input.kind },
      );
      return { name: input.name, line: input.line };
    },
  });
}

const counter = defineAgent({
  name: 'lab.counter',
  version: VERSION,
  capabilities: ['lab.counter'],
  keyed: true,
  description: 'One durable number per key: tell it {type: "add", n}, ask it {type: "get"} for {total}.',
  machine: setup({
    types: {
      context: {} as { total: number },
      events: {} as { type: 'add'; n: number; replyTo?: string } | { type: 'get'; replyTo: string },
    },
  }).createMachine({
    id: 'lab-counter',
    context: { total: 0 },
    on: {
      add: {
        actions: assign({ total: ({ context, event }) => context.total + (Number.isFinite(event.n) ? event.n : 0) }),
      },
      get: {
        actions: sendTo(
          ({ event }) => addressOf(event.replyTo),
          ({ context }) => ({ type: 'total', total: context.total }),
        ),
      },
    },
  }),
});
