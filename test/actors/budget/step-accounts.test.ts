/**
 * The account of a step is there for as long as the step is, however that ends: what it has not used is there for the others, and
 * nothing stays reserved under it.
 */
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import type { BudgetState } from '../../../actors/budget/budget.ts';
import { DyingDisk } from '../../support/dying-disk.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

/** Declares 0.02 USD, reports 0.005 USD unless it is mute, and then does what its input says. */
const unit = defineAgent({
  name: 'unit',
  version: '1.0.0',
  cost: { usd: 0.02 },
  retry: { attempts: 1 },
  run: async ({ input, ctx }) => {
    if (input !== 'mute') ctx.budget.spend({ usd: 0.005 });
    if (input === 'never' || input === 'mute') await ctx.sleep(1_000_000);
    if (input === 'bad') throw new TypeError('it did not work');
    await ctx.sleep(20);
    return input;
  },
});
const undo = defineAgent({ name: 'undo', version: '1.0.0', run: ({ ctx }) => ctx.sleep(60_000) });
const agents = [unit, undo];
const options = { budget: { usd: 1 } };

/** A fan-out with a budget of its own. */
const fanOf = (items: readonly string[], more: object = {}): object => ({
  ...{ id: 'fan', agent: 'unit', forEach: items, concurrency: 4, input: '${item}', budget: { usd: 0.5 } },
  ...more,
});
/** Keeps the workflow from its end. */
const after = { id: 'after', agent: 'lab.stall', needs: ['fan'] };

/** What it has used by then: what was reported, or else what was declared. */
const ENDS: readonly (readonly [how: string, fan: object, usedUsd: number])[] = [
  ['has no items', fanOf([]), 0],
  ['has done all of them', fanOf(['good', 'good', 'good']), 0.015],
  [
    'has folded all of them',
    fanOf(['good', 'good'], { merge: 'reduce', reduce: { initial: '', with: 'acc + output' } }),
    0.01,
  ],
  ['needs any of them', fanOf(['never', 'good', 'mute'], { merge: 'any' }), 0.03],
  [
    'needs two of them',
    fanOf(['never', 'good', 'never', 'good', 'never'], { merge: 'first:2', concurrency: 5 }),
    0.025,
  ],
  ['needs most of them', fanOf(['good', 'bad', 'good', 'good', 'never'], { merge: 'quorum', concurrency: 5 }), 0.025],
  ['makes do with some of them', fanOf(['good', 'bad', 'good'], { optional: true }), 0.015],
  ['can do without any of them', fanOf(['bad', 'bad'], { optional: true }), 0.01],
];

interface Book {
  readonly accounts: readonly string[];
  readonly holds: readonly string[];
  readonly usedUsd: number | undefined;
}

function bookOf(node: WorkNode, task: string): Book {
  const { book } = (node.kernel.cells.get(`budget/${task}`)?.checkpoint ?? {}) as BudgetState;
  return {
    accounts: Object.keys(book.accounts),
    holds: Object.keys(book.holds),
    usedUsd: book.accounts['root']?.used.usd,
  };
}

const begins = async (node: WorkNode, task: string, step: string): Promise<boolean> =>
  (await node.events(task)).some(({ kind, data }) => kind === 'step.started' && data['step'] === step);

describe('The account of a fan-out', () => {
  it.each(ENDS)('that %s is closed with it', async (_how, fan, usedUsd) => {
    const node = await createWorkNode({ agents });
    const { task } = node.submit({ graph: { steps: [fan, after] } }, null, { options });
    await node.world.elapse(100);
    expect(await begins(node, task, 'after')).toBe(true);
    expect(bookOf(node, task)).toEqual({ accounts: ['root'], holds: [`step/${task}/after`], usedUsd });
    const usage = (await node.store.readTask(task))?.usage;
    expect(usage?.usd ?? 0).toBe(usedUsd);
  });

  it.each(['fails', 'is canceled'])('is closed before what was done is undone, where its workflow %s', async (how) => {
    const node = await createWorkNode({ agents });
    const items = ['good', how === 'fails' ? 'bad' : 'never', 'never', 'mute'];
    const steps = [
      { id: 'first', agent: 'unit', input: 'good', budget: { usd: 0.1 }, compensate: { agent: 'undo' } },
      fanOf(items, { needs: ['first'] }),
    ];
    const { task } = node.submit({ graph: { steps } }, null, { options });
    await node.world.elapse(60);
    if (how === 'is canceled') {
      const canceled = node.desk.cancel('loopback', task, undefined);
      await node.world.elapse(10);
      await canceled;
    }
    expect((await node.store.readTask(task))?.waiting).toBe('compensating');
    expect(bookOf(node, task)).toEqual({ accounts: ['root'], holds: [], usedUsd: 0.04 });
    expect((await node.end(task)).result?.usage.usd).toBe(0.04);
  });

  it.each([
    ['fails', { optional: true }, 'bad', 0.01],
    ['is not needed any more', { forEach: ['good', 'never'], merge: 'any' }, '${input}', 0.02],
  ])('is closed with the workflow that a step calls, where that %s', async (_how, more, item, usedUsd) => {
    const node = await createWorkNode({ agents });
    const inner = { name: 'inner', version: '1.0.0', budget: { usd: 0.4 }, steps: [fanOf([item, 'good'])] };
    node.registry.registerWorkflow(node.plans.admit(inner), 'registered');
    const input = 'forEach' in more ? '${item}' : null;
    const call = { id: 'fan', workflow: 'inner', input, budget: { usd: 0.8 }, ...more };
    const { task } = node.submit({ graph: { steps: [call, after] } }, null, { options });
    await node.world.elapse(100);
    expect(await begins(node, task, 'after')).toBe(true);
    expect(bookOf(node, task)).toEqual({ accounts: ['root'], holds: [`step/${task}/after`], usedUsd });
  });

  it.each(['lost', 'kept'] as const)('is closed on a node that dies at any commit (%s)', async (outcome) => {
    let deaths = 0;
    for (let dieAt = 1, isOver = false; !isOver; dieAt++) {
      const dying = new DyingDisk();
      const first = await createWorkNode({ agents, disk: dying.disk });
      const fan = fanOf(['never', 'good', 'mute', 'good', 'never'], { merge: 'first:2', concurrency: 5 });
      const { task } = first.submit({ graph: { steps: [fan, after] } }, null, { options });
      await first.world.settle();
      dying.arm({ after: dieAt, outcome });
      for (let ms = 0; ms < 100 && !dying.isDead; ms += 10) await first.world.elapse(10);
      isOver = !dying.isDead;
      if (dying.isDead) deaths++;
      const startMs = first.world.nowMs();
      first.kill();
      dying.heal();
      const node = await createWorkNode({ agents, disk: dying.disk, seed: 2, startMs });
      await node.world.elapse(100);
      expect(await begins(node, task, 'after')).toBe(true);
      expect(bookOf(node, task)).toMatchObject({ accounts: ['root'], holds: [`step/${task}/after`] });
      expect((await node.store.readTask(task))?.usage?.usd).toBe(bookOf(node, task).usedUsd);
      node.kill();
    }
    expect(deaths).toBeGreaterThan(1);
  });
});
