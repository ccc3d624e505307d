/** Measures the heap of a node in this process: `--expose-gc`; tells its parent. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Packr } from 'msgpackr';
import { startNode } from '../index.ts';
import { openSockets, runLoad } from './load.ts';

const [dir = '', live = '0', finished = '0'] = process.argv.slice(2);
const wire = new Packr({ useRecords: false });
const LIVE = Number(live);
const FINISHED = Number(finished);

function heapBytes(): number {
  for (let round = 0; round < 4; round++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function diskBytes(): number {
  const folder = join(dir, 'store', 'db');
  return readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}

const node = await startNode({ dataDir: dir, port: 0, lab: true, logLevel: 'warn' });
const sockets = await openSockets(`${node.url.replace(/^http/, 'ws')}/ws`, 64);
const echo = {
  inFlight: 64,
  watch: 'result' as const,
  body: (index: number) => ({ agent: 'lab.echo', input: { text: `hello ${index}` } }),
};
await runLoad(sockets, { ...echo, tasks: 2_000 });
const heapBefore = heapBytes();
const diskBefore = diskBytes();
await runLoad(sockets, { ...echo, tasks: FINISHED });
const heapAfter = heapBytes();
const diskAfter = diskBytes();

// Live ones wait for a durable timer; each is a task, a step and a machine.
let accepted = 0;
await new Promise<void>((resolve) => {
  for (const socket of sockets) {
    socket.removeAllListeners('message');
    socket.on('message', () => {
      if (++accepted === LIVE) resolve();
    });
  }
  for (let index = 0; index < LIVE; index++) {
    const task = { type: 'task.submit', id: String(index), agent: 'lab.delay', input: { ms: 3_600_000 }, watch: false };
    sockets[index % sockets.length]?.send(wire.pack(task));
  }
});
const heapLive = heapBytes();
process.send?.({
  finishedHeapBytes: (heapAfter - heapBefore) / FINISHED,
  finishedDiskBytes: (diskAfter - diskBefore) / FINISHED,
  liveHeapBytes: (heapLive - heapAfter) / LIVE,
});
process.exit(0);
