/** What is held against a mesh when all is over: what clients saw, what its owner's store says, what calls left outside. */
import path from 'node:path';
import { anomaliesOf } from '../../support/history/checker.ts';
import type { History } from '../../support/history/history.ts';
import { readStore } from '../final-reading.ts';
import { type CallLine, readCallLines } from './call-lines.ts';
import { callAnomalies } from './mesh-calls.ts';
import type { MeshCluster } from './mesh-cluster.ts';

/** What is there at the end, and what of it cannot be. */
export interface MeshVerdict {
  /** All makings of calls. */
  readonly calls: readonly CallLine[];
  readonly anomalies: readonly unknown[];
}

/** Kills the owner, and reads what is left. */
export async function judge(cluster: MeshCluster, history: History): Promise<MeshVerdict> {
  await cluster.owner.end('SIGKILL');
  const calls = readCallLines(cluster.callsFile);
  const unsafe = calls.filter(({ kind }) => kind === 'unsafe');
  const tasks = await readStore(path.join(cluster.dataDir('owner'), 'store'), history);
  const findings = { tasks, totals: new Map(), lists: new Map(), calls: unsafe };
  return {
    calls,
    anomalies: [...anomaliesOf(history.entries, findings), ...callAnomalies(cluster, history, tasks, calls)],
  };
}
