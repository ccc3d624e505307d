import { describe, expect, it } from 'vitest';
import { ApprovalDesk } from '../../../actors/approvals/approval-desk.ts';
import { settled } from '../../support/indoor-node.ts';
import { type AskingNode, createAskingNode, ME } from './approval-rig.ts';

/** A desk of a node that has keys: Ann is an editor, Bob a lead; tasks are the loopback principal's. */
function deskOf({ kernel, store, asks }: AskingNode): ApprovalDesk {
  const roles: Readonly<Record<string, readonly string[]>> = { ann: ['editor'], bob: ['editor', 'lead'] };
  return new ApprovalDesk({ kernel, store, asks, holdsRole: (who, role) => roles[who]?.includes(role) === true });
}

describe('The desk for approvals', () => {
  it('answers the same decision of the same principal like the first, and refuses every other', async () => {
    const node = await createAskingNode();
    const task = node.ask({ role: 'editor' });
    await node.world.settle();
    const id = `${task}.main.approval`;
    const first = await node.resolve(id, { decision: 'approve', comment: 'yes' });
    expect(await node.resolve(id, { decision: 'approve', comment: 'once more' })).toEqual(first);
    const conflict = { code: 'STATE_CONFLICT', message: `The approval ${id} was decided already: approve, by ${ME}.` };
    await expect(node.resolve(id, { decision: 'reject' })).rejects.toMatchObject(conflict);
    const others = deskOf(node);
    const late = settled(node.world, others.resolve('ann', id, { decision: 'approve' }));
    await expect(late).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    expect(await node.lines(task)).toHaveLength(2);
  });

  it('takes one of many decisions that come at once', async () => {
    const node = await createAskingNode();
    const id = `${node.ask({})}.main.approval`;
    await node.world.settle();
    const asked = (['approve', 'reject', 'approve', 'reject'] as const).map((decision) =>
      node.approvals.resolve(ME, id, { decision }).then(
        ({ decision: made }) => made?.decision,
        (error: { readonly code: string }) => error.code,
      ),
    );
    await node.world.settle();
    expect(await Promise.all(asked)).toEqual(['approve', 'STATE_CONFLICT', 'approve', 'STATE_CONFLICT']);
  });

  it('tells those who come behind the deadline that it has expired', async () => {
    const node = await createAskingNode();
    const id = `${node.ask({ deadlineMs: 1_000 })}.main.approval`;
    await node.world.elapse(2_000);
    const message = `The approval ${id} has expired.`;
    await expect(node.resolve(id, { decision: 'approve' })).rejects.toMatchObject({ code: 'STATE_CONFLICT', message });
  });

  it('decides nothing about what is escalated while the decision is on its way', async () => {
    const node = await createAskingNode();
    const id = `${node.ask({ role: 'editor', escalate: [{ afterMs: 1_000, role: 'lead' }] })}.main.approval`;
    await node.world.settle();
    const desk = deskOf(node);
    const asked = desk.resolve('ann', id, { decision: 'approve' }).catch((error: unknown) => error);
    // She has been looked at, and her word has not been handled, when the time comes.
    node.world.setWallClock(node.world.nowMs() + 1_000);
    node.kernel.deliver(`approval/${id.replaceAll('.', '/')}`, { type: 'timer.escalate' });
    await node.world.settle();
    expect(await asked).toMatchObject({
      code: 'STATE_CONFLICT',
      message: expect.stringContaining('asked of lead by now'),
    });
    expect((await node.pending())[0]).toMatchObject({ state: 'pending', role: 'lead' });
  });

  it('knows of none that is not there', async () => {
    const node = await createAskingNode();
    for (const id of ['x', '', 'a/b', '01JD9Z6W3Q8X5T7R2K4M6N8P0V.main.approval', 'ä.ö'])
      await expect(node.resolve(id, { decision: 'approve' }), id).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('says so where what waits for it could not be loaded', async () => {
    const node = await createAskingNode();
    const id = `${node.ask({})}.main.approval`;
    await node.world.settle();
    node.kernel.book.dismiss(node.kernel.rouse(`approval/${id.replaceAll('.', '/')}`));
    await expect(node.resolve(id, { decision: 'approve' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('shows an approval to who holds its role or owns its task, and lets those decide who hold it', async () => {
    const node = await createAskingNode();
    const desk = deskOf(node);
    const asked = node.ask({ role: 'editor', escalate: [{ afterMs: 1_000, role: 'lead' }] });
    const unasked = node.ask({});
    await node.world.settle();
    const list = async (who: string) =>
      (await settled(node.world, desk.list(who, { limit: 10 }))).approvals.map(({ task }) => task);
    const decide = (who: string, task: string) =>
      settled(node.world, desk.resolve(who, `${task}.main.approval`, { decision: 'approve' }));
    expect(await list(ME)).toEqual([asked, unasked]);
    expect(await list('ann')).toEqual([asked]);
    expect(await list('eve')).toEqual([]);
    await expect(decide('eve', asked)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(decide('ann', unasked)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(decide(ME, asked)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await node.world.elapse(1_000);
    expect(await list('ann')).toEqual([]);
    await expect(decide('ann', asked)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await decide('bob', asked)).decision?.by).toBe('bob');
    expect((await decide(ME, unasked)).decision?.by).toBe(ME);
  });

  it('lists them in pages, by role and by task, those that wait apart from the others', async () => {
    const node = await createAskingNode();
    const tasks = ['a', 'b', 'a', 'b', 'a'].map((role) => node.ask({ role, name: 'one' }));
    await node.world.settle();
    const pages = async (query: object): Promise<readonly (readonly string[])[]> => {
      const found: (readonly string[])[] = [];
      let cursor: string | undefined;
      do {
        const more = cursor === undefined ? {} : { cursor };
        const page = await settled(node.world, node.approvals.list(ME, { limit: 2, ...query, ...more }));
        found.push(page.approvals.map(({ task }) => task));
        ({ cursor } = page);
      } while (cursor !== undefined);
      return found;
    };
    const [first = '', second = '', third = '', fourth = '', fifth = ''] = tasks;
    expect(await pages({})).toEqual([[first, second], [third, fourth], [fifth]]);
    expect(await pages({ role: 'a' })).toEqual([[first, third], [fifth]]);
    expect(await pages({ role: 'c' })).toEqual([[]]);
    expect(await pages({ task: third })).toEqual([[third]]);
    expect(await pages({ closed: true })).toEqual([[]]);
    await node.resolve(`${second}.main.one`, { decision: 'approve' });
    expect(await pages({})).toEqual([
      [first, third],
      [fourth, fifth],
    ]);
    expect(await pages({ closed: true })).toEqual([[second]]);
    expect(await pages({ closed: true, role: 'a' })).toEqual([[]]);
  });
});
