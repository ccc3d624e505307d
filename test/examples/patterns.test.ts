/**
 * The workflow patterns of docs/patterns.md, run as examples/patterns/ has them. What a pattern is about shows in the log of
 * its task: a trace has when (ms since the task began), what and of which step (`:` and the item, `~` and the round).
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/node-process.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

const FOLDER = path.join(ROOT, 'examples', 'patterns');
const ME = 'loopback';

interface Pattern {
  readonly name: string;
  readonly version: string;
  readonly description: string;
}

function patternOf(file: string): Pattern {
  return JSON.parse(readFileSync(path.join(FOLDER, file), 'utf8')) as Pattern;
}

/** A node that has begun with one, and knows the workflows that it needs. */
async function begun(file: string, input: unknown = {}, needed: readonly string[] = []) {
  const node = await createWorkNode();
  for (const other of needed) node.registry.registerWorkflow(node.plans.admit(patternOf(other)), 'registered');
  const { task } = node.submit({ graph: patternOf(file) }, input);
  await node.world.settle();
  return { node, task };
}

/** What is seen of steps in the log of a task. */
async function traceOf(node: WorkNode, task: string): Promise<string[]> {
  const events = await node.events(task);
  const beginMs = events.find(({ kind }) => kind === 'task.submitted')?.at ?? 0;
  return events
    .filter(({ kind }) => kind.startsWith('step.') || kind === 'task.waiting')
    .map(({ at, kind, data: { step, item, round } }) => {
      const place = `${String(step)}${typeof item === 'number' ? `:${item}` : ''}`;
      return `${at - beginMs} ${kind.slice(5)} ${place}${typeof round === 'number' ? `~${round}` : ''}`;
    });
}

/** Its output and trace, once it has completed. */
async function ended({ node, task }: Awaited<ReturnType<typeof begun>>) {
  const { result } = await node.end(task);
  expect(result?.error).toBeUndefined();
  expect(result?.status).toBe('completed');
  return { output: result?.output, trace: await traceOf(node, task), degraded: result?.degraded };
}

async function run(file: string, input?: unknown, needed?: readonly string[]) {
  return await ended(await begun(file, input, needed));
}

async function signal(node: WorkNode, task: string, name: string, data: unknown = {}): Promise<void> {
  const sent = node.desk.signal(ME, task, name, data);
  await node.world.settle();
  await sent;
}

describe('The folder of patterns', () => {
  const doc = readFileSync(path.join(ROOT, 'docs', 'patterns.md'), 'utf8');
  const files = readdirSync(FOLDER);

  it('has workflows that say what they are, and the page links each', () => {
    expect(files.length).toBeGreaterThan(15);
    for (const file of files) {
      const { name, version, description } = patternOf(file);
      expect([file.slice(3), version]).toEqual([`${name}.json`, '1.0.0']);
      expect(description.length).toBeGreaterThan(20);
      expect(doc).toContain(`(../examples/patterns/${file})`);
    }
  });

  it('is about the twenty patterns, and no other: the page has a line for each', () => {
    const lines = [...doc.matchAll(/^\| (\d+) \| [^|]+ \| (yes|in part|no) \| [^|]+ \|([^|]*)\|$/gm)];
    expect(lines.map(([, number]) => Number(number))).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    for (const [, number, support, examples = ''] of lines) {
      const file = `../examples/patterns/${String(number).padStart(2, '0')}-`;
      expect(examples.includes(file), `${number}: ${support}`).toBe(support !== 'no');
    }
  });
});

describe('Basic control flow', () => {
  it('1, sequence: each begins when the one before it has completed', async () => {
    const { output, trace } = await run('01-sequence.json', { order: 7 });
    expect(output).toBe('shipped, packed, reserved 7');
    expect(trace).toEqual([
      ...['0 started reserve', '2000 completed reserve'],
      ...['2000 started pack', '3000 completed pack'],
      ...['3000 started ship', '3000 completed ship'],
    ]);
  });

  it('2, parallel split: both begin with the end of the one before them', async () => {
    const { output, trace } = await run('02-parallel-split.json', { order: 7 });
    expect(output).toEqual({ bill: 'billed 7', pack: 'packed 7' });
    expect(trace).toEqual([
      ...['0 started check', '0 completed check', '0 started bill', '0 started pack'],
      ...['1000 completed pack', '2000 completed bill'],
    ]);
  });

  it('3, synchronization: begins once, with the last of the branches', async () => {
    const { output, trace } = await run('03-synchronization.json', { order: 7 });
    expect(output).toBe('7: billed, packed');
    expect(trace).toEqual([
      ...['0 started bill', '0 started pack', '1000 completed pack', '2000 completed bill'],
      ...['2000 started ship', '2000 completed ship'],
    ]);
  });

  it.each([
    [999, 'clerk', 'board', { clerk: 'approved by a clerk', board: null }],
    [1_000, 'board', 'clerk', { clerk: null, board: 'approved by the board' }],
  ])('4, exclusive choice: with %d only the %s', async (amount, taken, left, expected) => {
    const { output, trace } = await run('04-exclusive-choice.json', { amount });
    expect(output).toEqual(expected);
    expect(trace).toEqual([`0 skipped ${left}`, `0 started ${taken}`, `0 completed ${taken}`]);
  });

  it.each([
    [999, 'clerk', 'board', 'paid, approved by a clerk'],
    [1_000, 'board', 'clerk', 'paid, approved by the board'],
  ])('5, simple merge: with %d once after the %s, without waiting for the other', async (amount, taken, left, said) => {
    const { output, trace } = await run('05-simple-merge.json', { amount });
    expect(output).toBe(said);
    expect(trace).toEqual([
      ...[`0 skipped ${left}`, `0 started ${taken}`, `1000 completed ${taken}`],
      ...['1000 started pay', '1000 completed pay'],
    ]);
  });
});

describe('Branching and synchronization', () => {
  it.each([
    [true, true, ['started firefighters', 'started ambulance', 'completed firefighters', 'completed ambulance']],
    [true, false, ['skipped ambulance', 'started firefighters', 'completed firefighters']],
    [false, true, ['skipped firefighters', 'started ambulance', 'completed ambulance']],
    [false, false, ['skipped firefighters', 'skipped ambulance']],
  ])('6, multi-choice: fire %s, injured %s', async (fire, injured, seen) => {
    const { output, trace } = await run('06-multi-choice.json', { fire, injured });
    const firefighters = fire ? 'firefighters sent' : null;
    expect(output).toEqual({ firefighters, ambulance: injured ? 'ambulance sent' : null });
    expect(trace).toEqual(seen.map((line) => `0 ${line}`));
  });

  it.each([
    [true, true, 2_000, ['firefighters', 'ambulance']],
    [true, false, 2_000, ['firefighters']],
    [false, true, 1_000, ['ambulance']],
    [false, false, 0, []],
  ])('7, structured synchronizing merge: fire %s, injured %s, reported at %d', async (fire, injured, atMs, sent) => {
    const { output, trace } = await run('07-structured-synchronizing-merge.json', { fire, injured });
    expect(output).toEqual(sent);
    expect(trace.filter((line) => line.includes('started report'))).toEqual([`${atMs} started report`]);
    expect(trace.filter((line) => /completed (fire|amb)/.test(line))).toHaveLength(sent.length);
  });

  it('8, multi-merge: what follows runs once for each branch, as that ends', async () => {
    const { output, trace } = await run('08-multi-merge.json', {}, ['08-branch.json']);
    expect(output).toEqual(['inspected foundation', 'inspected cable']);
    expect(trace.filter((line) => line.includes('inspect'))).toEqual([
      ...['1000 started branch:1.inspect', '1000 completed branch:1.inspect'],
      ...['2000 started branch:0.inspect', '2000 completed branch:0.inspect'],
    ]);
  });

  it('9, discriminator: begins once, with the first branch; the others are canceled', async () => {
    const { node, task } = await begun('09-structured-discriminator.json');
    const branches = () => [...node.kernel.cells.keys()].filter((address) => address.includes(`${task}/source`));
    expect(branches().length).toBeGreaterThanOrEqual(3);
    const { output, trace } = await ended({ node, task });
    expect(output).toBe('taken from the mirror');
    expect(trace).toEqual([
      ...['0 started source', '0 started source:0', '0 started source:1', '0 started source:2'],
      ...['1000 completed source:1', '1000 completed source', '1000 started use', '1000 completed use'],
    ]);
    const whole = (await node.events(task)).find(({ data }) => data['canceled'] !== undefined);
    expect(whole?.data).toMatchObject({ step: 'source', completed: 1, canceled: 2 });
    expect(branches()).toEqual([]);
  });
});

describe('Structures', () => {
  it('10, cycles: all steps of a round, again until the last is content', async () => {
    const { output, trace } = await run('10-arbitrary-cycles.json', {}, ['10-round.json']);
    expect(output).toBe(3);
    expect(trace.filter((line) => line.includes('started'))).toEqual(
      [1, 2, 3].flatMap((round) => ['', '.write', '.review'].map((step) => `0 started revise~${round}${step}`)),
    );
    expect(trace.at(-1)).toBe('0 completed revise');
  });

  it('11, implicit termination: ends with the last thing that was to be done', async () => {
    const { node, task } = await begun('11-implicit-termination.json');
    await node.world.elapse(2_999);
    expect((await node.kinds(task)).at(-1)).toBe('step.completed');
    await node.world.elapse(1);
    expect((await node.kinds(task)).at(-1)).toBe('task.completed');
    const { output, trace } = await ended({ node, task });
    expect(output).toEqual({ letter: 'sent', label: 'labeled' });
    expect(trace.slice(2)).toEqual([
      ...['1000 completed letter', '3000 completed archive', '3000 started label', '3000 completed label'],
    ]);
  });
});

describe('Several instances', () => {
  it.each([[['Ada', 'Bo']], [['Ada', 'Bo', 'Cy']], [[]]])('12, without synchronization: %j', async (items) => {
    const { node, task } = await begun('12-instances-without-synchronization.json', { items }, ['12-instance.json']);
    expect(await ended({ node, task })).toMatchObject({
      output: `${items.length} letters`,
      trace: ['0 started open', '0 completed open'],
    });
    const links = (await node.events(task)).filter(({ kind }) => kind === 'task.chained');
    const instances = links.map(({ data }) => String(data['task']));
    const records = await Promise.all(instances.map((instance) => node.end(instance)));
    expect(records.map(({ result }) => result?.output)).toEqual(items.map((item) => `sent to ${item}`));
    for (const instance of instances)
      expect(await traceOf(node, instance)).toEqual(['0 started send', '1000 completed send']);
    expect((await node.desk.list(ME, { limit: 10 })).tasks).toHaveLength(items.length + 1);
  });

  it('13, known beforehand: all at once, and what follows waits for the last', async () => {
    const { output, trace } = await run('13-instances-at-design-time.json');
    expect(output).toEqual(['signature 1', 'signature 2', 'signature 3']);
    expect(trace).toEqual([
      ...['0 started sign', '0 started sign:0', '0 started sign:1', '0 started sign:2'],
      ...['1000 completed sign:1', '2000 completed sign:2', '3000 completed sign:0', '3000 completed sign'],
      ...['3000 started file', '3000 completed file'],
    ]);
  });

  it.each([[['a', 'b']], [['a', 'b', 'c', 'd', 'e']], [[]]])('14, known when it runs: %j', async (lines) => {
    const { output, trace } = await run('14-instances-at-run-time.json', { lines });
    expect(output).toEqual({ checked: lines.map((line) => `checked ${line}`), total: lines.length });
    expect(trace.filter((line) => line.includes('started check:'))).toEqual(
      lines.map((_line, at) => `0 started check:${at}`),
    );
    expect(trace.filter((line) => line.includes('started total'))).toEqual([
      `${lines.length === 0 ? 0 : 1_000} started total`,
    ]);
  });

  it.each([1, 3])('15, not known before it is over: %d', async (wanted) => {
    const { output, trace } = await run('15-instances-without-knowledge.json', { wanted });
    const rounds = Array.from({ length: wanted }, (_, at) => at + 1);
    expect(output).toEqual({ heard: rounds.map((round) => `witness ${round}`), closed: `heard ${wanted}` });
    expect(trace).toEqual([
      ...rounds.flatMap((round) => [`0 started witness~${round}`, `0 completed witness~${round}`]),
      ...['0 completed witness', '0 started close', '0 completed close'],
    ]);
  });
});

describe('States', () => {
  it.each([
    ['accept', 'decline', { book: 'booked', close: null }, 'close', 'book'],
    ['decline', 'accept', { book: null, close: 'closed' }, 'book', 'close'],
  ])('16, deferred choice: %s comes first, and %s is not waited for', async (first, second, expected, left, taken) => {
    const { node, task } = await begun('16-deferred-choice.json');
    await node.world.elapse(5_000);
    expect(await traceOf(node, task)).toEqual(['0 started choice', '0 waiting choice:0', '0 waiting choice:1']);
    await signal(node, task, first);
    expect((await node.store.readTask(task))?.status).toBe('completed');
    await expect(node.desk.signal(ME, task, second, {})).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    const { output, trace } = await ended({ node, task });
    expect(output).toEqual(expected);
    const item = first === 'accept' ? 0 : 1;
    expect(trace.slice(3)).toEqual([
      ...[`5000 started choice:${item}`, `5000 completed choice:${item}`, '5000 completed choice'],
      ...[`5000 skipped ${left}`, `5000 started ${taken}`, `5000 completed ${taken}`],
    ]);
  });

  it('17, interleaved: never two at the same time', async () => {
    const { output, trace } = await run('17-interleaved-parallel-routing.json');
    expect(output).toEqual(['blood tested', 'heart tested', 'lungs tested']);
    expect(trace).toEqual([
      ...['0 started test', '0 started test:0', '1000 completed test:0', '1000 started test:1'],
      ...['2000 completed test:1', '2000 started test:2', '3000 completed test:2', '3000 completed test'],
    ]);
  });

  it('18, milestone: what comes while it holds counts', async () => {
    const { node, task } = await begun('18-milestone.json');
    await node.world.elapse(69_999);
    await signal(node, task, 'change', { size: 'large' });
    const { output, trace } = await ended({ node, task });
    expect(output).toBe('shipped, changed to large');
    expect(trace.filter((line) => line.includes('change'))).toEqual(['10000 waiting change', '69999 completed change']);
    expect(trace).toContain('69999 started apply');
  });

  it('18, milestone: when it is past, it goes on without', async () => {
    const { output, trace } = await run('18-milestone.json');
    expect(output).toBe('shipped, as ordered');
    expect(trace.slice(2)).toEqual([
      ...['10000 waiting change', '70000 completed change', '70000 skipped apply'],
      ...['70000 started ship', '70000 completed ship'],
    ]);
  });

  it('18, milestone, as far as it goes: what comes before it is reached is kept until then', async () => {
    const { node, task } = await begun('18-milestone.json');
    await signal(node, task, 'change', { size: 'small' });
    const { output, trace } = await ended({ node, task });
    expect(output).toBe('shipped, changed to small');
    expect(trace).toContain('10000 started apply');
    expect(trace.some((line) => line.startsWith('0 ') && line.includes('change'))).toBe(false);
  });
});

describe('Cancellation', () => {
  it('19, cancel task: one step is stopped, the others and what follows go on', async () => {
    const { node, task } = await begun('19-cancel-task.json');
    const isAsking = () => [...node.kernel.cells.keys()].some((address) => address.includes(`${task}/ask`));
    expect(isAsking()).toBe(true);
    const { output, trace, degraded } = await ended({ node, task });
    expect(output).toBe('found');
    expect(degraded).toMatchObject([{ step: 'ask', code: 'TIMEOUT' }]);
    expect(trace).toEqual([
      ...['0 started ask', '0 started look', '1000 completed look'],
      ...['5000 failed ask', '5000 degraded ask', '5000 started answer', '5000 completed answer'],
    ]);
    expect(isAsking()).toBe(false);
  });

  it('20, cancel case: all that is under way stops, and nothing else begins', async () => {
    const { node, task } = await begun('20-cancel-case.json');
    await node.world.elapse(1_000);
    const cells = () => [...node.kernel.cells.keys()].filter((address) => address.includes(task));
    expect(cells().length).toBeGreaterThan(2);
    const canceled = node.desk.cancel(ME, task, 'withdrawn');
    await node.world.settle();
    await canceled;
    for (let round = 0; round < 100; round++) await node.world.elapse(1_000);
    expect(await node.store.readTask(task)).toMatchObject({ status: 'canceled' });
    expect((await node.kinds(task)).at(-1)).toBe('task.canceled');
    expect(await traceOf(node, task)).toEqual([
      ...['0 started open', '0 completed open', '0 started survey', '0 started assess'],
    ]);
    expect(cells()).toEqual([]);
  });
});
