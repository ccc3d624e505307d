/** What calls have left outside of a mesh, held against what its tasks say. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { FinalTask, History } from '../../support/history/history.ts';
import type { CallLine } from './call-lines.ts';
import type { MeshCluster } from './mesh-cluster.ts';
import { APPENDED } from './mesh-wishes.ts';

/** An unsafe call is made once at most; what a completed task was to do has been done, on one node or another. */
export function callAnomalies(
  cluster: MeshCluster,
  history: History,
  tasks: readonly FinalTask[],
  calls: readonly CallLine[],
): readonly string[] {
  const wishes = new Map(
    history.entries.flatMap((entry) => (entry.type === 'invoke' ? wishesOf(entry.operation) : [])),
  );
  const completed = tasks.filter(({ status }) => status === 'completed');
  const of = (agent: string): string[] =>
    completed
      .filter(({ mark }) => wishes.get(mark)?.startsWith(`{"agent":"${agent}"`) === true)
      .map(({ mark }) => mark);
  const made = new Set(calls.map(({ mark }) => mark));
  const appended = new Set(cluster.nodes.flatMap(({ name }) => linesOf(cluster.dataDir(name))));
  return [
    ...twice(calls.filter(({ kind }) => kind === 'unsafe')),
    ...of('mesh.keyed').flatMap((mark) => (made.has(mark) ? [] : [`${mark} is completed without its call`])),
    ...of('lab.append').flatMap((mark) => (appended.has(mark) ? [] : [`${mark} is completed without its line`])),
  ];
}

function wishesOf(operation: Parameters<History['invoke']>[0]): [string, string][] {
  return operation.op === 'submit' ? [[operation.mark, operation.body]] : [];
}

function linesOf(dataDir: string): string[] {
  const file = path.join(dataDir, 'lab', APPENDED);
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
}

function twice(unsafe: readonly CallLine[]): string[] {
  const count = new Map<string, string[]>();
  for (const { key, node } of unsafe) count.set(key, [...(count.get(key) ?? []), node]);
  return [...count]
    .filter(([, nodes]) => nodes.length > 1)
    .map(([key, nodes]) => `the unsafe call ${key} was made on ${nodes.join(' and ')}`);
}
