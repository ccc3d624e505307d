/** Verbs about tasks. */
import { type Command, Option } from 'commander';
import { STRATEGIES } from '../../protocol/selection.ts';
import { BUDGET_POLICIES, TASK_STATUSES } from '../../protocol/tasks.ts';
import { decimal, durationMs, wholeNumber } from '../option-values.ts';
import type { VerbAdder } from '../verb.ts';

const MOST = Number.MAX_SAFE_INTEGER;
const BUDGET_HELP = `
Budgets (docs/budgets.md): before each attempt what it may cost at most is reserved. Where too little is left:
  cheaper  another agent for the same capability, whose run costs less
  cache    a kept result for the same input, also where nobody asked for one
  ask      a person is asked to raise the budget; the task waits (exit code 3 with --wait)
  stop     the step fails with BUDGET_EXCEEDED, and with it the task (exit code 4 with --wait)`;

/** Adds them. */
export function addTaskVerbs(program: Command, verb: VerbAdder): void {
  verb(
    program
      .command('demo')
      .description('see a node killed with SIGKILL in the middle of real work, and go on by itself')
      .option('--keep', "keep the demo's folder and its log"),
    async () => (await import('../verbs/demo.ts')).demo,
  );
  verb(
    addTarget(program.command('submit').description('submit a task; prints its id first'))
      .option('--input <json>', 'JSON, @FILE, or - for standard input')
      .option('--key <key>', 'idempotency key: the same key gives the same task for a day')
      .option('--wait', 'wait for the end and print the output')
      .option('--deadline <time>', 'give up after this long, such as 30s, 5m, 1h', durationMs)
      .option('--priority <0-9>', 'higher first; 5 where none is given', (text) => wholeNumber(text, 0, 9))
      .option('--label <k=v...>', 'labels to find it by')
      .option('--max-cost <usd>', 'budget in US dollars', decimal)
      .addOption(new Option('--select <strategy>', 'how an agent is chosen for a capability').choices([...STRATEGIES]))
      .option('--max-tokens <n>', 'budget in tokens of models, in and out together', (text) =>
        wholeNumber(text, 0, MOST),
      )
      .option('--max-steps <n>', 'budget in attempts of steps', (text) => wholeNumber(text, 0, MOST))
      .option('--max-time <time>', 'budget in time that attempts take, added up, such as 5m', durationMs)
      .addOption(
        new Option(
          '--on-exceed <what...>',
          'what is done where too little is left, in this order; `stop` where nothing is given',
        ).choices([...BUDGET_POLICIES]),
      )
      .option('--no-cache', 'take no kept results, whatever agents and steps say')
      .addHelpText('after', BUDGET_HELP),
    async () => (await import('../verbs/submit.ts')).submit,
  );
  addFollowVerbs(program, verb);
}

/** What looks at a task that is under way, and what ends it. */
function addFollowVerbs(program: Command, verb: VerbAdder): void {
  verb(
    program.command('status').description('how a task stands').argument('<id>', 'the task'),
    async () => (await import('../verbs/status.ts')).status,
  );
  verb(
    program.command('result').description('the output of a task that has ended').argument('<id>', 'the task'),
    async () => (await import('../verbs/status.ts')).result,
  );
  verb(
    program
      .command('list')
      .description('tasks, the newest first')
      .addOption(new Option('--status <status>', 'only those').choices([...TASK_STATUSES]))
      .option('--label <k=v...>', 'only those that have these labels')
      .option('--limit <n>', 'how many', (text) => wholeNumber(text, 1, 10_000), 50),
    async () => (await import('../verbs/list.ts')).list,
  );
  verb(
    program
      .command('why')
      .description('what a task waits for, and what would move it on; exit code 3 where that is a person')
      .argument('<id>', 'the task'),
    async () => (await import('../verbs/why.ts')).why,
  );
  verb(
    program
      .command('cancel')
      .description('cancel a task')
      .argument('<id>', 'the task')
      .option('--reason <text>', 'why, for its log'),
    async () => (await import('../verbs/cancel.ts')).cancel,
  );
  verb(
    program
      .command('watch')
      .description('follow a task to its end')
      .argument('<id>', 'the task')
      .option(
        '--after <seq>',
        'only what came after this line',
        (text) => wholeNumber(text, 0, Number.MAX_SAFE_INTEGER),
        0,
      ),
    async () => (await import('../verbs/watch.ts')).watch,
  );
}

function addTarget(command: Command): Command {
  return command
    .option('--agent <name>', 'to this agent: name or name@version')
    .option('--capability <name>', 'to any agent that offers this: name, or name@range such as text.review@^1.2')
    .option('--workflow <name>', 'a registered workflow: name or name@version')
    .option('--graph <file>', 'a workflow from a JSON file')
    .option('--goal <text>', 'what is to be reached, in words');
}
