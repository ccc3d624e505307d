/**
 * What the workers of a mesh under faults offer, beside the lab. Each making of a call leaves a line in one file that all nodes
 * share: what happened is counted there, outside of the mesh.
 */
import { appendFileSync } from 'node:fs';
import { z } from 'zod';
import { defineAgent, OperatingError } from '../../../index.ts';
import { callLine } from './call-lines.ts';

const node = process.env['TROUPE_NODE_NAME'] ?? '';
const file = process.env['MESH_CALLS_FILE'] ?? '';

/** `ms`: how long the call takes, once its line is there. */
const input = z.object({ mark: z.string(), ms: z.number() });

function note(kind: 'keyed' | 'unsafe', mark: string, key: string): void {
  appendFileSync(file, callLine({ kind, mark, key, node, atMs: Date.now() }));
}

/** It takes real time: what is cut off in it has happened, and has not come back. */
function works(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms)); // tidy-allow test-sleep: an effect that takes real time
}

export const keyed = defineAgent({
  name: 'mesh.keyed',
  version: '1.0.0',
  concurrency: 32,
  input,
  run: async ({ input: { mark, ms }, ctx }) => {
    const made = await ctx.journal('call', async (key) => {
      note('keyed', mark, key);
      await works(ms);
      return mark;
    });
    await ctx.journal('after', () => null);
    return made;
  },
});

export const unsafe = defineAgent({
  name: 'mesh.unsafe',
  version: '1.0.0',
  concurrency: 32,
  input,
  run: async ({ input: { mark, ms }, ctx }) => {
    await ctx.journal('before', () => null);
    return await ctx.journal(
      'call',
      async (key) => {
        note('unsafe', mark, key);
        await works(ms);
        return mark;
      },
      { kind: 'unsafe' },
    );
  },
});

/** Fails in its first attempt; the second may be made elsewhere. It does so on purpose: a breaker would only keep the load away. */
export const flaky = defineAgent({
  name: 'mesh.flaky',
  version: '1.0.0',
  concurrency: 32,
  breaker: { failures: 0 },
  input,
  run: ({ input: { mark }, ctx }) => {
    if (ctx.attempt === 1)
      throw new OperatingError('AGENT_FAILED', 'It fails at first, as asked.', { retryable: true });
    return mark;
  },
});

/** Unsafe as a whole: there is no record in it that another making could go on from. */
export const risky = defineAgent({
  name: 'mesh.risky',
  version: '1.0.0',
  kind: 'unsafe',
  concurrency: 32,
  input,
  run: async ({ input: { mark, ms }, ctx }) => {
    note('unsafe', mark, ctx.idempotencyKey);
    await works(ms);
    return mark;
  },
});
