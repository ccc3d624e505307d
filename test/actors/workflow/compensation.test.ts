/** Undoing what a workflow has done, on a node: what is undone, in which order, how it is told, and what cannot be undone. */
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { MemoryDisk, type WriteOutcome } from '../../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';
import { booked, bookings } from './bookings.ts';

const ME = 'loopback';

async function nodeOf(more: Parameters<typeof createWorkNode>[0] = {}) {
  const { agents, book } = bookings();
  const node = await createWorkNode({ noBreakers: true, ...more, agents: [...agents, ...(more.agents ?? [])] });
  return { node, book };
}

async function run(steps: readonly object[], more: object = {}, input: unknown = null) {
  const { node, book } = await nodeOf();
  const { task } = node.submit({ graph: { steps, ...more } }, input);
  const record = await node.end(task);
  return { node, task, book, record, error: record.result?.error, lines: await node.events(task) };
}

const inOrder = (names: readonly string[]): readonly string[] => names.toSorted((a, b) => a.localeCompare(b));

function undone(lines: Awaited<ReturnType<WorkNode['events']>>): readonly string[] {
  return lines
    .filter(({ kind }) => kind === 'step.compensated')
    .map(({ data: { step, item } }) => (item === undefined ? (step as string) : `${step as string}/${item as number}`));
}

async function canceled(node: WorkNode, task: string, reason?: string): Promise<void> {
  const done = node.desk.cancel(ME, task, reason);
  await node.world.settle();
  await done;
}

describe('A workflow that fails', () => {
  it('undoes the steps that completed, the last that ended first, each with its own output', async () => {
    const chain = ['a', 'b', 'c', 'd', 'e'].map((id, at, ids) =>
      booked(id, { fails: id === 'd', ...(at > 0 && { needs: [ids[at - 1]] }) }),
    );
    const { record, error, book, lines, node, task } = await run(chain);
    expect(record.status).toBe('failed');
    expect(error).toMatchObject({
      code: 'AGENT_FAILED',
      message: 'Step d failed: no d',
      details: { step: 'd', compensation: { undone: 3 } },
    });
    expect(book).toEqual(['+a', '+b', '+c', '-ref-c', '-ref-b', '-ref-a']);
    expect(undone(lines)).toEqual(['c', 'b', 'a']);
    expect([...node.kernel.cells.keys()].filter((address) => address.includes(task))).toEqual([]);
  });

  it('undoes in the order of the ends, not of the graph', async () => {
    const steps = [
      booked('slow', { ms: 300 }),
      booked('fast', { ms: 100 }),
      booked('middle', { ms: 200 }),
      { id: 'last', agent: 'book', input: { id: 'last', fails: true }, needs: ['slow', 'fast', 'middle'] },
    ];
    expect((await run(steps)).book.slice(3)).toEqual(['-ref-slow', '-ref-middle', '-ref-fast']);
  });

  it('tells what it does in its log, and waits for it', async () => {
    const { node } = await nodeOf();
    const steps = [booked('a', {}, { ms: 5_000 }), { id: 'b', agent: 'book', input: { fails: true }, needs: ['a'] }];
    const { task } = node.submit({ graph: { steps } });
    await node.world.settle();
    expect(await node.store.readTask(task)).toMatchObject({ status: 'working', waiting: 'compensating' });
    const waiting = (await node.events(task)).find(({ kind }) => kind === 'task.waiting');
    expect(waiting?.data).toEqual({
      for: 'compensation',
      steps: 1,
      code: 'AGENT_FAILED',
      message: 'Step b failed: no undefined',
    });
    await node.end(task);
    const lines = (await node.events(task)).filter(({ data }) => data['compensation'] === true);
    expect(lines.map(({ kind, data }) => [kind, data['step'], data['attempt']])).toEqual([
      ['agent.selected', 'a', undefined],
      ['step.started', 'a', 1],
    ]);
  });

  it('leaves alone what says nothing, was skipped, or failed itself', async () => {
    const { compensate: _none, ...plain } = booked('plain') as Record<string, unknown>;
    const steps = [
      plain,
      booked('skipped', { when: 'false' }),
      booked('optional', { fails: true, optional: true }),
      booked('done', { needs: ['plain', 'skipped', 'optional'] }),
      { id: 'end', agent: 'book', input: { id: 'end', fails: true }, needs: ['done'] },
    ];
    const { book, error } = await run(steps);
    expect(book).toEqual(['+plain', '+done', '-ref-done']);
    expect(error?.details).toMatchObject({ compensation: { undone: 1 } });
  });

  it('says nothing of undoing where nothing was done', async () => {
    const { error, lines } = await run([booked('a', { fails: true })]);
    expect(error?.details).toEqual({ step: 'a' });
    expect(lines.map(({ kind }) => kind)).not.toContain('task.waiting');
  });

  it('undoes also where its output cannot be made', async () => {
    const { record, book } = await run([booked('a')], { output: '${steps.a.output.no}' });
    expect(record).toMatchObject({ status: 'failed', result: { error: { code: 'INVALID_INPUT' } } });
    expect(book).toEqual(['+a', '-ref-a']);
  });

  it('gives what undoes a step the input of the step, where nothing else is said', async () => {
    const steps = [
      { id: 'a', agent: 'book', input: { id: 'a' }, compensate: { agent: 'unbook' } },
      { id: 'b', agent: 'book', input: { id: 'b', fails: true }, needs: ['a'] },
    ];
    expect((await run(steps)).book).toEqual(['+a', '-a']);
  });
});

describe('The items of a fan-out', () => {
  const fan = (more: object = {}) => ({
    id: 'fan',
    agent: 'book',
    forEach: '${input}',
    input: '${item}',
    compensate: { agent: 'unbook', input: { id: '${string(index) + ":" + item.id + ":" + steps.fan.output.ref}' } },
    ...more,
  });

  it('are undone one by one, in the reverse order of their ends', async () => {
    const steps = [fan(), { id: 'end', agent: 'book', input: { id: 'end', fails: true }, needs: ['fan'] }];
    const items = [
      { id: 'x', ms: 20 },
      { id: 'y', ms: 10 },
      { id: 'z', ms: 30 },
    ];
    const { book, lines } = await run(steps, {}, items);
    expect(book).toEqual(['+y', '+x', '+z', '-2:z:ref-z', '-0:x:ref-x', '-1:y:ref-y']);
    expect(undone(lines)).toEqual(['fan/2', 'fan/0', 'fan/1']);
  });

  it('are undone also when the fan-out itself fails, as far as they completed', async () => {
    const items = [{ id: 'x' }, { id: 'y' }, { id: 'no', fails: true, ms: 10 }, { id: 'late' }];
    const { book, error } = await run([fan({ concurrency: 3 })], {}, items);
    expect(book).toEqual(['+x', '+y', '+late', '-3:late:ref-late', '-1:y:ref-y', '-0:x:ref-x']);
    expect(error?.message).toContain('Item 2: no no');
  });

  it('that were folded are undone with what they had put out', async () => {
    const reduce = { initial: '', with: 'acc + output.ref' };
    const steps = [
      fan({ merge: 'reduce', reduce }),
      { id: 'end', agent: 'book', input: { id: 'end', fails: true }, needs: ['fan'] },
    ];
    const items = Array.from({ length: 300 }, (_, at) => ({ id: `i${at}` }));
    const { book } = await run(steps, { compensationMs: 3_600_000 }, items);
    expect(book).toHaveLength(600);
    expect(book.slice(300)).toEqual(items.map((_, at) => `-${at}:i${at}:ref-i${at}`).toReversed());
  });
});

describe('What undoes a step', () => {
  const failing = { id: 'end', agent: 'book', input: { id: 'end', fails: true }, needs: ['a', 'b', 'c'] };

  it('is retried like any step', async () => {
    const steps = [booked('a', {}, { failures: 2 }), booked('b'), booked('c'), failing];
    const { book, error, lines } = await run(steps);
    expect(book.slice(3)).toEqual(['-ref-c', '-ref-b', '-ref-a']);
    expect(error?.details).toMatchObject({ compensation: { undone: 3 } });
    const again = lines.filter(({ kind, data }) => kind === 'step.retried' && data['compensation'] === true);
    expect(again.map(({ data }) => data['step'])).toEqual(['a', 'a']);
    expect(lines.find(({ kind, data }) => kind === 'step.compensated' && data['step'] === 'a')?.data).toMatchObject({
      attempt: 3,
    });
  });

  it('does not keep the others from it when it fails for good, and is told with the end', async () => {
    const steps = [booked('a'), booked('b', {}, { failures: 9 }), booked('c'), failing];
    const { book, error, record, lines } = await run(steps);
    expect(record.status).toBe('failed');
    expect(book.slice(3)).toEqual(['-ref-c', '-ref-a']);
    expect(error).toMatchObject({
      code: 'AGENT_FAILED',
      message: 'Step end failed: no end 1 of what it had done could not be undone: see details.compensation.',
      details: {
        compensation: {
          undone: 2,
          remaining: [{ step: 'b', code: 'AGENT_FAILED', message: 'cannot undo ref-b' }],
        },
      },
    });
    expect(undone(lines)).toEqual(['c', 'a']);
  });

  it('that cannot even begin is told in the same way', async () => {
    const wrong = { agent: 'unbook', input: { id: '${steps.b.output.ref.nothing}' } };
    const steps = [booked('a'), { ...booked('b'), compensate: wrong }, booked('c'), failing];
    const { book, error, lines } = await run(steps);
    expect(book.slice(3)).toEqual(['-ref-c', '-ref-a']);
    expect(error?.details).toMatchObject({
      compensation: { undone: 2, remaining: [{ step: 'b', code: 'INVALID_INPUT' }] },
    });
    expect(lines.find(({ kind, data }) => kind === 'step.failed' && data['compensation'] === true)?.data).toMatchObject(
      {
        step: 'b',
        code: 'INVALID_INPUT',
      },
    );
  });

  it('has a time of its own, and what is left when that is over is told', async () => {
    const steps = [booked('a'), booked('b', {}, { ms: 60_000 }), booked('c'), failing];
    const { error, book, record } = await run(steps, { compensationMs: 20_000 });
    expect(book.slice(3)).toEqual(['-ref-c']);
    expect(error?.details).toMatchObject({
      compensation: {
        undone: 1,
        remaining: [
          { step: 'b', code: 'DEADLINE_EXCEEDED' },
          { step: 'a', code: 'DEADLINE_EXCEEDED' },
        ],
      },
    });
    expect(record.result?.durationMs).toBeLessThan(25_000);
  });

  it('may wait for a person, whose word lets it go on', async () => {
    const disk = new MemoryDisk();
    const undoing: string[] = [];
    let hangs = true;
    const pay = defineAgent({
      name: 'payback',
      version: '1.0.0',
      run: async ({ input, ctx }) =>
        await ctx.journal(
          'pay back',
          async () => {
            undoing.push(String(input));
            if (hangs) await new Promise<never>(() => undefined);
          },
          { kind: 'unsafe' },
        ),
    });
    const steps = [booked('a'), { ...booked('b', { needs: ['a'] }), compensate: { agent: 'payback', input: 'b' } }];
    const first = await nodeOf({ disk, agents: [pay] });
    const { task } = first.node.submit({ graph: { steps, output: '${steps.b.output.no}' } });
    await first.node.world.settle();
    expect(undoing).toEqual(['b']);
    first.node.kill();
    hangs = false;
    const second = await nodeOf({ disk, agents: [pay], seed: 2 });
    await second.node.world.settle();
    const status = async () => await second.node.store.readTask(task);
    expect(await status()).toMatchObject({ status: 'input-required' });
    const [effect] = (await second.node.effects.list(ME, { limit: 5 })).effects;
    const decided = second.node.effects.resolve(ME, String(effect?.id), { decision: 'done', output: null });
    await second.node.world.settle();
    await decided;
    const record = await second.node.end(task);
    expect(record).toMatchObject({ status: 'failed', result: { error: { details: { compensation: { undone: 2 } } } } });
    expect([undoing, second.book]).toEqual([['b'], ['-ref-a']]);
  });
});

describe('A workflow that is canceled', () => {
  it('undoes what it has done before it ends canceled', async () => {
    const { node, book } = await nodeOf();
    const steps = [booked('a', {}, { ms: 1_000 }), { id: 'wait', agent: 'lab.stall', needs: ['a'] }];
    const { task } = node.submit({ graph: { steps } });
    await node.world.settle();
    await canceled(node, task, 'enough');
    expect(await node.store.readTask(task)).toMatchObject({ status: 'working', waiting: 'compensating' });
    // Another one changes nothing.
    await canceled(node, task);
    expect(await node.end(task)).toMatchObject({
      status: 'canceled',
      result: {
        error: {
          code: 'CANCELED',
          message: 'The task was canceled: enough',
          details: { compensation: { undone: 1 } },
        },
      },
    });
    expect(book).toEqual(['+a', '-ref-a']);
  });

  it('ends at once where nothing was done, or nothing can be undone', async () => {
    const { node } = await nodeOf();
    const stall = { id: 'wait', agent: 'lab.stall' };
    const one = node.submit({ graph: { steps: [stall, booked('later', { needs: ['wait'] })] } }).task;
    const two = node.submit({ graph: { steps: [stall] } }).task;
    await node.world.settle();
    for (const task of [one, two]) {
      await canceled(node, task);
      expect((await node.store.readTask(task))?.result?.error).toEqual({
        code: 'CANCELED',
        message: 'The task was canceled.',
        retryable: false,
      });
    }
  });

  it('lets a step end that could be undone, and undoes it', async () => {
    const { node, book } = await nodeOf();
    const { task } = node.submit({ graph: { steps: [booked('a', { ms: 3_000 }), booked('b', { needs: ['a'] })] } });
    await node.world.elapse(1_000);
    await canceled(node, task);
    expect(await node.store.readTask(task)).toMatchObject({ status: 'working', waiting: 'compensating' });
    expect(await node.end(task)).toMatchObject({ status: 'canceled' });
    expect(book).toEqual(['+a', '-ref-a']);
  });

  it('does not wait for one for long, and tells that it was cut off', async () => {
    const { node, book } = await nodeOf();
    const steps = [booked('a'), booked('b', { ms: 60_000, needs: ['a'] })];
    const { task } = node.submit({ graph: { steps } });
    await node.world.elapse(1_000);
    await canceled(node, task);
    const { status, result } = await node.end(task);
    expect(status).toBe('canceled');
    expect(result?.error?.details).toEqual({ compensation: { undone: 1, cutOff: [{ step: 'b' }] } });
    expect(result?.error?.message).toContain('1 that could have been undone were cut off before they ended');
    expect(result?.durationMs).toBeLessThan(10_000);
    expect(book).toEqual(['+a', '-ref-a']);
  });
});

describe('The deadline of a task', () => {
  it('leaves what was done time to be undone', async () => {
    const { node, book } = await nodeOf();
    const steps = [booked('a', {}, { ms: 30_000 }), { id: 'wait', agent: 'lab.stall', needs: ['a'] }];
    const { task } = node.submit({ graph: { steps } }, null, { options: { deadlineMs: 10_000 } });
    expect(await node.end(task)).toMatchObject({
      status: 'failed',
      result: { error: { code: 'DEADLINE_EXCEEDED', details: { compensation: { undone: 1 } } } },
    });
    expect(book).toEqual(['+a', '-ref-a']);
  });
});

describe('A workflow on a node that dies', () => {
  const items = [{ id: 'x', ms: 5 }, { id: 'y' }, { id: 'z', ms: 9 }];
  const graph = {
    steps: [
      booked('a'),
      booked('b', { ms: 40, needs: ['a'] }, { failures: 1 }),
      {
        id: 'fan',
        agent: 'book',
        needs: ['a'],
        forEach: '${input}',
        concurrency: 2,
        input: '${item}',
        compensate: { agent: 'unbook', input: { id: '${steps.fan.output.ref}', ms: 20 } },
      },
      booked('c', { needs: ['b', 'fan'] }, { failures: 9 }),
      { id: 'end', agent: 'book', input: { id: 'end', fails: true }, needs: ['c'] },
    ],
  };

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
    let { node, book } = await nodeOf({ disk });
    const { task } = node.submit({ graph }, items);
    await node.world.settle();
    left = commits;
    for (let ms = 0; ms < 3_000 && !isDead; ms += 10) await node.world.elapse(10);
    const died = isDead;
    if (died) {
      const startMs = node.world.nowMs();
      node.kill();
      isDead = false;
      left = Number.POSITIVE_INFINITY;
      const first = book;
      ({ node, book } = await nodeOf({ disk, seed: 2, startMs }));
      book.unshift(...first);
    }
    const record = await node.end(task);
    const lines = await node.events(task);
    const rest = disk.keys().filter((key) => /(?:step|run|flow|task)\//.test(key));
    node.kill();
    return { record, lines, book, rest, died };
  }

  it('undoes each step once, in the same order, whichever commit was the last', async () => {
    const straight = await killedAt(Number.POSITIVE_INFINITY, 'kept');
    expect(undone(straight.lines)).toEqual(['b', 'fan/2', 'fan/0', 'fan/1', 'a']);
    expect(straight.record.result?.error?.details).toMatchObject({
      compensation: { undone: 5, remaining: [{ step: 'c', code: 'AGENT_FAILED' }] },
    });
    let deaths = 0;
    for (let commits = 1; ; commits++) {
      for (const outcome of ['lost', 'kept'] as const) {
        const killed = await killedAt(commits, outcome);
        if (!killed.died) {
          expect(deaths).toBeGreaterThan(20);
          return;
        }
        deaths++;
        expect(killed.record.result?.error, `${outcome} ${commits}`).toEqual(straight.record.result?.error);
        expect(inOrder(undone(killed.lines))).toEqual(inOrder(undone(straight.lines)));
        expect(killed.rest).toEqual([]);
        // What was undone was done before, and is done no more.
        const happened = [...new Set(killed.book)];
        for (const id of ['a', 'b', 'x', 'y', 'z'])
          expect(happened.indexOf(`-ref-${id}`)).toBeGreaterThan(happened.indexOf(`+${id}`));
        const ends = killed.lines.filter(
          ({ kind, data }) => kind === 'step.completed' && data['attempt'] !== undefined,
        );
        expect(undone(killed.lines)).toEqual(
          ends
            .map(({ data: { step, item } }) => (item === undefined ? step : `${step as string}/${item as number}`))
            .filter((place) => place !== 'c')
            .toReversed(),
        );
      }
    }
  });
});
