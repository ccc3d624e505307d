/**
 * A node that is offered ten times what it can do: it does as much as before, answers those who watch over it, keeps its
 * memory, refuses in coded words, and ends all that it took on. Floods take turns with times of full but bounded load, with
 * which they are compared: what else the machine does at the time meets both. TROUPE_TEST_FULL=1 makes it five minutes.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort, temporaryFolder } from '../support/node-process.ts';
import { FaultNode, pass } from './fault-rig.ts';
import type { FloodFigures, FloodPhase } from './flood.ts';

const FULL = process.env['TROUPE_TEST_FULL'] === '1';
const ROUNDS = FULL ? 10 : 3;
const FLOOD_MS = FULL ? 30_000 : 10_000;
const FULL_LOAD_MS = 3_000;
/** What a node is at its best with. */
const IN_FLIGHT = 256;
const TIMES = 10;
const SHARE_MIN = 0.9;
const HEALTH_MS_MAX = 100;
/** How much slower than under full load, where the machine itself keeps the node waiting. */
const HEALTH_TIMES_MAX = 3;
const TRIES = 2;
const MIB = 1024 * 1024;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** One phase, with what it cost and how the node answered meanwhile. */
interface Measured extends FloodFigures {
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly healthMs: readonly number[];
}

class Overload {
  readonly node: FaultNode;
  readonly #flood: ChildProcess;

  private constructor(node: FaultNode, flood: ChildProcess) {
    this.node = node;
    this.#flood = flood;
  }

  static async start(options: object): Promise<Overload> {
    const folder = temporaryFolder('overload');
    const node = new FaultNode(folder.path, await freePort(), { ...options });
    cleanups.push(folder.clear, () => node.kill());
    await node.start();
    const flood = fork(fileURLToPath(new URL('./flood.ts', import.meta.url)), [node.url], { execArgv: [] });
    cleanups.push(() => flood.kill('SIGKILL'));
    await once(flood, 'message');
    return new Overload(node, flood);
  }

  async run(phase: FloodPhase): Promise<Measured> {
    const before = await this.node.figures();
    const healthMs: number[] = [];
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        const fromMs = performance.now();
        const { status } = await fetch(`${this.node.url}/healthz`);
        if (status !== 200) throw new TypeError(`/healthz answered ${status}.`);
        healthMs.push(performance.now() - fromMs);
        await pass(25);
      }
    })();
    const figures = (await this.#ask(phase)) as FloodFigures;
    isOver = true;
    await watching;
    const after = await this.node.figures();
    return { ...figures, cpuMs: after.cpuMs - before.cpuMs, rssBytes: after.rssBytes, healthMs };
  }

  /** Tasks that were taken on and have not ended, when all has come to rest. */
  async settle(): Promise<number> {
    return (await this.#ask('settle')) as number;
  }

  async #ask(what: FloodPhase | 'settle'): Promise<unknown> {
    this.#flood.send(what);
    const [{ figures }] = (await once(this.#flood, 'message')) as [{ figures: unknown }];
    return figures;
  }
}

const sum = (all: readonly Measured[], of: (one: Measured) => number): number =>
  all.reduce((total, one) => total + of(one), 0);

/** Tasks a second of time, and of the node's own processor time: what others take from the machine is not in the latter. */
function rates(phases: readonly Measured[]): { readonly perSecond: number; readonly perCpuSecond: number } {
  const completed = sum(phases, (one) => one.completed);
  return {
    perSecond: (completed / sum(phases, ({ ms }) => ms)) * 1000,
    perCpuSecond: (completed / sum(phases, ({ cpuMs }) => cpuMs)) * 1000,
  };
}

function p99Of(phases: readonly Measured[]): number {
  const sorted = phases.flatMap(({ healthMs }) => healthMs).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
}

/** Full load and floods by turns. */
async function measure(overload: Overload): Promise<{ readonly control: Measured[]; readonly floods: Measured[] }> {
  const control: Measured[] = [];
  const floods: Measured[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const full = await overload.run({ mode: 'closed', inFlight: IN_FLIGHT, ms: FULL_LOAD_MS });
    expect(await overload.settle()).toBe(0);
    const perSecond = (full.completed / full.ms) * 1000 * TIMES;
    const flood = await overload.run({ mode: 'open', perSecond, ms: FLOOD_MS });
    expect(flood.offered / flood.ms).toBeGreaterThan((perSecond / 1000) * 0.9);
    expect(await overload.settle()).toBe(0);
    control.push(full);
    floods.push(flood);
  }
  return { control, floods };
}

describe(`a node that is offered ${TIMES} times what it can do`, () => {
  it('does as much as at its best, and answers those who watch over it', { timeout: 900_000 }, async () => {
    const overload = await Overload.start({});
    await overload.run({ mode: 'closed', inFlight: IN_FLIGHT, ms: 2_000 });
    expect(await overload.settle()).toBe(0);
    let judged: { share: number; healthShare: number } = { share: 0, healthShare: Number.POSITIVE_INFINITY };
    for (let left = TRIES; left > 0 && (judged.share < SHARE_MIN || judged.healthShare > 1); left--) {
      const { control, floods } = await measure(overload);
      const [full, flooded] = [rates(control), rates(floods)];
      const share = Math.max(flooded.perSecond / full.perSecond, flooded.perCpuSecond / full.perCpuSecond);
      const healthMax = Math.max(HEALTH_MS_MAX, HEALTH_TIMES_MAX * p99Of(control));
      judged = { share, healthShare: p99Of(floods) / healthMax };
      const [first, last] = [floods[0], floods.at(-1)];
      expect(last?.rssBytes).toBeLessThan(1.3 * (first?.rssBytes ?? 0) + 96 * MIB);
    }
    expect(judged.share).toBeGreaterThanOrEqual(SHARE_MIN);
    expect(judged.healthShare).toBeLessThanOrEqual(1);
  });

  it('refuses what is over its bound with BUSY and says when to come back', { timeout: 120_000 }, async () => {
    const overload = await Overload.start({ tasksInFlightMax: 16 });
    const flood = await overload.run({ mode: 'open', perSecond: 20_000, ms: 3_000 });
    expect(await overload.settle()).toBe(0);
    expect(flood.refused).toBeGreaterThan(0);
    expect(Object.keys(flood.codes)).toEqual(['BUSY']);
    expect(flood.withoutRetryAfter).toBe(0);
    expect(flood.completed).toBeGreaterThan(0);
  });
});
