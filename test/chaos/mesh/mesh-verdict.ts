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
  /** Tasks that were given up, as documented, since each of three nodes in a row fell silent with them. */
  readonly givenUp: number;
  readonly anomalies: readonly unknown[];
}

/** What was to end well, and is said to have ended nodes: nothing that is asked for does. */
const GIVEN_UP = /: failed AGENT_CRASHED where /;
/** More than bad luck explains. */
const GIVEN_UP_SHARE_MAX = 0.001;

/** Kills the owner, and reads what is left. */
export async function judge(cluster: MeshCluster, history: History): Promise<MeshVerdict> {
  await cluster.owner.end('SIGKILL');
  const calls = readCallLines(cluster.callsFile);
  const unsafe = calls.filter(({ kind }) => kind === 'unsafe');
  const tasks = await readStore(path.join(cluster.dataDir('owner'), 'store'), history);
  const findings = { tasks, totals: new Map(), lists: new Map(), calls: unsafe };
  const found = anomaliesOf(history.entries, findings);
  const unlucky = found.filter(({ name, what }) => name === 'wrong result' && GIVEN_UP.test(what));
  const isBadLuck = unlucky.length <= Math.max(1, tasks.length * GIVEN_UP_SHARE_MAX);
  return {
    calls,
    givenUp: unlucky.length,
    anomalies: [
      ...(isBadLuck ? found.filter((one) => !unlucky.includes(one)) : found),
      ...callAnomalies(cluster, history, tasks, calls),
    ],
  };
}
