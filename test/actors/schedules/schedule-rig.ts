/** Nodes with schedules, in a world that stands still, and what came of their times. */
import type { AgentDefinition } from '../../../actors/agent-definition.ts';
import { SCHEDULED_AT_LABEL, scheduleSchema } from '../../../protocol/schedules.ts';
import type { ScheduleView } from '../../../actors/schedules/schedule-desk.ts';
import type { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import type { TaskRecord } from '../../../runtime/stores/store.ts';
import { settled } from '../../support/indoor-node.ts';
import { createWorkNode, type WorkNode, type WorkNodeOptions } from '../../support/work-node.ts';

export const ME = 'loopback';
export const MINUTE_MS = 60_000;
/** When the worlds begin. */
export const START_MS = Date.UTC(2026, 0, 1);

/** A node with a hand for its schedules. */
export interface ScheduleNode extends WorkNode {
  put(name: string, spec: object, mode?: 'create' | 'replace'): Promise<ScheduleView>;
  show(name: string): Promise<ScheduleView>;
  /** The tasks of a schedule, the oldest first. */
  tasksOf(name: string): Promise<readonly TaskRecord[]>;
  /** The times that its tasks are for, in minutes from the start of the world. */
  timesOf(name: string): Promise<readonly number[]>;
}

/** Makes one. */
export async function createScheduleNode(options: WorkNodeOptions = {}): Promise<ScheduleNode> {
  const node = await createWorkNode(options);
  const { world, schedules, desk } = node;
  const tasksOf: ScheduleNode['tasksOf'] = async (name) => {
    const page = await settled(world, desk.list(ME, { limit: 200, labels: { schedule: name } }));
    return page.tasks.toReversed();
  };
  return {
    ...node,
    put: async (name, spec, mode = 'create') =>
      (await settled(world, schedules.put(ME, name, scheduleSchema.parse(spec), mode))).view,
    show: async (name) => await settled(world, schedules.get(ME, name)),
    tasksOf,
    timesOf: async (name) => (await tasksOf(name)).map(minuteOf),
  };
}

/** The node dies, and another begins on its disk so much later. */
export async function reborn(
  node: ScheduleNode,
  disk: MemoryDisk,
  afterMs = 0,
  agents: readonly AgentDefinition[] = [],
): Promise<ScheduleNode> {
  const startMs = node.world.nowMs() + afterMs;
  node.kill();
  return await createScheduleNode({ disk, agents, seed: 2 + Math.floor(startMs % 1_000_003), startMs });
}

function minuteOf({ options }: TaskRecord): number {
  return (Date.parse(options.labels?.[SCHEDULED_AT_LABEL] ?? '') - START_MS) / MINUTE_MS;
}
