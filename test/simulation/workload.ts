/** What clients do in a run: pieces of work of many kinds, at times that the seed decides, and what must come of each. */
import { areReceipts, CALL_CODES, gives, givesOr, isReceiptOf, same, tokens } from './expectations.ts';
import type { Frame, Judge } from './judge.ts';
import type { Outside } from './outside.ts';
import type { Rng } from './rng.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** The end of a task, as a client sees it. */
export interface End {
  readonly status: string;
  readonly output?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

/** One piece of work. */
export interface Job {
  readonly name: string;
  readonly message: Frame;
  /** Its idempotency key, if it has one. */
  readonly key?: string;
  /** Whether the end is one that the promises allow. @returns what is wrong with it */
  judge(end: End): string | undefined;
  /** At least so many ms must lie between its start and its good end. */
  readonly waitsMs: number;
  /** A client ends it by hand. */
  readonly cancels: boolean;
  readonly signal?: string;
  /** Only other nodes have what it needs, and they may not be there yet. */
  readonly isElsewhere?: boolean;
}

/** What jobs are made with. */
export interface JobParts {
  readonly rng: Rng;
  readonly world: SimulatedWorld;
  readonly judge: Judge;
  readonly outside: Outside;
  readonly name: string;
  readonly isKeyed: boolean;
  readonly makers: readonly Maker[];
}

type Made = Pick<Job, 'judge'> &
  Partial<Pick<Job, 'waitsMs' | 'cancels' | 'signal' | 'isElsewhere'>> & {
    readonly target: object;
    readonly input?: unknown;
  };

const LEDGERS = ['a', 'b', 'c'] as const;

/** Makes jobs of one kind, so often in comparison with the others. */
export type Maker = readonly [weight: number, make: (parts: JobParts) => Made];

/** For one node. */
export const MAKERS: readonly Maker[] = [
  [
    4,
    ({ rng, name }) => {
      const input = { name, text: rng.word(rng.int(1, 200)), list: [1, null, { deep: true }] };
      return {
        target: rng.chance(0.7) ? { agent: 'lab.echo' } : { capability: 'lab.echo' },
        input,
        judge: gives(input),
      };
    },
  ],
  [
    3,
    ({ rng, name }) => {
      const ms = Math.round(rng.skewed(0, 30_000));
      return { target: { agent: 'lab.delay' }, input: { ms, value: name }, judge: gives(name), waitsMs: ms };
    },
  ],
  [
    2,
    ({ rng, name }) => ({
      target: { agent: 'lab.flaky' },
      input: { failures: rng.int(0, 2), value: name },
      judge: gives(name),
    }),
  ],
  [
    1,
    ({ rng }) => ({
      target: { agent: 'lab.crash' },
      input: { where: rng.pick(['action', 'effect']) },
      judge: ({ status, error }) => (status === 'failed' && error !== undefined ? undefined : 'expected a failure'),
    }),
  ],
  [
    1,
    ({ rng }) => {
      const ms = rng.int(1, 400);
      return {
        target: { agent: 'lab.burn' },
        input: { ms },
        judge: givesOr((output) => same(output, { ms, threadId: 1 }), ['AGENT_CRASHED', 'BUSY']),
      };
    },
  ],
  [
    1,
    () => ({
      target: { agent: 'lab.stall' },
      cancels: true,
      judge: ({ status }) => (status === 'canceled' ? undefined : 'expected it to be canceled'),
    }),
  ],
  [
    4,
    (parts) => {
      const { rng } = parts;
      const calls = tokens(parts, 3).map((token) => ({
        token,
        kind: rng.pick(['pure', 'keyed', 'keyed', 'unsafe'] as const),
      }));
      const sleepMs = rng.chance(0.3) ? rng.int(0, 3_000) : undefined;
      return {
        target: rng.chance(0.8) ? { agent: 'sim.journal' } : { capability: 'sim.work' },
        input: { calls, ...(sleepMs !== undefined && { sleepMs }) },
        waitsMs: (sleepMs ?? 0) * calls.length,
        judge: givesOr(
          (output) =>
            areReceipts(
              calls.map(({ token }) => token),
              output,
            ),
          CALL_CODES,
        ),
      };
    },
  ],
  [
    1,
    (parts) => {
      const [token = ''] = tokens(parts, 1);
      return {
        target: { agent: 'sim.once' },
        input: { token },
        judge: givesOr(isReceiptOf(token), CALL_CODES),
      };
    },
  ],
  [
    3,
    (parts) => {
      const { rng } = parts;
      const [token = ''] = tokens(parts, 1);
      const waitMs = rng.int(0, 4_000);
      const kind = rng.pick(['pure', 'keyed', 'unsafe'] as const);
      const fits = (output: unknown): boolean =>
        Array.isArray(output) &&
        isReceiptOf(`${token}-1`)(output[0]) &&
        output[1] === 'rested' &&
        isReceiptOf(`${token}-2`)(output[2]);
      return {
        target: { agent: 'sim.saga' },
        input: { token, waitMs, kind },
        waitsMs: 2 * waitMs,
        judge: givesOr(fits, CALL_CODES),
      };
    },
  ],
  [1, ({ name }) => ({ target: { agent: 'sim.patient' }, signal: name, judge: gives(name) })],
  [
    3,
    (parts) => {
      const { rng } = parts;
      const items = tokens(parts, 3);
      const extra = rng.chance(0.5);
      const sleepMs = rng.int(0, 500);
      const kind = rng.pick(['pure', 'keyed', 'unsafe'] as const);
      const fits = (output: unknown): boolean => {
        const { each, ...rest } = output as { readonly each: unknown };
        const wanted = { extra: extra ? 'extra' : null, wait: 'waited', spare: null };
        return (
          Array.isArray(each) &&
          each.length === items.length &&
          items.every((item, at) => areReceipts([item], each[at])) &&
          same(rest, wanted)
        );
      };
      return {
        target: { workflow: 'sim.flow' },
        input: { items, extra, sleepMs, kind },
        waitsMs: sleepMs,
        judge: givesOr(fits, CALL_CODES),
      };
    },
  ],
  [
    1,
    ({ rng, name }) => {
      const steps = Array.from({ length: rng.int(1, 5) }, (_, at) => ({
        id: `s${at}`,
        agent: 'lab.echo',
        ...(at > 0 && { needs: [`s${rng.int(0, at - 1)}`] }),
        input: `${name}-${at}`,
      }));
      const output = Object.fromEntries(steps.map(({ id, input }) => [id, input]));
      const graph = {
        name: 'inline',
        version: '1.0.0',
        steps,
        output: Object.fromEntries(steps.map(({ id }) => [id, `\${steps.${id}.output}`])),
      };
      return { target: { graph }, input: null, judge: gives(output) };
    },
  ],
];

/** A job of some kind. */
export function makeJob(parts: JobParts): Job {
  const { rng, name, isKeyed, makers } = parts;
  const total = makers.reduce((sum, [weight]) => sum + weight, 0);
  let at = rng.next() * total;
  const maker = makers.find(([weight]) => (at -= weight) < 0) ?? makers[0];
  const made = (maker as Maker)[1](parts);
  const deadlineMs = rng.chance(0.12) ? rng.int(1, 20_000) : undefined;
  const cancels = made.cancels === true || rng.chance(0.06);
  const options = {
    ...(rng.chance(0.3) && { priority: rng.int(0, 9) }),
    ...(deadlineMs !== undefined && { deadlineMs }),
    ...(rng.chance(0.2) && { labels: { job: name } }),
  };
  const message = {
    type: 'task.submit',
    ...made.target,
    ...(made.input !== undefined && { input: made.input }),
    ...(Object.keys(options).length > 0 && { options }),
    ...(isKeyed && { key: `key-${name}` }),
    ...(rng.chance(0.5) && { watch: rng.pick(['events', 'result', false] as const) }),
  };
  const rests = /lab\.(?:flaky|crash|burn)|sim\.flow/.test(JSON.stringify(made.target));
  const judge = (end: End): string | undefined => {
    if (rests && end.error?.code === 'UNAVAILABLE') return undefined;
    if (cancels && end.status === 'canceled') return undefined;
    // Close to its deadline nothing is tried again.
    if (deadlineMs !== undefined && end.status === 'failed') return undefined;
    return made.judge(end);
  };
  return {
    name,
    message,
    judge,
    waitsMs: made.waitsMs ?? 0,
    ...(isKeyed && { key: `key-${name}` }),
    cancels,
    ...(made.signal !== undefined && { signal: made.signal }),
    ...(made.isElsewhere !== undefined && { isElsewhere: made.isElsewhere }),
  };
}

/** A message to a ledger. */
export function makeTell(rng: Rng, op: string, mayPoison: boolean): Frame {
  const how = rng.next();
  const event = {
    type: 'add',
    op,
    ...(how < 0.1 && { fragile: true }),
    ...(mayPoison && how > 0.95 && { poison: true }),
  };
  return { type: 'agent.tell', agent: 'sim.ledger', key: rng.pick(LEDGERS), event };
}

/** All keys that ledgers have. */
export const LEDGER_KEYS: readonly string[] = LEDGERS;
