/** One round of a mesh under faults: load and faults at the same time, then rest, then all that can be held against it. */
import { History } from '../../support/history/history.ts';
import { seeded } from '../../support/task-record.ts';
import { pass, until } from '../fault-rig.ts';
import { MixedLoad } from '../mixed-load.ts';
import { decide } from './doubts.ts';
import { faultsFrom, faultText } from './fault-plan.ts';
import type { MeshCluster } from './mesh-cluster.ts';
import { MeshDesk } from './mesh-desk.ts';
import { judge } from './mesh-verdict.ts';
import { untilRest } from './mesh-rest.ts';
import { failsOnPurpose, meshWishes } from './mesh-wishes.ts';

/** What a round is made of. It ends once there were so many of both. */
export interface RoundOptions {
  readonly cluster: MeshCluster;
  readonly seed: number;
  readonly tasks: number;
  readonly faults: number;
}

/** What it came to. */
export interface RoundFigures {
  /** Acknowledged ones. */
  readonly tasks: number;
  readonly faults: readonly string[];
  /** From the end of the last fault to the rest of all that waits for nobody. */
  readonly convergedMs: number;
  readonly doubts: number;
  readonly keyedCalls: number;
  readonly unsafeCalls: number;
  readonly givenUp: number;
  /** What of its memory is resident, of the largest process. */
  readonly residentBytes: number;
  readonly anomalies: readonly unknown[];
}

const AT_ONCE = 2;
/** Those that may be at work before no more are asked for. */
const UNFINISHED_MAX = 100;
const PAUSE_MS = 8;
const LOAD_MS_MAX = 120_000;

/** Plays it. Fails where it does not come to rest; what was wrong otherwise is in `anomalies`. `faults` hears of each one. */
export async function playRound(options: RoundOptions, faults: string[]): Promise<RoundFigures> {
  const { cluster, seed, tasks } = options;
  const desk = new MeshDesk(cluster.url);
  await cluster.start();
  await untilRest(cluster, desk);
  const history = new History();
  const load = new MixedLoad({
    ...{ url: cluster.url, socketUrl: cluster.socketUrl, history, random: seeded(seed + 1), wish: meshWishes() },
    ...{ messageShare: 0, pauseMs: PAUSE_MS, unfinishedMax: UNFINISHED_MAX },
  });
  const isEnough = (): boolean => load.acknowledged >= tasks;
  await strike(options, faults, isEnough).finally(() => void load.stop());
  await until(isEnough, `${tasks} tasks are taken on`, { timeoutMs: LOAD_MS_MAX });
  const healedMs = performance.now();
  await load.stop();
  const failing = failsOnPurpose(history);
  await untilRest(cluster, desk, (task) => failing.has(task));
  const convergedMs = performance.now() - healedMs;
  const residentBytes = Math.max(...cluster.nodes.map((node) => node.residentBytes));
  const doubts = await decide(cluster, desk);
  await untilRest(cluster, desk);
  const { calls, anomalies, givenUp } = await judge(cluster, history);
  const unsafeCalls = calls.filter(({ kind }) => kind === 'unsafe').length;
  return {
    ...{ tasks: load.acknowledged, faults, convergedMs, doubts: doubts.effects.length, residentBytes },
    ...{ keyedCalls: calls.length - unsafeCalls, unsafeCalls, givenUp, anomalies: [...anomalies, ...doubts.anomalies] },
  };
}

/** Never two faults of one node at a time. */
async function strike(
  { cluster, seed, faults: count }: RoundOptions,
  said: string[],
  isEnough: () => boolean,
): Promise<void> {
  const { site, workers } = cluster;
  const faults = faultsFrom(seeded(seed), [...workers.keys()], site.canSlow);
  const open = new Map<string, Promise<void>>();
  const failures: unknown[] = [];
  while (failures.length === 0 && (said.length < count || !isEnough())) {
    const fault = faults.next().value;
    await open.get(fault.node);
    if (open.size >= AT_ONCE) await Promise.race(open.values());
    said.push(faultText(fault));
    const healed = cluster
      .suffer(fault)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => open.delete(fault.node));
    open.set(fault.node, healed);
    await Promise.race([healed, pass(fault.nextMs)]);
  }
  await Promise.all(open.values());
  if (failures.length > 0) throw failures[0];
}
