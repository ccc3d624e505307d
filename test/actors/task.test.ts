import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { taskLogic, type TaskState } from '../../actors/task.ts';
import { createNotingPort } from '../support/noting-port.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { createWorkNode } from '../support/work-node.ts';

describe('A task', () => {
  it('for an agent ends with its output, and its log has every line once', async () => {
    const node = await createWorkNode();
    const record = await node.finish({ agent: 'lab.echo' }, { x: 1 });
    expect(record).toMatchObject({
      status: 'completed',
      seq: 6,
      result: { output: { x: 1 }, usage: { usd: 0, tokensIn: 0, tokensOut: 0, steps: 1 } },
    });
    const events = await node.events(record.id);
    expect(events.map(({ seq, kind }) => [seq, kind])).toEqual([
      [1, 'task.submitted'],
      [2, 'task.started'],
      [3, 'agent.selected'],
      [4, 'step.started'],
      [5, 'step.completed'],
      [6, 'task.completed'],
    ]);
    expect(events[0]?.data).toEqual({ target: { agent: 'lab.echo' } });
  });

  it('never lasts less than nothing, also when the wall clock is set back under it', async () => {
    const node = await createWorkNode();
    const { task } = node.submit({ agent: 'lab.stall' });
    await node.world.settle();
    node.world.setWallClock(node.world.nowMs() - 3_600_000);
    const canceled = node.desk.cancel('loopback', task, undefined);
    await node.world.settle();
    await canceled;
    expect(await node.end(task)).toMatchObject({ status: 'canceled', result: { durationMs: 0 } });
  });

  it('goes on waiting for what an earlier release has kept in its state', () => {
    const { port, attachments } = createNotingPort('task/T', { id: 'T', options: {} });
    const stored = { phase: 'input-required', id: 'T', seq: 3, createdAtMs: 0, child: 'c', steps: 0 } as const;
    const parked = { a: 'What of a?', b: 'What of b?' };
    const restored = taskLogic.restored?.({ ...stored, waiting: 'What of a?', parked }, port) as TaskState;
    expect(restored).toEqual({ ...stored, waiting: 'What of a?', waitsFor: 'a' });
    const unpark = (state: TaskState, id: string): TaskState =>
      taskLogic.table['input-required']['task.progress']?.(
        state,
        { type: 'task.progress', events: [], unparked: id } as never,
        port,
      ) as TaskState;
    const next = unpark(restored, 'a');
    expect(next).toMatchObject({ phase: 'input-required', waiting: 'What of b?', waitsFor: 'b' });
    const last = unpark(next, 'b');
    expect([last.phase, last.waiting]).toEqual(['working', undefined]);
    expect([...attachments]).toEqual([]);
    expect(taskLogic.restored?.(last, port)).toBe(last);
  });

  it('says of each line when it was said, however long it waited for the disk', async () => {
    const held = Promise.withResolvers<'done'>();
    let isHeld = false;
    const disk = new MemoryDisk({ onWrite: () => (isHeld ? held.promise : 'done') });
    const node = await createWorkNode({ disk });
    const fromMs = node.world.nowMs();
    isHeld = true;
    // Its commit is under way, and nothing more is written.
    node.submit({ agent: 'lab.stall' });
    await node.world.settle();
    const { task } = node.submit({
      graph: {
        steps: [
          { id: 'a', agent: 'lab.delay', input: { ms: 30 } },
          { id: 'b', needs: ['a'], agent: 'lab.delay', input: { ms: 50 } },
        ],
      },
    });
    await node.world.elapse(100);
    isHeld = false;
    held.resolve('done');
    await node.end(task);
    const times = (await node.events(task)).filter(({ kind }) => kind.startsWith('step.'));
    expect(times.map(({ kind, at, data }) => [kind, data['step'], at - fromMs])).toEqual([
      ['step.started', 'a', 0],
      ['step.completed', 'a', 30],
      ['step.started', 'b', 30],
      ['step.completed', 'b', 80],
    ]);
  });

  it('leaves nothing of its actors behind, in memory or in the store', async () => {
    const node = await createWorkNode();
    await node.finish({ capability: 'lab.echo' }, 1);
    expect([...node.kernel.cells.keys()].filter((address) => !address.startsWith('supervisor/'))).toEqual([]);
    expect(node.kernel.effects.figures).toEqual({ running: 0, waiting: 0 });
    expect(node.disk.keys().filter((key) => /step\/|run\/|task\//.test(key))).toEqual([]);
  });

  it('repeats failed attempts as the policy says, and says so', async () => {
    const node = await createWorkNode();
    const record = await node.finish({ agent: 'lab.flaky' }, { failures: 2, value: 'v' });
    expect(record).toMatchObject({ status: 'completed', result: { output: 'v', usage: { steps: 3 } } });
    expect((await node.kinds(record.id)).slice(3, -1)).toEqual([
      'step.started',
      'step.retried',
      'step.started',
      'step.retried',
      'step.started',
      'step.completed',
    ]);
    const retried = (await node.events(record.id)).filter(({ kind }) => kind === 'step.retried');
    for (const [index, { data }] of retried.entries()) {
      const fullMs = 200 * 2 ** index;
      expect(data).toMatchObject({ step: 'main', attempt: index + 2, code: 'AGENT_FAILED' });
      expect(Number(data['delayMs'])).toBeGreaterThanOrEqual(fullMs / 2);
      expect(Number(data['delayMs'])).toBeLessThanOrEqual(fullMs);
    }
  });

  it('whose attempts are used up fails with the last error', async () => {
    const node = await createWorkNode();
    const record = await node.finish({ agent: 'lab.flaky' }, { failures: 9 });
    expect(record).toMatchObject({
      status: 'failed',
      result: {
        error: { code: 'AGENT_FAILED', message: expect.stringContaining('attempt 3 of 9') },
        usage: { steps: 3 },
      },
    });
    expect((await node.kinds(record.id)).slice(-2)).toEqual(['step.failed', 'task.failed']);
  });

  it('that is canceled ends once, stops what worked for it, and cannot be canceled into another end', async () => {
    const node = await createWorkNode();
    const { task } = node.submit({ agent: 'lab.stall' });
    await node.world.settle();
    const both = Promise.all([
      node.desk.cancel('loopback', task, 'why not'),
      node.desk.cancel('loopback', task, 'me too'),
    ]);
    await node.world.settle();
    await both;
    expect(await node.store.readTask(task)).toMatchObject({
      status: 'canceled',
      result: { error: { code: 'CANCELED', message: 'The task was canceled: why not' } },
    });
    expect((await node.kinds(task)).filter((kind) => kind === 'task.canceled')).toHaveLength(1);
    expect(node.kernel.census.get('agent')).toBe(0);
    await expect(node.desk.cancel('loopback', task, undefined)).resolves.toBeUndefined();
  });

  it('that has ended otherwise is not canceled', async () => {
    const node = await createWorkNode();
    const { id } = await node.finish({ agent: 'lab.echo' });
    await expect(node.desk.cancel('loopback', id, undefined)).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    expect(await node.store.readTask(id)).toMatchObject({ status: 'completed' });
  });

  it('past its deadline fails then and not before, and nothing of it is heard any more', async () => {
    const node = await createWorkNode();
    const { task } = node.submit({ agent: 'lab.delay' }, { ms: 60_000 }, { options: { deadlineMs: 5_000 } });
    await node.world.elapse(4_999);
    expect(await node.store.readTask(task)).toMatchObject({ status: 'working' });
    await node.world.elapse(1);
    await node.world.settle();
    expect(await node.store.readTask(task)).toMatchObject({
      status: 'failed',
      result: { error: { code: 'DEADLINE_EXCEEDED' }, durationMs: 5_000 },
    });
    const { length } = await node.kinds(task);
    await node.world.elapse(120_000);
    expect(await node.kinds(task)).toHaveLength(length);
  });

  it('keeps signals that come between two attempts for the next one', async () => {
    const { fromPromise, setup } = await import('xstate');
    let tries = 0;
    const fails = fromPromise(async () => {
      if (tries++ === 0) throw new OperatingError('UNAVAILABLE', 'Not yet.');
    });
    const unsure = defineAgent({
      name: 'unsure',
      version: '1.0.0',
      machine: setup({ actors: { fails } }).createMachine({
        initial: 'trying',
        on: { go: '.done' },
        states: { trying: { invoke: { src: 'fails', onDone: 'waiting' } }, waiting: {}, done: { type: 'final' } },
        output: () => 'went',
      }),
    });
    const node = await createWorkNode({ agents: [unsure] });
    const { task } = node.submit({ agent: 'unsure' }, null);
    await node.world.settle();
    expect(await node.kinds(task)).toContain('step.retried');
    const said = node.desk.signal('loopback', task, 'go', undefined);
    await node.world.settle();
    await said;
    expect(await node.end(task)).toMatchObject({ status: 'completed', result: { output: 'went' } });
  });

  it('passes signals on to the machine that works for it', async () => {
    const { setup } = await import('xstate');
    const waiter = defineAgent({
      name: 'waiter',
      version: '1.0.0',
      machine: setup({ types: { context: {} as { word: string } } }).createMachine({
        context: { word: '' },
        initial: 'waiting',
        states: { waiting: { on: { go: 'done' } }, done: { type: 'final' } },
        output: ({ event }) => (event as { output?: unknown }).output ?? 'went',
      }),
    });
    const node = await createWorkNode({ agents: [waiter] });
    const { task } = node.submit({ agent: 'waiter' });
    await node.world.settle();
    const said = node.desk.signal('loopback', task, 'go', undefined);
    await node.world.settle();
    await said;
    expect(await node.end(task)).toMatchObject({ status: 'completed' });
    await expect(node.desk.signal('loopback', task, 'go', {})).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
  });

  it('survives the death of the node: it goes on from where it was, and says that it did', async () => {
    const node = await createWorkNode();
    const { task } = node.submit({ agent: 'lab.delay' }, { ms: 60_000, value: 7 });
    await node.world.elapse(40_000);
    node.kill();
    const again = await createWorkNode({ disk: node.disk, seed: 2, startMs: node.world.nowMs() });
    expect(again.recovered).toMatchObject({ resumed: 3, stranded: [] });
    await again.world.elapse(19_999);
    expect(await again.store.readTask(task)).toMatchObject({ status: 'working' });
    await again.world.elapse(2);
    await again.world.settle();
    expect(await again.store.readTask(task)).toMatchObject({ status: 'completed', result: { output: 7 } });
    const kinds = await again.kinds(task);
    expect(kinds.filter((kind) => kind === 'task.resumed')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'step.started')).toHaveLength(1);
  });

  it('with an unsafe call cut off by the death of the node waits for a person, and can be canceled', async () => {
    let calls = 0;
    const unsafe = defineAgent({
      name: 'unsafe',
      version: '1.0.0',
      kind: 'unsafe',
      run: () => {
        calls++;
        return new Promise<never>(() => undefined);
      },
    });
    const node = await createWorkNode({ agents: [unsafe] });
    const { task } = node.submit({ agent: 'unsafe' });
    await node.world.settle();
    node.kill();
    const again = await createWorkNode({ agents: [unsafe], disk: node.disk, seed: 2 });
    await again.world.settle();
    const record = await again.store.readTask(task);
    expect([record?.status, calls]).toEqual(['input-required', 1]);
    expect(record?.waiting).toContain('may or may not have happened');
    expect(await again.kinds(task)).toContain('effect.unknown');
    const canceled = again.desk.cancel('loopback', task, undefined);
    await again.world.settle();
    await canceled;
    expect(await again.store.readTask(task)).toMatchObject({ status: 'canceled' });
  });
});
