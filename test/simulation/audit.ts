/** The last look: the node has died and come back once more, and a new client reads everything there is. */
import { TASK_STATUSES } from '../../protocol/tasks.ts';
import type { Frame, Judge } from './judge.ts';
import type { Scripts } from './scripts.ts';
import type { SimulatedClient } from './simulated-client.ts';
import { LEDGER_KEYS } from './workload.ts';

/** Reads all tasks, their logs, the lists by status and the ledgers. Resolves when everything has been answered. */
export async function audit(client: SimulatedClient, scripts: Scripts, judge: Judge): Promise<void> {
  for (const { task } of scripts.followed.values()) {
    if (judge.isDamaged(task)) continue;
    await scripts.readTask(client, task, judge);
    if (judge.historyOf(task).end === undefined) continue;
    const ended = Promise.withResolvers<Frame>();
    const answer = await client.watch(task, ended.resolve);
    if (answer?.type === 'task.status') await ended.promise;
    else judge.accuse('acknowledged-lost', `${task} cannot be watched: ${JSON.stringify(answer)}`);
  }
  await auditLists(client, scripts, judge);
  for (const key of LEDGER_KEYS) {
    if (judge.isDamaged(`sim.ledger/${key}`)) continue;
    const answer = await scripts.lookAt(client, key);
    judge.expect(
      answer?.type === 'agent.reply',
      'liveness',
      () => `the ledger ${key} does not answer: ${JSON.stringify(answer)}`,
    );
  }
}

async function auditLists(client: SimulatedClient, scripts: Scripts, judge: Judge): Promise<void> {
  const statuses = new Map<string, string>();
  for (const task of await listOf(client, undefined)) {
    judge.expect(!statuses.has(String(task['task'])), 'index', () => `${String(task['task'])} is listed twice`);
    statuses.set(String(task['task']), String(task['status']));
  }
  for (const task of scripts.followed.keys())
    judge.expect(statuses.has(task) || judge.isDamaged(task), 'acknowledged-lost', () => `${task} is in no list`);
  for (const status of TASK_STATUSES) {
    const listed = new Set<string>();
    for (const task of await listOf(client, status)) {
      listed.add(String(task['task']));
      judge.expect(
        task['status'] === status,
        'index',
        () => `${String(task['task'])} is ${String(task['status'])}, and is listed as ${status}`,
      );
    }
    for (const [task, is] of statuses) {
      if (is !== status || listed.has(task) || judge.isDamaged(task)) continue;
      // One that nobody follows may have gone on since: its submission was never answered.
      const now = await client.ask({ type: 'task.get', task });
      judge.expect(now?.['status'] !== status, 'index', () => `${task} is ${status}, and is not listed so`);
    }
  }
}

async function listOf(client: SimulatedClient, status: string | undefined): Promise<Frame[]> {
  const all: Frame[] = [];
  let cursor: unknown;
  do {
    const page = await client.ask({
      ...{ type: 'task.list', limit: 50 },
      ...(status !== undefined && { status }),
      ...(typeof cursor === 'string' && { cursor }),
    });
    all.push(...((page?.['tasks'] ?? []) as readonly Frame[]));
    cursor = page?.['cursor'];
  } while (typeof cursor === 'string');
  return all;
}
