/**
 * A mesh on one machine: an owner, which keeps all state, and three workers, which make the calls; four processes. Four tasks
 * square numbers and add the squares up. In the middle of it the worker that has something in hand is killed, and what it had
 * in hand is done by the others.
 *
 *   node scripts/setup.mjs examples/cluster/main.ts
 *
 * It prints a line for each node and each task, then `steps done: 52`, how many of them had begun on the worker that was killed
 * and were done elsewhere, and `tasks lost: 0`; and ends with exit code 0.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'troupe/client';
import { freePort, membersOf, NodeProcess, until } from './nodes.ts';

const AGENTS = path.join(import.meta.dirname, 'agents.ts');
const TASKS = ['A', 'B', 'C', 'D'];
const NUMBERS = Array.from({ length: 12 }, (_, index) => index + 1);
const SUM = NUMBERS.reduce((sum, number) => sum + number * number, 0);

const graph = {
  name: 'sum-of-squares',
  version: '1.0.0',
  steps: [
    {
      id: 'square',
      capability: 'math.square',
      forEach: '${input.numbers}',
      concurrency: 6,
      input: { task: '${input.task}', number: '${item}', file: '${input.file}' },
    },
    { id: 'add', capability: 'math.sum', input: { numbers: '${steps.square.output.map(one, one.square)}' } },
  ],
  output: { squares: '${steps.square.output}', sum: '${steps.add.output}' },
};
interface Output {
  readonly squares: readonly { readonly square: number; readonly node: string }[];
  readonly sum: { readonly sum: number; readonly node: string };
}

const folder = await mkdtemp(path.join(tmpdir(), 'troupe-cluster-'));
const file = path.join(folder, 'calls.txt');
writeFileSync(file, '');
const secret = randomBytes(32).toString('base64'); // as `openssl rand -base64 32`
const meshPort = await freePort();

const owner = new NodeProcess('owner', secret, [
  ...['--port', '0', '--mesh-port', String(meshPort), '--data', path.join(folder, 'data')],
  ...['--mesh-lost-ms', '2s'], // the default is 6 s
]);
const workers = [1, 2, 3].map(
  (number) =>
    new NodeProcess(`worker-${number}`, secret, [
      ...['--join', `ws://127.0.0.1:${meshPort}`, '--port', '0', '--agents', AGENTS],
    ]),
);

/** The calls that the workers have noted: `began A/3 worker-2`. */
function calls(what: 'began' | 'ended'): readonly { readonly call: string; readonly node: string }[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.flatMap((line) => {
    const [word, call, node] = line.split(' ');
    return word === what && call !== undefined && node !== undefined ? [{ call, node }] : [];
  });
}

/** A worker in the middle of a call, once a good deal is done. */
function busyWorker(): NodeProcess | undefined {
  const ended = calls('ended');
  if (ended.length < NUMBERS.length) return undefined;
  const open = calls('began').find(({ call, node }) => !ended.some((one) => one.call === call && one.node === node));
  return workers.find(({ name }) => name === open?.node);
}

/** `worker-1 4, worker-2 3` */
function countByNode(nodes: readonly string[]): string {
  return workers
    .map(({ name }) => [name, nodes.filter((node) => node === name).length] as const)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

try {
  const url = await until('The owner', [owner], () => owner.url);
  const members = await until('The workers', [owner, ...workers], async () => {
    const all = await membersOf(url);
    const joined = all.filter(
      ({ role, status, agents }) => role === 'worker' && status === 'active' && agents.length > 0,
    );
    return joined.length === workers.length ? all : undefined;
  });
  for (const { node, role, agents, calls: load } of members)
    console.log(`${node} is the ${role}: ${agents.length} agents, ${load.capacity} calls at once`);

  const client = await connect(`${url.replace(/^http/, 'ws')}/ws`);
  const tasks = TASKS.map((task) => client.submit({ graph, input: { task, numbers: NUMBERS, file } }));
  for (const task of tasks) await task.accepted;

  const victim = await until('Work', [owner, ...workers], busyWorker);
  await victim.end('SIGKILL');
  const ended = new Set(calls('ended').map(({ call }) => call));
  const cutOff = calls('began').filter(({ call, node }) => node === victim.name && !ended.has(call));
  console.log(`${victim.name} was killed, with ${cutOff.length} steps in hand and ${ended.size} done`);

  const results = await Promise.all(tasks.map((task) => task.result()));
  let [done, lost] = [0, 0];
  for (const [at, { status, output, error }] of results.entries()) {
    const { squares, sum } = (output ?? { squares: [], sum: undefined }) as Partial<Output> & Pick<Output, 'squares'>;
    if (status !== 'completed' || sum?.sum !== SUM) lost++;
    done += squares.length + (sum === undefined ? 0 : 1);
    const where = countByNode(squares.map(({ node }) => node));
    const what =
      sum === undefined
        ? `${error?.code}: ${error?.message}`
        : `squares on ${where}; ${sum.sum}, added up on ${sum.node}`;
    console.log(`task ${TASKS[at]} ${status}: ${what}`);
  }
  const elsewhere = cutOff.filter(({ call }) =>
    calls('ended').some((one) => one.call === call && one.node !== victim.name),
  );
  console.log(`steps done: ${done}`);
  console.log(`begun on ${victim.name}, done elsewhere: ${elsewhere.length}`);
  console.log(`tasks lost: ${lost}`);
  await client.close();
  process.exitCode = lost === 0 && elsewhere.length === cutOff.length ? 0 : 1;
} finally {
  // The workers first, so that none of them looks for an owner that is gone.
  await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
  await owner.end('SIGTERM');
  await rm(folder, { recursive: true });
}
