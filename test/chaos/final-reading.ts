/** What is there when all has come to rest: asked of the node for its actors, read from its stopped store for its tasks. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createLevelStore } from '../../runtime/stores/level-store.ts';
import type { Store, TaskRecord } from '../../runtime/stores/store.ts';
import { createWorld } from '../../runtime/world.ts';
import type { FinalTask, Findings, History } from '../support/history/history.ts';
import { Wire } from '../support/wire.ts';
import { callsFile } from './fault-node.ts';
import { type FaultNode, until } from './fault-rig.ts';
import { resultText } from './mixed-load.ts';

const ACTORS = ['a0', 'a1', 'a2', 'a3'];
const EVENTS_MAX = 10_000;
const CONNECTION = 'store';

/** Waits until no task works any more, kills the node, and reads what it leaves; what the store shows goes into the history too. */
export async function readAtRest(node: FaultNode, history: History): Promise<Findings> {
  await until(async () => (await unfinished(node.url)) === 0, 'no task works any more', { everyMs: 100 });
  const wire = await Wire.open(node.socketUrl);
  const totals = new Map<string, number>();
  const lists: Map<string, Findings['lists'] extends ReadonlyMap<string, infer List> ? List : never> = new Map();
  for (const actor of ACTORS) {
    totals.set(actor, (await ask<{ total: number }>(wire, 'lab.counter', actor)).total);
    lists.set(actor, (await ask<{ entries: { sender: string; n: number }[] }>(wire, 'fault.list', actor)).entries);
  }
  await wire.close();
  await node.kill();
  const tasks = await readStore(path.join(node.dataDir, 'store'), history);
  return { tasks, totals, lists, calls: readCalls(node.dataDir) };
}

async function ask<T>(wire: Wire, agent: string, key: string): Promise<T> {
  const answer = await wire.request({ type: 'agent.ask', agent, key, event: { type: 'get' } });
  if (answer['value'] === undefined) throw new TypeError(`${agent}/${key}: ${JSON.stringify(answer)}`);
  return answer['value'] as T;
}

async function unfinished(url: string): Promise<number> {
  const response = await fetch(`${url}/api/v1/tasks?status=working&limit=1`);
  const { tasks } = (await response.json()) as { tasks: unknown[] };
  return tasks.length;
}

function readCalls(dataDir: string): Findings['calls'] {
  const file = callsFile(dataDir);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [mark = '', atMs] = line.split(' ');
    return { mark, atMs: Number(atMs) };
  });
}

/** All tasks of a store that nobody has open; what it shows of them goes into the history. */
export async function readStore(dir: string, history: History): Promise<FinalTask[]> {
  const store = createLevelStore({ dir, durability: 'fsync', world: createWorld(), ballastBytes: 0 });
  await store.open();
  const tasks: FinalTask[] = [];
  try {
    let cursor: string | undefined;
    do {
      const page = await store.listTasks({ limit: 200, ...(cursor !== undefined && { cursor }) });
      for (const task of page.tasks) {
        tasks.push({ task: task.id, mark: task.options.labels?.['mark'] ?? '', status: task.status, seq: task.seq });
        await noteStored(store, task, history);
      }
      ({ cursor } = page);
    } while (cursor !== undefined);
  } finally {
    await store.close();
  }
  return tasks;
}

/** As a client would be shown it: the last line of a task that has ended is its result. */
async function noteStored(store: Store, { id: task, result }: TaskRecord, history: History): Promise<void> {
  const events = await store.readEvents(task, 0, EVENTS_MAX);
  const log = result === undefined ? events : events.slice(0, -1);
  for (const { seq, at, kind, data } of log)
    history.note({ type: 'event', connection: CONNECTION, task, seq, at, kind, data: JSON.stringify(data) });
  const last = events.at(-1);
  if (result === undefined || last === undefined) return;
  const { status, output, error } = result;
  history.note({
    type: 'result',
    connection: CONNECTION,
    task,
    seq: last.seq,
    status,
    value: resultText(output, error),
  });
}
