/**
 * Workflows as they are meant, in the plainest form: a model of a graph, what comes out of it, told without turns, rows, messages
 * or a clock, and the graph that is to do the same on a node. Each model comes to one end only, whoever is faster: where a merge
 * takes those that are first, just as many of its items end well, and others never end.
 */
import fc from 'fast-check';
import { type AgentDefinition, defineAgent } from '../../../actors/agent-definition.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { needsArbitrary } from './graph-lookups.ts';

type End = 'good' | 'bad' | 'never';

/** What one step does. `failures`: attempts that fail before one does not. */
export interface ModelStep {
  readonly needs: readonly number[];
  readonly wanted: boolean;
  readonly optional: boolean;
  readonly undone: boolean;
  readonly ms: number;
  readonly failures: number;
  readonly end: 'good' | 'bad';
  /** A fan-out, where there are items. */
  readonly fan?: { readonly merge: string; readonly items: readonly End[]; readonly concurrency: number };
}

/** How a model ends: with the outputs of its steps, or because of one of these. */
export type ModelEnd =
  | {
      readonly status: 'completed';
      readonly outputs: Readonly<Record<string, unknown>>;
      /** Steps that are degraded in any case, and those that are where an item failed before the others were enough. */
      readonly degraded: readonly string[];
      readonly mayDegrade: readonly string[];
    }
  | { readonly status: 'failed'; readonly by: readonly string[] };

/** How many items of so many must end well. */
function neededOf(merge: string, items: number): number {
  if (merge === 'any') return 1;
  if (merge === 'quorum') return Math.floor(items / 2) + 1;
  return merge.startsWith('first:') ? Number(merge.slice(6)) : items;
}

interface StepEnd {
  readonly status: 'completed' | 'skipped' | 'degraded' | 'failed';
  readonly output: unknown;
}

/** The step alone, with what those before it put out. */
function endOf(step: ModelStep, id: string, inputs: readonly unknown[]): StepEnd {
  if (!step.wanted) return { status: 'skipped', output: null };
  const bad: StepEnd = step.optional ? { status: 'degraded', output: null } : { status: 'failed', output: null };
  if (step.fan === undefined) return step.end === 'bad' ? bad : { status: 'completed', output: { id, inputs } };
  const { merge, items } = step.fan;
  const outputs = items.map((end, index) => (end === 'good' ? `${id}.${index}` : null));
  const good = outputs.filter((output) => output !== null);
  const missed = good.length < neededOf(merge, items.length);
  if (missed && (!step.optional || good.length === 0)) return bad;
  const value =
    merge === 'all'
      ? outputs
      : merge === 'reduce'
        ? good.map((one) => `<${one}>`).join('')
        : merge === 'any'
          ? good[0]
          : good;
  return { status: missed ? 'degraded' : 'completed', output: value };
}

/** Does all of it, one after the other. */
export function interpret(steps: readonly ModelStep[]): ModelEnd {
  const ends = new Map<number, StepEnd>();
  const failed: string[] = [];
  const degraded: string[] = [];
  const mayDegrade: string[] = [];
  for (let left = steps.length; left > 0; ) {
    const before = left;
    steps.forEach((step, index) => {
      if (ends.has(index) || !step.needs.every((need) => ends.has(need))) return;
      left--;
      if (step.needs.some((need) => ends.get(need)?.status === 'failed')) {
        ends.set(index, { status: 'failed', output: null });
        return;
      }
      const end = endOf(
        step,
        `s${index}`,
        step.needs.map((need) => ends.get(need)?.output),
      );
      ends.set(index, end);
      if (end.status === 'failed') failed.push(`s${index}`);
      if (end.status === 'degraded') degraded.push(`s${index}`);
      else if (step.fan?.items.includes('bad') === true) mayDegrade.push(`s${index}`);
    });
    if (left === before) throw new TypeError('The model has a cycle.');
  }
  if (failed.length > 0) return { status: 'failed', by: failed };
  return {
    status: 'completed',
    outputs: Object.fromEntries(steps.map((_, index) => [`s${index}`, ends.get(index)?.output])),
    degraded,
    mayDegrade,
  };
}

/** The graph that does the same. */
export function modelGraph(steps: readonly ModelStep[]): object {
  const written = steps.map((step, index) => {
    const id = `s${index}`;
    const inputs = step.needs.map((need) => `\${steps.s${need}.output}`);
    const base = {
      ...{ id, agent: 'unit', needs: step.needs.map((need) => `s${need}`), when: `input.wanted[${index}]` },
      ...(step.optional && { optional: true }),
      ...(step.undone && { compensate: { agent: 'undo', input: { of: id } } }),
    };
    if (step.fan === undefined) {
      const { ms, failures, end } = step;
      return { ...base, input: { ms, failures, end, value: { id, inputs } } };
    }
    const { merge, concurrency } = step.fan;
    return {
      ...base,
      ...{
        forEach: `\${input.items[${index}]}`,
        merge,
        concurrency,
        input: { ms: step.ms, end: '${item}', value: `${id}.\${index}` },
      },
      ...(merge === 'reduce' && { reduce: { initial: '', with: 'acc + "<" + output + ">"' } }),
    };
  });
  const output = Object.fromEntries(steps.map((_, index) => [`s${index}`, `\${steps.s${index}.output}`]));
  return { steps: written, output };
}

/** What the graph is given. */
export function modelInput(steps: readonly ModelStep[]): unknown {
  return { wanted: steps.map(({ wanted }) => wanted), items: steps.map(({ fan: of }) => of?.items ?? []) };
}

interface Unit {
  readonly ms?: number;
  readonly failures?: number;
  readonly end: End;
  readonly value?: unknown;
}

/** The agents of such a graph. */
export function modelAgents(): readonly AgentDefinition[] {
  const unit = defineAgent({
    name: 'unit',
    version: '1.0.0',
    retry: { attempts: 3, backoffMs: 20, jitter: false },
    concurrency: 1_000,
    run: async ({ input, ctx }) => {
      const { ms = 0, failures = 0, end, value } = input as Unit;
      if (ms > 0) await ctx.sleep(ms);
      if (end === 'never') await ctx.sleep(1_000_000_000);
      if (end === 'bad') throw new OperatingError('AGENT_FAILED', 'It is a bad one.', { retryable: false });
      if (ctx.attempt <= failures) throw new OperatingError('AGENT_FAILED', 'Not yet.');
      return value;
    },
  });
  const undo = defineAgent({ name: 'undo', version: '1.0.0', run: () => null });
  return [unit, undo];
}

const fan: fc.Arbitrary<ModelStep['fan']> = fc
  .record({
    merge: fc.constantFrom('all', 'all', 'reduce', 'any', 'quorum', 'first:1', 'first:2'),
    bad: fc.nat(2),
    never: fc.nat(2),
    good: fc.nat(4),
    shuffle: fc.array(fc.nat(1_000), { minLength: 12, maxLength: 12 }),
    concurrency: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ merge, bad, never, good, shuffle, concurrency }) => {
    // Those that never end are for merges that have enough without them, and leave a place for the others.
    const fixed = merge === 'all' || merge === 'reduce' ? undefined : merge;
    let items: End[] = [
      ...Array.from({ length: good }, () => 'good' as const),
      ...Array.from({ length: bad }, () => 'bad' as const),
    ];
    let places = concurrency;
    if (fixed !== undefined) {
      const total = good + bad + never;
      const needed = neededOf(fixed, total);
      if (good >= needed) {
        const spare = good - needed;
        items = [
          ...Array.from({ length: needed }, () => 'good' as const),
          ...Array.from({ length: bad }, () => 'bad' as const),
          ...Array.from({ length: never + spare }, () => 'never' as const),
        ];
        places = concurrency + never + spare;
      }
    }
    const shuffled = items.map((item, index) => ({ item, at: shuffle[index] ?? 0 })).toSorted((a, b) => a.at - b.at);
    return { merge, items: shuffled.map(({ item }) => item), concurrency: places };
  });

/** Random models. Few of their steps fail for good, or nothing would ever be completed. */
export const modelArbitrary: fc.Arbitrary<readonly ModelStep[]> = needsArbitrary({ acyclic: true, stepsMax: 7 }).chain(
  (needs) =>
    fc.tuple(
      ...needs.map((own) =>
        fc.record({
          needs: fc.constant(own),
          wanted: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
          optional: fc.boolean(),
          undone: fc.boolean(),
          ms: fc.constantFrom(0, 0, 15, 40),
          failures: fc.constantFrom(0, 0, 1, 2),
          end: fc.integer({ min: 0, max: 9 }).map((n) => (n === 0 ? 'bad' : 'good')),
          fan: fc.option(fan, { nil: undefined, freq: 2 }),
        }),
      ),
    ) as unknown as fc.Arbitrary<readonly ModelStep[]>,
);
