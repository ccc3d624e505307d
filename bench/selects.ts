/** How many agents are chosen in a second, among so many that are registered. */
import { performance } from 'node:perf_hooks';
import { defineAgent } from '../actors/agent-definition.ts';
import { NodeFigures } from '../actors/figures/node-figures.ts';
import { Registry } from '../actors/registry.ts';
import { Readings } from '../actors/selection/readings.ts';
import { Selector } from '../actors/selection/selector.ts';
import type { InstalledLogic } from '../runtime/cell.ts';
import { createRegisters } from '../runtime/registers.ts';

/** What is measured. */
export interface SelectPlan {
  readonly agents: number;
  /** So many of them offer each capability. */
  readonly sharing: number;
  /** How long to measure, after a warm-up of half as long. */
  readonly ms: number;
}

const LOADS = 13;
const RUNS = 20;

/** Choices per second. All agents have figures of past runs, and differ in load, speed and cost. */
export function selectsPerSecond({ agents, sharing, ms }: SelectPlan): number {
  const book = { install: () => undefined, uninstall: () => undefined };
  const registry = new Registry(book, createRegisters(), ({ name }) => ({ name }) as InstalledLogic);
  const figures = new NodeFigures();
  const nowMs = 1_000_000;
  for (let n = 0; n < agents; n++) {
    const capabilities = [`work.c${Math.floor(n / sharing)}`];
    const agent = defineAgent({
      name: `a${n}`,
      version: '1.0.0',
      capabilities,
      cost: { usd: (n % 7) / 100 },
      run: () => n,
    });
    registry.registerAgent(agent);
    for (let run = 0; run < RUNS; run++)
      figures.agentRan(
        `a${n}@1.0.0`,
        { durationMs: 50 + ((n * 31 + run) % 400), usd: (n % 7) / 100, tokens: 0 },
        nowMs,
      );
  }
  const running = new Map(registry.names().map((name, n) => [`agent:${name}`, n % LOADS]));
  const readings = new Readings({
    breakers: { waitMs: () => 0 },
    laneFigures: (lane) => ({ running: running.get(lane) ?? 0, waiting: 0, resting: 0 }),
    inHand: () => 0,
    isFailing: () => false,
    evidenceOf: (reference) => figures.evidenceOf(reference, nowMs),
  });
  const selector = new Selector({ registry, readings, strategy: 'balanced' });
  const groups = Math.ceil(agents / sharing);
  let chosen = 0;
  const until = (endMs: number): void => {
    while (performance.now() < endMs) selector.choose({ capability: `work.c${chosen++ % groups}`, task: `t${chosen}` });
  };
  until(performance.now() + ms / 2);
  chosen = 0;
  const from = performance.now();
  until(from + ms);
  return (chosen * 1_000) / (performance.now() - from);
}
