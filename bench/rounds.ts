/** Loads in turn, round by round: what slows the machine for a while then slows all of them. */
import { type LoadFigures, type LoadPlan, openSockets, runLoad } from './load.ts';
import { cpuOf, type Server } from './servers.ts';
import { figure, median } from './table.ts';

/** A load and who bears it. */
export interface Lane {
  readonly server: Server;
  readonly plan: LoadPlan;
  /** Tasks before the first round: code that is run often is compiled. */
  readonly warmUp: number;
}

/** What a round showed; CPU time of the server per task in µs, where the system tells it. */
export interface RoundFigures extends LoadFigures {
  readonly cpuUs: number;
  readonly mainUs: number;
}

/** The figures of each lane, by the middle of its rounds. */
export async function compare(lanes: readonly Lane[], rounds: number): Promise<readonly RoundFigures[]> {
  const sockets = await Promise.all(lanes.map(({ server, plan }) => openSockets(server.url, plan.inFlight)));
  const all: RoundFigures[][] = lanes.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [at, { server, plan, warmUp }] of lanes.entries()) {
      const before = cpuOf(server.pid);
      const figures = await runLoad(sockets[at] ?? [], { ...plan, tasks: round < 0 ? warmUp : plan.tasks });
      const after = cpuOf(server.pid);
      const perTask = (from: number | undefined, to: number | undefined): number =>
        from === undefined || to === undefined ? Number.NaN : ((to - from) * 1_000) / plan.tasks;
      if (round < 0) continue;
      all[at]?.push({
        ...figures,
        cpuUs: perTask(before?.allMs, after?.allMs),
        mainUs: perTask(before?.mainMs, after?.mainMs),
      });
    }
  }
  for (const list of sockets) for (const socket of list) socket.terminate();
  return all.map((figures) => ({
    perSecond: median(figures.map((one) => one.perSecond)),
    p50Ms: median(figures.map((one) => one.p50Ms)),
    p99Ms: median(figures.map((one) => one.p99Ms)),
    cpuUs: median(figures.map((one) => one.cpuUs)),
    mainUs: median(figures.map((one) => one.mainUs)),
  }));
}

/** `12,345/s p50 1.23 p99 4.56 ms`. */
export function show({ perSecond, p50Ms, p99Ms }: LoadFigures): string {
  return `${figure(perSecond)}/s p50 ${figure(p50Ms)} p99 ${figure(p99Ms)} ms`;
}
