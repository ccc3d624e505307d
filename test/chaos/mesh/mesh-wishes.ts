/** What is asked of a mesh under faults: some of everything. */
import type { History } from '../../support/history/history.ts';
import { type Wish, wishOf } from '../mixed-load.ts';

/** Makes one. */
export type WishSource = (mark: string, key: string | undefined, random: () => number) => Wish;

const DELAY_MS_MAX = 400;
/** Long enough that faults fall into calls. */
const CALL_MS_MAX = 500;
const ITEMS = 4;
/** The file on each node that all `lab.append`s write to. */
export const APPENDED = 'appended';
/** What fails over and over makes a breaker open, and waits there: so seldom it does not. */
const FAILING_EVERY_MS = 15_000;

/** Wishes of one load. */
export function meshWishes(): WishSource {
  let failedAtMs = -Infinity;
  let failures = 0;
  return (mark, key, random) => {
    if (performance.now() - failedAtMs < FAILING_EVERY_MS) return soundWish(mark, key, random);
    failedAtMs = performance.now();
    return failing(mark, key, ++failures);
  };
}

/** What ends well, whatever becomes of nodes. */
export const soundWish: WishSource = (mark, key, random) => {
  const choice = random();
  const ms = Math.floor(random() * CALL_MS_MAX);
  const input = { mark, ms };
  const expect = JSON.stringify(mark);
  if (choice < 0.24) return wishOf(mark, key, { agent: 'lab.echo', input: mark }, { expect });
  if (choice < 0.34) {
    const wait = { ms: Math.floor(random() * DELAY_MS_MAX), value: mark };
    return wishOf(mark, key, { agent: 'lab.delay', input: wait }, { expect });
  }
  if (choice < 0.38) return wishOf(mark, key, { agent: 'lab.flaky', input: { failures: 0, value: mark } }, { expect });
  if (choice < 0.42) return wishOf(mark, key, { agent: 'mesh.flaky', input }, { expect });
  if (choice < 0.48) {
    const line = { name: APPENDED, line: mark };
    return wishOf(mark, key, { agent: 'lab.append', input: line }, { expect: JSON.stringify(line) });
  }
  if (choice < 0.66) return wishOf(mark, key, { agent: 'mesh.keyed', input }, { expect });
  if (choice < 0.78) return wishOf(mark, key, { agent: 'mesh.unsafe', input }, { expect, call: 'unsafe' });
  if (choice < 0.82) return wishOf(mark, key, { agent: 'mesh.risky', input }, { expect, call: 'unsafe' });
  if (choice < 0.92) return wishOf(mark, key, { graph: chain(ms), input: mark }, { expect });
  const items = Array.from({ length: ITEMS }, (_, index) => `${mark}.${index}`);
  return wishOf(mark, key, { graph: fan(ms), input: items }, { expect: JSON.stringify(items) });
};

function failing(mark: string, key: string | undefined, count: number): Wish {
  if (count % 3 === 0) return wishOf(mark, key, { agent: 'lab.flaky', input: { failures: 1, value: mark } });
  return wishOf(mark, key, { graph: crash(count % 3 === 1 ? 'effect' : 'action'), input: null });
}

/** Tried once. */
function crash(where: string): object {
  const steps = [{ id: 'one', agent: 'lab.crash', input: { where }, retry: { attempts: 1 } }];
  return { steps, output: null };
}

function chain(ms: number): object {
  const steps = [
    { id: 'one', agent: 'lab.echo', input: '${input}' },
    { id: 'two', agent: 'mesh.keyed', needs: ['one'], input: { mark: '${steps.one.output}', ms } },
  ];
  return { steps, output: '${steps.two.output}' };
}

function fan(ms: number): object {
  const input = { mark: '${item}', ms };
  const each = { id: 'each', agent: 'mesh.keyed', forEach: '${input}', concurrency: ITEMS, input };
  return { steps: [each], output: '${steps.each.output}' };
}

/** Tasks of agents that fail on purpose: they may wait where their breaker is open. */
export function failsOnPurpose({ entries }: History): ReadonlySet<string> {
  const wished = new Map(
    entries.flatMap((entry) => (entry.type === 'invoke' ? [[entry.id, entry.operation] as const] : [])),
  );
  return new Set(
    entries.flatMap((entry) => {
      const operation = entry.type === 'ok' ? wished.get(entry.id) : undefined;
      const fails = operation?.op === 'submit' && operation.expect === undefined;
      return fails && entry.type === 'ok' ? [String(entry.value)] : [];
    }),
  );
}
