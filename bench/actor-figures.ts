/** One measurement of actors in a process of its own; tells its parent. Arguments: what, a folder, a number. */
import { Level } from 'level';
import { join } from 'node:path';
import { counterAddress, countUp, heapBytes, openResting, wakeEach, wakeTogether } from './resting.ts';
import { keyOf } from '../runtime/stores/keys.ts';
import { median } from './table.ts';

const [what = '', dir = '', count = '0'] = process.argv.slice(2);
const COUNT = Number(count);
const SAMPLE = Math.min(5_000, COUNT);

/** Numbers spread over all, so that neither LevelDB nor we find neighbours. */
function spread(offset: number): number[] {
  return Array.from({ length: SAMPLE }, (_, at) => (at * 7_919 + offset) % COUNT);
}

async function rest(): Promise<object> {
  const node = await openResting(dir, { residentActorsMax: 1_000 });
  const before = heapBytes();
  const from = performance.now();
  await countUp(node, 0, COUNT);
  const createMicros = ((performance.now() - from) * 1000) / COUNT;
  const { residents } = node.keeper.figures;
  const heap = heapBytes() - before;
  await node.close();
  return { createMicros, residents, heapBytes: heap };
}

async function wake(): Promise<object> {
  const from = performance.now();
  const node = await openResting(dir, { residentActorsMax: 1_000 });
  const startMs = performance.now() - from;
  await wakeEach(node, spread(1).slice(0, 500));
  const each = median(await wakeEach(node, spread(3).slice(0, 1_000)));
  await wakeTogether(node, spread(5));
  const together = await wakeTogether(node, spread(11));
  await node.close();
  return { startMs, each, together, ...(await gets()) };
}

/** The same records by LevelDB alone. */
async function gets(): Promise<object> {
  const db = new Level<string, Uint8Array>(join(dir, 'store', 'db'), { valueEncoding: 'view' });
  await db.open();
  const keysOf = (offset: number): string[] => spread(offset).map((index) => keyOf('r', counterAddress(index)));
  await Promise.all(keysOf(1).map((key) => db.get(key)));
  const each: number[] = [];
  for (const key of keysOf(3).slice(0, 1_000)) {
    const from = performance.now();
    await db.get(key);
    each.push((performance.now() - from) * 1000);
  }
  const keys = keysOf(11);
  const from = performance.now();
  const found = await Promise.all(keys.map((key) => db.get(key)));
  const together = ((performance.now() - from) * 1000) / keys.length;
  await db.close();
  return { getEach: median(each), getTogether: together, found: found.filter((one) => one !== undefined).length };
}

/** Tasks that wait for a timer, committed; then the process dies. */
async function begin(): Promise<object> {
  const { core, staff } = await openResting(dir, { tasksInFlightMax: 1_000_000 });
  for (let at = 0; at < COUNT; at++) {
    core.kernel.act((port) =>
      staff.desk.submit(port, 'bench', { target: { agent: 'lab.delay' }, input: { ms: 3_600_000 }, options: {} }),
    );
    if (at % 1_000 === 999) await core.committer.committed();
  }
  await core.committer.flush();
  return {};
}

async function resume(): Promise<object> {
  const from = performance.now();
  const node = await openResting(dir, { tasksInFlightMax: 1_000_000 });
  const { resumed, durationMs } = node.recovery;
  await node.core.committer.flush();
  return { resumed, durationMs, committedMs: performance.now() - from, cpu: process.cpuUsage() };
}

/** Actors that wait for a timer, stopped one after another. */
async function stop(): Promise<object> {
  const { core } = await openResting(dir, { store: 'memory' });
  const { kernel, committer } = core;
  const address = (at: number): string => `run/bench/${at}`;
  for (let at = 0; at < COUNT; at++) {
    kernel.startCell({
      ...{ address: address(at), logic: 'agent:lab.delay@1.0.0', supervisor: 'supervisor/agents/lab.delay' },
      ...{ restart: 'temporary', recovery: 'resume', priority: 5, durable: false },
      input: { task: 'bench', step: 'bench', attempt: 1, owner: '', input: { ms: 3_600_000 } },
    });
  }
  while (kernel.timersPending < COUNT) await new Promise((resolve) => setImmediate(resolve));
  const armed = kernel.timersPending;
  const from = performance.now();
  for (let at = 0; at < COUNT; at++) kernel.stopCell(address(at));
  await committer.flush();
  return { armed, stopMicros: ((performance.now() - from) * 1000) / COUNT };
}

const figures = await { rest, wake, begin, resume, stop }[what as 'rest']();
if (process.send === undefined) process.stdout.write(`${JSON.stringify(figures)}\n`);
else process.send(figures);
process.exit(0);
