import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../actors/agent-definition.ts';
import { loadAgentFiles } from '../../actors/agent-files.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { currentCell } from '../../runtime/machine-references.ts';
import { createWorkNode } from '../support/work-node.ts';

describe('A function', () => {
  it('that throws an error with a code keeps it: what is not retryable is not tried again', async () => {
    let runs = 0;
    const strict = defineAgent({
      name: 'strict',
      version: '1.0.0',
      run: () => {
        runs++;
        throw new OperatingError('NOT_FOUND', 'no such page', { details: { page: 7 } });
      },
    });
    const node = await createWorkNode({ agents: [strict] });
    const record = await node.finish({ agent: 'strict' });
    expect(record.result?.error).toMatchObject({ code: 'NOT_FOUND', message: 'no such page', details: { page: 7 } });
    expect(runs).toBe(1);
  });

  it('is given its input as the schema makes it, and its output is held against its own', async () => {
    const half = defineAgent({
      name: 'half',
      version: '1.0.0',
      retry: { attempts: 1 },
      input: z.object({ n: z.number().default(8) }),
      output: z.object({ n: z.number().int() }),
      run: ({ input }) => ({ n: input.n / 2 }),
    });
    const node = await createWorkNode({ agents: [half] });
    expect(await node.finish({ agent: 'half' }, {})).toMatchObject({ result: { output: { n: 4 } } });
    expect(await node.finish({ agent: 'half' }, { n: 3 })).toMatchObject({
      status: 'failed',
      result: { error: { code: 'INVALID_OUTPUT', details: { issues: [{ path: 'n' }] } } },
    });
  });

  it('has the checks of its schema run as somebody, so that what escapes from one is no fault of the node', async () => {
    const runners: (string | undefined)[] = [];
    const checked = defineAgent({
      name: 'checked',
      version: '1.0.0',
      input: z.object({}).refine(() => runners.push(currentCell()?.address) > 0),
      run: () => 'ran',
    });
    const node = await createWorkNode({ agents: [checked] });
    const { id, status } = await node.finish({ agent: 'checked' }, {});
    expect([status, runners]).toEqual(['completed', ['the input schema of checked', `run/${id}/main/1`]]);
  });

  it('that sleeps goes by the wall clock, and notices within a minute that it was set', async () => {
    const sleeper = defineAgent({
      name: 'sleeper',
      version: '1.0.0',
      kind: 'pure',
      run: async ({ ctx }) => {
        await ctx.sleep(3_600_000);
        return 'awake';
      },
    });
    const node = await createWorkNode({ agents: [sleeper] });
    const { task } = node.submit({ agent: 'sleeper' });
    await node.world.elapse(1_000);
    node.world.setWallClock(node.world.nowMs() + 3_600_000);
    await node.world.elapse(60_000);
    expect(await node.store.readTask(task)).toMatchObject({ status: 'completed', result: { output: 'awake' } });
  });

  it('that sleeps goes on after the death of the node when it would have, and its journal is kept', async () => {
    const made: string[] = [];
    const sleeper = defineAgent({
      name: 'sleeper',
      version: '1.0.0',
      run: async ({ ctx }) => {
        const first = await ctx.journal('first', () => made.push('first'));
        await ctx.sleep(10_000);
        return [first, await ctx.journal('second', () => made.push('second')), ctx.attempt, ctx.step];
      },
    });
    const node = await createWorkNode({ agents: [sleeper] });
    const { task } = node.submit({ agent: 'sleeper' });
    await node.world.elapse(6_000);
    node.kill();
    const again = await createWorkNode({ agents: [sleeper], disk: node.disk, seed: 2, startMs: node.world.nowMs() });
    await again.world.elapse(3_900);
    expect(made).toEqual(['first']);
    await again.world.elapse(200);
    expect(await again.end(task)).toMatchObject({ status: 'completed', result: { output: [1, 2, 1, 'main'] } });
  });

  it('is told what this version does not have', async () => {
    const asks = defineAgent({
      name: 'asks',
      version: '1.0.0',
      run: async ({ ctx }) =>
        await Promise.all([ctx.model({}), ctx.tool('x', 1)].map((one) => one.catch(({ code }) => code))),
    });
    const node = await createWorkNode({ agents: [asks] });
    expect(await node.finish({ agent: 'asks' })).toMatchObject({ result: { output: Array(2).fill('NOT_AVAILABLE') } });
  });
});

it('What cannot be loaded as agents is refused by name', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'troupe-agents-'));
  onTestFinished(async () => await rm(dir, { recursive: true }));
  await writeFile(join(dir, 'none.mjs'), 'export const x = 1;');
  await writeFile(join(dir, 'broken.mjs'), 'export const = ;');
  for (const [pattern, words] of [
    ['none.mjs', 'exports no agent'],
    ['broken.mjs', 'broken.mjs'],
    ['*.nothing', 'no file matches'],
  ] as const)
    await expect(loadAgentFiles([pattern], dir)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining(words),
    });
});
