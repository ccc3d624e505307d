/** Random workflows on a node that is killed at random commits: what comes out is what a straight run gives, and nothing is done twice. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryDisk, type WriteOutcome } from '../../../runtime/stores/memory-store.ts';
import type { TaskRecord } from '../../../runtime/stores/store.ts';
import type { TaskEvent } from '../../../protocol/tasks.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';
import { needsArbitrary } from './graph-lookups.ts';

interface Steps {
  readonly needs: readonly (readonly number[])[];
  /** For each step: 0 echo, 1 and 2 so many failures first, 3 a fan-out, 4 a wait, 5 optional and failing. */
  readonly kinds: readonly number[];
}

function graphOf({ needs, kinds }: Steps): unknown {
  const steps = needs.map((others, index) => {
    const id = `s${index}`;
    const value = { id, from: others.map((other) => `\${steps.s${other}.output}`) };
    const base = { id, needs: others.map((other) => `s${other}`) };
    const kind = kinds[index] ?? 0;
    if (kind === 0) return { ...base, agent: 'lab.echo', input: value };
    if (kind <= 2) return { ...base, agent: 'lab.flaky', input: { failures: kind, value } };
    if (kind === 3) return { ...base, agent: 'lab.echo', forEach: [1, 2, 3, 4], concurrency: 2, input: '${item * 10}' };
    if (kind === 4) return { ...base, agent: 'lab.delay', input: { ms: 700, value: id } };
    return { ...base, agent: 'lab.flaky', input: { failures: 9 }, retry: { attempts: 2 }, optional: true };
  });
  const output = Object.fromEntries(steps.map(({ id }) => [id, `\${steps.${id}.output}`]));
  return { steps, output };
}

const stepsArbitrary: fc.Arbitrary<Steps> = needsArbitrary({ acyclic: true, stepsMax: 6 }).chain((needs) =>
  fc.record({
    needs: fc.constant(needs),
    kinds: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: needs.length, maxLength: needs.length }),
  }),
);

/** Moves on until the task has ended (true) or the disk has no commits left to give (false). */
async function goOn(node: WorkNode, task: string, isDead: () => boolean): Promise<boolean> {
  for (let round = 0; round < 400 && !isDead(); round++) {
    await node.world.settle();
    if (isDead()) return false;
    if ((await node.store.readTask(task))?.result !== undefined) return true;
    await node.world.elapse(100);
  }
  return false;
}

async function runWithKills(
  graph: unknown,
  kills: readonly { readonly after: number; readonly outcome: WriteOutcome }[],
) {
  let budget = Number.POSITIVE_INFINITY;
  let last: WriteOutcome = 'done';
  let isDead = false;
  const disk = new MemoryDisk({
    onWrite: () => {
      if (isDead) return 'lost';
      if (--budget > 0) return 'done';
      isDead = true;
      return last;
    },
  });
  let seed = 1;
  let node = await createWorkNode({ disk, seed, noBreakers: true });
  const { task } = node.submit({ graph });
  // It was accepted when this is committed: only from here on a death may not lose it.
  await node.world.settle();
  let deaths = 0;
  for (const { after, outcome } of kills) {
    budget = after;
    last = outcome;
    if (await goOn(node, task, () => isDead)) break;
    const startMs = node.world.nowMs();
    node.kill();
    deaths++;
    isDead = false;
    budget = Number.POSITIVE_INFINITY;
    node = await createWorkNode({ disk, seed: ++seed, startMs, noBreakers: true });
    expect(node.recovered.stranded).toEqual([]);
  }
  budget = Number.POSITIVE_INFINITY;
  const record = await node.end(task);
  const events = await node.events(task);
  const rest = disk.keys().filter((key) => /(?:step|run|flow|task)\//.test(key));
  node.kill();
  return { record, events, rest, deaths };
}

function outputs({ status, result }: TaskRecord): unknown {
  return { status, output: result?.output, degraded: result?.degraded };
}

/** step/item → how often it was completed. */
function completions(events: readonly TaskEvent[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { kind, data } of events) {
    if (kind !== 'step.completed') continue;
    const place = JSON.stringify([data['step'], data['item']]);
    counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  return counts;
}

const byKind = (events: readonly TaskEvent[], kind: string): number =>
  events.filter((event) => event.kind === kind).length;

describe('A workflow on a node that dies', () => {
  it('ends with the outputs of a straight run, each step completed once, its log without a gap', async () => {
    let deaths = 0;
    const kill = fc.record({
      after: fc.integer({ min: 1, max: 8 }),
      outcome: fc.constantFrom<WriteOutcome>('lost', 'kept'),
    });
    await fc.assert(
      fc.asyncProperty(stepsArbitrary, fc.array(kill, { minLength: 1, maxLength: 5 }), async (steps, kills) => {
        const graph = graphOf(steps);
        const straight = await runWithKills(graph, []);
        const killed = await runWithKills(graph, kills);
        deaths += killed.deaths;
        expect(straight.record.status).toBe('completed');
        expect(outputs(killed.record)).toEqual(outputs(straight.record));
        expect(killed.events.map(({ seq }) => seq)).toEqual(killed.events.map((_, index) => index + 1));
        expect(killed.events.at(-1)).toMatchObject({ kind: 'task.completed', seq: killed.record.seq });
        expect(completions(killed.events)).toEqual(completions(straight.events));
        expect([...completions(killed.events).values()].every((count) => count === 1)).toBe(true);
        expect(byKind(killed.events, 'step.started')).toBe(byKind(straight.events, 'step.started'));
        expect(byKind(killed.events, 'task.resumed')).toBeLessThanOrEqual(killed.deaths);
        expect(killed.rest).toEqual([]);
      }),
      { numRuns: 60 },
    );
    // Without deaths this would have shown nothing.
    expect(deaths).toBeGreaterThan(30);
  }, 60_000);
});
