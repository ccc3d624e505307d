import { describe, expect, it } from 'vitest';
import type { OperatingError } from '../../../protocol/errors.ts';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';
import { begun, errorOf, linesOf, outputOf, signal } from './stage-rig.ts';

const ME = 'loopback';
const echo = (id: string, input: unknown, more: object = {}): object => ({ id, agent: 'lab.echo', input, ...more });
const version = (number: string, steps: readonly object[], more: object = {}): object => ({
  name: 'brief',
  version: number,
  steps,
  ...more,
});

/** What comes of a promise of the desk, in a world that stands still. */
async function settled<T>(node: WorkNode, promise: Promise<T>): Promise<T> {
  void promise.catch(() => undefined);
  await node.world.settle();
  return await promise;
}

async function define(node: WorkNode, ...graphs: readonly object[]): Promise<void> {
  for (const graph of graphs) await settled(node, node.workflows.define(graph));
}

async function refusal(promise: Promise<unknown>): Promise<OperatingError> {
  return await promise.then(
    () => {
      throw new TypeError('It was taken.');
    },
    (error: unknown) => error as OperatingError,
  );
}

function states(node: WorkNode): readonly string[] {
  return node.workflows
    .list()
    .map((view) => `${view.name}@${view.version} ${view.state} ${view.running}`)
    .toSorted();
}

async function start(node: WorkNode, workflow: string): Promise<string> {
  const { task } = node.submit({ workflow });
  await node.world.settle();
  return task;
}

describe('Versions of a workflow', () => {
  it('live side by side; the newest answers to the name, and what runs keeps the one it began with', async () => {
    const node = await createWorkNode();
    await define(node, version('1.0.0', [{ id: 'w', delayMs: 1_000 }, echo('a', 'old', { needs: ['w'] })]));
    const old = await start(node, 'brief');
    await define(node, version('2.0.0', [echo('a', 'new')]));
    expect(await outputOf(node, await start(node, 'brief'))).toEqual({ a: 'new' });
    const again = await start(node, 'brief@1.0.0');
    expect(states(node)).toEqual(['brief@1.0.0 ready 2', 'brief@2.0.0 ready 0']);
    expect(await outputOf(node, old)).toEqual({ a: 'old' });
    expect(await outputOf(node, again)).toEqual({ a: 'old' });
  });

  it('that drain those before them let these end, and nobody start them', async () => {
    const node = await createWorkNode();
    await define(node, version('1.0.0', [{ id: 'w', delayMs: 1_000 }]));
    await define(node, { name: 'outer', version: '1.0.0', steps: [{ id: 'x', workflow: 'brief@1.0.0' }] });
    const old = await start(node, 'brief');
    await define(node, version('2.0.0', [echo('a', 'new')], { onNewVersion: 'drain' }));
    expect(states(node)).toEqual(['brief@1.0.0 draining 1', 'brief@2.0.0 ready 0', 'outer@1.0.0 ready 0']);
    expect(node.workflows.list().find((view) => view.state === 'draining')?.successor).toBe('brief@2.0.0');
    expect(() => node.submit({ workflow: 'brief@1.0.0' })).toThrow(
      'brief@1.0.0 is draining: what runs of it goes on, and brief@2.0.0 has taken over. Start brief@2.0.0, or brief for the newest.',
    );
    expect(() => node.submit({ workflow: 'outer' })).toThrow('which is draining: `brief@2.0.0` has taken over');
    expect(await outputOf(node, await start(node, 'brief'))).toEqual({ a: 'new' });
    expect(await outputOf(node, old)).toEqual({ w: null });
    await settled(node, node.workflows.remove('brief@2.0.0'));
    expect(states(node)).toContain('brief@1.0.0 ready 0');
  });

  it('that are pre-releases drain pre-releases alone', async () => {
    const node = await createWorkNode();
    const steps = [echo('a', 1)];
    await define(node, version('1.0.0', steps), version('2.0.0-beta.1', steps));
    await define(node, version('2.0.0-beta.2', steps, { onNewVersion: 'drain' }));
    expect(states(node)).toEqual([
      'brief@1.0.0 ready 0',
      'brief@2.0.0-beta.1 draining 0',
      'brief@2.0.0-beta.2 ready 0',
    ]);
  });

  it('can be taken away: what runs goes on and is listed, and those that call it are named', async () => {
    const node = await createWorkNode();
    await define(node, version('1.0.0', [{ id: 'w', delayMs: 1_000 }]));
    await define(node, { name: 'outer', version: '1.0.0', steps: [{ id: 'x', workflow: 'brief' }] });
    const task = await start(node, 'outer');
    expect(states(node)).toEqual(['brief@1.0.0 ready 1', 'outer@1.0.0 ready 1']);
    expect(await settled(node, node.workflows.remove('brief@1.0.0'))).toEqual({
      workflow: 'brief@1.0.0',
      running: 1,
      callers: ['outer@1.0.0'],
    });
    expect(node.workflows.list().find(({ name }) => name === 'brief')).toEqual({
      name: 'brief',
      version: '1.0.0',
      steps: ['w'],
      source: null,
      state: 'gone',
      running: 1,
    });
    expect(() => node.submit({ workflow: 'outer' })).toThrow('needs the workflow `brief`, which is not registered');
    expect(await outputOf(node, task)).toEqual({ x: { w: null } });
    expect(states(node)).toEqual(['outer@1.0.0 ready 0']);
    expect(await node.store.definitions('workflow')).toMatchObject([{ name: 'outer' }]);
    expect(await refusal(settled(node, node.workflows.remove('brief@1.0.0')))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await refusal(settled(node, node.workflows.remove('outer')))).toMatchObject({
      code: 'INVALID_INPUT',
      message: 'Name the version to remove, such as outer@1.0.0.',
    });
  });

  it('that come with the node stay, in whatever order they are given and call each other', async () => {
    const node = await createWorkNode();
    const outer = { name: 'outer', version: '1.0.0', steps: [{ id: 'x', workflow: 'middle' }] };
    const middle = { name: 'middle', version: '1.0.0', steps: [{ id: 'x', workflow: 'inner@1.0.0' }] };
    const inner = { name: 'inner', version: '1.0.0', steps: [echo('a', 1)] };
    node.workflows.bundle([outer, middle, inner]);
    expect(await outputOf(node, await start(node, 'outer'))).toEqual({ x: { x: { a: 1 } } });
    expect(await refusal(settled(node, node.workflows.remove('inner@1.0.0')))).toMatchObject({
      code: 'STATE_CONFLICT',
    });
    const circle = [
      { name: 'a', version: '1.0.0', steps: [{ id: 'x', workflow: 'b' }] },
      { name: 'b', version: '1.0.0', steps: [{ id: 'x', workflow: 'a' }] },
    ];
    expect(() => node.workflows.bundle(circle)).toThrow('which is not registered');
    expect(() => node.workflows.bundle([{ name: 'c' }])).toThrow('The workflow graph');
  });

  it('that would call each other in a circle are refused when the last of them is registered', async () => {
    const node = await createWorkNode();
    await define(node, version('1.0.0', [echo('a', 1)]));
    await define(node, { name: 'outer', version: '1.0.0', steps: [{ id: 'x', workflow: 'brief' }] });
    const error = await refusal(node.workflows.define(version('2.0.0', [{ id: 'y', workflow: 'outer' }])));
    expect(error).toMatchObject({
      code: 'WORKFLOW_INVALID',
      details: { issues: [{ code: 'CYCLE', at: '/steps/0/workflow' }] },
    });
    // Of an older version nobody comes back to it by the name alone.
    await define(node, version('0.9.0', [{ id: 'y', workflow: 'outer' }]));
    expect(await outputOf(node, await start(node, 'brief@0.9.0'))).toEqual({ y: { x: { a: 1 } } });
  });
});

describe('A running workflow', () => {
  const first = echo('a', 'first');
  const wait = { id: 'w', signal: { name: 'go' }, needs: ['a'] };
  const old = version('1.0.0', [first, wait, echo('b', 'old ${steps.w.output.n}'), echo('gone', 1, { needs: ['w'] })]);
  const next = version(
    '2.0.0',
    [echo('z', 'added'), wait, echo('b', 'new ${steps.w.output.n}'), { ...first, description: 'for people' }],
    { output: { a: '${steps.a.output}', b: '${steps.b.output}', z: '${steps.z.output}' } },
  );

  it('goes on by another version where what it has begun is the same there', async () => {
    const node = await createWorkNode();
    await define(node, old);
    const task = await start(node, 'brief');
    await define(node, next);
    expect(await settled(node, node.workflows.migrate(ME, task, 'brief'))).toEqual({
      from: 'brief@1.0.0',
      to: 'brief@2.0.0',
    });
    expect(states(node)).toEqual(['brief@1.0.0 ready 0', 'brief@2.0.0 ready 1']);
    await signal(node, task, 'go', { n: 7 });
    expect(await outputOf(node, task)).toEqual({ a: 'first', b: 'new 7', z: 'added' });
    const lines = await linesOf(node, task);
    expect(lines).toContainEqual(['task.planned', { workflow: 'brief@2.0.0', from: 'brief@1.0.0' }]);
    const completed = lines.filter(([kind]) => kind === 'step.completed').map(([, { step }]) => step);
    expect(completed).toEqual(['a', 'z', 'w', 'b']);
  });

  it('may go back, or stay where it is', async () => {
    const node = await createWorkNode();
    await define(node, old, next);
    const task = await start(node, 'brief@1.0.0');
    const move = async (to: string) => await settled(node, node.workflows.migrate(ME, task, to));
    expect(await move('brief@1.0.0')).toEqual({ from: 'brief@1.0.0', to: 'brief@1.0.0' });
    expect(await node.kinds(task)).not.toContain('task.planned');
    await move('brief@2.0.0');
    expect(await refusal(move('brief@1.0.0'))).toMatchObject({
      code: 'STATE_CONFLICT',
      message: 'It cannot go on by brief@1.0.0. Step z is completed, and is not there in brief@1.0.0.',
    });
  });

  it('stays as it is where a step that has begun is another, or is not there; each is named', async () => {
    const node = await createWorkNode();
    await define(node, old);
    const task = await start(node, 'brief');
    await define(node, version('2.0.0', [echo('a', 'another'), { ...wait, signal: { name: 'stop' }, needs: [] }]));
    await define(node, version('3.0.0', [echo('b', 1)]));
    const error = await refusal(settled(node, node.workflows.migrate(ME, task, 'brief@2.0.0')));
    expect(error).toMatchObject({
      code: 'STATE_CONFLICT',
      message:
        'It cannot go on by brief@2.0.0. Step a is completed, and is another in brief@2.0.0: input. And 1 more: see details.issues.',
      details: {
        from: 'brief@1.0.0',
        to: 'brief@2.0.0',
        issues: [
          { code: 'STEP_CHANGED', at: '/steps/0' },
          {
            code: 'STEP_CHANGED',
            at: '/steps/1',
            message: 'Step w is under way, and is another in brief@2.0.0: needs, signal.',
          },
        ],
      },
    });
    expect(await refusal(settled(node, node.workflows.migrate(ME, task, 'brief@3.0.0')))).toMatchObject({
      details: { issues: [{ code: 'STEP_GONE' }, { code: 'STEP_GONE' }] },
    });
    await signal(node, task, 'go', { n: 1 });
    expect(await outputOf(node, task)).toEqual({ b: 'old 1', gone: 1 });
  });

  it('is moved by a new version that says so, where it fits; what does not goes on as it began', async () => {
    const node = await createWorkNode();
    await define(node, old);
    const task = await start(node, 'brief');
    // Of another workflow, and one inside of another: they are not meant.
    await define(node, { name: 'outer', version: '1.0.0', steps: [{ id: 'x', workflow: 'brief' }] });
    const outer = await start(node, 'outer');
    const changed = version('1.5.0', [echo('a', 'another'), wait], { onNewVersion: 'migrate' });
    await define(node, changed);
    expect(states(node)).toEqual(['brief@1.0.0 draining 2', 'brief@1.5.0 ready 0', 'outer@1.0.0 ready 1']);
    expect(() => node.submit({ workflow: 'brief@1.0.0' })).toThrow('brief@1.0.0 is draining');
    await define(node, { ...next, onNewVersion: 'migrate' });
    expect(states(node)).toEqual([
      'brief@1.0.0 draining 1',
      'brief@1.5.0 draining 0',
      'brief@2.0.0 ready 1',
      'outer@1.0.0 ready 1',
    ]);
    await signal(node, task, 'go', { n: 7 });
    expect(await outputOf(node, task)).toEqual({ a: 'first', b: 'new 7', z: 'added' });
    await signal(node, outer, 'go', { n: 8 });
    expect(await outputOf(node, outer)).toEqual({ x: { b: 'old 8', gone: 1 } });
  });

  it('is moved by the next start of a node that died before it was', async () => {
    const one = await createWorkNode();
    await define(one, old);
    const task = await start(one, 'brief');
    // The definition is on disk, and nothing has been moved.
    one.kernel.committer.define({
      ...{ kind: 'workflow', name: 'brief', version: '2.0.0', body: { ...next, onNewVersion: 'migrate' } },
    });
    await settled(one, one.kernel.committer.committed());
    one.kill();
    const two = await createWorkNode({ disk: one.disk, seed: 2 });
    two.workflows.restore(await two.store.definitions('workflow'));
    await settled(two, two.workflows.catchUp());
    expect(states(two)).toEqual(['brief@1.0.0 draining 0', 'brief@2.0.0 ready 1']);
    await signal(two, task, 'go', { n: 7 });
    expect(await outputOf(two, task)).toEqual({ a: 'first', b: 'new 7', z: 'added' });
  });

  it('stays as it is where a step that it has done would be the else of another condition', async () => {
    const node = await createWorkNode();
    const branch = (number: string, limit: number): object =>
      version(number, [
        echo('few', 1, { when: `input < ${limit}`, needs: ['w'] }),
        echo('many', 2, { else: 'few' }),
        { ...wait, needs: [] },
      ]);
    await define(node, branch('1.0.0', 5));
    const { task } = node.submit({ workflow: 'brief' }, 7);
    await node.world.settle();
    await define(node, branch('2.0.0', 9));
    expect(await refusal(settled(node, node.workflows.migrate(ME, task, 'brief@2.0.0')))).toMatchObject({
      details: {
        issues: [{ code: 'STEP_CHANGED', at: '/steps/1', message: expect.stringMatching(/: else\.$/) as string }],
      },
    });
  });

  it('is not moved to another workflow, to one that is drained or not there, nor when it has ended', async () => {
    const node = await createWorkNode();
    await define(node, old, { name: 'other', version: '1.0.0', steps: [first] });
    const task = await start(node, 'brief');
    const move = async (which: string, to: string) =>
      await refusal(settled(node, node.workflows.migrate(ME, which, to)));
    expect(await move(task, 'other')).toMatchObject({
      code: 'INVALID_INPUT',
      message: 'The task runs brief@1.0.0; it can be moved to other versions of that alone.',
    });
    expect(await move(task, 'brief@9.0.0')).toMatchObject({ code: 'NOT_FOUND' });
    expect(await move('nothing', 'brief')).toMatchObject({ code: 'NOT_FOUND' });
    const inline = await begun(node, [wait, first]);
    expect(await move(inline, 'brief')).toMatchObject({ code: 'INVALID_INPUT' });
    const { task: plain } = node.submit({ agent: 'lab.stall' });
    await node.world.settle();
    expect(await move(plain, 'brief')).toMatchObject({ code: 'STATE_CONFLICT' });
    await define(node, { ...next, onNewVersion: 'drain' });
    expect(await move(task, 'brief@1.0.0')).toMatchObject({ code: 'STATE_CONFLICT' });
    await signal(node, task, 'go', { n: 1 });
    await outputOf(node, task);
    expect(await move(task, 'brief')).toMatchObject({ code: 'STATE_CONFLICT' });
  });

  it('keeps the signals that the other version waits for', async () => {
    const node = await createWorkNode();
    await define(node, version('1.0.0', [{ id: 'w', delayMs: 1_000 }, echo('b', 1, { needs: ['w'] })]));
    const task = await start(node, 'brief');
    await define(
      node,
      version('2.0.0', [
        { id: 'w', delayMs: 1_000 },
        { id: 'b', signal: { name: 'go' }, needs: ['w'] },
      ]),
    );
    await settled(node, node.workflows.migrate(ME, task, 'brief'));
    await signal(node, task, 'go', { n: 3 });
    expect(await outputOf(node, task)).toEqual({ b: { n: 3 } });
  });

  it('fails by the version that it was moved to, and ends at once where nothing of it is left', async () => {
    const node = await createWorkNode();
    const hold = { id: 'w', delayMs: 1_000 };
    await define(node, version('1.0.0', [hold, echo('b', 1, { needs: ['w'] })]));
    const failing = await start(node, 'brief');
    await define(node, version('2.0.0', [hold, echo('b', '${steps.w.output.x}')]));
    await settled(node, node.workflows.migrate(ME, failing, 'brief'));
    expect(await errorOf(node, failing)).toMatchObject({ code: 'INVALID_INPUT', details: { step: 'b' } });
    const done = await start(node, 'brief@1.0.0');
    await define(node, version('3.0.0', [hold]));
    await settled(node, node.workflows.migrate(ME, done, 'brief'));
    expect(await outputOf(node, done)).toEqual({ w: null });
  });

  it('that is moved is at one version or the other after any death, and goes on by that', async () => {
    for (let dieAt = 1; dieAt <= 6; dieAt++) {
      for (const outcome of ['lost', 'kept'] as const) {
        let commits = Number.NEGATIVE_INFINITY;
        let isDead = false;
        const disk = new MemoryDisk({
          onWrite: () => {
            if (isDead) return 'lost';
            if (++commits !== dieAt) return 'done';
            isDead = true;
            return outcome;
          },
        });
        let node = await createWorkNode({ disk });
        await define(node, old, next);
        const task = await start(node, 'brief@1.0.0');
        commits = 0;
        let isMoved = false;
        node.workflows.migrate(ME, task, 'brief@2.0.0').then(
          () => (isMoved = true),
          () => undefined,
        );
        await node.world.settle();
        // On a node that dies, nobody is told anything any more.
        node.desk.signal(ME, task, 'go', { n: 7 }).catch(() => undefined);
        await node.world.settle();
        if (isDead) {
          node.kill();
          isDead = false;
          node = await createWorkNode({ disk, seed: 2 });
          expect(node.recovered.stranded).toEqual([]);
          await node.world.settle();
          if ((await node.store.readTask(task))?.result === undefined) await signal(node, task, 'go', { n: 7 });
        }
        const output = await outputOf(node, task);
        const moved = { a: 'first', b: 'new 7', z: 'added' };
        // What was acknowledged holds.
        if (isMoved) expect(output, `${dieAt} ${outcome}`).toEqual(moved);
        else expect([moved, { b: 'old 7', gone: 1 }], `${dieAt} ${outcome}`).toContainEqual(output);
        node.kill();
      }
    }
  });
});
