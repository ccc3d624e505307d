/** Durable workflows of trivial steps (`lab.echo`) over the socket, fsync on, beside tasks of one step in the same rounds. */
import type { LoadPlan } from './load.ts';
import { compare, type RoundFigures, show } from './rounds.ts';
import { type Server, startTroupe } from './servers.ts';
import { figure, goal, heading, line } from './table.ts';

/** What a workflow of three steps is to reach beside a task of one: each step is a task's work, and there is a flow beside. */
const THREE_STEPS_LEAST = 0.4;
const IN_FLIGHT = 256;
const FAN_WIDTH = 100;
const FANS_IN_FLIGHT = 32;
/** One in so many of the tasks of one step. */
const FAN_SHARE = 60;

const input = (index: number): object => ({ text: `hello ${index}`, meta: { a: 1, b: 'x'.repeat(40) } });

/** Steps in a row: each is given what the one before put out. */
export function chain(steps: number): {
  readonly name: string;
  readonly version: string;
  readonly steps: readonly object[];
} {
  return {
    name: `bench.chain-${steps}`,
    version: '1.0.0',
    steps: Array.from({ length: steps }, (_, at) => ({
      id: `s${at + 1}`,
      agent: 'lab.echo',
      input: at === 0 ? '${input}' : `\${steps.s${at}.output}`,
    })),
  };
}

const fan = {
  name: 'bench.fan',
  version: '1.0.0',
  steps: [{ id: 'each', agent: 'lab.echo', forEach: '${input.items}', concurrency: FAN_WIDTH, input: '${item}' }],
};
const items = Array.from({ length: FAN_WIDTH }, (_, n) => ({ n }));

/** Registers a workflow, so that tasks can name it. */
async function register({ httpUrl }: Server, workflow: object): Promise<void> {
  const response = await fetch(`${httpUrl}/api/v1/workflows`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(workflow),
  });
  if (!response.ok) throw new TypeError(`The workflow was refused: ${await response.text()}`);
}

/** What each load showed. */
export interface WorkflowFigures {
  readonly one: RoundFigures;
  readonly inline: RoundFigures;
  readonly named: RoundFigures;
  readonly long: RoundFigures;
  readonly wide: RoundFigures;
}

/** Tasks of one step, chains of three and ten steps, and a fan-out, in the same rounds: `tasks` of one step, fewer of the others. */
export async function measureWorkflows(server: Server, tasks: number, rounds: number): Promise<WorkflowFigures> {
  const [three, ten] = [chain(3), chain(10)];
  await register(server, three);
  const lane = (body: LoadPlan['body'], share: number, inFlight = IN_FLIGHT) => ({
    server,
    plan: { tasks: Math.ceil(tasks / share), inFlight, watch: 'result', body } as const,
    warmUp: Math.ceil((tasks * 2) / share),
  });
  const lanes = {
    one: lane((index) => ({ agent: 'lab.echo', input: input(index) }), 1),
    inline: lane((index) => ({ graph: three, input: input(index) }), 2),
    named: lane((index) => ({ workflow: three.name, input: input(index) }), 2),
    long: lane((index) => ({ graph: ten, input: input(index) }), 8),
    wide: lane(() => ({ graph: fan, input: { items } }), FAN_SHARE, FANS_IN_FLIGHT),
  };
  const figures = await compare(Object.values(lanes), rounds);
  return Object.fromEntries(Object.keys(lanes).map((name, at) => [name, figures[at]])) as unknown as WorkflowFigures;
}

/** Durable workflows, beside tasks of one step. */
export async function benchWorkflows(isQuick: boolean): Promise<void> {
  heading('durable workflows over the socket (lab.echo, fsync on, watch: result), beside tasks of one step');
  const server = await startTroupe();
  const { one, inline, named, long, wide } = await measureWorkflows(server, isQuick ? 6_000 : 12_000, isQuick ? 3 : 5);
  await server.stop();
  const against = ({ perSecond }: RoundFigures, steps: number): string =>
    `${figure(perSecond / one.perSecond)} of one step's rate; by the step ${figure((perSecond * steps) / one.perSecond)}`;
  line('one step', show(one));
  for (const [name, three] of [
    ['three steps, inline graph', inline],
    ['three steps, registered workflow', named],
  ] as const)
    line(name, show(three), `${against(three, 3)}; ${goal(three.perSecond / one.perSecond, THREE_STEPS_LEAST)}`);
  line('ten steps, inline graph', show(long), against(long, 10));
  line(`fan-out over ${FAN_WIDTH} items, ${FANS_IN_FLIGHT} in flight`, show(wide), against(wide, FAN_WIDTH));
}
