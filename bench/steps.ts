/** One-step tasks (`lab.echo`) over the socket, fsync on, beside the floor. */
import { type LoadFigures, type LoadPlan, openSockets, runLoad } from './load.ts';
import { cpuOf, type Server, startFloor, startTroupe } from './servers.ts';
import { figure, goal, heading, line, median } from './table.ts';

const body = (index: number): object => ({
  agent: 'lab.echo',
  input: { text: `hello ${index}`, meta: { a: 1, b: 'x'.repeat(40) } },
});

/** Tasks before the first round: code that is run this often is compiled. */
const WARM_UP = 40_000;

/** What a round showed; CPU time of the server per task in µs, where the system tells it. */
interface RoundFigures extends LoadFigures {
  readonly cpuUs: number;
  readonly mainUs: number;
}

/** Rounds of one load on several servers in turn; the figures of each, by the middle of its rounds. */
async function compare(
  servers: readonly Server[],
  plan: LoadPlan,
  rounds: number,
  warmUp: number,
): Promise<readonly RoundFigures[]> {
  const sockets = await Promise.all(servers.map((server) => openSockets(server.url, plan.inFlight)));
  const all: RoundFigures[][] = servers.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [at, { pid }] of servers.entries()) {
      const before = cpuOf(pid);
      const figures = await runLoad(sockets[at] ?? [], { ...plan, tasks: round < 0 ? warmUp : plan.tasks });
      const after = cpuOf(pid);
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

const show = ({ perSecond, p50Ms, p99Ms }: LoadFigures): string =>
  `${figure(perSecond)}/s p50 ${figure(p50Ms)} p99 ${figure(p99Ms)} ms`;

/** Throughput and latency of one durable step. */
export async function benchSteps(isQuick: boolean): Promise<void> {
  const tasks = isQuick ? 10_000 : 20_000;
  const rounds = isQuick ? 3 : 5;
  heading('one durable step over the socket (fsync on), beside the floor: the bare stack');
  const servers = [await startFloor(), await startTroupe()];
  const [floor, troupe] = (await compare(
    servers,
    { tasks, inFlight: 256, watch: 'result', body },
    rounds,
    WARM_UP,
  )) as [RoundFigures, RoundFigures];
  line('floor, 256 in flight', show(floor));
  const ratio = troupe.perSecond / floor.perSecond;
  line('troupe, 256 in flight, watch: result', show(troupe), `${figure(ratio)} of the floor; ${goal(ratio, 0.7)}`);
  line(
    'CPU of the server per task, in µs: floor; troupe',
    `${figure(floor.cpuUs)}, main thread ${figure(floor.mainUs)}; ${figure(troupe.cpuUs)}, main thread ${figure(troupe.mainUs)}`,
    `${figure(floor.cpuUs / troupe.cpuUs)} of the floor; main thread ${figure(floor.mainUs / troupe.mainUs)}`,
  );
  const [events] = (await compare(
    servers.slice(1),
    { tasks, inFlight: 256, watch: 'events', body },
    rounds,
    1_000,
  )) as [RoundFigures];
  line(
    'troupe, 256 in flight, watch: events (the default)',
    show(events),
    `${figure(events.perSecond / floor.perSecond)} of the floor`,
  );
  const [one, own] = (await compare(
    servers,
    { tasks: isQuick ? 300 : 1_500, inFlight: 1, watch: 'result', body },
    rounds,
    200,
  )) as [RoundFigures, RoundFigures];
  line('floor, one in flight', show(one));
  line(
    'troupe, one in flight',
    show(own),
    `p50 ${figure(own.p50Ms / one.p50Ms)} × the floor's; ${goal(one.p50Ms / own.p50Ms, 1 / 2)}`,
  );
  const [many] = (await compare(
    servers.slice(1),
    { tasks: tasks * 10, inFlight: 256, watch: 'result', body },
    1,
    1,
  )) as [RoundFigures];
  line(
    `troupe, 256 in flight, 10 × the tasks (${figure(tasks * 10)})`,
    show(many),
    `${figure(many.perSecond / troupe.perSecond)} of the shorter run`,
  );
  for (const server of servers) await server.stop();
}
