/** Workflows that follow each other: each a task of its own, started once, with a link in both logs. */
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../protocol/limits.ts';
import { MemoryDisk, type WriteOutcome } from '../../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';
import { withNext } from './graph-lookups.ts';

const ME = 'loopback';

function echo(name: string, next: readonly object[] = []): object {
  const graph = {
    ...{ name, version: '1.0.0' },
    steps: [{ id: 'say', agent: 'lab.flaky', input: { failures: 0, value: { by: name, got: '${input}' } } }],
    output: '${steps.say.output}',
  };
  return next.length === 0 ? graph : withNext(graph, next);
}

async function nodeWith(workflows: readonly object[], more: Parameters<typeof createWorkNode>[0] = {}) {
  return await createWorkNode({ noBreakers: true, workflows, ...more });
}

/** All tasks, oldest first, once nothing moves any more. */
async function tasksOf(node: WorkNode) {
  for (let round = 0; round < 100; round++) await node.world.elapse(1_000);
  const { tasks } = await node.desk.list(ME, { limit: 200 });
  return tasks.toReversed();
}

async function followersOf(node: WorkNode, task: string) {
  return (await node.events(task)).filter(({ kind }) => kind === 'task.chained').map(({ data }) => data);
}

describe('A workflow that others follow', () => {
  it('starts each as a task, with what its expressions say, or its output', async () => {
    const node = await nodeWith([echo('b'), echo('c')]);
    const graph = withNext(echo('a'), [
      { workflow: 'b' },
      { workflow: 'c', when: 'output.got > 5', input: 'never' },
      {
        workflow: 'c@1.0.0',
        when: 'output.got > 1',
        input: { of: '${output.by}', in: '${input}', at: '${steps.say.output.got}' },
      },
    ]);
    const { task } = node.submit({ graph }, 3, { options: { labels: { run: 'one' }, priority: 7 } });
    const tasks = await tasksOf(node);
    expect(tasks.map(({ target, status }) => [target.workflow, status])).toEqual([
      [undefined, 'completed'],
      ['b', 'completed'],
      ['c@1.0.0', 'completed'],
    ]);
    const [first, b, c] = tasks;
    expect(b?.result?.output).toEqual({ by: 'b', got: { by: 'a', got: 3 } });
    expect(c?.result?.output).toEqual({ by: 'c', got: { of: 'a', in: 3, at: 3 } });
    for (const one of [b, c]) expect(one?.options).toEqual({ labels: { run: 'one' }, priority: 7 });
    expect(await followersOf(node, task)).toEqual([
      { task: b?.id, workflow: 'b' },
      { task: c?.id, workflow: 'c@1.0.0' },
    ]);
    for (const one of [b, c]) {
      const [submitted] = await node.events(one?.id ?? '');
      expect(submitted).toMatchObject({ kind: 'task.submitted', data: { follows: first?.id } });
    }
    expect([...node.kernel.cells.keys()].filter((address) => address.startsWith('chain/'))).toEqual([]);
  });

  it('starts none when it fails', async () => {
    const node = await nodeWith([echo('b')]);
    const steps = [{ id: 'a', agent: 'lab.flaky', input: { failures: 9 }, retry: { attempts: 1 } }];
    node.submit({ graph: withNext({ steps }, [{ workflow: 'b' }]) });
    expect((await tasksOf(node)).map(({ status }) => status)).toEqual(['failed']);
  });

  it('fails where what follows cannot be evaluated, and undoes what it did', async () => {
    const node = await nodeWith([echo('b')]);
    const steps = [{ id: 'a', agent: 'lab.echo', input: 1, compensate: { agent: 'lab.echo' } }];
    node.submit({ graph: withNext({ steps }, [{ workflow: 'b', input: '${output.a.b.c}' }]) });
    expect(await tasksOf(node)).toMatchObject([
      { status: 'failed', result: { error: { code: 'INVALID_INPUT', details: { compensation: { undone: 1 } } } } },
    ]);
  });

  it('is followed through as many links as are written', async () => {
    const node = await nodeWith([echo('c'), echo('b', [{ workflow: 'c' }])]);
    node.submit({ graph: withNext(echo('a'), [{ workflow: 'b' }]) }, 0);
    const last = (await tasksOf(node)).at(-1);
    expect(last?.result?.output).toEqual({ by: 'c', got: { by: 'b', got: { by: 'a', got: 0 } } });
  });
});

describe('A task that cannot be started', () => {
  it('is there as one that failed, so that the link leads somewhere', async () => {
    const disk = new MemoryDisk();
    const first = await nodeWith([echo('b')], { disk });
    const graph = withNext({ steps: [{ id: 'w', agent: 'lab.delay', input: { ms: 5_000 } }] }, [{ workflow: 'b' }]);
    const { task } = first.submit({ graph }, 1, { options: { labels: { run: 'x' } } });
    await first.world.settle();
    first.kill();
    const node = await nodeWith([], { disk, seed: 2 });
    const [, b] = await tasksOf(node);
    expect(b).toMatchObject({
      status: 'failed',
      target: { workflow: 'b' },
      options: { labels: { run: 'x' } },
      result: { error: { code: 'NOT_FOUND' } },
    });
    expect(await followersOf(node, task)).toEqual([{ task: b?.id, workflow: 'b' }]);
    expect((await node.events(b?.id ?? '')).map(({ kind }) => kind)).toEqual(['task.submitted', 'task.failed']);
  });
});

describe('A chain without an end', () => {
  it('is ended with LIVELOCK after so many links', async () => {
    const node = await nodeWith([echo('again', [{ workflow: 'again', input: 0 }])]);
    node.submit({ workflow: 'again' }, 0);
    const tasks = await tasksOf(node);
    expect(tasks).toHaveLength(LIMITS.chainLinksMax + 2);
    expect(tasks.slice(0, -1).every(({ status }) => status === 'completed')).toBe(true);
    expect(tasks.at(-1)).toMatchObject({ status: 'failed', result: { error: { code: 'LIVELOCK' } } });
  });

  it('that grows with each link is ended as a whole', async () => {
    const next = Array.from({ length: LIMITS.workflowNextMax }, () => ({ workflow: 'again', input: 0 }));
    const node = await nodeWith([echo('again', next)]);
    node.submit({ workflow: 'again' }, 0);
    let cursor: string | undefined;
    const statuses: string[] = [];
    await tasksOf(node);
    do {
      const page = await node.desk.list(ME, { limit: 200, ...(cursor !== undefined && { cursor }) });
      statuses.push(...page.tasks.map(({ status }) => status));
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
    const ended = statuses.filter((status) => status === 'completed').length;
    expect(ended).toBeLessThanOrEqual(LIMITS.chainTasksMax + 1);
    expect(ended).toBeGreaterThan(100);
    expect(statuses.filter((status) => status === 'failed').length).toBeLessThan(LIMITS.chainTasksMax);
    expect(new Set(statuses)).toEqual(new Set(['completed', 'failed']));
  });
});

describe('A chain on a node that is full', () => {
  it('waits outside of the tasks, and goes on as there is room', async () => {
    const slow = { ...{ name: 'b', version: '1.0.0' }, steps: [{ id: 'w', agent: 'lab.delay', input: { ms: 3_000 } }] };
    const node = await nodeWith([slow], { tasksInFlightMax: 2 });
    const next = [{ workflow: 'b' }, { workflow: 'b' }, { workflow: 'b' }];
    const { task } = node.submit({ graph: withNext(echo('a'), next) }, 1);
    node.submit({ agent: 'lab.delay' }, { ms: 60_000 });
    await node.world.settle();
    expect(node.kernel.cells.has(`chain/${task}`)).toBe(true);
    expect(await mostInFlight(node)).toBe(2);
    const tasks = await tasksOf(node);
    const followers = tasks.filter(({ target }) => target.workflow === 'b');
    expect(followers.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
    // One after the other: there was room for one.
    const starts = followers.map(({ createdAtMs }) => createdAtMs);
    expect(Math.min(...starts.slice(1).map((at, index) => at - (starts[index] ?? 0)))).toBeGreaterThanOrEqual(3_000);
    expect([...node.kernel.cells.keys()].filter((address) => address.startsWith('chain/'))).toEqual([]);
  });
});

/** The most tasks that are in flight at once, over a while. */
async function mostInFlight(node: WorkNode): Promise<number> {
  let most = 0;
  for (let round = 0; round < 50; round++) {
    most = Math.max(most, node.desk.tasksInFlight);
    await node.world.elapse(200);
  }
  return most;
}

describe('A chain on a node that dies', () => {
  const graph = withNext(echo('a'), [{ workflow: 'b' }, { workflow: 'c' }]);

  async function killedAt(commits: number, outcome: WriteOutcome) {
    let left = Number.POSITIVE_INFINITY;
    let isDead = false;
    const disk = new MemoryDisk({
      onWrite: () => {
        if (isDead) return 'lost';
        if (--left > 0) return 'done';
        isDead = true;
        return outcome;
      },
    });
    const graphs = [echo('b', [{ workflow: 'c' }]), echo('c')].toReversed();
    let node = await nodeWith(graphs, { disk });
    const start = { steps: [{ id: 'w', agent: 'lab.delay', input: { ms: 10 } }], output: 1 };
    const { task } = node.submit({ graph: withNext(start, (graph as { then: object[] }).then) }, 1);
    await node.world.settle();
    left = commits;
    for (let ms = 0; ms < 400 && !isDead; ms += 5) await node.world.elapse(5);
    const died = isDead;
    if (died) {
      const startMs = node.world.nowMs();
      node.kill();
      isDead = false;
      left = Number.POSITIVE_INFINITY;
      node = await nodeWith(graphs, { disk, seed: 2, startMs });
    }
    for (let ms = 0; ms < 2_000; ms += 50) await node.world.elapse(50);
    const { tasks } = await node.desk.list(ME, { limit: 200 });
    const links = await followersOf(node, task);
    node.kill();
    return { tasks: tasks.toReversed(), links, died };
  }

  it('starts each that follows once, whichever commit was the last', async () => {
    let deaths = 0;
    for (let commits = 1; commits < 50; commits++) {
      for (const outcome of ['lost', 'kept'] as const) {
        const { tasks, links, died } = await killedAt(commits, outcome);
        expect(
          tasks.map(({ status }) => status),
          `${outcome} ${commits}`,
        ).toEqual(Array.from({ length: 4 }, () => 'completed'));
        expect(tasks.map(({ target }) => target.workflow).toSorted((a = '', b = '') => a.localeCompare(b))).toEqual([
          'b',
          'c',
          'c',
          undefined,
        ]);
        expect(links).toMatchObject([{ workflow: 'b' }, { workflow: 'c' }]);
        for (const { task } of links) expect(tasks.map(({ id }) => id)).toContain(task);
        if (!died) {
          expect(deaths).toBeGreaterThan(5);
          return;
        }
        deaths++;
      }
    }
  });
});
