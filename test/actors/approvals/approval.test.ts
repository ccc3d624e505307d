import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { createIndoorNode, settled } from '../../support/indoor-node.ts';
import { asker, createAskingNode, ME } from './approval-rig.ts';

const MINUTE_MS = 60_000;

describe('An approval', () => {
  it('makes its task wait for a person, and lets it go on with the decision', async () => {
    const node = await createAskingNode();
    const task = node.ask({ role: 'editor', message: 'Publish it?', details: { words: 7 } });
    await node.world.settle();
    const id = `${task}.main.approval`;
    const waiting = `Step main waits for an approval of editor: Publish it? Decide: troupe approve ${id}, or troupe reject ${id}`;
    expect(await node.store.readTask(task)).toMatchObject({ status: 'input-required', waiting });
    expect(await node.pending()).toEqual([
      {
        approval: id,
        state: 'pending',
        ...{ task, step: 'main', name: 'approval', role: 'editor' },
        ...{ message: 'Publish it?', details: { words: 7 }, since: node.world.nowMs() },
      },
    ]);
    expect(node.kernel.census.get('approval')).toBe(1);
    const view = await node.resolve(id, { decision: 'approve', comment: 'Fine.' });
    const atMs = node.world.nowMs();
    expect(view).toMatchObject({
      approval: id,
      state: 'resolved',
      decision: { decision: 'approve', by: ME, comment: 'Fine.', at: atMs },
    });
    const record = await node.end(task);
    expect(record.status).toBe('completed');
    expect(record.waiting).toBeUndefined();
    expect(record.result?.output).toEqual([{ decision: 'approve', by: ME, comment: 'Fine.', atMs }]);
    expect(await node.pending()).toEqual([]);
    expect(await node.lines(task)).toEqual([
      ['approval.requested', { step: 'main', name: 'approval', approval: id, role: 'editor', message: 'Publish it?' }],
      [
        'approval.resolved',
        { step: 'main', name: 'approval', approval: id, decision: 'approve', by: ME, comment: 'Fine.' },
      ],
    ]);
    expect(node.kernel.census.get('approval')).toBe(0);
  });

  it('of several of one task keeps it waiting until the last is decided', async () => {
    const several = defineAgent({
      name: 'several',
      version: '1.0.0',
      run: async ({ ctx }) => await Promise.all(['a', 'b', 'a'].map((name) => ctx.approval({ name, message: name }))),
    });
    const node = await createAskingNode({ agents: [asker, several] });
    const { task } = node.submit({ agent: 'several' });
    await node.world.settle();
    const ids = (await node.pending()).map(({ approval }) => approval);
    expect(ids).toEqual([`${task}.main.a`, expect.stringMatching(/\.main\.a~[0-9a-f]{6}$/), `${task}.main.b`]);
    const [first = '', second = '', third = ''] = ids;
    await node.resolve(first, { decision: 'approve' });
    expect(await node.store.readTask(task)).toMatchObject({ status: 'input-required' });
    await node.resolve(third, { decision: 'reject' });
    expect((await node.store.readTask(task))?.waiting).toContain(second);
    await node.resolve(second, { decision: 'approve' });
    const { result } = await node.end(task);
    expect(result?.output).toMatchObject(['approve', 'reject', 'approve'].map((decision) => ({ decision })));
  });

  it('of each item of a fan-out is its own, gives its place to other items, and holds no slot', async () => {
    const node = await createAskingNode();
    const input = { ask: [{ role: 'editor' }] };
    const steps = [{ id: 'each', agent: 'asker', forEach: '[1, 2, 3, 4, 5]', concurrency: 2, input }];
    const { task } = node.submit({ graph: { steps, output: '${steps.each.output}' } });
    await node.world.settle();
    const ids = (await node.pending()).map(({ approval }) => approval);
    expect(ids).toEqual([0, 1, 2, 3, 4].map((item) => `${task}.each.${item}.approval`));
    expect(node.kernel.effects.laneFigures('agent:asker@1.0.0')).toMatchObject({ running: 0, waiting: 0 });
    for (const id of ids) await node.resolve(id, { decision: 'approve' });
    expect((await node.end(task)).status).toBe('completed');
  });

  it('of an item counts as work again once it is decided: no more items begin for that', async () => {
    const worker = defineAgent({
      name: 'worker',
      version: '1.0.0',
      run: async ({ input, ctx }) => {
        const { asks, ms } = input as { readonly asks: boolean; readonly ms: number };
        if (asks) await ctx.approval({});
        await ctx.sleep(ms);
      },
    });
    const node = await createAskingNode({ agents: [worker] });
    const [asking, short, long] = [
      { asks: true, ms: 60_000 },
      { asks: false, ms: 1_000 },
      { asks: false, ms: 60_000 },
    ];
    const items = [asking, asking, short, long, long, long];
    const steps = [{ id: 'each', agent: 'worker', forEach: '${input}', concurrency: 2, input: '${item}' }];
    const { task } = node.submit({ graph: { steps } }, items);
    await node.world.settle();
    for (const { approval } of await node.pending()) await node.resolve(approval, { decision: 'approve' });
    await node.world.elapse(2_000);
    const begun = (await node.events(task)).filter(({ kind, data }) => kind === 'step.started' && 'attempt' in data);
    expect(begun.map(({ data }) => data['item'])).toEqual([0, 1, 2, 3]);
    expect((await node.end(task)).status).toBe('completed');
  });

  it('goes with a fork of its task, and is decided for each of the two', async () => {
    const { world, submit, forks, approvals, store } = await createIndoorNode({ agents: [asker] });
    const task = submit({ agent: 'asker' }, { ask: [{ name: 'pay' }] });
    await world.settle();
    const checkpoint = (await forks.list('me', task)).at(-1)?.checkpoint ?? '';
    const fork = await settled(world, forks.fork('me', task, checkpoint));
    await world.settle();
    const list = async () =>
      (await settled(world, approvals.list('me', { limit: 10 }))).approvals.map(({ approval }) => approval);
    expect(await list()).toEqual([task, fork].map((id) => `${id}.main.pay`));
    await settled(world, approvals.resolve('me', `${fork}.main.pay`, { decision: 'reject' }));
    await world.settle();
    expect((await store.readTask(fork))?.result?.output).toMatchObject([{ decision: 'reject' }]);
    expect((await store.readTask(task))?.status).toBe('input-required');
    expect(await list()).toEqual([`${task}.main.pay`]);
  });

  it('waits longer than the time limit of its agent', async () => {
    const node = await createAskingNode();
    const task = node.ask({});
    await node.world.elapse(10 * MINUTE_MS);
    await node.resolve(`${task}.main.approval`, { decision: 'approve' });
    expect(await node.end(task)).toMatchObject({ status: 'completed', result: { usage: { steps: 1 } } });
  });

  it('is withdrawn when its task is canceled, and can be decided no more', async () => {
    const node = await createAskingNode();
    const task = node.ask({ role: 'editor' });
    await node.world.settle();
    await Promise.all([node.desk.cancel(ME, task, undefined), node.world.settle()]);
    expect(await node.pending()).toEqual([]);
    expect(node.kernel.cells.has(`approval/${task}/main/approval`)).toBe(false);
    const id = `${task}.main.approval`;
    await expect(node.resolve(id, { decision: 'approve' })).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
      message: `The approval ${id} has been withdrawn.`,
    });
    expect(node.counts.deadLetters.size).toBe(0);
  });

  it('is withdrawn when its step ends without it, and its task goes on', async () => {
    const hasty = defineAgent({
      name: 'hasty',
      version: '1.0.0',
      run: async ({ ctx }) => {
        ctx.approval({}).catch(() => undefined);
        await ctx.sleep(100);
        return 'done';
      },
    });
    const node = await createAskingNode({ agents: [hasty] });
    const steps = [
      { id: 'ask', agent: 'hasty' },
      { id: 'work', agent: 'lab.delay', needs: ['ask'], input: { ms: 10_000 } },
    ];
    const { task } = node.submit({ graph: { steps } });
    await node.world.settle();
    expect(await node.store.readTask(task)).toMatchObject({ status: 'input-required' });
    await node.world.elapse(1_000);
    const record = await node.store.readTask(task);
    expect([record?.status, record?.waiting]).toEqual(['working', undefined]);
    expect((await node.lines(task)).at(-1)).toEqual([
      'approval.resolved',
      { approval: `${task}.ask.approval`, step: 'ask', name: 'approval', decision: 'withdrawn' },
    ]);
    expect((await node.end(task)).status).toBe('completed');
  });

  it('is asked for once, also by another attempt', async () => {
    let attempts = 0;
    const clumsy = defineAgent({
      name: 'clumsy',
      version: '1.0.0',
      retry: { attempts: 3, backoffMs: 10 },
      run: async ({ ctx }) => {
        attempts++;
        const { decision } = await ctx.approval({ name: 'pay' });
        if (attempts === 1) throw new TypeError('slipped');
        return decision;
      },
    });
    const node = await createAskingNode({ agents: [clumsy] });
    const { task } = node.submit({ agent: 'clumsy' });
    await node.world.settle();
    await node.resolve(`${task}.main.pay`, { decision: 'reject' });
    expect((await node.end(task)).result?.output).toBe('reject');
    expect(attempts).toBe(2);
    expect(await node.lines(task)).toHaveLength(2);
  });

  it('answered while its step waits for another attempt is there for that', async () => {
    let attempts = 0;
    const torn = defineAgent({
      name: 'torn',
      version: '1.0.0',
      retry: { attempts: 2, backoffMs: 60_000, jitter: false },
      run: async ({ ctx }) => {
        const asked = ctx.approval({});
        asked.catch(() => undefined);
        if (++attempts === 1) {
          await ctx.sleep(10);
          throw new TypeError('slipped');
        }
        return (await asked).decision;
      },
    });
    const node = await createAskingNode({ agents: [torn] });
    const { task } = node.submit({ agent: 'torn' });
    await node.world.elapse(1_000);
    await node.resolve(`${task}.main.approval`, { decision: 'approve' });
    expect(await node.store.readTask(task)).toMatchObject({ status: 'working' });
    expect((await node.end(task)).result?.output).toBe('approve');
  });

  it('is refused where what is asked makes no sense, and for keyed agents', async () => {
    const node = await createAskingNode();
    const wrong: readonly (readonly [object, string])[] = [
      [{ deadlineMs: 0 }, 'deadlineMs'],
      [{ onExpire: 'approve' }, 'onExpire: means nothing without a deadlineMs'],
      [
        {
          escalate: [
            { afterMs: 5, role: 'a' },
            { afterMs: 5, role: 'b' },
          ],
        },
        'to be later than the one before',
      ],
      [{ deadlineMs: 5, escalate: [{ afterMs: 5, role: 'a' }] }, 'to be before deadlineMs'],
      [{ escalate: Array.from({ length: 9 }, (_, at) => ({ afterMs: at + 1, role: 'a' })) }, 'escalate'],
      [{ name: 'a.b' }, 'name: expected a letter'],
      [{ name: 'a'.repeat(21) }, 'at most 20'],
      [{ whom: 'editor' }, 'whom'],
    ];
    for (const [request, words] of wrong) {
      const { result } = await node.end(node.ask(request));
      expect(result?.error, words).toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining(words) });
    }
    expect(await node.pending()).toEqual([]);
  });

  it('of each of many items is a row of its own, and the task waits for the next of them', async () => {
    const node = await createAskingNode();
    const forEach = Array.from({ length: 250 }, (_, index) => index);
    const steps = [{ id: 'each', forEach, concurrency: 250, approval: { message: 'Item ${item}?' } }];
    const { task } = node.submit({ graph: { steps } });
    await node.world.settle();
    const ids = (await node.pending()).map(({ approval }) => approval);
    expect(ids).toHaveLength(200);
    for (let round = 0; round < 5; round++) {
      const record = await node.store.readTask(task);
      const [id = ''] = /01\w+\.each\.\d+/.exec(record?.waiting ?? '') ?? [];
      await node.resolve(id, { decision: 'approve' });
    }
    const first = await settled(node.world, node.approvals.list(ME, { limit: 200 }));
    const second = await settled(node.world, node.approvals.list(ME, { limit: 200, cursor: first.cursor ?? '' }));
    const open = [...first.approvals, ...second.approvals];
    expect(open).toHaveLength(245);
    const decided = open.map(({ approval }) => node.approvals.resolve(ME, approval, { decision: 'approve' }));
    await node.world.settle();
    await Promise.all(decided);
    expect((await node.end(task)).status).toBe('completed');
    expect((await node.lines(task)).length).toBe(500);
  });

  it('leaves out details that are too large, and cuts a long message', async () => {
    const node = await createAskingNode();
    node.ask({ details: 'x'.repeat(LIMITS.approvalDetailsBytesMax), message: 'm'.repeat(4_096) });
    await node.world.settle();
    const [view] = await node.pending();
    expect(view?.details).toEqual({ leftOut: 'more than 16384 bytes' });
    expect(view?.message).toHaveLength(4_096);
  });
});

type OnExpire = 'approve' | 'reject' | 'fail' | undefined;
const EXPIRIES: readonly OnExpire[] = ['approve', 'reject', 'fail', undefined];
const STEPS = [
  { afterMs: 10 * MINUTE_MS, role: 'lead' },
  { afterMs: 20 * MINUTE_MS, role: 'boss' },
];

describe.each([
  ['that nobody decides', undefined],
  ['that is approved', 'approve'],
  ['that is rejected', 'reject'],
] as const)('An approval %s', (_name, decision) => {
  describe.each([
    ['without escalation', 0],
    ['after one escalation', 1],
    ['after two', 2],
  ] as const)('%s', (_much, escalations) => {
    it.each(EXPIRIES)('with onExpire %s', async (onExpire) => {
      const node = await createAskingNode();
      const task = node.ask({
        role: 'editor',
        deadlineMs: 30 * MINUTE_MS,
        ...(onExpire !== undefined && { onExpire }),
        ...(escalations > 0 && { escalate: STEPS.slice(0, escalations) }),
      });
      await node.world.settle();
      const since = node.world.nowMs();
      const id = `${task}.main.approval`;
      const roles = ['editor', 'lead', 'boss'].slice(0, escalations + 1);
      for (const [at, role] of roles.entries()) {
        expect((await node.pending())[0]).toMatchObject({ role, expiresAt: since + 30 * MINUTE_MS });
        if (at < escalations) await node.world.elapse(10 * MINUTE_MS);
      }
      if (decision === undefined) await node.world.elapse(30 * MINUTE_MS);
      else await node.resolve(id, { decision });
      const record = await node.end(task);
      const lines = await node.lines(task);
      expect(lines.slice(0, -1).map(([kind, data]) => [kind, (data as { role: string }).role])).toEqual(
        roles.map((role) => ['approval.requested', role]),
      );
      const made = decision ?? (onExpire === undefined || onExpire === 'fail' ? 'expired' : onExpire);
      const by = decision === undefined ? 'expiry' : ME;
      expect(lines.at(-1)).toEqual([
        'approval.resolved',
        { step: 'main', name: 'approval', approval: id, decision: made, by },
      ]);
      if (made === 'expired') {
        expect(record.result).toMatchObject({
          status: 'failed',
          error: { code: 'DEADLINE_EXCEEDED', message: 'Nobody approved or rejected it within 1800000 ms.' },
        });
        expect((await node.lines(task)).length).toBe(roles.length + 1);
      } else expect(record.result?.output).toMatchObject([{ decision: made, by }]);
      const view = await node.approvals.get(ME, id);
      expect(view).toMatchObject({ state: made === 'expired' ? 'expired' : 'resolved', role: roles.at(-1) });
      expect(await node.pending()).toEqual([]);
    });
  });
});
