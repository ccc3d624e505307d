/** Agents of a node under faults: their calls and timers come by failpoints, and leave lines outside of the node. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { assign, sendTo, setup } from 'xstate';
import { z } from 'zod';
import { addressOf, type AgentDefinition, defineAgent } from '../../index.ts';
import type { Failpoints } from './failpoints.ts';

/** One entry of a list, with whose it is. */
interface Entry {
  readonly sender: string;
  readonly n: number;
}

/** `calls`: the file in which each outside call leaves a line. */
export function faultAgents(points: Failpoints, calls: string): readonly AgentDefinition[] {
  return [
    caller(points, calls, 'keyed'),
    caller(points, calls, 'unsafe'),
    waiter(points),
    sleeper,
    lister(`${calls}.stumbled`),
  ];
}

/** One outside call, recorded once. */
function caller(points: Failpoints, calls: string, kind: 'keyed' | 'unsafe'): AgentDefinition {
  return defineAgent({
    name: `fault.${kind}`,
    version: '1.0.0',
    concurrency: 64,
    input: z.object({ mark: z.string() }),
    run: async ({ input, ctx }) => {
      await ctx.journal(
        'call',
        () => {
          points.visit('intent-committed');
          appendFileSync(calls, `${input.mark} ${Date.now()}\n`);
          points.visit('call-made');
        },
        { kind },
      );
      points.visit('call-returned');
      // A second call, so that there is a commit between the record of the first and the end.
      await ctx.journal('after', () => undefined, { kind });
      return input.mark;
    },
  });
}

function waiter(points: Failpoints): AgentDefinition {
  return defineAgent({
    name: 'fault.wait',
    version: '1.0.0',
    machine: setup({
      types: {
        input: {} as { ms: number; mark: string },
        context: {} as { ms: number; mark: string },
      },
      delays: { wait: ({ context }) => context.ms },
      actions: { armed: () => points.visit('timer-armed'), fired: () => points.visit('timer-fired') },
    }).createMachine({
      id: 'fault-wait',
      context: ({ input }) => input,
      initial: 'waiting',
      states: {
        waiting: { entry: 'armed', after: { wait: { target: 'done', actions: 'fired' } } },
        done: { type: 'final' },
      },
      output: ({ context }) => context.mark,
    }),
  });
}

const sleeper = defineAgent({
  name: 'fault.sleep',
  version: '1.0.0',
  input: z.object({ ms: z.number() }),
  run: async ({ input, ctx }) => {
    await ctx.sleep(input.ms);
    return 'slept';
  },
});

/**
 * A list per key, in the order its messages were handled. It crashes over the first delivery of a message that has a
 * `stumble`, a name of its own; `stumbled` is the folder in which it remembers that, over all lives of the node.
 */
function lister(stumbled: string): AgentDefinition {
  return defineAgent({
    name: 'fault.list',
    version: '1.0.0',
    keyed: true,
    // What crashes here does so on purpose: the breaker would only keep the load away.
    breaker: { failures: 0 },
    machine: setup({
      types: {
        context: {} as { entries: Entry[] },
        events: {} as ({ type: 'append'; stumble?: string } & Entry) | { type: 'get'; replyTo: string },
      },
    }).createMachine({
      id: 'fault-list',
      context: { entries: [] },
      on: {
        append: {
          actions: assign({
            entries: ({ context, event: { sender, n, stumble } }) => {
              if (stumble !== undefined) stumbleOnce(stumbled, stumble);
              return [...context.entries, { sender, n }];
            },
          }),
        },
        get: {
          actions: sendTo(
            ({ event }) => addressOf(event.replyTo),
            ({ context }) => ({ type: 'entries', entries: context.entries }),
          ),
        },
      },
    }),
  });
}

/** Throws where it is called for the first time with this name. */
function stumbleOnce(folder: string, name: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, name), '', { flag: 'wx' });
  } catch {
    // It has, or the disk is full.
    return;
  }
  throw new TypeError(`It stumbles over ${name}, once.`);
}
