import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { FLOW_LOGIC, type FlowStart } from '../../../actors/workflow/flow-start.ts';
import { taskSpec } from '../../../actors/task.ts';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';
import { begun, decide, errorOf, linesOf, outputOf, register, signal } from './stage-rig.ts';

const double = {
  name: 'double',
  steps: [
    { id: 'one', agent: 'lab.echo', input: '${input.n * 2}' },
    { id: 'two', agent: 'lab.echo', input: '${steps.one.output}' },
  ],
  output: '${steps.two.output}',
};

async function stepsOf(node: WorkNode, task: string, kind: string): Promise<string[]> {
  return (await linesOf(node, task)).filter(([one]) => one === kind).map(([, data]) => String(data['step']));
}

describe('A step that calls a workflow', () => {
  it('puts out what that puts out, and names its steps by their paths', async () => {
    const node = await createWorkNode();
    register(node, double);
    const task = await begun(node, [{ id: 'a', workflow: 'double', input: { n: 4 } }]);
    expect(await outputOf(node, task)).toEqual({ a: 8 });
    expect(await linesOf(node, task)).toMatchObject([
      ['task.submitted', {}],
      ['task.started', {}],
      ['step.started', { step: 'a', attempt: 1, workflow: 'double@1.0.0' }],
      ['agent.selected', { step: 'a.one' }],
      ['step.started', { step: 'a.one', attempt: 1 }],
      ['step.completed', { step: 'a.one', attempt: 1 }],
      ['agent.selected', { step: 'a.two' }],
      ['step.started', { step: 'a.two' }],
      ['step.completed', { step: 'a.two' }],
      ['step.completed', { step: 'a', attempt: 1, workflow: 'double@1.0.0' }],
      ['task.completed', {}],
    ]);
    expect(await node.store.readTask(task)).toMatchObject({ result: { usage: { steps: 2 } } });
  });

  it('does so for each item, in each round and each attempt, under paths of their own', async () => {
    const node = await createWorkNode();
    register(node, double);
    const step = { id: 'a', workflow: 'double', input: { n: '${item}' } };
    const loop = { while: 'steps.a.output < 4 && round < 2', max: 2 };
    const task = await begun(node, [{ ...step, forEach: [1, 2], loop, input: { n: '${item}' } }]);
    expect(await outputOf(node, task)).toEqual({ a: [2, 4] });
    expect((await stepsOf(node, task, 'step.completed')).toSorted()).toEqual(
      [
        'a',
        'a',
        'a',
        'a',
        'a',
        'a',
        'a:0~1.one',
        'a:0~1.two',
        'a:0~2.one',
        'a:0~2.two',
        'a:1~1.one',
        'a:1~1.two',
      ].toSorted(),
    );
  });

  it('may be inside of another, with fan-outs of its own', async () => {
    const node = await createWorkNode();
    register(node, double);
    const all = [{ id: 'all', forEach: '${input}', workflow: 'double', input: { n: '${item}' } }];
    register(node, { name: 'many', steps: all, output: '${steps.all.output}' });
    const task = await begun(node, [{ id: 'out', workflow: 'many@1.0.0' }], [1, 2, 3]);
    expect(await outputOf(node, task)).toEqual({ out: [2, 4, 6] });
    expect(await stepsOf(node, task, 'step.started')).toContain('out.all:2.two');
    expect(node.disk.keys().filter((key) => /(?:stage|flow|step|run)\//.test(key))).toEqual([]);
  });

  it('fails with it, and says where', async () => {
    const node = await createWorkNode();
    register(node, {
      name: 'bad',
      steps: [{ id: 'x', agent: 'lab.flaky', input: { failures: 5 }, retry: { attempts: 1 } }],
    });
    const task = await begun(node, [{ id: 'a', workflow: 'bad' }]);
    expect(await errorOf(node, task)).toMatchObject({
      code: 'AGENT_FAILED',
      message: 'Step a failed: Step x failed: lab.flaky fails in attempt 1 of 5 as asked.',
    });
    expect(await stepsOf(node, task, 'step.failed')).toEqual(['a.x', 'a']);
  });

  it('reports what was left out in it', async () => {
    const node = await createWorkNode();
    const weak = { id: 'x', agent: 'lab.flaky', input: { failures: 5 }, retry: { attempts: 1 } };
    register(node, {
      name: 'weak',
      steps: [
        { ...weak, optional: true },
        { ...weak, id: 'y', fallback: { agent: 'lab.echo' } },
      ],
    });
    const task = await begun(node, [{ id: 'a', workflow: 'weak' }]);
    expect(await outputOf(node, task)).toMatchObject({ a: { x: null } });
    const { result } = (await node.store.readTask(task)) ?? {};
    expect(result?.degraded).toMatchObject([
      { step: 'a.x', code: 'AGENT_FAILED' },
      { step: 'a.y', code: 'AGENT_FAILED' },
    ]);
  });

  it('is tried again as a whole, as its retry says, with steps of their own', async () => {
    let fails = 2;
    const once = defineAgent({
      name: 'once',
      version: '1.0.0',
      retry: { attempts: 1 },
      run: ({ ctx }) => {
        if (fails-- > 0) throw new TypeError('not yet');
        return ctx.idempotencyKey;
      },
    });
    const node = await createWorkNode({ agents: [once] });
    register(node, { name: 'inner', steps: [{ id: 'x', agent: 'once' }] });
    const task = await begun(node, [
      { id: 'a', workflow: 'inner', retry: { attempts: 3, backoffMs: 1_000, jitter: false } },
    ]);
    await outputOf(node, task);
    expect(await stepsOf(node, task, 'step.started')).toEqual(['a', 'a.x', 'a', 'a@2.x', 'a', 'a@3.x']);
    const retried = (await linesOf(node, task)).filter(([kind]) => kind === 'step.retried');
    expect(retried.map(([, { attempt, delayMs }]) => [attempt, delayMs])).toEqual([
      [2, 1_000],
      [3, 2_000],
    ]);
  });

  it('has a time limit on each attempt', async () => {
    const node = await createWorkNode();
    register(node, { name: 'slow', steps: [{ id: 'x', agent: 'lab.delay', input: { ms: 5_000 } }] });
    const retry = { attempts: 2, backoffMs: 0 };
    const task = await begun(node, [{ id: 'a', workflow: 'slow', timeoutMs: 1_000, retry }]);
    expect(await errorOf(node, task)).toMatchObject({
      code: 'TIMEOUT',
      message: 'Step a failed: slow@1.0.0 took longer than its limit of 1000 ms.',
    });
    expect(await stepsOf(node, task, 'step.started')).toEqual(['a', 'a.x', 'a', 'a@2.x']);
    const enough = await begun(node, [{ id: 'a', workflow: 'slow', timeoutMs: 6_000 }]);
    expect(await outputOf(node, enough)).toEqual({ a: { x: null } });
  });

  it('may stand in for another call', async () => {
    const node = await createWorkNode();
    register(node, double);
    const task = await begun(node, [
      {
        id: 'a',
        agent: 'lab.flaky',
        input: { failures: 9 },
        retry: { attempts: 1 },
        fallback: { workflow: 'double', input: { n: 1 } },
      },
    ]);
    expect(await outputOf(node, task)).toEqual({ a: 2 });
    expect(await stepsOf(node, task, 'step.completed')).toEqual(['a+1.one', 'a+1.two', 'a']);
  });

  it('waits inside for signals and approvals of the task', async () => {
    const node = await createWorkNode();
    register(node, {
      name: 'wait',
      steps: [
        { id: 'go', signal: { name: 'go' } },
        { id: 'ok', needs: ['go'], approval: {} },
      ],
    });
    const task = await begun(node, [
      { id: 'first', delayMs: 100 },
      { id: 'a', needs: ['first'], workflow: 'wait' },
    ]);
    await signal(node, task, 'go', { n: 1 });
    await node.world.elapse(100);
    expect(await node.store.readTask(task)).toMatchObject({ status: 'input-required' });
    const [approval] = [...node.kernel.cells.keys()].filter((address) => address.startsWith('approval/'));
    await decide(node, approval ?? '', { decision: 'approve' });
    expect(await outputOf(node, task)).toMatchObject({ a: { ok: { decision: 'approve' } } });
  });

  it('runs what was registered when the task began, whatever comes and goes meanwhile', async () => {
    const disk = new MemoryDisk();
    const node = await createWorkNode({ disk });
    register(node, { name: 'inner', steps: [{ id: 'x', agent: 'lab.echo', input: 'old' }] });
    const steps = [
      { id: 'first', delayMs: 1_000 },
      { id: 'a', needs: ['first'], workflow: 'inner' },
    ];
    const task = await begun(node, steps);
    register(node, { name: 'inner', version: '2.0.0', steps: [{ id: 'x', agent: 'lab.echo', input: 'new' }] });
    node.registry.unregisterWorkflow({ name: 'inner', version: '1.0.0' });
    expect(await outputOf(node, task)).toEqual({ a: { x: 'old' } });
    expect(await outputOf(node, await begun(node, steps))).toEqual({ a: { x: 'new' } });
    const last = await begun(node, steps);
    node.kill();
    // Nothing is registered here any more.
    const next = await createWorkNode({ disk, seed: 2 });
    expect(await outputOf(next, last)).toEqual({ a: { x: 'new' } });
  });

  it('is refused at run time beyond the depth that there may be, whatever its graph says', async () => {
    const node = await createWorkNode();
    const graph = node.plans.admit({ name: 'self', version: '1.0.0', steps: [{ id: 'x', agent: 'lab.echo' }] });
    const circular = { ...graph, steps: [{ id: 'x', workflow: 'self' }] };
    const start: FlowStart = { task: 'T', graph: circular, input: 1, priority: 5, pinned: { self: circular } };
    const flow = { logic: FLOW_LOGIC, input: start };
    const task = { id: 'T', target: { graph }, input: 1, options: {}, principal: 'loopback', createdAtMs: 0, flow };
    node.kernel.act((port) => port.startChild(taskSpec(task)));
    expect(await errorOf(node, 'T')).toMatchObject({
      code: 'WORKFLOW_INVALID',
      message: expect.stringContaining('called by 8 workflows inside of one another') as string,
    });
    expect(await stepsOf(node, 'T', 'step.started')).toHaveLength(7);
  });
});

describe('A plan that was made for a goal', () => {
  const steps = [
    { id: 'first', delayMs: 100 },
    { id: 'planned', workflow: 'double', needs: ['first'], input: { n: 2 } },
    { id: 'wait', signal: { name: 'go' }, needs: ['planned'] },
  ];
  const output = '${[steps.planned.output, steps.wait.output.n]}';

  it.each<[string, () => Promise<WorkNode>]>([
    [
      'a model',
      () => createWorkNode({ planModel: { name: 'stand-in', propose: () => Promise.resolve({ steps, output }) } }),
    ],
    [
      'a template',
      async () => {
        const node = await createWorkNode();
        register(node, double);
        node.planning.restore([
          {
            body: {
              name: 'paired',
              version: '1.0.0',
              type: 'test',
              goals: ['do both'],
              graph: { name: 'paired', version: '1.0.0', steps, output },
            },
          },
        ]);
        return node;
      },
    ],
  ])('by %s calls workflows and waits for signals as any other', async (_name, make) => {
    const node = await make();
    if (node.registry.workflow('double') === undefined) register(node, double);
    const { task } = node.submit({ goal: 'do both' });
    await node.world.settle();
    await signal(node, task, 'go', { n: 1 });
    node.registry.unregisterWorkflow({ name: 'double', version: '1.0.0' });
    expect(await outputOf(node, task)).toEqual([4, 1]);
  });
});
