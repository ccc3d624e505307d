/** What clients ask of agents that only workers have, and what may come of it. */
import { areReceipts, CALL_CODES, tokens } from '../expectations.ts';
import { type End, type Job, LEDGER_KEYS, MAKERS, type Maker } from '../workload.ts';
import type { MeshWitness } from './mesh-witness.ts';

const KINDS = ['pure', 'keyed', 'keyed', 'unsafe'] as const;
/** What comes of a call that lost its nodes, or found none. */
const LOST_CODES = [...CALL_CODES, 'UNAVAILABLE', 'BUSY', 'NO_AGENT'] as const;
/** More than a link has credit for at one time. */
const REQUESTS_MAX = 320;
const TEXT_MAX = 4_000;
/** More than a frame holds, and together more than a link has credit for. */
const BULK_MAX = 2_200_000;
const BULKS_MAX = 6;

type Output = { readonly making: string } & Readonly<Record<string, unknown>>;

/** Jobs of a mesh, among those of one node. */
export function meshMakers(witness: MeshWitness): readonly Maker[] {
  const gives =
    (fits: (output: Output) => boolean, hasMaking = true): Job['judge'] =>
    ({ status, output, error }: End) => {
      if (status === 'completed') {
        const given = output as Output;
        if (!fits(given)) return 'an output that was not given to it';
        if (hasMaking) witness.check(given.making);
        return undefined;
      }
      return status === 'failed' && error !== undefined && (LOST_CODES as readonly string[]).includes(error.code)
        ? undefined
        : `expected one of ${LOST_CODES.join(', ')}`;
    };
  return [
    ...MAKERS,
    [
      12,
      (parts) => {
        const { rng } = parts;
        const calls = tokens(parts, 3).map((token) => ({ token, kind: rng.pick(KINDS) }));
        const sleepMs = rng.chance(0.3) ? rng.int(0, 6_000) : undefined;
        const wanted = calls.map(({ token }) => token);
        return {
          target: { agent: 'mesh.journal' },
          input: { calls, ...(sleepMs !== undefined && { sleepMs }) },
          waitsMs: (sleepMs ?? 0) * calls.length,
          isElsewhere: true,
          judge: gives(({ receipts }) => areReceipts(wanted, receipts)),
        };
      },
    ],
    [
      3,
      (parts) => {
        const [token = ''] = tokens(parts, 1);
        const input = { token, kind: parts.rng.pick(KINDS) };
        const judge = gives(({ receipts }) => areReceipts([token], receipts));
        return { target: { agent: 'mesh.repeating' }, input, isElsewhere: true, judge };
      },
    ],
    [
      4,
      (parts) => {
        const [token = ''] = tokens(parts, 1);
        const judge = gives(({ receipts }) => areReceipts([token], receipts));
        return { target: { agent: 'mesh.once' }, input: { token, kind: 'unsafe' }, isElsewhere: true, judge };
      },
    ],
    [
      6,
      ({ rng, name }) => ({
        target: { agent: 'mesh.failing' },
        input: { failures: rng.int(0, 2), value: name },
        isElsewhere: true,
        judge: gives(({ value }) => value === name),
      }),
    ],
    [
      4,
      ({ rng, judge }) => {
        const waitMs = rng.int(0, 3_000);
        const key = rng.pick(LEDGER_KEYS);
        const fits = gives(({ ops, hasCounted }) => typeof ops === 'number' && hasCounted === true);
        return {
          target: { agent: 'mesh.asking' },
          input: { key, waitMs },
          waitsMs: waitMs,
          isElsewhere: true,
          judge: (end) => (judge.isDamaged(`sim.ledger/${key}`) ? undefined : fits(end)),
        };
      },
    ],
    [
      2,
      ({ rng }) => {
        const requests = rng.chance(0.3) ? REQUESTS_MAX : rng.int(1, 40);
        const input = { requests, text: 'x'.repeat(Math.floor(rng.skewed(0, TEXT_MAX))) };
        const judge = gives((output) => output['requests'] === requests);
        return { target: { agent: 'mesh.chatty' }, input, isElsewhere: true, judge };
      },
    ],
    [
      0.5,
      ({ rng }) => {
        const bytes = Array.from({ length: rng.int(1, BULKS_MAX) }, () => rng.int(1, BULK_MAX));
        const fits = (size: unknown, at: number): boolean => size === bytes[at] || size === 'too large';
        const judge = gives(({ sizes }) => Array.isArray(sizes) && sizes.length === bytes.length && sizes.every(fits));
        return { target: { agent: 'mesh.bulky' }, input: { bytes }, isElsewhere: true, judge };
      },
    ],
    [
      5,
      (parts) => {
        const { rng, name } = parts;
        const list = tokens(parts, 4);
        const kind = rng.pick(KINDS);
        const retry = { attempts: 6, backoffMs: 50 };
        const each = { calls: [{ token: '${item}', kind }] };
        const steps = [
          { id: 'list', agent: 'lab.echo', input: list },
          { id: 'each', agent: 'mesh.journal', forEach: '${steps.list.output}', concurrency: 2, input: each, retry },
          {
            id: 'last',
            agent: 'mesh.failing',
            needs: ['each'],
            input: { failures: rng.int(0, 1), value: name },
            retry,
          },
        ];
        const output = { each: '${steps.each.output}', last: '${steps.last.output}' };
        const judge = gives(({ each: all, last }) => {
          witness.check((last as Output).making);
          for (const { making } of all as readonly Output[]) witness.check(making);
          return (all as readonly Output[]).every(({ receipts }, at) => areReceipts([list[at] ?? ''], receipts));
        }, false);
        const graph = { name: 'mesh-inline', version: '1.0.0', steps, output };
        return { target: { graph }, input: null, isElsewhere: true, judge };
      },
    ],
    [
      1,
      () => ({
        target: { agent: 'mesh.stalling' },
        cancels: true,
        isElsewhere: true,
        judge: gives(() => false),
      }),
    ],
  ];
}
