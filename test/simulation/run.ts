/**
 * Runs seeds and says what came of them:
 *
 *   node test/simulation/run.ts --seed 123 --trace
 *   node test/simulation/run.ts --seeds 1-300
 *   node test/simulation/run.ts --list 4,105
 *   node test/simulation/run.ts --mesh --seeds 1-300
 *   node test/simulation/run.ts --seeds 1-300 --plant ack-before-sync --until-found
 *
 * Ends with 1 when a promise was broken, and names the command that shows how.
 */
import { parseArgs } from 'node:util';
import { plantedBug } from './planted-bugs.ts';
import { plant } from './planting.ts';
import type { Verdict } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    list: { type: 'string' },
    mesh: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    plant: { type: 'string' },
    'until-found': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

if (values.plant !== undefined) plant(plantedBug(values.plant));
// After the bug is planted: what is imported before is the product as it is.
const { simulate } = await import('./simulation.ts');

const [from = 1, to = from] = (values.seeds ?? values.seed ?? '1').split('-').map(Number);
const seeds = values.list?.split(',').map(Number) ?? Array.from({ length: to - from + 1 }, (_, at) => from + at);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const tell = ({ seed, violations }: Verdict): void => {
  for (const { checker, message } of violations) say(`seed ${seed}: ${checker}: ${message}`);
  const planted = values.plant === undefined ? '' : ` --plant ${values.plant}`;
  say(`  node test/simulation/run.ts ${mesh}--seed ${seed} --trace${planted}`);
};
const mesh = values.mesh ? '--mesh ' : '';
const startedMs = Date.now();
const totals = { seeds: 0, failed: 0, steps: 0, tasks: 0, crashes: 0 };
for (const seed of seeds) {
  const verdict = await simulate(seed, { hasMesh: values.mesh, ...(values.trace && { onLine: say }) });
  const { violations, hash, steps, tasks, crashes, simulatedMs } = verdict;
  totals.seeds++;
  totals.steps += steps;
  totals.tasks += tasks;
  totals.crashes += crashes;
  if (values.json) say(JSON.stringify(verdict));
  else if (values.seed !== undefined)
    say(`seed ${seed}: hash ${hash}, ${steps} steps, ${tasks} tasks, ${crashes} crashes, ${simulatedMs} ms of its own`);
  if (violations.length === 0) continue;
  totals.failed++;
  if (!values.json) tell(verdict);
  if (values['until-found']) break;
}
if (!values.json)
  say(
    `${Object.entries(totals)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')}, ${Date.now() - startedMs} ms`,
  );
process.exitCode = totals.failed > 0 ? 1 : 0;
