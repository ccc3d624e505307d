/** What comes over steps with stages from outside: cancellations, deadlines, and calls that nobody knows the outcome of. */
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';
import { begun, decide, errorOf, outputOf, register, signal } from './stage-rig.ts';

const ME = 'loopback';

const STEPS: Readonly<Record<string, object>> = {
  'a delay': { id: 'a', delayMs: 60_000 },
  'a signal': { id: 'a', signal: { name: 'go' } },
  'an approval': { id: 'a', approval: {} },
  'a loop': { id: 'a', agent: 'lab.stall', loop: { while: 'true', max: 3 } },
  'a fallback': {
    id: 'a',
    agent: 'lab.flaky',
    input: { failures: 9 },
    retry: { attempts: 1 },
    fallback: { agent: 'lab.stall' },
  },
  'a workflow': { id: 'a', workflow: 'stalled' },
  'a workflow that is tried again': {
    id: 'a',
    workflow: 'failing',
    retry: { attempts: 2, backoffMs: 60_000 },
    fallback: { agent: 'lab.stall' },
  },
  'a workflow in a fan-out': { id: 'a', forEach: [1, 2], workflow: 'stalled' },
};

async function nodeWithWorkflows(): Promise<WorkNode> {
  const node = await createWorkNode();
  register(node, { name: 'stalled', steps: [{ id: 'x', agent: 'lab.stall' }] });
  const x = { id: 'x', agent: 'lab.flaky', input: { failures: 9 }, retry: { attempts: 1 } };
  register(node, { name: 'failing', steps: [x] });
  return node;
}

function left(node: WorkNode): string[] {
  return [...node.kernel.cells.keys()].filter((address) => !address.startsWith('supervisor/'));
}

describe.each(Object.entries(STEPS))('%s', (_name, step) => {
  it('ends with its task when that is canceled', async () => {
    const node = await nodeWithWorkflows();
    const task = await begun(node, [step]);
    expect(left(node).length).toBeGreaterThan(2);
    const canceled = node.desk.cancel(ME, task, undefined);
    await node.world.settle();
    await canceled;
    expect(await node.end(task)).toMatchObject({ status: 'canceled' });
    expect(left(node)).toEqual([]);
    expect(node.disk.keys().filter((key) => /(?:stage|flow|step|run|approval)\//.test(key))).toEqual([]);
  });

  it('ends with its task at the deadline of that, and takes no fallback then', async () => {
    const node = await nodeWithWorkflows();
    const task = await begun(node, [{ fallback: { agent: 'lab.echo' }, ...step }], {}, { deadlineMs: 5_000 });
    expect(await errorOf(node, task)).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await node.kinds(task)).not.toContain('step.degraded');
    expect(left(node)).toEqual([]);
  });

  it('ends with its workflow when another step of that fails', async () => {
    const node = await nodeWithWorkflows();
    const late = { id: 'b', signal: { name: 'never', deadlineMs: 1_000 } };
    const task = await begun(node, [step, late]);
    expect(await errorOf(node, task)).toMatchObject({ details: { step: 'b' } });
    expect(left(node)).toEqual([]);
  });
});

/** Pays each item once; those of the first node never come back. */
function payer() {
  const begins: number[] = [];
  const state = { isFirst: true };
  const agent = defineAgent({
    name: 'payer',
    version: '1.0.0',
    run: async ({ input, ctx }) =>
      await ctx.journal(
        'pay',
        async () => {
          begins.push(input as number);
          if (state.isFirst) await new Promise<never>(() => undefined);
          return (input as number) * 10;
        },
        { kind: 'unsafe' },
      ),
  });
  return { agent, begins, state };
}

const pay = { id: 'x', agent: 'payer', input: '${input}' };

describe.each<[string, object, readonly string[]]>([
  ['a loop', { agent: 'payer', input: '${item}', loop: { while: 'false', max: 2 } }, ['pay', 'pay']],
  ['a workflow', { workflow: 'paying', input: '${item}' }, ['pay:0.x', 'pay:1.x']],
  ['a workflow of workflows', { workflow: 'outer', input: '${item}' }, ['pay:0.mid.x', 'pay:1.mid.x']],
])('An item that does its work by %s', (_name, work, paths) => {
  async function cutOff() {
    const disk = new MemoryDisk();
    const { agent, begins, state } = payer();
    const setUp = (node: WorkNode): WorkNode => {
      register(node, { name: 'paying', steps: [pay], output: '${steps.x.output}' });
      const inner = { id: 'mid', workflow: 'paying', input: '${input}' };
      register(node, { name: 'outer', steps: [inner], output: '${steps.mid.output}' });
      return node;
    };
    const first = setUp(await createWorkNode({ agents: [agent], disk }));
    const graph = {
      steps: [{ id: 'pay', forEach: '${input}', concurrency: 2, ...work }],
      output: '${steps.pay.output}',
    };
    const { task } = first.submit({ graph }, [1, 2, 3, 4]);
    await first.world.settle();
    expect(begins).toEqual([1, 2]);
    first.kill();
    state.isFirst = false;
    const node = await createWorkNode({ agents: [agent], disk, seed: 2 });
    await node.world.settle();
    return { node, task, begins };
  }

  it('gives its place to others while a call of it is in doubt, and goes on when someone has spoken', async () => {
    const { node, task, begins } = await cutOff();
    expect(begins).toEqual([1, 2, 3, 4]);
    const { effects } = await node.effects.list(ME, { limit: 10 });
    expect(effects.map(({ step }) => step)).toEqual(paths);
    expect(await node.store.readTask(task)).toMatchObject({ status: 'input-required' });
    for (const { id, step } of effects) {
      const decided = node.effects.resolve(ME, id, { decision: 'done', output: `of ${step}` });
      await node.world.settle();
      await decided;
    }
    expect(await outputOf(node, task)).toEqual([...paths.map((path) => `of ${path}`), 30, 40]);
  });
});

describe('An item that waits for someone', () => {
  it.each<[string, object]>([
    ['a signal', { signal: { name: 'go:${item}' } }],
    ['an approval', { approval: {} }],
    ['a signal in a workflow', { workflow: 'heard', input: '${item}' }],
  ])('(%s) gives its place to the next', async (_name, wait) => {
    const node = await createWorkNode();
    register(node, { name: 'heard', steps: [{ id: 'x', signal: { name: 'go:${input}' } }] });
    const task = await begun(node, [{ id: 'each', forEach: [1, 2, 3], concurrency: 1, ...wait }]);
    const waiting = left(node).filter((address) => address.startsWith(`stage/${task}/each/`));
    expect(waiting).toHaveLength(3);
    for (const item of [2, 0, 1]) {
      if ('approval' in wait) await decide(node, `approval/${task}/each/${item}`, { decision: 'approve' });
      else await signal(node, task, `go:${item + 1}`);
    }
    await outputOf(node, task);
  });

  it('(a delay) keeps it: so a fan-out is slowed down', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [
      { id: 'each', forEach: [1, 2, 3], concurrency: 1, agent: 'lab.echo', delayMs: 1_000 },
    ]);
    const items = async () => (await node.kinds(task)).filter((kind) => kind === 'step.completed').length;
    await node.world.elapse(1_000);
    expect(await items()).toBe(1);
    await node.world.elapse(1_000);
    expect(await items()).toBe(2);
    expect(await outputOf(node, task)).toEqual({ each: [1, 2, 3] });
  });
});

describe('A step that waits', () => {
  it.each<[string, object, object]>([
    ['a delay', { delayMs: 60_000 }, { kind: 'timer', step: 'a', item: null, since: 0, until: 60_000 }],
    [
      'a signal',
      { signal: { name: 'go:${item}', deadlineMs: 5_000 }, forEach: [1] },
      { kind: 'signal', step: 'a', item: 0, what: 'It waits for the signal go:1.', since: 0, until: 5_000 },
    ],
    [
      'a workflow that is tried again',
      { workflow: 'failing', retry: { attempts: 2, backoffMs: 4_000, jitter: false } },
      { kind: 'timer', what: 'A pause before attempt 2 of the workflow that it calls.', until: 4_000 },
    ],
  ])('(%s) says what for, since when and until when', async (_name, step, expected) => {
    const node = await nodeWithWorkflows();
    const fromMs = node.world.nowMs();
    const task = await begun(node, [{ id: 'a', ...step }]);
    const waits = (node.tree.whyOf(task)?.waits ?? []).filter(({ actor }) => actor.startsWith('stage/'));
    const shown = waits.map((wait) => ({
      ...wait,
      since: (wait.since ?? 0) - fromMs,
      until: (wait.until ?? 0) - fromMs,
    }));
    expect(shown).toMatchObject([expected]);
  });
});
