/**
 * `troupe demo`: real work by supervised, durable actors, a SIGKILL in the middle of it, and what became of the work. The
 * node is a process of its own, started and killed from here; what is counted is what its clients see.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '../../client/index.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { Journey } from '../journey.ts';
import { NodeProcess } from '../node-process.ts';
import type { VerbContext } from '../verb.ts';
import { durationText, type Terminal } from '../terminal.ts';

const DATA = fileURLToPath(new URL('../../examples/data/', import.meta.url));
/** The first is the main one: its report is shown. */
const DATA_SETS = ['birdstrikes.csv', 'seattle-weather.csv', 'penguins.json'];
/** Steps of the main task that are done when the node is killed. */
const STEPS_BEFORE_KILL = 3;

/** Exits 0 only if nothing was lost and nothing done twice. */
export async function demo({ terminal }: VerbContext, options: Record<string, unknown>): Promise<ExitCode> {
  const root = await mkdtemp(join(tmpdir(), 'troupe-demo-'));
  const node = new NodeProcess([
    '--data',
    join(root, 'data'),
    '--data-roots',
    DATA,
    '--log-file',
    join(root, 'node.log'),
  ]);
  process.once('exit', () => node.kill());
  try {
    return await run(terminal, root, node);
  } finally {
    node.kill();
    await node.ended();
    if (options['keep'] !== true) await rm(join(root, 'data'), { recursive: true, force: true });
  }
}

async function run(terminal: Terminal, root: string, node: NodeProcess): Promise<ExitCode> {
  terminal.line(`A node starts on the embedded store in ${root}; no service, no key.`);
  const { url } = await node.start();
  const client = await connect(new URL('/ws', url.replace(/^http/, 'ws')).href);
  const journeys: Journey[] = [];
  for (const file of DATA_SETS) {
    const handle = client.submit({
      workflow: 'analyse-dataset',
      input: { path: join(DATA, file), groupSize: 2 },
      options: { priority: journeys.length === 0 ? 7 : 5 },
    });
    const { task } = await handle.accepted;
    terminal.line(`Accepted: ${task}  analyse ${file}`);
    journeys.push(new Journey(basename(file), handle, () => showProgress(terminal, journeys)));
  }
  const [main] = journeys as [Journey];
  await main.stepsDone(STEPS_BEFORE_KILL);
  node.kill();
  await node.ended();
  const before = journeys.map((journey) => journey.stepsCompleted);
  const doneBefore = before.reduce((sum, steps) => sum + steps, 0);
  terminal.line(`${doneBefore} steps are done: kill -9 ${node.pid}. The node is gone, in the middle of its work.`);

  terminal.line('It is started again, on the same folder. Nobody tells it what to do.');
  const { startedInMs } = await node.start(new URL(url).port);
  const ends = await Promise.allSettled(journeys.map((journey) => journey.end()));
  terminal.clearProgress();
  await client.close();

  const lost = ends.filter((end) => end.status === 'rejected' || end.value.status !== 'completed').length;
  const repeated = journeys.reduce((sum, journey) => sum + journey.stepsRepeated, 0);
  const cutOff = journeys.reduce((sum, journey) => sum + journey.stepsCutOff, 0);
  for (const [at, end] of ends.entries()) {
    const name = journeys[at]?.name ?? '';
    if (end.status === 'rejected') terminal.line(`${name}: ${String(end.reason)}`);
    else
      terminal.line(
        `${name}: ${end.value.status} after ${durationText(end.value.durationMs)}, ` +
          `${journeys[at]?.stepsCompleted ?? 0} steps. ${end.value.error?.message ?? ''}`,
      );
  }
  const report = await keepReport(root, ends[0]);
  terminal.line(`Steps that the kill cut off, and that ran again: ${cutOff}.`);
  terminal.line();
  terminal.line('Try next:');
  terminal.line(
    '  npm start -- --lab                                      run a node of your own (troupe start --lab)',
  );
  terminal.line('  npm run -s troupe -- submit --agent lab.echo --input \'{"text":"hi"}\' --wait');
  terminal.line(
    '  npm run -s troupe -- submit --workflow analyse-dataset --input \'{"path":"examples/data/penguins.json"}\' --wait',
  );
  terminal.line();
  terminal.line(`steps done before the kill: ${doneBefore}`);
  terminal.line(`resumed in: ${Math.round(startedInMs)} ms`);
  terminal.line(`steps repeated: ${repeated}`);
  terminal.line(`tasks lost: ${lost}`);
  terminal.line(`report: ${report}`);
  return lost === 0 && repeated === 0 ? EXIT.done : EXIT.failed;
}

function showProgress(terminal: Terminal, journeys: readonly Journey[]): void {
  terminal.progress(
    journeys.map((journey) => `${journey.name} ${journey.stepsCompleted}/${journey.stepsStarted} steps`).join('   '),
  );
}

/** The report's folder, out of the node's data. */
async function keepReport(
  root: string,
  end: PromiseSettledResult<{ readonly output?: unknown }> | undefined,
): Promise<string> {
  const output =
    end?.status === 'fulfilled' ? (end.value.output as { readonly report?: string } | undefined) : undefined;
  if (output?.report === undefined)
    throw new OperatingError(
      'AGENT_FAILED',
      `The demo's main task left no report. The node's log is in ${join(root, 'node.log')}.`,
    );
  const folder = join(root, 'report');
  await cp(dirname(output.report), folder, { recursive: true });
  return join(folder, basename(output.report));
}
