/**
 * A node as `troupe start` builds it, with failpoints around it, agents that come by them, and a wall clock that its parent
 * moves. Its one argument is a FaultPlan as JSON. It ends with its parent.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { buildNode } from '../../node.ts';
import { logOf } from '../../runtime/node-log.ts';
import { loadSettings } from '../../runtime/settings.ts';
import { createLevelStore } from '../../runtime/stores/level-store.ts';
import { createWorld } from '../../runtime/world.ts';
import { installEscapeHandlers } from '../../supervisors/escapes.ts';
import { badAgents } from './bad-agents.ts';
import { faultAgents } from './fault-agents.ts';
import { type FailpointPlan, Failpoints, watchWaysOut, withFailpoints } from './failpoints.ts';

/** How a node is started. */
export interface FaultPlan {
  readonly dataDir: string;
  readonly port: number;
  readonly failpoint?: FailpointPlan;
  /** How far the wall clock is off at the start. */
  readonly clockOffsetMs?: number;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What its parent may tell it. It answers each with `{ done: id }`, and with what was asked for. */
export type FaultOrder =
  | { readonly id: number; readonly order: 'clock'; readonly offsetMs: number }
  | { readonly id: number; readonly order: 'figures' };

/** What grows in a process that leaks. */
export interface ProcessFigures {
  readonly heapBytes: number;
  readonly rssBytes: number;
  readonly timers: number;
  /** What its threads have computed since its start. */
  readonly cpuMs: number;
}

/** Where its outside calls leave their lines. */
export function callsFile(dataDir: string): string {
  return path.join(dataDir, 'calls');
}

async function main(plan: FaultPlan): Promise<void> {
  let offsetMs = plan.clockOffsetMs ?? 0;
  const { now } = Date;
  Date.now = () => now.call(Date) + offsetMs;
  const { dataDir, port } = plan;
  mkdirSync(dataDir, { recursive: true });
  const options = { dataDir, port, lab: true, logLevel: 'warn', logFormat: 'json', ...plan.options };
  const outcome = loadSettings({ cwd: dataDir, options });
  if (!outcome.ok) throw outcome.error;
  const { settings } = outcome;
  const world = createWorld();
  const log = logOf(settings, world);
  const onFatal = (error: unknown): void => {
    log.error('The node cannot go on and ends.', { error: String(error) });
    void log.close().then(() => process.exit(1));
  };
  installEscapeHandlers({ log, onUnattributed: onFatal });
  const points = new Failpoints(plan.failpoint);
  watchWaysOut(points);
  const dir = path.join(settings.dataDir, 'store');
  const store = withFailpoints(createLevelStore({ dir, durability: settings.durability, world, log }), dir, points);
  const agents = [...faultAgents(points, callsFile(dataDir)), ...badAgents()];
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message: FaultOrder) => {
    if (message.order === 'clock') ({ offsetMs } = message);
    process.send?.({ done: message.id, ...(message.order === 'figures' && figures()) });
  });
  const node = await buildNode({ world, settings, log, agents, workflows: [], store, onFatal });
  process.once('SIGTERM', () => void node.stop().then(() => process.exit(0)));
  process.send?.({ ready: true, resumed: node.recovery.resumed });
}

function figures(): ProcessFigures {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const { user, system } = process.cpuUsage();
  return { heapBytes: heapUsed, rssBytes: rss, timers, cpuMs: (user + system) / 1000 };
}

const [plan] = process.argv.slice(2);
if (import.meta.main && plan !== undefined) await main(JSON.parse(plan) as FaultPlan);
