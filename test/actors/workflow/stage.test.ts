import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { createWorkNode } from '../../support/work-node.ts';
import { begun, decide, errorOf, linesOf, outputOf, register, signal } from './stage-rig.ts';

const T0 = Date.UTC(2026, 0, 1);

describe('A delay', () => {
  it('comes before the work, and is said in the log with its end', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [{ id: 'a', agent: 'lab.echo', input: 7, delayMs: 5_000 }]);
    expect(await linesOf(node, task)).toEqual([
      ['task.submitted', { target: { graph: true } }],
      ['task.started', {}],
      ['task.waiting', { step: 'a', for: 'delay', until: T0 + 5_000 }],
    ]);
    await node.world.elapse(4_999);
    expect(node.kernel.effects.figures.running).toBe(0);
    expect(await node.kinds(task)).not.toContain('step.started');
    await node.world.elapse(1);
    expect(await outputOf(node, task)).toEqual({ a: 7 });
  });

  it('may be all of a step', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [
      { id: 'a', delayMs: 1_000 },
      { id: 'b', agent: 'lab.echo', input: '${steps.a.output}', needs: ['a'] },
    ]);
    expect(await outputOf(node, task)).toEqual({ b: null });
    expect(node.world.nowMs()).toBeGreaterThanOrEqual(T0 + 1_000);
  });
});

describe('A signal', () => {
  const wait = { id: 'wait', signal: { name: 'go' } };
  const use = { id: 'use', agent: 'lab.echo', input: '${steps.wait.output}' };

  it('lets the step that waits for it go on: alone, its data are the output', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [wait, use]);
    expect((await linesOf(node, task)).at(-1)).toEqual(['task.waiting', { step: 'wait', for: 'signal', signal: 'go' }]);
    await signal(node, task, 'other', { n: 5 });
    expect(await node.kinds(task)).not.toContain('step.completed');
    await signal(node, task, 'go', { n: 1 });
    expect(await outputOf(node, task)).toEqual({ use: { n: 1 } });
  });

  it('comes before work, which has an input of its own', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [{ ...wait, agent: 'lab.echo', input: 'mine' }]);
    expect(await node.kinds(task)).not.toContain('step.started');
    await signal(node, task, 'go', { n: 1 });
    expect(await outputOf(node, task)).toEqual({ wait: 'mine' });
  });

  it('is kept where it comes before anyone waits for it, for one wait each and in order', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [
      { id: 'first', delayMs: 1_000 },
      { ...wait, needs: ['first'] },
      { id: 'again', signal: { name: 'go' }, needs: ['wait'] },
      { id: 'last', signal: { name: 'go' }, needs: ['again'] },
    ]);
    await signal(node, task, 'go', { n: 1 });
    await signal(node, task, 'go', { n: 2 });
    await node.world.elapse(1_000);
    const waiting = (await linesOf(node, task))
      .filter(([kind]) => kind === 'task.waiting')
      .map(([, data]) => data['step']);
    expect(waiting).toEqual(['first', 'wait', 'again', 'last']);
    expect(await node.kinds(task)).not.toContain('task.completed');
    await signal(node, task, 'go', { n: 3 });
    expect(await outputOf(node, task)).toEqual({ last: { n: 3 } });
  });

  it('reaches all who wait for it at that moment', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [
      { id: 'each', forEach: [1, 2, 3], signal: { name: 'go' } },
      { id: 'one', signal: { name: 'go' } },
    ]);
    await signal(node, task, 'go', { n: 1 });
    expect(await outputOf(node, task)).toEqual({ each: [{ n: 1 }, { n: 1 }, { n: 1 }], one: { n: 1 } });
  });

  it('may be of an item, by its name', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [{ id: 'paid', forEach: ['a', 'b'], signal: { name: 'paid:${item}' } }]);
    await signal(node, task, 'paid:b', { n: 2 });
    expect((await node.kinds(task)).at(-1)).toBe('step.completed');
    await signal(node, task, 'paid:a', { n: 1 });
    expect(await outputOf(node, task)).toEqual({ paid: [{ n: 1 }, { n: 2 }] });
  });

  it('that does not come in time fails the step, or lets it go on without data', async () => {
    const node = await createWorkNode();
    const late = { name: 'go', deadlineMs: 1_000 };
    const failing = await begun(node, [{ id: 'wait', signal: late }]);
    expect(await errorOf(node, failing)).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'Step wait failed: The signal go did not come within 1000 ms.',
    });
    const going = await begun(node, [{ id: 'wait', signal: { ...late, onExpire: 'continue' } }]);
    expect(await outputOf(node, going)).toEqual({ wait: null });
    const working = await begun(node, [
      { id: 'w', agent: 'lab.echo', input: 1, signal: { ...late, onExpire: 'continue' } },
    ]);
    expect(await outputOf(node, working)).toEqual({ w: 1 });
  });

  it('has a name that is one, also where that is made of something else', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [{ id: 'wait', signal: { name: '${input.name}' } }], { name: 'xstate.done' });
    expect(await errorOf(node, task)).toMatchObject({
      code: 'INVALID_INPUT',
      message: 'Step wait failed: "xstate.done" is not the name of a signal.',
      details: { cause: { at: '/steps/0/signal/name' } },
    });
  });

  it('is refused where too many are kept, or it is too large: none that was taken is lost', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [
      { id: 'first', delayMs: 1_000 },
      { ...wait, needs: ['first'] },
    ]);
    for (let n = 0; n < LIMITS.signalsKeptMax; n++) await signal(node, task, 'go', { n });
    await expect(signal(node, task, 'go')).rejects.toMatchObject({ code: 'BUSY', retryable: true });
    await expect(signal(node, task, 'other')).resolves.toBeUndefined();
    const large = { text: 'x'.repeat(LIMITS.signalBytesMax) };
    await expect(signal(node, task, 'go', large)).rejects.toMatchObject({ code: 'PROTOCOL_TOO_BIG' });
    expect(await outputOf(node, task)).toEqual({ wait: { n: 0 } });
    expect(node.disk.keys().filter((key) => key.includes('signal/'))).toEqual([]);
  });
});

describe('An approval', () => {
  const ask = { id: 'ask', approval: { role: 'editor', message: 'Publish ${input.title}?' } };

  it('makes the task wait for a person, and alone puts out what was decided', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [ask], { title: 'it' });
    expect(await node.store.readTask(task)).toMatchObject({ status: 'input-required' });
    expect(JSON.stringify(await node.store.readTask(task))).toContain('Publish it?');
    expect((await linesOf(node, task)).at(-1)).toMatchObject(['approval.requested', { step: 'ask' }]);
    await decide(node, `approval/${task}/ask`, { decision: 'approve', role: 'editor', comment: 'fine' });
    expect(await outputOf(node, task)).toEqual({
      ask: { decision: 'approve', by: 'ada', comment: 'fine', atMs: expect.any(Number) as number },
    });
  });

  it('comes before work', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [{ id: 'ask', approval: {}, agent: 'lab.echo', input: 3 }]);
    expect(await node.kinds(task)).not.toContain('step.started');
    await decide(node, `approval/${task}/ask`, { decision: 'approve' });
    expect(await outputOf(node, task)).toEqual({ ask: 3 });
  });

  it('that is refused fails the step, with who and why', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [{ id: 'ask', approval: {}, agent: 'lab.echo', input: 3 }]);
    await decide(node, `approval/${task}/ask`, { decision: 'reject', comment: 'too dear' });
    expect(await errorOf(node, task)).toMatchObject({
      code: 'FORBIDDEN',
      message: 'Step ask failed: It was rejected by ada: too dear',
      retryable: false,
    });
    expect(await linesOf(node, task)).toContainEqual([
      'step.failed',
      { step: 'ask', code: 'FORBIDDEN', message: 'It was rejected by ada: too dear' },
    ]);
  });

  it.each([
    ['approve', { status: 'completed' }],
    ['reject', { status: 'failed', result: { error: { code: 'FORBIDDEN' } } }],
    ['fail', { status: 'failed', result: { error: { code: 'DEADLINE_EXCEEDED' } } }],
  ] as const)('that nobody answers ends as it says: %s', async (onExpire, end) => {
    const node = await createWorkNode();
    const task = await begun(node, [{ id: 'ask', approval: { deadlineMs: 2_000, onExpire } }]);
    expect(await node.end(task)).toMatchObject(end);
  });

  it('is refused where its id could not be sent', async () => {
    const node = await createWorkNode();
    const long = `s${'x'.repeat(60)}`;
    register(node, { name: 'inner', steps: [{ id: long, approval: {} }] });
    const task = await begun(node, [{ id: long, workflow: 'inner' }]);
    expect((await errorOf(node, task))?.message).toContain('Give the steps that lead to it shorter ids.');
  });
});

describe('A loop', () => {
  const step = {
    id: 'count',
    agent: 'lab.echo',
    input: { n: '${steps.count.output == null ? input.from : steps.count.output.n + 1}', round: '${round}' },
  };

  it('repeats the work while its condition holds, each round with the output of the one before', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [{ ...step, loop: { while: 'steps.count.output.n < input.to', max: 10 } }], {
      from: 3,
      to: 6,
    });
    expect(await outputOf(node, task)).toEqual({ count: { n: 6, round: 4 } });
    const lines = await linesOf(node, task);
    const rounds = (kind: string) =>
      lines.filter(([one]) => one === kind).map(([, { round, rounds: all }]) => round ?? `all ${String(all)}`);
    expect(rounds('step.started')).toEqual([1, 2, 3, 4]);
    expect(rounds('step.completed')).toEqual([1, 2, 3, 4, 'all 4']);
    expect(await node.store.readTask(task)).toMatchObject({ result: { usage: { steps: 4 } } });
  });

  it('has the work done once at least, and ends by its own count where that says so', async () => {
    const node = await createWorkNode();
    const once = await begun(node, [{ ...step, loop: { while: 'false', max: 1 } }], { from: 1 });
    expect(await outputOf(node, once)).toEqual({ count: { n: 1, round: 1 } });
    const thrice = await begun(node, [{ ...step, loop: { while: 'round < 3', max: 3 } }], { from: 1 });
    expect(await outputOf(node, thrice)).toEqual({ count: { n: 3, round: 3 } });
  });

  it('that is not over at its bound has failed, and says so', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [{ ...step, loop: { while: 'true', max: 3 } }], { from: 1 });
    expect(await errorOf(node, task)).toMatchObject({
      code: 'LIVELOCK',
      retryable: false,
      message:
        'Step count failed: Its loop is not over after 3 rounds, the most that `loop.max` allows: `true` still holds.',
      details: { step: 'count', cause: { bound: 'loop.max', rounds: 3 } },
    });
  });

  it('fails the step where its condition cannot be evaluated, or a round fails', async () => {
    const node = await createWorkNode();
    const broken = await begun(node, [{ ...step, loop: { while: 'steps.count.output.m > 1', max: 3 } }], { from: 1 });
    expect(await errorOf(node, broken)).toMatchObject({
      code: 'INVALID_INPUT',
      details: { cause: { at: '/steps/0/loop/while' } },
    });
    const failing = { id: 'count', agent: 'lab.flaky', input: { failures: '${round - 1}' }, retry: { attempts: 2 } };
    const second = await begun(node, [{ ...failing, loop: { while: 'true', max: 5 } }]);
    expect(await errorOf(node, second)).toMatchObject({ code: 'AGENT_FAILED' });
    const failed = (await linesOf(node, second)).filter(([kind]) => kind === 'step.failed');
    expect(failed).toMatchObject([['step.failed', { round: 3, attempt: 2 }]]);
  });

  it('counts for each item of a fan-out by itself', async () => {
    const node = await createWorkNode();
    const loop = { while: 'steps.up.output < item * 2', max: 5 };
    const task = await begun(node, [
      { id: 'up', agent: 'lab.echo', forEach: [1, 2, 3], input: '${item + round - 1}', loop },
    ]);
    expect(await outputOf(node, task)).toEqual({ up: [2, 4, 6] });
  });

  it('stops at a condition that costs too much, as every expression does', async () => {
    const node = await createWorkNode();
    const list = Array.from({ length: 200 }, (_, index) => index);
    const dear = 'input.list.all(a, input.list.all(b, input.list.all(c, a + b + c >= 0)))';
    const task = await begun(node, [{ id: 'x', agent: 'lab.echo', loop: { while: dear, max: 3 } }], { list });
    expect((await errorOf(node, task))?.message).toContain('it takes more than 500,000 operations');
  });
});

describe('A fallback', () => {
  const flaky = { agent: 'lab.flaky', input: { failures: 9 }, retry: { attempts: 2, backoffMs: 0 } };

  it('is what the step gives where it has failed for good, and the result says so', async () => {
    const node = await createWorkNode();
    const task = await begun(
      node,
      [{ id: 'a', ...flaky, fallback: { agent: 'lab.echo', input: { from: '${input.n}' } } }],
      { n: 4 },
    );
    expect(await outputOf(node, task)).toEqual({ a: { from: 4 } });
    const { result } = (await node.store.readTask(task)) ?? {};
    expect(result?.degraded).toEqual([
      {
        step: 'a',
        code: 'AGENT_FAILED',
        message: 'lab.flaky fails in attempt 2 of 9 as asked. The result is that of fallback 1, lab.echo.',
      },
    ]);
    expect((await linesOf(node, task)).slice(2)).toMatchObject([
      ['agent.selected', { step: 'a' }],
      ['step.started', { step: 'a', attempt: 1, agent: 'lab.flaky@1.0.0' }],
      ['step.retried', { step: 'a', attempt: 2 }],
      ['step.started', { step: 'a', attempt: 2 }],
      ['step.failed', { step: 'a', attempt: 2, code: 'AGENT_FAILED' }],
      ['agent.selected', { step: 'a', fallback: 1 }],
      ['step.started', { step: 'a', attempt: 1, agent: 'lab.echo@1.0.0', fallback: 1 }],
      ['step.completed', { step: 'a', attempt: 1, fallback: 1 }],
      ['step.degraded', { step: 'a', fallback: 1, code: 'AGENT_FAILED' }],
      ['task.completed', {}],
    ]);
  });

  it('is given what the step was given, where it has no input of its own', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [
      { id: 'a', agent: 'lab.flaky', input: { failures: 9 }, retry: { attempts: 1 }, fallback: { agent: 'lab.echo' } },
    ]);
    expect(await outputOf(node, task)).toEqual({ a: { failures: 9 } });
  });

  it('may be a chain, each in place of the one before', async () => {
    const node = await createWorkNode();
    const fallback = [
      flaky,
      { agent: 'lab.echo', input: '${steps.none.output}' },
      { capability: 'lab.echo', input: 'third' },
    ];
    const steps = [
      { id: 'none', agent: 'lab.echo', when: 'false' },
      {
        id: 'a',
        ...flaky,
        fallback: [fallback[0], { agent: 'lab.echo', input: '${steps.none.output.x}' }, fallback[2]],
      },
    ];
    const task = await begun(node, steps);
    expect(await outputOf(node, task)).toEqual({ a: 'third' });
    const { result } = (await node.store.readTask(task)) ?? {};
    expect(result?.degraded).toHaveLength(1);
    expect(result?.degraded?.[0]?.message).toContain('The result is that of fallback 3, lab.echo.');
    const failed = (await linesOf(node, task)).filter(([kind]) => kind === 'step.failed');
    expect(failed.map(([, { fallback: at, code }]) => [at, code])).toEqual([
      [undefined, 'AGENT_FAILED'],
      [1, 'AGENT_FAILED'],
      [2, 'INVALID_INPUT'],
    ]);
  });

  it('that fails too fails the step, which tells of both', async () => {
    const node = await createWorkNode();
    const task = await begun(node, [{ id: 'a', approval: { deadlineMs: 1 }, fallback: flaky }]);
    expect(await errorOf(node, task)).toMatchObject({
      code: 'AGENT_FAILED',
      message: expect.stringContaining('It was done in place of what had failed with DEADLINE_EXCEEDED: ') as string,
      details: { cause: { before: [{ code: 'DEADLINE_EXCEEDED' }] } },
    });
  });

  it('stands in for a rejection, a signal that did not come and a loop without end', async () => {
    const node = await createWorkNode();
    const fallback = { agent: 'lab.echo', input: 'instead' };
    const asked = await begun(node, [{ id: 'a', approval: {}, fallback }]);
    await decide(node, `approval/${asked}/a`, { decision: 'reject' });
    expect(await outputOf(node, asked)).toEqual({ a: 'instead' });
    const unheard = await begun(node, [{ id: 'a', signal: { name: 'go', deadlineMs: 10 }, fallback }]);
    expect(await outputOf(node, unheard)).toEqual({ a: 'instead' });
    const endless = await begun(node, [{ id: 'a', agent: 'lab.echo', loop: { while: 'true', max: 2 }, fallback }]);
    expect(await outputOf(node, endless)).toEqual({ a: 'instead' });
  });

  it.each(['CANCELED', 'BUDGET_EXCEEDED', 'EFFECT_UNKNOWN'] as const)('does not stand in for %s', async (code) => {
    const refusing = defineAgent({
      name: 'refusing',
      version: '1.0.0',
      run: () => {
        throw new OperatingError(code, 'no', { retryable: false });
      },
    });
    const node = await createWorkNode({ agents: [refusing] });
    const task = await begun(node, [{ id: 'a', agent: 'refusing', fallback: { agent: 'lab.echo' } }]);
    expect(await errorOf(node, task)).toMatchObject({ code });
    expect(await node.kinds(task)).not.toContain('step.degraded');
  });

  it('names the item that it was taken for', async () => {
    const node = await createWorkNode();
    const each = {
      id: 'a',
      agent: 'lab.flaky',
      forEach: [0, 9],
      input: { failures: '${item}', value: 'own' },
      retry: { attempts: 1 },
    };
    const task = await begun(node, [{ ...each, fallback: { agent: 'lab.echo', input: '${index}' } }]);
    expect(await outputOf(node, task)).toEqual({ a: ['own', 1] });
    const { result } = (await node.store.readTask(task)) ?? {};
    expect(result?.degraded).toMatchObject([{ step: 'a', message: expect.stringMatching(/^Item 1: /) as string }]);
  });
});
