/**
 * Random lives of a few tasks against a simple model of the ledger: calls of every kind, answers, refusals, deaths of the node
 * between and in the middle of commits, time limits, decisions and cancellations, in any order. TROUPE_TEST_FULL=1 makes it
 * many more.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { isTerminal } from '../../protocol/tasks.ts';
import type { EffectKind } from '../../runtime/host.ts';
import { MemoryDisk, type WriteOutcome } from '../../runtime/stores/memory-store.ts';
import type { EffectRecord } from '../../runtime/stores/store.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

const RUNS = process.env['TROUPE_TEST_FULL'] === '1' ? 2_000 : 80;
const ME = 'loopback';
const TIMEOUT_MS = 1_000;
const ROUNDS_MAX = 300;

type Step =
  | { readonly do: 'answer' | 'refuse' | 'cancel'; readonly which: number }
  | { readonly do: 'crash'; readonly after: number; readonly outcome: WriteOutcome }
  | { readonly do: 'decide'; readonly which: number; readonly decision: 'done' | 'failed' | 'retry' }
  | { readonly do: 'elapse'; readonly ms: number };

interface Pending {
  readonly place: string;
  readonly value: string;
  answer(): void;
  refuse(): void;
}

/** What is known from outside of one call: its key, how often it was made, and what it may have given. */
interface Known {
  readonly kind: EffectKind;
  readonly keys: Set<string>;
  made: number;
  readonly values: Set<unknown>;
  /** Words that it may be made again: said, and perhaps not on disk. */
  retries: number;
  decided: string | undefined;
}

class Lives {
  readonly faults: string[] = [];
  #budget = Number.POSITIVE_INFINITY;
  #outcome: WriteOutcome = 'done';
  #isDead = false;
  readonly #disk = new MemoryDisk({
    onWrite: () => {
      if (this.#isDead) return 'lost';
      if (--this.#budget > 0) return 'done';
      this.#isDead = true;
      return this.#outcome;
    },
  });
  readonly #known = new Map<string, Known>();
  readonly #kinds: readonly (readonly EffectKind[])[];
  #pending: Pending[] = [];
  /** The furthest call of each task that is not pure: what is before it is on record. */
  readonly #furthest = new Map<string, number>();
  #tasks: string[] = [];
  #seed = 1;
  #calls = 0;
  #node!: WorkNode;

  constructor(kinds: readonly (readonly EffectKind[])[]) {
    this.#kinds = kinds;
  }

  readonly #agent = defineAgent({
    name: 'worker',
    version: '1.0.0',
    timeoutMs: TIMEOUT_MS,
    retry: { attempts: 3, backoffMs: 10 },
    run: async ({ input, ctx }) => {
      const outputs: unknown[] = [];
      const kinds = input as readonly EffectKind[];
      for (const [index, kind] of kinds.entries()) {
        const make = (key: string): Promise<unknown> => this.#call(ctx.task, index, kind, key);
        outputs.push(await ctx.journal('call', make, { kind }));
      }
      return outputs;
    },
  });

  #call(task: string, index: number, kind: EffectKind, key: string): Promise<unknown> {
    const place = `${task}#${index}`;
    const known = this.#know(place, kind);
    known.made++;
    known.keys.add(key);
    if (known.keys.size > 1) this.faults.push(`${place} has another key`);
    if (index < (this.#furthest.get(task) ?? 0)) this.faults.push(`${place} was made again behind a later one`);
    if (kind !== 'pure') this.#furthest.set(task, Math.max(index, this.#furthest.get(task) ?? 0));
    if (kind === 'unsafe' && known.made > 1 + known.retries) this.faults.push(`${place} was made again without a word`);
    return new Promise((resolve, reject) => {
      const value = `${place} ${++this.#calls}`;
      this.#pending.push({
        place,
        value,
        answer: () => {
          known.values.add(value);
          resolve(value);
        },
        refuse: () => reject(new OperatingError('UNAVAILABLE', 'not now')),
      });
    });
  }

  #know(place: string, kind: EffectKind): Known {
    let known = this.#known.get(place);
    if (known === undefined) {
      known = { kind, keys: new Set(), made: 0, values: new Set(), retries: 0, decided: undefined };
      this.#known.set(place, known);
    }
    return known;
  }

  async start(): Promise<void> {
    this.#node = await createWorkNode({ agents: [this.#agent], disk: this.#disk, seed: 1, noBreakers: true });
    this.#tasks = this.#kinds.map((kinds) => this.#node.submit({ agent: 'worker' }, kinds).task);
    await this.#node.world.settle();
  }

  async step(step: Step): Promise<void> {
    const node = this.#node;
    if (step.do === 'answer') this.#take(step.which)?.answer();
    else if (step.do === 'refuse') this.#take(step.which)?.refuse();
    else if (step.do === 'elapse') await node.world.elapse(step.ms);
    else if (step.do === 'cancel')
      node.desk.cancel(ME, this.#tasks[step.which % this.#tasks.length] ?? '', undefined).catch(() => undefined);
    else if (step.do === 'decide') await this.#decide(step.which, step.decision);
    else if (step.do === 'crash') this.#doom(step.after, step.outcome);
    await node.world.settle();
    if (this.#isDead) await this.#restart();
    await this.#check();
  }

  /** Dies now, or in the middle of a commit to come. */
  #doom(after: number, outcome: WriteOutcome): void {
    if (after === 0) this.#isDead = true;
    this.#budget = after;
    this.#outcome = outcome;
  }

  #take(which: number): Pending | undefined {
    return this.#pending.splice(which % Math.max(1, this.#pending.length), 1)[0];
  }

  async #decide(which: number, decision: 'done' | 'failed' | 'retry'): Promise<void> {
    const open = await this.#unknown();
    const effect = open[which % Math.max(1, open.length)];
    if (effect === undefined) return;
    const place = `${effect.task}#${Number(effect.entry.split('#')[1]) - 1}`;
    const known = this.#know(place, 'unsafe');
    const output = `${place} decided ${++this.#calls}`;
    if (decision === 'retry') known.retries++;
    if (decision === 'done') known.values.add(output);
    const isAnswered = { ok: false };
    this.#node.effects.resolve(ME, effect.id, decision === 'done' ? { decision, output } : { decision }).then(
      () => (isAnswered.ok = true),
      () => undefined,
    );
    await this.#node.world.settle();
    if (!isAnswered.ok) return;
    if (decision === 'done') known.decided = output;
    await this.#node.world.settle();
    if (this.#isDead) return;
    if ((await this.#node.store.readEffect(effect.id))?.state !== 'resolved')
      this.faults.push(`the decision about ${place} was answered and is not there`);
  }

  async #restart(): Promise<void> {
    const startMs = this.#node.world.nowMs();
    this.#node.kill();
    this.#pending = [];
    this.#isDead = false;
    this.#budget = Number.POSITIVE_INFINITY;
    this.#node = await createWorkNode({
      ...{ agents: [this.#agent], disk: this.#disk, seed: ++this.#seed, startMs, noBreakers: true },
    });
    await this.#node.world.settle();
  }

  async #unknown(): Promise<readonly EffectRecord[]> {
    return (await this.#node.effects.list(ME, { limit: 200 })).effects;
  }

  /** A task waits for a person exactly while something of it is in doubt. */
  async #check(): Promise<void> {
    const open = await this.#unknown();
    for (const task of this.#tasks) {
      const { status } = (await this.#node.store.readTask(task)) ?? { status: 'submitted' };
      const doubts = open.filter((effect) => effect.task === task).length;
      if (doubts > 0 !== (status === 'input-required')) this.faults.push(`${task} is ${status} with ${doubts} doubts`);
    }
  }

  /** Answers and decides until all is over. */
  async finish(): Promise<void> {
    this.#budget = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      for (const { answer } of this.#pending.splice(0)) answer();
      await this.step({ do: 'decide', which: 0, decision: 'done' });
      await this.step({ do: 'elapse', ms: 50 });
      const records = await Promise.all(this.#tasks.map((task) => this.#node.store.readTask(task)));
      if (!records.every((record) => record !== undefined && isTerminal(record.status))) continue;
      for (const record of records) this.#judge(record?.id ?? '', record?.result?.output);
      if ((await this.#unknown()).length > 0) this.faults.push('something is in doubt with nothing to wait for it');
      this.#node.kill();
      return;
    }
    this.faults.push('it never came to its end');
  }

  #judge(task: string, output: unknown): void {
    if (!Array.isArray(output)) return;
    for (const [index, value] of output.entries()) {
      const known = this.#known.get(`${task}#${index}`);
      if (known?.values.has(value) !== true)
        this.faults.push(`${task}#${index} gave what nobody said: ${String(value)}`);
      if (known?.decided !== undefined && known.decided !== value)
        this.faults.push(`${task}#${index} is not what was decided, but ${String(value)}`);
    }
  }
}

const which = fc.nat({ max: 5 });
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('answer' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('refuse' as const, 'cancel' as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      after: fc.nat({ max: 4 }),
      outcome: fc.constantFrom<WriteOutcome>('done', 'lost', 'kept'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('decide' as const),
      which,
      decision: fc.constantFrom('done' as const, 'failed' as const, 'retry' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('elapse' as const), ms: fc.constantFrom(5, 100, 1_500) }) },
);
const kindArbitrary = fc.constantFrom<EffectKind>('pure', 'keyed', 'unsafe', 'unsafe');

it('Whatever happens in whatever order, the ledger keeps its word', { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(kindArbitrary, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
      fc.array(stepArbitrary, { maxLength: 25 }),
      async (kinds, steps) => {
        const lives = new Lives(kinds);
        await lives.start();
        for (const step of steps) await lives.step(step);
        await lives.finish();
        expect(lives.faults).toEqual([]);
      },
    ),
    { numRuns: RUNS },
  );
});
