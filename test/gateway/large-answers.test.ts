/** Outputs at the edge of what can be kept: whoever was given one must be able to get it, and a list of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { pageThatFits } from '../../protocol/page-fit.ts';
import { type Rig, startRig } from './rig.ts';

const nested = (depth: number): unknown => (depth <= 1 ? {} : { in: nested(depth - 1) });
const AGENTS = [
  defineAgent({ name: 'deep', version: '1.0.0', run: ({ input }) => nested(Number(input)) }),
  defineAgent({ name: 'large', version: '1.0.0', run: ({ input }) => 'x'.repeat(Number(input)) }),
];

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ agents: AGENTS });
});
afterAll(async () => await rig.stop());

const make = async (agent: string, input: number) =>
  (await rig.send('POST', '/api/v1/tasks?wait=20', { agent, input })).json;

describe('An output', () => {
  it('that is as deep as it may be can be had, alone and in a list; a deeper one fails its task', async () => {
    const deepest = await make('deep', LIMITS.outputDepthMax);
    expect(deepest).toMatchObject({ status: 'completed' });
    expect(await rig.get(`/api/v1/tasks/${String(deepest['task'])}`)).toMatchObject({ status: 200 });
    expect(await rig.get('/api/v1/tasks')).toMatchObject({ status: 200 });
    const deeper = await make('deep', LIMITS.outputDepthMax + 1);
    expect(deeper).toMatchObject({ status: 'failed', error: { code: 'INVALID_OUTPUT' } });
  });

  it('that is large makes pages of lists shorter, down to one', async () => {
    const count = 20;
    for (let n = 0; n < count; n++) expect(await make('large', 940_000)).toMatchObject({ status: 'completed' });
    const seen = new Set<unknown>();
    let cursor: string | null = null;
    do {
      const { status, json } = await rig.get(`/api/v1/tasks${cursor === null ? '' : `?cursor=${cursor}`}`);
      expect(status).toBe(200);
      for (const { task } of json['tasks'] as { task: unknown }[]) seen.add(task);
      cursor = json['cursor'] as string | null;
    } while (cursor !== null);
    expect(seen.size).toBeGreaterThanOrEqual(count);
  });
});

describe('A page', () => {
  const bounds = { bytesMax: 100, depthMax: 8, elementsMax: 100 };
  const sized = (bytes: number) => {
    const asked: number[] = [];
    const list = async (size: number) => {
      asked.push(size);
      return { entries: Array.from({ length: size }, () => 'x'.repeat(bytes)) };
    };
    return { asked, list };
  };

  it('holds as many entries as there is room for, in halves', async () => {
    const { asked, list } = sized(20);
    expect((await pageThatFits(10, list, bounds)).entries).toHaveLength(3);
    expect(asked).toEqual([10, 5, 3]);
  });

  it('holds one in any case: whoever asks is told that it is too large', async () => {
    const { asked, list } = sized(200);
    expect((await pageThatFits(4, list, bounds)).entries).toHaveLength(1);
    expect(asked).toEqual([4, 2, 1]);
  });
});
