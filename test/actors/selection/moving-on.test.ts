/** What a step does with its choice: spreads work, moves on when an agent fails, and stays where it must. */
import { describe, expect, it } from 'vitest';
import { type AgentOptions, defineAgent } from '../../../actors/agent-definition.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import type { TaskEvent } from '../../../protocol/tasks.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

const offering = (name: string, run: AgentOptions['run'], more: Partial<AgentOptions> = {}) =>
  defineAgent({ name, version: '1.0.0', capabilities: ['talk'], ...(run !== undefined && { run }), ...more });
const failing = (name: string, more: Partial<AgentOptions> = {}) =>
  offering(name, () => Promise.reject(new OperatingError('UNAVAILABLE', `${name} is down.`)), more);
/** The first in turn, as the newest version. */
const FIRST = { capabilities: ['talk@2.0.0'] };

const told = (events: readonly TaskEvent[], kind: string): Readonly<Record<string, unknown>>[] =>
  events.filter((event) => event.kind === kind).map(({ data }) => data);
const chosen = async (node: WorkNode, task: string): Promise<unknown[]> =>
  told(await node.events(task), 'agent.selected').map(({ agent }) => agent);

describe('A step that asks for a capability', () => {
  it('goes to the next agent at once when one fails in a way that may pass, and says after whom', async () => {
    const node = await createWorkNode({ agents: [failing('a', FIRST), failing('b'), offering('c', () => 'from c')] });
    const { task } = node.submit({ capability: 'talk' });
    await node.world.settle();
    const { result } = await node.end(task);
    expect(result).toMatchObject({ status: 'completed', output: 'from c', usage: { steps: 3 } });
    const events = await node.events(task);
    expect(told(events, 'agent.selected').map(({ agent, why }) => [agent, why])).toEqual([
      ['a@1.0.0', 'the best by load, queue, speed, cost and success'],
      ['b@1.0.0', expect.stringMatching(/, after a@1\.0\.0 failed$/)],
      ['c@1.0.0', 'the only one left, after b@1.0.0 failed'],
    ]);
    expect(told(events, 'step.retried').map(({ delayMs }) => delayMs)).toEqual([0, 0]);
    expect(result?.durationMs).toBe(0);
  });

  it('comes back to the first where all have failed, after its pause', async () => {
    let attempts = 0;
    const comes = offering(
      'a',
      () => {
        if (++attempts === 1) throw new TypeError('not yet');
        return 'at last';
      },
      { ...FIRST, retry: { backoffMs: 1_000, jitter: false } },
    );
    const node = await createWorkNode({
      agents: [comes, failing('b', { retry: { backoffMs: 1_000, jitter: false } })],
    });
    const { task } = node.submit({ capability: 'talk' });
    expect(await node.end(task)).toMatchObject({ result: { output: 'at last' } });
    expect(await chosen(node, task)).toEqual(['a@1.0.0', 'b@1.0.0', 'a@1.0.0']);
  });

  it('does not move on from an error that is an answer', async () => {
    const final = offering('a', () => Promise.reject(new OperatingError('NOT_FOUND', 'There is none.')), FIRST);
    const node = await createWorkNode({ agents: [final, offering('b', () => 'from b')] });
    expect(await node.finish({ capability: 'talk' })).toMatchObject({ result: { error: { code: 'NOT_FOUND' } } });
  });

  it('does not lose whom it has tried with the process', async () => {
    let calls = 0;
    const hanging = offering('b', () =>
      ++calls === 1 ? new Promise<never>(() => undefined) : Promise.reject(new TypeError('no')),
    );
    const agents = [failing('a', FIRST), hanging, offering('c', () => 'from c', { capabilities: ['talk@0.1.0'] })];
    const one = await createWorkNode({ agents });
    const { task } = one.submit({ capability: 'talk' });
    await one.world.elapse(1);
    expect(calls).toBe(1);
    one.kill();
    const two = await createWorkNode({ agents, disk: one.disk, seed: 2 });
    expect(await two.end(task)).toMatchObject({ result: { output: 'from c' } });
    expect(await chosen(two, task)).toEqual(['a@1.0.0', 'b@1.0.0', 'c@1.0.0']);
  });

  it('goes to another agent where the one it had is not loaded any more', async () => {
    let isDown = true;
    const agents = [
      offering('a', () => (isDown ? Promise.reject(new TypeError('no')) : 'from a'), {
        ...FIRST,
        retry: { attempts: 5, backoffMs: 60_000 },
      }),
    ];
    const one = await createWorkNode({ agents });
    const { task } = one.submit({ capability: 'talk' });
    await one.world.settle();
    one.kill();
    isDown = false;
    const two = await createWorkNode({ agents: [offering('b', () => 'from b')], disk: one.disk, seed: 2 });
    expect(await two.end(task)).toMatchObject({ result: { output: 'from b' } });
  });

  it('is spread over agents before any call has begun', async () => {
    const most: Record<string, number> = {};
    const counting = (name: string) => {
      let now = 0;
      return offering(
        name,
        async () => {
          most[name] = Math.max(most[name] ?? 0, ++now);
          await Promise.resolve();
          now--;
        },
        { concurrency: 4 },
      );
    };
    const node = await createWorkNode({ agents: [counting('a'), counting('b'), counting('c')] });
    const graph = {
      name: 'wide',
      version: '1.0.0',
      steps: [{ id: 'talk', capability: 'talk', forEach: Array.from({ length: 24 }, (_, n) => n), concurrency: 12 }],
    };
    const { id } = await node.finish({ graph });
    const agents = await chosen(node, id);
    const shares = ['a', 'b', 'c'].map((name) => agents.filter((agent) => agent === `${name}@1.0.0`).length);
    expect(shares.reduce((sum, share) => sum + share)).toBe(24);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(6);
    expect(Math.max(...Object.values(most))).toBe(4);
  });

  it('keeps the steps of a task with one agent', async () => {
    const agents = ['a', 'b', 'c'].map((name) => offering(name, () => name));
    const node = await createWorkNode({ agents });
    const steps = [1, 2, 3, 4].map((n) => ({
      id: `s${n}`,
      capability: 'talk',
      ...(n > 1 && { needs: [`s${n - 1}`] }),
    }));
    for (let n = 0; n < 3; n++) {
      const { id } = await node.finish({ graph: { name: 'chain', version: '1.0.0', steps } });
      expect(new Set(await chosen(node, id)).size).toBe(1);
    }
  });
});

describe('What a task or a step wishes', () => {
  const agents = [
    offering('dear', () => 'dear', { cost: { usd: 1 } }),
    offering('cheap', () => 'cheap', { cost: { usd: 0.01 } }),
  ];
  const cheapest = { strategy: 'cheapest' } as const;
  const graphOf = (select?: object): object => ({
    name: 'g',
    version: '1.0.0',
    steps: [{ id: 'talk', capability: 'talk', ...(select !== undefined && { select }) }],
  });

  it.each([
    ['of a task', { capability: 'talk' }, cheapest, 'cheap', 'cheapest'],
    ['of a step', { graph: graphOf(cheapest) }, undefined, 'cheap', 'cheapest'],
    ['of a task, for the steps of its workflow', { graph: graphOf() }, cheapest, 'cheap', 'cheapest'],
    ['of a step, before that of its task', { graph: graphOf({ not: ['cheap'] }) }, cheapest, 'dear', 'balanced'],
  ] as const)('%s is heard', async (_words, target, select, agent, strategy) => {
    const node = await createWorkNode({ agents });
    const { id } = await node.finish(target, null, select === undefined ? {} : { options: { select } });
    expect(told(await node.events(id), 'agent.selected')).toMatchObject([{ agent: `${agent}@1.0.0`, strategy }]);
  });

  it('may be for a range of versions; one that nobody offers is refused with those there are', async () => {
    const versions = ['1.2.0', '1.9.0', '2.0.0'].map((version) =>
      defineAgent({ name: 'many', version, capabilities: ['text.review'], run: () => version }),
    );
    const node = await createWorkNode({ agents: versions });
    expect(await node.finish({ capability: 'text.review@^1.2' })).toMatchObject({ result: { output: '1.9.0' } });
    expect(() => node.submit({ capability: 'text.review@^3' })).toThrow(/there is 2\.0\.0, 1\.9\.0, 1\.2\.0/);
    const graph = { name: 'g', version: '1.0.0', steps: [{ id: 'a', capability: 'text.review@^3' }] };
    expect(() => node.submit({ graph })).toThrow(expect.objectContaining({ code: 'WORKFLOW_INVALID' }));
  });

  it('of a step is refused where there is nothing to choose from, and where it is misspelt', async () => {
    const node = await createWorkNode({ agents });
    const step = (more: object): object => ({ graph: { name: 'g', version: '1.0.0', steps: [{ id: 'a', ...more }] } });
    for (const more of [
      { agent: 'dear', select: cheapest },
      { capability: 'talk', select: { strategy: 'dearest' } },
      { capability: 'talk', select: { weights: { beauty: 1 } } },
      { capability: 'talk', select: { stratgy: 'cheapest' } },
    ])
      expect(() => node.submit(step(more))).toThrow(expect.objectContaining({ code: 'WORKFLOW_INVALID' }));
  });
});

describe('A step whose unsafe call has begun', () => {
  /** Charges once, then fails in a way that may pass, so often. */
  function charging(fails: number) {
    const charges = { count: 0 };
    let attempts = 0;
    const run: AgentOptions['run'] = async ({ ctx }) => {
      const receipt = await ctx.journal('charge', () => ++charges.count, { kind: 'unsafe' });
      if (++attempts <= fails) throw new OperatingError('UNAVAILABLE', 'The line went dead.');
      return receipt;
    };
    return { charges, run };
  }

  it('stays with the agent that has made it', async () => {
    const { charges, run } = charging(2);
    const agents = [offering('a', run, { ...FIRST, retry: { backoffMs: 1_000, jitter: false } }), offering('b', run)];
    const node = await createWorkNode({ agents });
    const { id, result } = await node.finish({ capability: 'talk' });
    expect([result?.output, charges.count]).toEqual([1, 1]);
    expect(await chosen(node, id)).toEqual(['a@1.0.0']);
    expect(told(await node.events(id), 'step.retried').map(({ delayMs }) => delayMs)).toEqual([1_000, 2_000]);
  });

  it('waits for that agent’s breaker, although another would be free', async () => {
    const { charges, run } = charging(1);
    const breaker = { failures: 1, periodMs: 10_000, openMs: 30_000 };
    const node = await createWorkNode({ agents: [offering('a', run, { ...FIRST, breaker }), offering('b', run)] });
    const { id, result } = await node.finish({ capability: 'talk' });
    expect([result?.output, charges.count]).toEqual([1, 1]);
    expect(await chosen(node, id)).toEqual(['a@1.0.0']);
    expect(result?.durationMs).toBeGreaterThanOrEqual(30_000);
  });

  it('moves on where none has begun: what is keyed may be done by another', async () => {
    const run: AgentOptions['run'] = async ({ ctx }) => {
      await ctx.journal('look', () => 1);
      throw new OperatingError('UNAVAILABLE', 'The line went dead.');
    };
    const node = await createWorkNode({ agents: [offering('a', run, FIRST), offering('b', () => 'from b')] });
    expect(await node.finish({ capability: 'talk' })).toMatchObject({ result: { output: 'from b' } });
  });

  it('of an agent that is unsafe as a whole stays as well', async () => {
    const node = await createWorkNode({
      agents: [failing('a', { ...FIRST, kind: 'unsafe' }), offering('b', () => 'from b')],
    });
    const { id, result } = await node.finish({ capability: 'talk' });
    expect(result).toMatchObject({ status: 'failed', error: { code: 'UNAVAILABLE' } });
    expect(await chosen(node, id)).toEqual(['a@1.0.0']);
  });
});
