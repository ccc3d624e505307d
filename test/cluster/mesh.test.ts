/**
 * The same agents, on the owner alone and on workers alone: nobody who looks at the task can tell the difference, but
 * by the node that the end of an attempt names.
 */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type AgentDefinition, defineAgent } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { createMeshRig } from '../support/mesh-rig.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

/** What the code of an agent did outside, in order. */
const book: string[] = [];

const AGENTS: Readonly<Record<string, AgentDefinition>> = {
  'returns a value': agent(({ input }) => ({ got: input })),
  'records what it has done': agent(async ({ ctx }) => {
    const first = await ctx.journal('pay', (key) => note(`pay ${key.length}`));
    const again = await ctx.journal('pay', () => note('pay again'), { args: { a: 1 }, kind: 'unsafe' });
    return [first, again];
  }),
  'repeats a call that fails': agent(async ({ ctx }) => {
    let tries = 0;
    const options = { retry: { attempts: 3, backoffMs: 100 } };
    return await ctx.journal('try', () => (++tries < 3 ? fail(`try ${tries}`) : note(`try ${tries}`)), options);
  }),
  waits: agent(async ({ ctx }) => {
    await ctx.sleep(5_000);
    return note('slept');
  }),
  'shares state': agent(async ({ ctx }) => {
    const shared = ctx.state('global');
    const version = await shared.set('x', 1);
    const more = await shared.update<number>('x', (value = 0) => value + 1);
    const { token } = await shared.lock('x', { ttlMs: 1_000 });
    await shared.unlock('x', token);
    return { version, more, now: await shared.get('x') };
  }),
  'tells and asks': agent(async ({ ctx }) => {
    await ctx.tell('lab.counter', 'k', { type: 'add', n: 2 });
    return await ctx.ask('lab.counter', 'k', { type: 'get' });
  }),
  'asks within a call of its journal': agent(
    async ({ ctx }) =>
      await ctx.journal('outer', async () => {
        await ctx.tell('lab.counter', 'k', { type: 'add', n: 1 });
        return await ctx.ask('lab.counter', 'k', { type: 'get' });
      }),
  ),
  publishes: agent(async ({ ctx }) => (await ctx.publish('a.b', { c: 1 })).subscriptions),
  'uses what a version lacks': agent(({ ctx }) => ctx.model({ prompt: 'x' })),
  throws: agent(() => fail('no')),
  'fails in a way that may pass': agent(({ ctx }) =>
    ctx.attempt < 3 ? Promise.reject(new OperatingError('UNAVAILABLE', 'later', { retryable: true })) : 'at last',
  ),
  'puts out what does not fit': agent(() => ({ wrong: true }), { output: z.object({ right: z.boolean() }) }),
  'is unsafe as a whole': agent(() => note('once'), { kind: 'unsafe' }),
  'takes more time than it has': agent(({ ctx }) => untilAborted(ctx.signal), {
    timeoutMs: 2_000,
    retry: { attempts: 1 },
  }),
};

describe('An agent', () => {
  it.each(Object.entries(AGENTS))('that %s does the same on a worker as on the owner', async (_what, definition) => {
    book.length = 0;
    const alone = await createWorkNode({ agents: [definition] });
    const here = await seen(alone, (await alone.finish({ agent: 'it' }, { a: 1 })).id);
    const did = book.splice(0);
    const rig = await createMeshRig();
    await rig.join('w1', [definition]);
    const there = await seen(rig.owner, (await rig.owner.finish({ agent: 'it' }, { a: 1 })).id);
    expect(there).toEqual(here);
    expect(book).toEqual(did);
    expect(rig.outcomes.length).toBeGreaterThan(0);
  });

  it('is said to have run on its worker, where an attempt of it has ended there, well or not', async () => {
    const definition = AGENTS['fails in a way that may pass'] as AgentDefinition;
    const nodesOf = async (node: WorkNode): Promise<unknown> => {
      const { id } = await node.finish({ agent: 'it' });
      const lines = (await node.events(id)).filter(({ kind }) => /^step\.(retried|completed)$/.test(kind));
      return lines.map(({ kind, data }) => [kind, data['node']]);
    };
    const rig = await createMeshRig();
    await rig.join('w1', [definition]);
    const kinds = ['step.retried', 'step.retried', 'step.completed'];
    expect(await nodesOf(rig.owner)).toEqual(kinds.map((kind) => [kind, 'w1']));
    const alone = await createWorkNode({ agents: [definition] });
    expect(await nodesOf(alone)).toEqual(kinds.map((kind) => [kind, undefined]));
  });

  it('is said to have run on the last node, where it was lost on another before', async () => {
    const definition = agent(async ({ ctx }) => {
      await ctx.sleep(1_000);
      return 1;
    });
    const rig = await createMeshRig();
    const first = await rig.join('w1', [definition]);
    const { task } = rig.owner.submit({ agent: 'it' });
    await rig.owner.world.settle();
    first.pair.lose();
    await rig.join('w2', [definition]);
    await rig.owner.end(task);
    const last = (await rig.owner.events(task)).find(({ kind }) => kind === 'step.completed');
    expect(last?.data).toMatchObject({ attempt: 1, node: 'w2' });
  });

  it('whose input does not fit is refused at submission, also where its code is elsewhere', async () => {
    const rig = await createMeshRig();
    await rig.join('w1', [agent(() => 1, { input: z.object({ n: z.number() }) })]);
    expect(() => rig.owner.submit({ agent: 'it' }, { n: 'x' })).toThrow(/does not fit/);
  });
});

describe('A worker that is lost', () => {
  it.each(['in its first call', 'between two calls', 'in its second call'])(
    '%s: its work is done elsewhere, no recorded call twice',
    async (when) => {
      book.length = 0;
      const gates = gated(['one', 'two'], when);
      const definition = agent(async ({ ctx }) => {
        const one = await ctx.journal('one', () => gates('one'));
        await gates('between');
        return [one, await ctx.journal('two', () => gates('two'))];
      });
      const rig = await createMeshRig();
      const first = await rig.join('w1', [definition]);
      const { task } = rig.owner.submit({ agent: 'it' });
      await rig.owner.world.settle();
      first.pair.lose();
      await rig.join('w2', [definition]);
      expect((await rig.owner.end(task)).result).toMatchObject({ status: 'completed', output: ['one', 'two'] });
      expect(rig.outcomes).toEqual(['lost', 'done']);
      const made = (name: string): number => book.filter((line) => line === name).length;
      // Keyed: the one that was cut off is made again under its key.
      expect([made('one'), made('two')]).toEqual(
        when === 'in its first call' ? [2, 1] : when === 'between two calls' ? [1, 1] : [1, 2],
      );
    },
  );

  it('with an unsafe call leaves it in doubt, and the task waits for a word on it', async () => {
    book.length = 0;
    const definition = agent(({ ctx }) =>
      ctx.journal('pay', () => (note('pay'), new Promise(() => undefined)), { kind: 'unsafe' }),
    );
    const rig = await createMeshRig();
    const first = await rig.join('w1', [definition]);
    const { task } = rig.owner.submit({ agent: 'it' });
    await rig.owner.world.settle();
    first.pair.lose();
    await rig.join('w2', [definition]);
    const [doubt] = (await rig.owner.store.listEffects({ state: 'unknown', limit: 2 })).effects;
    expect((await rig.owner.store.readTask(task))?.status).toBe('input-required');
    const resolving = rig.owner.effects.resolve('loopback', doubt?.id ?? '', { decision: 'done', output: 'paid' });
    await rig.owner.world.settle();
    await resolving;
    expect((await rig.owner.end(task)).result).toMatchObject({ output: 'paid' });
    expect(book).toEqual(['pay']);
  });
});

describe('An owner that dies', () => {
  it.each(['keyed', 'unsafe'] as const)(
    'finds the %s call that a worker has gone on with, and does not repeat it',
    async (kind) => {
      book.length = 0;
      const opened = Promise.withResolvers<string>();
      const definition = agent(async ({ ctx }) => {
        const before = await ctx.journal('before', () => note('before'));
        const value = await ctx.journal('pay', () => (note('pay'), opened.promise), { kind });
        await ctx.sleep(1_000);
        return [before, value, await ctx.journal('after', () => note('after'))];
      });
      const rig = await createMeshRig();
      const worker = await rig.join('w1', [definition]);
      const { task } = rig.owner.submit({ agent: 'it' });
      await rig.owner.world.settle();
      await rig.restartOwner();
      await worker.rejoin();
      opened.resolve('paid');
      expect((await rig.owner.end(task)).result).toMatchObject({ output: ['before', 'paid', 'after'] });
      expect(book).toEqual(['before', 'pay', 'after']);
      expect(rig.outcomes).toEqual(['joined', 'done']);
    },
  );

  it.each(['keyed', 'unsafe'] as const)(
    'answers what the code asks inside of a %s call that a worker has gone on with',
    async (kind) => {
      book.length = 0;
      const opened = Promise.withResolvers<void>();
      const definition = agent(({ ctx }) =>
        ctx.journal(
          'outer',
          async () => {
            note('outer');
            await ctx.tell('lab.counter', 'k', { type: 'add', n: 1 });
            await opened.promise;
            await ctx.tell('lab.counter', 'k', { type: 'add', n: 10 });
            return await ctx.ask('lab.counter', 'k', { type: 'get' });
          },
          { kind },
        ),
      );
      const rig = await createMeshRig();
      const worker = await rig.join('w1', [definition]);
      const { task } = rig.owner.submit({ agent: 'it' });
      await rig.owner.world.settle();
      await rig.restartOwner();
      opened.resolve();
      await rig.owner.world.settle();
      await worker.rejoin();
      expect((await rig.owner.end(task)).result).toMatchObject({ status: 'completed', output: { total: 11 } });
      expect(book).toEqual(['outer']);
    },
  );

  it('is told by a worker what came of a call while it was away', async () => {
    book.length = 0;
    const opened = Promise.withResolvers<string>();
    const rig = await createMeshRig();
    const worker = await rig.join('w1', [agent(() => (note('run'), opened.promise))]);
    const { task } = rig.owner.submit({ agent: 'it' });
    await rig.owner.world.settle();
    await rig.restartOwner();
    opened.resolve('done meanwhile');
    await rig.owner.world.settle();
    await worker.rejoin();
    expect((await rig.owner.end(task)).result).toMatchObject({ output: 'done meanwhile' });
    expect(book).toEqual(['run']);
    expect(worker.worker.figures()).toMatchObject({ held: 0 });
  });

  it('does not wait for ever for a worker that held a call and does not come back', async () => {
    book.length = 0;
    const definition = agent(
      ({ ctx }) => (note('run'), ctx.attempt >= 1 && book.length > 1 ? 'again' : new Promise(() => undefined)),
    );
    const rig = await createMeshRig();
    await rig.join('w1', [definition]);
    const { task } = rig.owner.submit({ agent: 'it' });
    await rig.owner.world.settle();
    await rig.restartOwner();
    await rig.join('w2', [definition]);
    expect(book).toEqual(['run']);
    await rig.owner.world.elapse(LIMITS.meshLostMs);
    expect((await rig.owner.end(task)).result).toMatchObject({ output: 'again' });
  });
});

describe('Why a task is not done', () => {
  it('says which node makes its call, and that it waits for one where there is none', async () => {
    const rig = await createMeshRig();
    const worker = await rig.join('w1', [agent(({ ctx }) => untilAborted(ctx.signal))]);
    const { owner } = rig;
    const { task } = owner.submit({ agent: 'it' });
    await owner.world.settle();
    const why = (): readonly string[] =>
      owner.tree.whyOf(task)?.waits.map(({ kind, what }) => `${kind}: ${what}`) ?? [];
    expect(why()).toContain('call: The call run of agent:it@1.0.0 is being made on w1.');
    worker.pair.lose();
    await owner.world.settle();
    expect(why()).toContain('slot: The call run of agent:it@1.0.0 waits for a node that can make it.');
  });
});

describe('A worker that drains', () => {
  it('finishes what it can, hands back the rest, and gets nothing new', async () => {
    book.length = 0;
    const quick = Promise.withResolvers<string>();
    const definition = agent(({ input, ctx }) =>
      input === 'quick' ? quick.promise : book.length > 0 ? 'elsewhere' : (note('slow'), untilAborted(ctx.signal)),
    );
    const rig = await createMeshRig();
    const first = await rig.join('w1', [definition]);
    const { owner } = rig;
    const slow = owner.submit({ agent: 'it' }, 'slow');
    const fast = owner.submit({ agent: 'it' }, 'quick');
    await owner.world.settle();
    const drained = first.worker.drain(3_000);
    await owner.world.settle();
    await rig.join('w2', [definition]);
    quick.resolve('quick');
    const result = await owner.end(fast.task);
    expect(result.result).toMatchObject({ output: 'quick' });
    await owner.world.elapse(3_000);
    await drained;
    expect((await owner.end(slow.task)).result).toMatchObject({ output: 'elsewhere' });
    expect(rig.outcomes.toSorted()).toEqual(['done', 'done', 'handed_back']);
  });
});

describe('A call that waits for long on a worker that drains', () => {
  it('goes on waiting elsewhere, for what is left of its time, and nothing is made twice', async () => {
    book.length = 0;
    const definition = agent(async ({ ctx }) => {
      await ctx.journal('first', () => note('first'));
      await ctx.sleep(60_000);
      return note('slept');
    });
    const rig = await createMeshRig();
    const first = await rig.join('w1', [definition]);
    const { owner } = rig;
    const { task } = owner.submit({ agent: 'it' });
    const fromMs = owner.world.nowMs();
    await owner.world.elapse(20_000);
    await rig.join('w2', [definition]);
    const drained = first.worker.drain(30_000);
    await owner.world.elapse(2_000);
    await drained;
    expect(rig.outcomes).toEqual(['handed_back']);
    expect((await owner.end(task)).result).toMatchObject({ status: 'completed', output: 'slept' });
    expect(owner.world.nowMs() - fromMs).toBeLessThan(61_500);
    expect(book).toEqual(['first', 'slept']);
  });
});

/** What a task looks like from outside, but for times and ids. */
async function seen(node: WorkNode, task: string): Promise<unknown> {
  const record = await node.store.readTask(task);
  const events = (await node.events(task)).map(({ seq, kind, data: { node: _where, ...data } }) => ({
    seq,
    kind,
    data,
  }));
  const { durationMs: _time, ...result } = record?.result ?? ({} as never);
  const words = JSON.stringify({ status: record?.status, result, events }).replaceAll(task, 'TASK');
  return JSON.parse(words.replaceAll(/"(delayMs|durationMs|atMs)":[\d.]+/g, '"$1":0'));
}

function agent(run: NonNullable<Parameters<typeof defineAgent>[0]['run']>, more: object = {}): AgentDefinition {
  return defineAgent({ name: 'it', version: '1.0.0', capabilities: ['it'], run, ...more });
}

function note(line: string): string {
  book.push(line);
  return line;
}

function fail(line: string): never {
  note(line);
  throw new OperatingError('AGENT_FAILED', line, { retryable: true });
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** The first time that the named place is come to, nothing goes on there. */
function gated(names: readonly string[], when: string): (name: string) => unknown {
  const at = { 'in its first call': 'one', 'between two calls': 'between', 'in its second call': 'two' }[when];
  let isShut = true;
  return (name) => {
    if (names.includes(name)) note(name);
    if (name !== at || !isShut) return name;
    isShut = false;
    return new Promise(() => undefined);
  };
}
