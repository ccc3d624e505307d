/** Choosing an agent for a step, called directly: by name, and by capability among few and among all. */
import { performance } from 'node:perf_hooks';
import { defineAgent } from '../actors/agent-definition.ts';
import { NodeFigures } from '../actors/figures/node-figures.ts';
import { Registry } from '../actors/registry.ts';
import { Readings } from '../actors/selection/readings.ts';
import { Selector } from '../actors/selection/selector.ts';
import type { InstalledLogic } from '../runtime/cell.ts';
import { createRegisters } from '../runtime/registers.ts';
import { figure, heading, line } from './table.ts';

/** Agents that offer the same, in groups. */
const GROUP = 10;

/** Past runs of each agent, and how many loads there are among them. */
const RUNS = 20;
const LOADS = 13;

/**
 * A selector over so many agents, which differ in load, speed and cost. All offer `all`; ten each offer `group.N`; each offers
 * `own.N`.
 */
export function selectorOf(agents: number): Selector {
  const book = { install: (): void => undefined, uninstall: (): void => undefined };
  const registry = new Registry(book, createRegisters(), ({ name }) => ({ name }) as InstalledLogic);
  const figures = new NodeFigures();
  const nowMs = 1_000_000;
  const running = new Map<string, number>();
  for (let n = 0; n < agents; n++) {
    const name = `agent.${n}`;
    const cost = { usd: (n % 7) / 100 };
    const capabilities = ['all', `group.${Math.floor(n / GROUP)}`, `own.${n}`];
    registry.registerAgent(defineAgent({ name, version: '1.0.0', capabilities, cost, run: () => n }));
    running.set(`agent:${name}`, n % LOADS);
    for (let run = 0; run < RUNS; run++)
      figures.agentRan(`${name}@1.0.0`, { durationMs: 50 + ((n * 31 + run) % 400), ...cost, tokens: 0 }, nowMs);
  }
  const readings = new Readings({
    breakers: { waitMs: () => 0 },
    laneFigures: (lane) => ({ running: running.get(lane) ?? 0, waiting: 0, resting: 0 }),
    inHand: () => 0,
    capacityOf: ({ concurrency }) => concurrency,
    isFailing: () => false,
    evidenceOf: (reference) => figures.evidenceOf(reference, nowMs),
  });
  return new Selector({ registry, readings, strategy: 'balanced', random: () => 0.5 });
}

/** Calls in a second, after a warm-up of half as long. */
function perSecond(choose: (n: number) => unknown, ms: number): number {
  let calls = 0;
  const until = (endMs: number): void => {
    while (performance.now() < endMs) for (let chunk = 0; chunk < 16; chunk++) choose(calls++);
  };
  until(performance.now() + ms / 2);
  calls = 0;
  const from = performance.now();
  until(from + ms);
  return (calls / (performance.now() - from)) * 1_000;
}

/** Choices in a second with `agents` registered. */
export function benchSelector(isQuick: boolean, agents = 1_000): void {
  const ms = isQuick ? 200 : 1_000;
  heading(`choosing an agent, ${figure(agents)} registered`);
  const selector = selectorOf(agents);
  const groups = Math.ceil(agents / GROUP);
  const rate = (target: (n: number) => object): number => perSecond((n) => selector.choose(target(n)), ms);
  const named = rate((n) => ({ agent: `agent.${n % agents}` }));
  line('by name', `${figure(named)}/s`);
  for (const [name, target] of [
    ['by a capability that one offers', (n: number) => ({ capability: `own.${n % agents}` })],
    [`by a capability that ${GROUP} offer`, (n: number) => ({ capability: `group.${n % groups}` })],
    ['by a capability that all offer', () => ({ capability: 'all' })],
  ] as const) {
    const found = rate(target);
    line(name, `${figure(found)}/s`, `${figure(found / named)} of by name`);
  }
}
