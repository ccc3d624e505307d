/** One-step tasks (`lab.echo`) over the socket, fsync on, beside the floor. */
import { compare, type RoundFigures, show } from './rounds.ts';
import { startFloor, startTroupe } from './servers.ts';
import { figure, goal, heading, line } from './table.ts';

const body = (index: number): object => ({
  agent: 'lab.echo',
  input: { text: `hello ${index}`, meta: { a: 1, b: 'x'.repeat(40) } },
});

/** Tasks before the first round: code that is run this often is compiled. */
const WARM_UP = 40_000;

/** Throughput and latency of one durable step. */
export async function benchSteps(isQuick: boolean): Promise<void> {
  const tasks = isQuick ? 10_000 : 20_000;
  const rounds = isQuick ? 3 : 5;
  heading('one durable step over the socket (fsync on), beside the floor: the bare stack');
  const servers = [await startFloor(), await startTroupe()];
  const [floor, troupe] = (await compare(
    servers.map((server) => ({ server, plan: { tasks, inFlight: 256, watch: 'result', body }, warmUp: WARM_UP })),
    rounds,
  )) as [RoundFigures, RoundFigures];
  line('floor, 256 in flight', show(floor));
  const ratio = troupe.perSecond / floor.perSecond;
  line('troupe, 256 in flight, watch: result', show(troupe), `${figure(ratio)} of the floor; ${goal(ratio, 0.7)}`);
  line(
    'CPU of the server per task, in µs: floor; troupe',
    `${figure(floor.cpuUs)}, main thread ${figure(floor.mainUs)}; ${figure(troupe.cpuUs)}, main thread ${figure(troupe.mainUs)}`,
    `${figure(floor.cpuUs / troupe.cpuUs)} of the floor; main thread ${figure(floor.mainUs / troupe.mainUs)}`,
  );
  const own = servers.slice(1);
  const [events] = (await compare(
    own.map((server) => ({ server, plan: { tasks, inFlight: 256, watch: 'events', body }, warmUp: 1_000 })),
    rounds,
  )) as [RoundFigures];
  line(
    'troupe, 256 in flight, watch: events (the default)',
    show(events),
    `${figure(events.perSecond / floor.perSecond)} of the floor`,
  );
  const alone = { tasks: isQuick ? 300 : 1_500, inFlight: 1, watch: 'result', body } as const;
  const [bare, one] = (await compare(
    servers.map((server) => ({ server, plan: alone, warmUp: 200 })),
    rounds,
  )) as [RoundFigures, RoundFigures];
  line('floor, one in flight', show(bare));
  line(
    'troupe, one in flight',
    show(one),
    `p50 ${figure(one.p50Ms / bare.p50Ms)} × the floor's; ${goal(bare.p50Ms / one.p50Ms, 1 / 2)}`,
  );
  const [many] = (await compare(
    own.map((server) => ({ server, plan: { tasks: tasks * 10, inFlight: 256, watch: 'result', body }, warmUp: 1 })),
    1,
  )) as [RoundFigures];
  line(
    `troupe, 256 in flight, 10 × the tasks (${figure(tasks * 10)})`,
    show(many),
    `${figure(many.perSecond / troupe.perSecond)} of the shorter run`,
  );
  for (const server of servers) await server.stop();
}
