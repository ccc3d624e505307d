/**
 * Runs seeds and says what came of them:
 *
 *   node test/simulation/run.ts --seed 123 --trace
 *   node test/simulation/run.ts --seeds 1-300
 *
 * Ends with 1 when a promise was broken, and names the command that shows how.
 */
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    trace: { type: 'boolean', default: false },
    plant: { type: 'string' },
    'first-only': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const { simulate } = await import('./simulation.ts');

const [from = 1, to = from] = (values.seeds ?? values.seed ?? '1').split('-').map(Number);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
let failed = 0;
const startedMs = Date.now();
const totals = { steps: 0, tasks: 0, crashes: 0 };
for (let seed = from; seed <= to; seed++) {
  const verdict = await simulate(seed, values.trace ? { onLine: say } : {});
  totals.steps += verdict.steps;
  totals.tasks += verdict.tasks;
  totals.crashes += verdict.crashes;
  if (values.json) say(JSON.stringify(verdict));
  else if (values.trace || values.seed !== undefined)
    say(`seed ${seed} hash ${verdict.hash} ${JSON.stringify(verdict)}`);
  if (verdict.violations.length === 0) continue;
  failed++;
  if (!values.json) {
    for (const { checker, message } of verdict.violations) say(`seed ${seed}: ${checker}: ${message}`);
    say(`  node test/simulation/run.ts --seed ${seed} --trace`);
  }
  if (values['first-only']) break;
}
if (!values.json)
  say(
    `${to - from + 1} seeds, ${failed} failed, ${totals.steps} steps, ${totals.tasks} tasks, ${totals.crashes} crashes, ${Date.now() - startedMs} ms`,
  );
process.exitCode = failed > 0 ? 1 : 0;
