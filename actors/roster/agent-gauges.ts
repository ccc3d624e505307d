/** What the metrics say of agents. */
import type { AgentStatus } from '../../runtime/agent-status.ts';
import type { NodeFigures } from '../figures/node-figures.ts';

const MS_PER_S = 1_000;

/** How many stand how. */
export function countOf(statuses: readonly AgentStatus[]): Readonly<Record<string, number>> {
  const counts: Record<AgentStatus, number> = { ready: 0, busy: 0, degraded: 0, open: 0, draining: 0, gone: 0 };
  for (const status of statuses) counts[status]++;
  const { gone: _never, ...all } = counts;
  return all;
}

/** Seconds by agent and quantile, of those that have run. */
export function durationsOf(figures: NodeFigures): Readonly<Record<string, Readonly<Record<string, number>>>> {
  const durations = [...figures.agents()].map(([agent, figure]) => {
    const { p50, p90 } = figure.view().durationMs;
    return [agent, { '0.5': p50 / MS_PER_S, '0.9': p90 / MS_PER_S }] as const;
  });
  return Object.fromEntries(durations);
}

/** 0 to 1 by agent, of those that have run. */
export function failuresOf(figures: NodeFigures): Readonly<Record<string, number>> {
  return Object.fromEntries([...figures.agents()].map(([agent, figure]) => [agent, figure.view().failureShare]));
}
