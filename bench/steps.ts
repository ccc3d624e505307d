/** One-step tasks (`lab.echo`) over the socket, fsync on, beside the floor. */
import { type LoadFigures, type LoadPlan, openSockets, runLoad } from './load.ts';
import { type Server, startFloor, startTroupe } from './servers.ts';
import { figure, goal, heading, line, median } from './table.ts';

const body = (index: number): object => ({
  agent: 'lab.echo',
  input: { text: `hello ${index}`, meta: { a: 1, b: 'x'.repeat(40) } },
});

/** Rounds of one load on several servers in turn; the figures of each, by the middle of its rounds. */
async function compare(
  servers: readonly Server[],
  plan: LoadPlan,
  rounds: number,
  warmUp: number,
): Promise<readonly LoadFigures[]> {
  const sockets = await Promise.all(servers.map((server) => openSockets(server.url, plan.inFlight)));
  const all: LoadFigures[][] = servers.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [at] of servers.entries()) {
      const figures = await runLoad(sockets[at] ?? [], { ...plan, tasks: round < 0 ? warmUp : plan.tasks });
      if (round >= 0) all[at]?.push(figures);
    }
  }
  for (const list of sockets) for (const socket of list) socket.terminate();
  return all.map((figures) => ({
    perSecond: median(figures.map((one) => one.perSecond)),
    p50Ms: median(figures.map((one) => one.p50Ms)),
    p99Ms: median(figures.map((one) => one.p99Ms)),
  }));
}

const show = ({ perSecond, p50Ms, p99Ms }: LoadFigures): string =>
  `${figure(perSecond)}/s p50 ${figure(p50Ms)} p99 ${figure(p99Ms)} ms`;

/** Throughput and latency of one durable step. */
export async function benchSteps(isQuick: boolean): Promise<void> {
  const tasks = isQuick ? 4_000 : 20_000;
  const rounds = isQuick ? 3 : 5;
  heading('one durable step over the socket (fsync on), beside the floor: the bare stack');
  const servers = [await startFloor(), await startTroupe()];
  const [floor, troupe] = (await compare(servers, { tasks, inFlight: 256, watch: 'result', body }, rounds, tasks)) as [
    LoadFigures,
    LoadFigures,
  ];
  line('floor, 256 in flight', show(floor));
  const ratio = troupe.perSecond / floor.perSecond;
  line('troupe, 256 in flight, watch: result', show(troupe), `${figure(ratio)} of the floor; ${goal(ratio, 0.4)}`);
  const [events] = (await compare(
    servers.slice(1),
    { tasks, inFlight: 256, watch: 'events', body },
    rounds,
    1_000,
  )) as [LoadFigures];
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
  )) as [LoadFigures, LoadFigures];
  line('floor, one in flight', show(one));
  line(
    'troupe, one in flight',
    show(own),
    `p50 ${figure(own.p50Ms / one.p50Ms)} × the floor's; ${goal(one.p50Ms / own.p50Ms, 1 / 3)}`,
  );
  const [many] = (await compare(
    servers.slice(1),
    { tasks: tasks * 10, inFlight: 256, watch: 'result', body },
    1,
    1,
  )) as [LoadFigures];
  line(
    `troupe, 256 in flight, 10 × the tasks (${figure(tasks * 10)})`,
    show(many),
    `${figure(many.perSecond / troupe.perSecond)} of the shorter run`,
  );
  for (const server of servers) await server.stop();
}
