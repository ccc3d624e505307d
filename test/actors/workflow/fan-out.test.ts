/** Fan-outs on a node: what each merge gives, what it cancels, what it can bear, and what is left of it in the store. */
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

interface Work {
  readonly ms?: number;
  readonly fails?: boolean;
  readonly value?: unknown;
}

/** Takes `ms`, then fails or returns `value`. Counts what is under way at once. */
function worker() {
  const seen = { begun: [] as unknown[], now: 0, most: 0 };
  const agent = defineAgent({
    name: 'worker',
    version: '1.0.0',
    retry: { attempts: 1 },
    concurrency: 1_000,
    run: async ({ input, ctx }) => {
      const { ms = 0, fails = false, value = null } = input as Work;
      seen.begun.push(value);
      seen.most = Math.max(seen.most, ++seen.now);
      try {
        if (ms > 0) await ctx.sleep(ms);
        if (fails) throw new OperatingError('AGENT_FAILED', `no ${String(value)}`, { retryable: false });
        return value;
      } finally {
        seen.now--;
      }
    },
  });
  return { agent, seen };
}

async function run(items: readonly Work[], more: object, graphMore: object = {}) {
  const { agent, seen } = worker();
  const node = await createWorkNode({ agents: [agent], noBreakers: true });
  const step = { id: 'fan', agent: 'worker', forEach: '${input}', ...more };
  const graph = { steps: [step], output: '${steps.fan.output}', ...graphMore };
  const { task } = node.submit({ graph }, items);
  const { status, result } = await node.end(task);
  const lines = await node.events(task);
  return { node, task, seen, status, output: result?.output, error: result?.error, degraded: result?.degraded, lines };
}

const ok = (value: unknown, ms = 0): Work => ({ value, ms });
const bad = (value: unknown, ms = 0): Work => ({ value, ms, fails: true });

/** The line that says how the step ended as a whole. */
function endOf(lines: Awaited<ReturnType<WorkNode['events']>>) {
  return lines.find(({ kind, data }) => /^step\.(completed|degraded)$/.test(kind) && data['items'] !== undefined);
}

describe('What a merge gives', () => {
  it.each<[what: string, merge: object, items: readonly Work[], output: unknown]>([
    ['all: every output, in the order of the items', {}, [ok('a', 30), ok('b', 10), ok('c', 20)], ['a', 'b', 'c']],
    ['all of nothing: an empty list', { merge: 'all' }, [], []],
    ['any: the first output that is there', { merge: 'any' }, [ok('a', 30), ok('b', 10), ok('c', 20)], 'b'],
    ['any, also of null', { merge: 'any' }, [ok(null, 10), ok('b', 20)], null],
    ['any, past those that fail', { merge: 'any' }, [bad('a', 5), bad('b', 10), ok('c', 20)], 'c'],
    [
      'first:N: the first N, in the order of the items',
      { merge: 'first:2' },
      [ok('a', 30), ok('b', 20), ok('c', 10)],
      ['b', 'c'],
    ],
    ['first:N of just as many', { merge: 'first:2' }, [ok('a'), ok('b')], ['a', 'b']],
    [
      'first:N, past those that fail',
      { merge: 'first:2' },
      [bad('a'), ok('b', 20), bad('c', 5), ok('d', 10)],
      ['b', 'd'],
    ],
    ['quorum: those of the majority', { merge: 'quorum' }, [ok(1, 40), ok(2, 20), ok(3, 10), ok(4, 30)], [2, 3, 4]],
    [
      'quorum, past those that fail',
      { merge: 'quorum' },
      [ok(1, 40), bad(2, 20), ok(3, 10), ok(4, 30), bad(5)],
      [1, 3, 4],
    ],
    [
      'reduce: a fold in the order of the items',
      { merge: 'reduce', reduce: { initial: '', with: 'acc + output' } },
      [ok('a', 30), ok('b', 10), ok('c', 20)],
      'abc',
    ],
    [
      'reduce of nothing: what it begins with',
      { merge: 'reduce', reduce: { initial: '${input}', with: 'acc' } },
      [],
      [],
    ],
    [
      'reduce from null where nothing is said',
      { merge: 'reduce', reduce: { with: 'acc == null ? output : acc + output' } },
      [ok(1), ok(2), ok(4)],
      7,
    ],
    [
      'reduce over items and their places',
      { merge: 'reduce', reduce: { initial: [], with: 'acc + [{"at": index, "ms": item.ms, "is": output}]' } },
      [ok('a', 2), ok('b', 1)],
      [
        { at: 0, ms: 2, is: 'a' },
        { at: 1, ms: 1, is: 'b' },
      ],
    ],
  ])('%s', async (_what, merge, items, output) => {
    const found = await run(items, merge);
    expect(found.error).toBeUndefined();
    expect(found.output).toEqual(output);
    found.node.kill();
  });

  it('is the same when the items come one by one', async () => {
    const { output, seen } = await run([ok('a', 30), ok('b', 10), ok('c', 20)], { merge: 'first:2', concurrency: 1 });
    expect(output).toEqual(['a', 'b']);
    expect(seen).toMatchObject({ begun: ['a', 'b'], most: 1 });
  });
});

describe('A merge that has what it needs', () => {
  it('cancels what is under way, and never begins the rest', async () => {
    const items = [ok('a', 10), ok('b', 60_000), ok('c', 60_000), ok('d', 60_000)];
    const { node, task, seen, lines, status } = await run(items, { merge: 'any', concurrency: 2 });
    expect(status).toBe('completed');
    expect(seen.begun).toEqual(['a', 'b']);
    expect(endOf(lines)?.data).toEqual({ step: 'fan', items: 4, completed: 1, failed: 0, canceled: 1 });
    expect([...node.kernel.cells.keys()].filter((address) => address.includes(task))).toEqual([]);
  });

  it('writes down the failures that it could bear', async () => {
    const { degraded, lines } = await run([bad('a', 1), bad('b', 2), ok('c', 3)], { merge: 'any' });
    const borne = lines.filter(({ kind, data }) => kind === 'step.degraded' && data['item'] !== undefined);
    expect(borne.map(({ data }) => data)).toEqual([
      { step: 'fan', item: 0, code: 'AGENT_FAILED', message: 'no a' },
      { step: 'fan', item: 1, code: 'AGENT_FAILED', message: 'no b' },
    ]);
    expect(endOf(lines)).toMatchObject({ kind: 'step.completed', data: { items: 3, completed: 1, failed: 2 } });
    expect(degraded).toEqual([
      { step: 'fan', code: 'AGENT_FAILED', message: '2 of 3 items failed; the first of them, item 0: no a' },
    ]);
  });
});

describe('A merge that cannot be had', () => {
  it.each<[merge: object, items: readonly Work[], message: string]>([
    [{}, [ok('a'), bad('b', 5), ok('c', 10)], 'Step fan failed: Item 1: no b (1 of 3 items had ended well.)'],
    [
      { merge: 'any' },
      [bad('a', 1), bad('b', 2)],
      'Step fan failed: 2 of 2 items failed and 0 ended well; merge any needs 1. The last to fail, item 1: no b',
    ],
    [
      { merge: 'first:2' },
      [ok('a'), bad('b', 1), bad('c', 2)],
      'Step fan failed: 2 of 3 items failed and 1 ended well; merge first:2 needs 2. The last to fail, item 2: no c',
    ],
    [
      { merge: 'quorum' },
      [bad('a', 1), ok('b'), bad('c', 2), ok('d', 50)],
      'Step fan failed: 2 of 4 items failed and 1 ended well; merge quorum needs 3. The last to fail, item 2: no c',
    ],
    [{ merge: 'any' }, [], 'Step fan failed: forEach has 0 items; merge any needs 1.'],
    [{ merge: 'first:3' }, [ok('a'), ok('b')], 'Step fan failed: forEach has 2 items; merge first:3 needs 3.'],
    [{ merge: 'quorum' }, [], 'Step fan failed: forEach has 0 items; merge quorum needs 1.'],
    [
      { merge: 'reduce', reduce: { initial: 0, with: 'acc + output' } },
      [ok(1), bad(2, 5)],
      'Step fan failed: Item 1: no 2 (1 of 2 items had ended well.)',
    ],
  ])('fails the step, and counts: %j', async (merge, items, message) => {
    const { status, error, node, task } = await run(items, merge);
    expect(status).toBe('failed');
    expect(error?.message).toBe(message);
    expect([...node.kernel.cells.keys()].filter((address) => address.includes(task))).toEqual([]);
  });

  it('says in its details which item, and how many', async () => {
    const { error } = await run([ok('a'), bad('b', 5)], {});
    expect(error?.details).toEqual({ step: 'fan', cause: { item: 1, items: 2, completed: 1, failed: 1 } });
  });

  it('does not begin more items', async () => {
    const { seen } = await run([bad('a'), bad('b'), ok('c'), ok('d')], { merge: 'first:3', concurrency: 1 });
    expect(seen.begun).toEqual(['a', 'b']);
  });
});

describe('An optional fan-out', () => {
  it.each<[what: string, merge: object, items: readonly Work[], output: unknown]>([
    ['all: with null in the places of those that failed', {}, [ok('a', 9), bad('b'), ok('c', 5)], ['a', null, 'c']],
    ['first:N: with fewer', { merge: 'first:3' }, [ok('a', 9), bad('b'), ok('c', 5)], ['a', 'c']],
    ['first:N of too few items', { merge: 'first:3' }, [ok('a')], ['a']],
    ['quorum: with a minority', { merge: 'quorum' }, [bad('a'), bad('b'), ok('c', 5)], ['c']],
    [
      'reduce: without those that failed',
      { merge: 'reduce', reduce: { initial: 0, with: 'acc + output' } },
      [ok(1, 9), bad(2), ok(4, 5)],
      5,
    ],
    ['nothing at all, when every item failed', {}, [bad('a'), bad('b')], null],
    ['nothing of any', { merge: 'any' }, [bad('a'), bad('b')], null],
  ])('gives what there is of %s', async (_what, merge, items, output) => {
    const { status, lines, degraded, ...found } = await run(items, { ...merge, optional: true });
    expect(status).toBe('completed');
    expect(found.output).toEqual(output);
    expect(degraded).toMatchObject([{ step: 'fan' }]);
    const words = lines.filter(({ kind, data }) => kind === 'step.degraded' && data['item'] === undefined);
    expect(words).toHaveLength(1);
  });

  it('says nothing where nothing went wrong', async () => {
    const { degraded, output } = await run([ok('a'), ok('b')], { optional: true });
    expect(output).toEqual(['a', 'b']);
    expect(degraded).toBeUndefined();
  });
});

describe('An item whose input cannot be evaluated', () => {
  const input = '${item.value.x}';

  it('has failed, like one whose agent fails', async () => {
    const items = [ok(1), ok({ x: { value: 'fine' } })];
    const found = await run(items, { input, merge: 'any' });
    expect(found).toMatchObject({ status: 'completed', output: 'fine', degraded: [{ code: 'INVALID_INPUT' }] });
    expect(await run(items, { input })).toMatchObject({ status: 'failed', error: { code: 'INVALID_INPUT' } });
  });

  it('does not keep the node from other work, however many there are', async () => {
    const items = Array.from({ length: 500 }, () => ok(1));
    const { status, error, lines } = await run(items, { input, merge: 'any' });
    expect(status).toBe('failed');
    expect(error?.message).toContain('500 of 500 items failed and 0 ended well; merge any needs 1.');
    expect(lines.filter(({ kind }) => kind === 'step.failed')).toHaveLength(500);
  });
});

describe('A fold', () => {
  it.each([
    ['fails its step where it cannot be evaluated', { with: 'acc + output.no' }, 'output.no'],
    [
      'has the budget of one expression for all of it',
      { initial: [], with: 'acc + [output]' },
      'more than 500,000 operations',
    ],
    [
      'has a bound for what it comes to',
      { initial: 'x', with: 'acc + acc' },
      /cannot be kept as an output|more than 500,000/,
    ],
  ])('%s', async (_what, reduce, words) => {
    const items = Array.from({ length: 2_000 }, (_, value) => ok(value));
    const { status, error } = await run(items, { merge: 'reduce', reduce, concurrency: 100 });
    expect(status).toBe('failed');
    expect(error?.message).toMatch(words);
  });

  it('goes over thousands of items where it costs little', async () => {
    const items = Array.from({ length: 1_500 }, (_, value) => ok(value));
    const reduce = { initial: { n: 0, sum: 0 }, with: '{"n": acc.n + 1, "sum": acc.sum + output}' };
    const { output } = await run(items, { merge: 'reduce', reduce, concurrency: 50 });
    expect(output).toEqual({ n: 1_500, sum: (1_499 * 1_500) / 2 });
  });
});

/** More than are folded between two rows of a fold. */
const ITEMS = 600;

describe('The rows of a fan-out', () => {
  const graph = (more: object) => ({
    steps: [{ id: 'fan', agent: 'worker', forEach: '${input}', concurrency: 10, ...more }],
    output: '${steps.fan.output}',
  });

  /** What the flow keeps in the store, and how often each row was written. */
  async function watched(more: object, items: readonly Work[]) {
    const { agent } = worker();
    const node = await createWorkNode({ agents: [agent], noBreakers: true });
    const written = new Map<string, number>();
    const commit = node.store.commit.bind(node.store);
    let headBytesMax = 0;
    let rowsMax = 0;
    const rows = new Set<string>();
    node.store.commit = async (epoch, fence) => {
      for (const { address, key, value } of epoch.attachments) {
        if (!address.startsWith('flow/')) continue;
        if (value === null) rows.delete(key);
        else rows.add(key);
        if (value !== null) written.set(key, (written.get(key) ?? 0) + 1);
      }
      rowsMax = Math.max(rowsMax, rows.size);
      for (const { address, head } of epoch.cells)
        if (address.startsWith('flow/')) headBytesMax = Math.max(headBytesMax, head?.length ?? 0);
      await commit(epoch, fence);
    };
    const record = await node.finish({ graph: graph(more) }, items);
    return { record, written, headBytesMax, rowsMax };
  }

  const many = Array.from({ length: ITEMS }, (_, value) => ok(value, 1 + (value % 7)));

  it('are written once each, and its state does not grow with its items', async () => {
    const { record, written, headBytesMax } = await watched({}, many);
    expect(record.result?.output).toHaveLength(ITEMS);
    const counts = many.map((_, item) => written.get(`out/fan/${item}`) ?? 0);
    // The last rows go with the flow, in the commit that they would have been in.
    expect(counts.slice(0, -10)).toEqual(Array.from({ length: ITEMS - 10 }, () => 1));
    expect(Math.max(...counts)).toBe(1);
    expect(headBytesMax).toBeLessThan(500);
  });

  it('go as they are folded, so that there are never many', async () => {
    const reduce = { initial: 0, with: 'acc + output' };
    const { record, rowsMax } = await watched({ merge: 'reduce', reduce }, many);
    expect(record.result?.output).toBe(((ITEMS - 1) * ITEMS) / 2);
    expect(rowsMax).toBeLessThan(300);
  });
});

describe('A fan-out on a node that is killed', () => {
  it.each<[what: string, more: object]>([
    ['all', {}],
    ['reduce', { merge: 'reduce', reduce: { initial: '', with: 'acc + "," + string(output)' } }],
    [
      'reduce of an optional step',
      { optional: true, merge: 'reduce', reduce: { initial: 0, with: 'acc * 3 % 1000 + output' } },
    ],
  ])('comes to the same: %s', async (_what, more) => {
    const items = Array.from({ length: 400 }, (_, value) =>
      value % 50 === 7 && 'optional' in more ? bad(value, 3) : ok(value, 2 + ((value * 7) % 90)),
    );
    const straight = await run(items, { ...more, concurrency: 20 });
    const disk = new MemoryDisk();
    let seed = 1;
    let node = await createWorkNode({ agents: [worker().agent], disk, noBreakers: true });
    const step = { id: 'fan', agent: 'worker', forEach: '${input}', ...more, concurrency: 20 };
    const { task } = node.submit({ graph: { steps: [step], output: '${steps.fan.output}' } }, items);
    for (let kill = 0; kill < 4; kill++) {
      await node.world.elapse(150 + kill * 40);
      const startMs = node.world.nowMs();
      node.kill();
      node = await createWorkNode({ agents: [worker().agent], disk, seed: ++seed, startMs, noBreakers: true });
    }
    const record = await node.end(task);
    expect(record.result?.output).toEqual(straight.output);
    expect(record.result?.degraded).toEqual(straight.degraded);
    const done = (await node.events(task)).filter(
      ({ kind, data }) => kind === 'step.completed' && data['item'] !== undefined,
    );
    expect(new Set(done.map(({ data }) => data['item'])).size).toBe(done.length);
  });
});

describe('The outputs of a workflow', () => {
  it('are bounded together', async () => {
    const large = 'x'.repeat(900_000);
    const agent = defineAgent({ name: 'large', version: '1.0.0', run: () => large });
    const node = await createWorkNode({ agents: [agent], noBreakers: true });
    const items = Array.from({ length: 100 }, (_, item) => item);
    const graph = (more: object) => ({
      steps: [{ id: 'fan', agent: 'large', forEach: '${input}', ...more }],
      output: 1,
    });
    const failed = await node.finish({ graph: graph({}) }, items);
    expect(failed.result?.error).toMatchObject({ code: 'INVALID_OUTPUT' });
    expect(failed.result?.error?.message).toMatch(
      /Item 7\d: The outputs of this workflow's steps are over 67108864 bytes/,
    );
    const reduce = { initial: 0, with: 'acc + 1' };
    expect((await node.finish({ graph: graph({ merge: 'reduce', reduce }) }, items)).status).toBe('completed');
  });
});
