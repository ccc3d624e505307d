/** Calls of a mesh in doubt, and the person who looks into them. */
import { type CallLine, readCallLines } from './call-lines.ts';
import type { MeshCluster } from './mesh-cluster.ts';
import type { MeshDesk, ShownEffect } from './mesh-desk.ts';

/** What was in doubt, and what does not fit. */
export interface Doubts {
  readonly effects: readonly ShownEffect[];
  readonly anomalies: readonly string[];
}

/** Decides about all of them: what has left its line has happened, all else is to be made again. */
export async function decide({ callsFile }: MeshCluster, desk: MeshDesk): Promise<Doubts> {
  const effects = await desk.doubts();
  const waiting = new Set(await desk.tasks('input-required'));
  const doubted = new Set(effects.map(({ task }) => task));
  const made = new Map(readCallLines(callsFile).map((line): [string, CallLine] => [line.key, line]));
  for (const { effect, idempotencyKey } of effects) {
    const line = made.get(idempotencyKey);
    await desk.resolve(effect, line === undefined ? { decision: 'retry' } : { decision: 'done', output: line.mark });
  }
  const anomalies = [
    ...[...doubted].filter((task) => !waiting.has(task)).map((task) => `${task} is in doubt and does not wait`),
    ...[...waiting].filter((task) => !doubted.has(task)).map((task) => `${task} waits and is not listed`),
  ];
  return { effects, anomalies };
}
