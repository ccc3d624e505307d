/**
 * Random trees of budgets, with agents that use less than they declare, as much, more, or do not say, on a node that is killed at
 * random commits: no budget is exceeded by those who keep to what they declare, and by others by no more than they went beyond it.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import type { TaskEvent } from '../../../protocol/tasks.ts';
import { MemoryDisk, type WriteOutcome } from '../../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

/** In thousandths of a dollar, so that sums are exact. */
const DECLARED = 10;
/** What an attempt reports, in pieces; `undefined`: nothing. None is larger than what is declared. */
type Reports = readonly number[] | undefined;
interface Plan {
  /** For each attempt; those but the last fail. */
  readonly attempts: readonly Reports[];
  readonly isJournaled: boolean;
}

const agents = [
  defineAgent({
    name: 'spender',
    version: '1.0.0',
    cost: { usd: DECLARED / 1_000, tokens: DECLARED },
    retry: { attempts: 4, backoffMs: 50, jitter: false },
    run: async ({ input, ctx }) => {
      const { attempts, isJournaled } = input as Plan;
      const reports = attempts[ctx.attempt - 1] ?? [];
      for (const amount of reports) {
        const call = async (): Promise<void> => {
          await ctx.sleep(20);
          ctx.budget.spend({ usd: amount / 1_000, tokensIn: amount });
        };
        await (isJournaled ? ctx.journal(`call ${ctx.attempt}`, call) : call());
      }
      await ctx.sleep(30);
      if (ctx.attempt < attempts.length) throw new TypeError('not yet');
      return ctx.attempt;
    },
  }),
];

interface Step {
  readonly plans: readonly Plan[];
  readonly budget: number | undefined;
  /** Whether it waits for the one before it. */
  readonly isNext: boolean;
}
interface Tree {
  readonly steps: readonly Step[];
  readonly task: number;
  readonly graph: number | undefined;
}

const honest: fc.Arbitrary<Reports> = fc.oneof(
  fc.constant(undefined),
  fc.constant([DECLARED]),
  fc.constant([]),
  fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 }),
);
const greedy: fc.Arbitrary<Reports> = fc.array(fc.integer({ min: 5, max: DECLARED }), { minLength: 2, maxLength: 4 });

function treesOf(reports: fc.Arbitrary<Reports>, isChain: boolean): fc.Arbitrary<Tree> {
  const plan = fc.record({ attempts: fc.array(reports, { minLength: 1, maxLength: 3 }), isJournaled: fc.boolean() });
  const step: fc.Arbitrary<Step> = fc.record({
    plans: fc.array(plan, { minLength: 1, maxLength: isChain ? 1 : 3 }),
    budget: fc.option(fc.integer({ min: 5, max: 40 }), { nil: undefined }),
    isNext: isChain ? fc.constant(true) : fc.boolean(),
  });
  return fc.record({
    steps: fc.array(step, { minLength: 2, maxLength: 4 }),
    task: fc.integer({ min: 5, max: 150 }),
    graph: fc.option(fc.integer({ min: 10, max: 90 }), { nil: undefined }),
  });
}

const usd = (amount: number): { readonly usd: number } => ({ usd: amount / 1_000 });

function graphOf({ steps, graph }: Tree): unknown {
  return {
    ...(graph !== undefined && { budget: usd(graph) }),
    steps: steps.map(({ plans, budget, isNext }, index) => ({
      id: `s${index}`,
      agent: 'spender',
      optional: true,
      // One that fails stops its siblings: what those had used by then depends on when the node was killed.
      ...(plans.length === 1 ? { input: plans[0] } : { forEach: plans, concurrency: 1, input: '${item}' }),
      ...(budget !== undefined && { budget: usd(budget) }),
      ...(isNext && index > 0 && { needs: [`s${index - 1}`] }),
    })),
  };
}

const kill = fc.record({
  after: fc.integer({ min: 1, max: 4 }),
  outcome: fc.constantFrom<WriteOutcome>('lost', 'kept'),
});
type Kill = { readonly after: number; readonly outcome: WriteOutcome };

async function goOn(node: WorkNode, task: string, isDead: () => boolean): Promise<boolean> {
  for (let round = 0; round < 400 && !isDead(); round++) {
    await node.world.settle();
    if (isDead()) return false;
    if ((await node.store.readTask(task))?.result !== undefined) return true;
    await node.world.elapse(10);
  }
  return false;
}

async function run(tree: Tree, kills: readonly Kill[]) {
  let commits = Number.POSITIVE_INFINITY;
  let last: WriteOutcome = 'done';
  let isDead = false;
  const disk = new MemoryDisk({
    onWrite: () => {
      if (isDead) return 'lost';
      if (--commits > 0) return 'done';
      isDead = true;
      return last;
    },
  });
  let seed = 1;
  let node = await createWorkNode({ disk, seed, agents, noBreakers: true });
  const { task } = node.submit({ graph: graphOf(tree) }, null, { options: { budget: usd(tree.task) } });
  await node.world.settle();
  let deaths = 0;
  for (const { after, outcome } of kills) {
    commits = after;
    last = outcome;
    if (await goOn(node, task, () => isDead)) break;
    const startMs = node.world.nowMs();
    node.kill();
    deaths++;
    isDead = false;
    commits = Number.POSITIVE_INFINITY;
    node = await createWorkNode({ disk, seed: ++seed, startMs, agents, noBreakers: true });
    expect(node.recovered.stranded).toEqual([]);
  }
  commits = Number.POSITIVE_INFINITY;
  const { result } = await node.end(task);
  const events = await node.events(task);
  const rest = disk.keys().filter((key) => /(?:budget|step|run|flow|task)\//.test(key));
  node.kill();
  return { result, events, rest, deaths, used: Math.round((result?.usage.usd ?? 0) * 1_000) };
}

/** The attempts that began: what each was to report. */
function begun({ steps }: Tree, events: readonly TaskEvent[]): readonly Reports[] {
  return events.flatMap(({ kind, data }) => {
    if (kind !== 'step.started' || data['attempt'] === undefined) return [];
    const { plans } = steps[Number(String(data['step']).slice(1))] as Step;
    return [plans[Number(data['item'] ?? 0)]?.attempts[Number(data['attempt']) - 1]];
  });
}

const sum = (amounts: readonly number[]): number => amounts.reduce((all, one) => all + one, 0);
const total = (reports: Reports): number => (reports === undefined || reports.length === 0 ? DECLARED : sum(reports));

/** What the lines of attempts that are over say in all: of those that failed as well. */
function told(events: readonly TaskEvent[]): number {
  const used = events.map(({ data }) => (data['usage'] as { readonly usd: number } | undefined)?.usd ?? 0);
  return Math.round(sum(used) * 1_000);
}

/** Dies at one commit after the other, until a run needs no more. @returns how many deaths there were */
async function dieAtEach(outcome: WriteOutcome, live: (node: WorkNode, isDead: () => boolean) => Promise<void>) {
  let deaths = 0;
  for (let dieAt = 1; ; dieAt++) {
    let commits = Number.NEGATIVE_INFINITY;
    let isDead = false;
    const onWrite = (): WriteOutcome => {
      if (isDead) return 'lost';
      if (++commits !== dieAt) return 'done';
      isDead = true;
      return outcome;
    };
    const disk = new MemoryDisk({ onWrite });
    let node = await createWorkNode({ disk, agents, noBreakers: true });
    commits = 0;
    await live(node, () => isDead);
    if (!isDead) return deaths;
    deaths++;
    const startMs = node.world.nowMs();
    node.kill();
    isDead = false;
    commits = Number.NEGATIVE_INFINITY;
    node = await createWorkNode({ disk, seed: 2, startMs, agents, noBreakers: true });
    await live(node, () => false);
    node.kill();
  }
}

describe('A budget that a person is asked to raise, on a node that dies', () => {
  it.each(['lost', 'kept'] as const)('at any commit (%s) is raised once, and the work goes on', async (outcome) => {
    const deaths = await dieAtEach(outcome, async (node, isDead) => {
      const known = (await node.store.listTasks({ limit: 1 })).tasks[0]?.id;
      const input: Plan = { attempts: [undefined], isJournaled: false };
      const options = { budget: { ...usd(4), onExceed: ['ask'] as const } };
      const task = known ?? node.submit({ agent: 'spender' }, input, { options }).task;
      for (let round = 0; round < 40 && !isDead(); round++) {
        await node.world.elapse(20);
        if (isDead()) return;
        const record = await node.store.readTask(task);
        if (record?.result !== undefined) break;
        const approval = `approval/${task}/main/budget-1`;
        if (record?.status !== 'input-required' || !node.kernel.cells.has(approval)) continue;
        const said = { decision: 'approve', by: 'me', role: 'budget', replyTo: 'ask/nobody' };
        node.kernel.deliver(approval, { type: 'approval.resolve', ...said });
      }
      const { result, limit } = (await node.store.readTask(task)) ?? {};
      expect([result?.status, result?.usage.usd, limit]).toEqual(['completed', DECLARED / 1_000, usd(DECLARED)]);
    });
    expect(deaths).toBeGreaterThan(2);
  });
});

describe('Budgets on a node that dies', () => {
  let deaths = 0;
  let refusals = 0;
  const count = (ran: Awaited<ReturnType<typeof run>>): void => {
    deaths += ran.deaths;
    refusals += ran.events.filter(({ kind }) => kind === 'budget.exceeded').length;
    expect(ran.rest).toEqual([]);
    expect(ran.events.map(({ seq }) => seq)).toEqual(ran.events.map((_, index) => index + 1));
  };

  it('are never exceeded where agents keep to what they declare; each report counts once', async () => {
    await fc.assert(
      fc.asyncProperty(treesOf(honest, false), fc.array(kill, { minLength: 2, maxLength: 6 }), async (tree, kills) => {
        const ran = await run(tree, kills);
        count(ran);
        expect(ran.used).toBeLessThanOrEqual(Math.min(tree.task, tree.graph ?? Infinity));
        expect(ran.used).toBe(sum(begun(tree, ran.events).map(total)));
        expect(ran.result?.usage.steps).toBe(begun(tree, ran.events).length);
        expect(told(ran.events)).toBe(ran.used);
      }),
      { numRuns: 20 },
    );
    expect(deaths).toBeGreaterThan(8);
    expect(refusals).toBeGreaterThan(4);
  }, 60_000);

  it('are exceeded by one report at most where agents use more, one after the other', async () => {
    await fc.assert(
      fc.asyncProperty(
        treesOf(fc.oneof(honest, greedy), true),
        fc.array(kill, { minLength: 2, maxLength: 6 }),
        async (tree, kills) => {
          const ran = await run(tree, kills);
          count(ran);
          expect(ran.used).toBeLessThanOrEqual(Math.min(tree.task, tree.graph ?? Infinity) + DECLARED);
        },
      ),
      { numRuns: 12 },
    );
  }, 60_000);

  it('are exceeded by what agents use beyond what they declare at most, however many work at a time', async () => {
    await fc.assert(
      fc.asyncProperty(
        treesOf(fc.oneof(honest, greedy), false),
        fc.array(kill, { minLength: 2, maxLength: 6 }),
        async (tree, kills) => {
          const ran = await run(tree, kills);
          count(ran);
          const beyond = sum(begun(tree, ran.events).map((reports) => Math.max(0, total(reports) - DECLARED)));
          expect(ran.used).toBeLessThanOrEqual(Math.min(tree.task, tree.graph ?? Infinity) + beyond);
        },
      ),
      { numRuns: 12 },
    );
  }, 60_000);
});
