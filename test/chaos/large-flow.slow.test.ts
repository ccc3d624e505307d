/**
 * A workflow of real size on a node that is killed three times: layers of steps that need several before them, one in twenty of
 * which fails at first, beside a fan-out over thousands of items. TROUPE_TEST_FULL=1 makes it 1,000 steps and 10,000 items.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { freePort, NodeUnderTest, temporaryFolder } from '../support/node-process.ts';
import { seeded, TaskRecords } from '../support/task-record.ts';
import { Wire } from '../support/wire.ts';

const FULL = process.env['TROUPE_TEST_FULL'] === '1';
const STEPS = FULL ? 1_000 : 200;
const ITEMS = FULL ? 10_000 : 1_500;
const LAYER = 25;
const CONCURRENCY = 32;
const FAILING = 0.05;
const TEST_MS = FULL ? 600_000 : 120_000;
const MODULUS = 1_000_003;
/** A node with nothing to do takes some 110 MB; coverage and the compiler take their share. */
const MEMORY_BYTES_MAX = 500 * 1024 * 1024;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** The graph, and the value that each step comes to. */
function layered(random: () => number): { readonly steps: object[]; readonly values: readonly number[] } {
  const values: number[] = [];
  const steps = Array.from({ length: STEPS }, (_, at) => {
    const first = at - (at % LAYER) - LAYER;
    const needs = first < 0 ? [] : [1, 2, 3].map(() => first + Math.floor(random() * LAYER));
    values.push((at + needs.reduce((sum, need) => sum + (values[need] ?? 0), 0)) % MODULUS);
    const sum = [String(at), ...needs.map((need) => `steps.n${need}.output`)].join(' + ');
    const failures = random() < FAILING ? 1 : 0;
    return { id: `n${at}`, agent: 'steady', input: { failures, value: `\${(${sum}) % ${MODULUS}}` } };
  });
  return { steps, values };
}

/** The most memory that the process has taken, in bytes. */
function peakBytes(pid: number): number {
  const kib = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

async function until(check: () => boolean, what: string): Promise<void> {
  await vi.waitFor(
    () => {
      if (!check()) throw new TypeError(`Not yet: ${what}.`);
    },
    { timeout: TEST_MS, interval: 10 },
  );
}

describe('a workflow of real size', () => {
  it(
    'completes through three kills, no step done twice, within its concurrency and within bounded memory',
    async () => {
      const folder = temporaryFolder('large');
      const agents = path.join(import.meta.dirname, 'steady-agents.ts');
      const node = new NodeUnderTest(folder.path, await freePort(), ['--agents', agents]);
      cleanups.push(folder.clear, () => node.kill());
      let { pid } = await node.start();
      const { steps, values } = layered(seeded(7));
      const input = { failures: `\${index % ${1 / FAILING} == 3 ? 1 : 0}`, value: '${item * 2}' };
      const fan = { id: 'fan', agent: 'steady', forEach: '${input.items}', concurrency: CONCURRENCY, input };
      const sum = { ...fan, id: 'sum', merge: 'reduce', reduce: { initial: 0, with: 'acc + output' } };
      const last = Array.from({ length: LAYER }, (_, at) => `\${steps.n${STEPS - LAYER + at}.output}`);
      const graph = {
        steps: [...steps, fan, { ...sum, forEach: '${steps.fan.output}', input: { failures: 0, value: '${item}' } }],
        output: { last, items: '${size(steps.fan.output)}', sum: '${steps.sum.output}' },
      };
      const items = Array.from({ length: ITEMS }, (_, item) => item);
      const answer = await fetch(`${node.url}/api/v1/tasks`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ graph, input: { items } }),
      });
      expect(answer.status).toBe(202);
      const { task } = (await answer.json()) as { task: string };

      const records = new TaskRecords();
      const record = records.of(task);
      let done = 0;
      const connect = async (): Promise<Wire> => {
        const wire = await Wire.open(node.socketUrl);
        wire.listen((frame) => {
          record.take(frame);
          if (frame.kind === 'step.completed') done++;
        });
        records.watchOn(wire);
        return wire;
      };
      let wire = await connect();
      const all = STEPS + 2 * ITEMS;
      const peaks: number[] = [];
      for (const part of [0.15, 0.45, 0.8]) {
        await until(() => done >= all * part || record.end !== undefined, `${part} of it is done`);
        peaks.push(peakBytes(pid));
        await node.kill(5);
        await wire.closed;
        ({ pid } = await node.start());
        wire = await connect();
      }
      await until(() => record.end !== undefined, 'it has ended');
      peaks.push(peakBytes(pid));

      expect(record.faultsAtEnd()).toEqual([]);
      expect(record.end).toMatchObject({
        status: 'completed',
        output: { last: values.slice(-LAYER), items: ITEMS, sum: ITEMS * (ITEMS - 1) },
      });
      expect(record.count('task.resumed')).toBe(3);
      expect(record.count('step.retried')).toBeGreaterThan(all * FAILING * 0.2);
      const underWay = new Map<unknown, Set<unknown>>();
      let most = 0;
      const completed = new Map<string, number>();
      for (const { kind, data } of record.inOrder()) {
        if (data?.['attempt'] === undefined) continue;
        const { step, item } = data as { readonly step: string; readonly item?: number };
        const place = `${step}/${item}`;
        if (kind === 'step.completed') completed.set(place, (completed.get(place) ?? 0) + 1);
        if (item === undefined) continue;
        const of = underWay.get(step) ?? new Set();
        underWay.set(step, of);
        if (kind === 'step.started') of.add(item);
        if (kind === 'step.completed') of.delete(item);
        most = Math.max(most, of.size);
      }
      expect(completed.size).toBe(all);
      expect([...completed.values()].every((count) => count === 1)).toBe(true);
      expect(most).toBe(CONCURRENCY);
      expect(Math.max(...peaks)).toBeLessThan(MEMORY_BYTES_MAX);
    },
    TEST_MS,
  );
});
