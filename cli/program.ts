/** The command's verbs and their options. What a verb does is loaded only when it is called. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { OperatingError, toErrorBody } from '../protocol/errors.ts';
import { TASK_STATUSES } from '../protocol/tasks.ts';
import { processEnvironment } from '../runtime/settings-environment.ts';
import { settingFlags } from '../runtime/settings-docs.ts';
import { SETTINGS, type SettingRow } from '../runtime/settings-table.ts';
import { VERSION } from '../runtime/version.ts';
import { EXIT, exitCodeOfError, type ExitCode } from './exit-codes.ts';
import type { RemoteOptions } from './remote.ts';
import type { ReplayFlags } from './verbs/replay.ts';
import { Terminal } from './terminal.ts';

/** What every verb gets. */
export interface VerbContext {
  readonly terminal: Terminal;
  readonly remote: RemoteOptions;
}

/** `words` are all arguments, `argument` is the first of them. */
type Verb = (
  context: VerbContext,
  options: Record<string, unknown>,
  argument: string,
  words: readonly string[],
) => Promise<ExitCode>;

const FORCE = 'write over a file that is there';
const DEFAULT_URL = 'http://127.0.0.1:7600';
const EXAMPLES = `
Examples:
  troupe start --lab                         run a node on this machine, with the lab's agents
  troupe submit --agent lab.echo --input '{"text":"hi"}' --wait
  troupe list --status working               what is going on
  troupe watch 01J…                          follow a task
  troupe demo                                see a node killed in the middle of its work, and go on

Exit codes: 0 done, 1 failed, 2 usage, 3 waiting for a person, 4 budget, 5 unavailable, 6 canceled.`;

/** Runs one command line. Gives the exit code; never throws. */
export async function runCommand(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  const program = createProgram((ended) => {
    code = ended;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    return report(error, program.opts()['json'] === true || args.includes('--json'));
  }
}

function report(error: unknown, isJson: boolean): ExitCode {
  const body = toErrorBody(error);
  if (isJson) new Terminal(true).json({ error: body });
  else {
    process.stderr.write(`troupe: ${body.message}\n`);
    const issues = (
      body.details as
        | { readonly issues?: readonly { readonly at?: string; readonly path?: string; readonly message: string }[] }
        | undefined
    )?.issues;
    if (Array.isArray(issues))
      for (const issue of issues.slice(0, 20))
        process.stderr.write(`  ${issue.at ?? issue.path ?? ''}: ${issue.message}\n`);
    if (!(error instanceof OperatingError) && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  }
  return exitCodeOfError(body.code);
}

function createProgram(end: (code: ExitCode) => void): Command {
  const program = new Command('troupe')
    .description('A supervised, durable actor runtime for AI agents.')
    .version(VERSION, '-V, --version')
    .addHelpText('after', EXAMPLES)
    .showSuggestionAfterError()
    .showHelpAfterError('(see `troupe --help`)')
    .exitOverride();
  const env = processEnvironment();

  const verb: VerbAdder = (command, load) => {
    command
      .addOption(
        new Option('--url <url>', 'the node to talk to').default(
          env['TROUPE_URL'] ?? DEFAULT_URL,
          `TROUPE_URL or ${DEFAULT_URL}`,
        ),
      )
      .addOption(new Option('--token <token>', 'credentials; TROUPE_TOKEN keeps them off the command line'))
      .option('--json', 'one JSON object a line, for programs')
      .action(async (...given: unknown[]) => {
        const options = optionsOf(given.at(-1) as Command);
        const argument = typeof given[0] === 'string' ? given[0] : '';
        const token = (options['token'] as string | undefined) ?? env['TROUPE_TOKEN'];
        const remote = { url: String(options['url']), ...(token !== undefined && { token }) };
        const run = await load();
        const words = given.slice(0, -2).filter((word) => typeof word === 'string');
        end(await run({ terminal: new Terminal(options['json'] === true), remote }, options, argument, words));
      });
  };

  addStart(program, end);
  addTaskVerbs(program, verb);
  addCheckpointVerbs(program, verb);
  addEffectVerbs(program, verb);
  addNodeVerbs(program, verb);
  addQuarantineVerbs(program, verb);
  addReplay(program, end);
  addLaterVerbs(program);
  return program;
}

/** What was given to a verb; for what was not, what was given to the verb that it stands behind. */
function optionsOf(command: Command): Record<string, unknown> {
  const own = Object.entries(command.opts()).filter(([name]) => command.getOptionValueSource(name) !== 'default');
  return { ...command.optsWithGlobals(), ...Object.fromEntries(own) };
}

/** Adds what all verbs have to a command, and what happens when it is called. */
type VerbAdder = (command: Command, load: () => Promise<Verb>) => void;

function addTaskVerbs(program: Command, verb: VerbAdder): void {
  verb(
    program
      .command('demo')
      .description('see a node killed with SIGKILL in the middle of real work, and go on by itself')
      .option('--keep', "keep the demo's folder and its log"),
    async () => (await import('./verbs/demo.ts')).demo,
  );
  verb(
    addTarget(program.command('submit').description('submit a task; prints its id first'))
      .option('--input <json>', 'JSON, @FILE, or - for standard input')
      .option('--key <key>', 'idempotency key: the same key gives the same task for a day')
      .option('--wait', 'wait for the end and print the output')
      .option('--deadline <time>', 'give up after this long, such as 30s, 5m, 1h', durationMs)
      .option('--priority <0-9>', 'higher first; 5 where none is given', (text) => wholeNumber(text, 0, 9))
      .option('--label <k=v...>', 'labels to find it by')
      .option('--max-cost <usd>', 'budget in US dollars', decimal),
    async () => (await import('./verbs/submit.ts')).submit,
  );
  verb(
    program.command('status').description('how a task stands').argument('<id>', 'the task'),
    async () => (await import('./verbs/status.ts')).status,
  );
  verb(
    program.command('result').description('the output of a task that has ended').argument('<id>', 'the task'),
    async () => (await import('./verbs/status.ts')).result,
  );
  verb(
    program
      .command('list')
      .description('tasks, the newest first')
      .addOption(new Option('--status <status>', 'only those').choices([...TASK_STATUSES]))
      .option('--label <k=v...>', 'only those that have these labels')
      .option('--limit <n>', 'how many', (text) => wholeNumber(text, 1, 10_000), 50),
    async () => (await import('./verbs/list.ts')).list,
  );
  verb(
    program
      .command('cancel')
      .description('cancel a task')
      .argument('<id>', 'the task')
      .option('--reason <text>', 'why, for its log'),
    async () => (await import('./verbs/cancel.ts')).cancel,
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
    async () => (await import('./verbs/watch.ts')).watch,
  );
}

function addCheckpointVerbs(program: Command, verb: VerbAdder): void {
  verb(
    program
      .command('checkpoints')
      .description('what the actors of a task were at each commit while it ran')
      .argument('<id>', 'the task')
      .argument('[checkpoint]', 'look into this one'),
    async () => (await import('./verbs/checkpoints.ts')).checkpoints,
  );
  verb(
    program
      .command('fork')
      .description('make a task that goes on from a checkpoint of another')
      .argument('<id>', 'the task')
      .option('--at <checkpoint>', 'the checkpoint; the last one where none is given'),
    async () => (await import('./verbs/checkpoints.ts')).fork,
  );
  verb(
    program
      .command('export')
      .description('write a task and all its checkpoints into a file')
      .argument('<id>', 'the task')
      .argument('[file]', 'where to; ID.json where none is given')
      .option('--force', FORCE),
    async () => (await import('./verbs/checkpoints.ts')).exportTask,
  );
  verb(
    program
      .command('backup')
      .description('write all that a node holds into one file')
      .argument('<file>', 'where to')
      .option('--data <dir>', 'the folder of a node that does not run, instead of one that does')
      .option('--force', FORCE),
    async () => (await import('./verbs/backup.ts')).backup,
  );
  verb(
    program
      .command('restore')
      .description('make the folder of a node from a backup')
      .argument('<file>', 'the backup')
      .requiredOption('--data <dir>', 'a new folder'),
    async () => (await import('./verbs/backup.ts')).restore,
  );
}

function addEffectVerbs(program: Command, verb: VerbAdder): void {
  const command = program
    .command('effects')
    .description('calls of which nobody knows whether they happened; and what came of one')
    .addOption(
      new Option('--state <state>', 'those that wait for a word, or the others')
        .choices(['unknown', 'resolved', 'abandoned', 'late'])
        .default('unknown'),
    )
    .option('--limit <n>', 'how many', (text) => wholeNumber(text, 1, 10_000), 50);
  verb(command, async () => (await import('./verbs/effects.ts')).effects);
  verb(
    command
      .command('resolve')
      .description('say what came of a call; the work goes on from there')
      .argument('<id>', 'the effect')
      .option('--done <json>', 'it happened, and gave this')
      .option('--failed <code:message>', 'it failed, with this code and message')
      .option('--retry', 'it did not happen: make it, under the same idempotency key')
      .option('--comment <text>', 'why, for the log of the task'),
    async () => (await import('./verbs/effects.ts')).resolve,
  );
}

function addNodeVerbs(program: Command, verb: VerbAdder): void {
  verb(
    program
      .command('agents')
      .description('the agents that a node has')
      .option('--capability <name>', 'only those that offer it'),
    async () => (await import('./verbs/agents.ts')).agents,
  );
  verb(
    program.command('workflows').description('the workflows that a node has'),
    async () => (await import('./verbs/workflows.ts')).workflows,
  );
  verb(
    program.command('tree').description('the supervision tree, or the actors of one task').argument('[id]', 'a task'),
    async () => (await import('./verbs/tree.ts')).tree,
  );
  const breakers = program.command('breakers').description('the circuit breakers in front of agents');
  verb(breakers, async () => (await import('./verbs/breakers.ts')).breakers);
  verb(
    breakers.command('reset').description('close one by hand').argument('<id>', 'the breaker, or its agent'),
    async () => (await import('./verbs/breakers.ts')).resetBreaker,
  );
  verb(
    program
      .command('doctor')
      .description('look for what could be wrong on this machine and with the node')
      .option('--data <dir>', "the node's folder", './.troupe'),
    async () => (await import('./verbs/doctor.ts')).doctor,
  );
  verb(
    program
      .command('migrate')
      .description('take the stored actors of a node that is stopped over into other versions of its agents')
      .option('--dry-run', 'write nothing; say what fits, what would be taken over and what would be lost')
      .option('--data <dir>', "the node's folder", './.troupe')
      .option('--agents <glob...>', 'files with the agents as they are to be loaded, all versions of them'),
    async () => (await import('./verbs/migrate.ts')).migrate,
  );
}

function addQuarantineVerbs(program: Command, verb: VerbAdder): void {
  const group = program.command('quarantine').description('messages that took their actor down and were set aside');
  const load = async () => await import('./verbs/quarantine.ts');
  const one = (name: string, description: string): Command =>
    group.command(name).description(description).argument('<id>', 'the capsule');
  verb(
    group
      .command('list', { isDefault: true })
      .description('what is set aside, the newest first')
      .option('--limit <n>', 'how many', (text) => wholeNumber(text, 1, 1_000), 50),
    async () => (await load()).listCapsules,
  );
  verb(one('show', 'all that is known of one'), async () => (await load()).showCapsule);
  verb(
    one('edit', 'change what a replay gives')
      .option('--event <json>', 'the event instead of the one that was set aside, or @FILE')
      .option('--input <json>', 'the input of the task, or @FILE'),
    async () => (await load()).editCapsule,
  );
  verb(
    one('replay', 'give it again: to its actor, or as a new task where its task failed with it'),
    async () => (await load()).replayCapsule,
  );
  verb(one('discard', 'let it go for good'), async () => (await load()).discardCapsule);
  verb(
    one('export', 'write it into a file, for `troupe replay`').argument('<file>', 'where to').option('--force', FORCE),
    async () => (await load()).exportCapsule,
  );
}

/** Verbs of later versions: said to be missing, not taken for slips of the finger. */
function addLaterVerbs(program: Command): void {
  for (const name of ['top', 'why', 'approve', 'reject', 'generate', 'chaos', 'keys', 'bench']) {
    program
      .command(name, { hidden: true })
      .argument('[words...]')
      .allowUnknownOption()
      .action(() => {
        throw new OperatingError('NOT_AVAILABLE', `\`troupe ${name}\` is not part of this version.`);
      });
  }
}

function addTarget(command: Command): Command {
  return command
    .option('--agent <name>', 'to this agent: name or name@version')
    .option('--capability <name>', 'to any agent that offers this')
    .option('--workflow <name>', 'a registered workflow: name or name@version')
    .option('--graph <file>', 'a workflow from a JSON file')
    .option('--goal <text>', 'what is to be reached, in words');
}

/** It talks to no node. */
function addReplay(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('replay')
    .description(
      'replay a crash capsule offline: 0 where it no longer fails, 1 where it does, 2 where it cannot be used',
    )
    .argument('<file>', 'what `troupe quarantine export` has written')
    .option('--agents <globs...>', 'files of agents, as of `troupe start`; the bundled ones are known', [])
    .option('--timeout <duration>', 'as long as it may take', durationMs, 10_000)
    .option('--json', 'one JSON object a line, for programs')
    .addOption(new Option('--in-process').hideHelp())
    .action(async (file: string, options: ReplayFlags) => {
      const { replay } = await import('./verbs/replay.ts');
      end(await replay(new Terminal(options.json === true), file, options));
    });
}

/** `start` takes every setting that has a flag, by the groups of the settings table. */
function addStart(program: Command, end: (code: ExitCode) => void): void {
  const command = program
    .command('start')
    .description('run a node; Ctrl-C stops it, and what is unfinished goes on at the next start');
  for (const { name, flags, doc } of settingFlags()) {
    const { group, standing } = SETTINGS[name] as SettingRow<unknown>;
    if (standing === 'refused') continue;
    // Shells expand globs: `--agents *.ts` arrives as several words.
    const given = name === 'agents' ? flags.replace('>', '...>') : flags;
    command.addOption(new Option(given, doc).helpGroup(`${group}:`));
  }
  command.option('--json', 'log as JSON; print one JSON object when the node is ready');
  command.action(async (options: Record<string, unknown>) => {
    const { start } = await import('./verbs/start.ts');
    const { json, ...flags } = options;
    end(await start(new Terminal(json === true), flags));
  });
}

function wholeNumber(text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  return value;
}

function decimal(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('Expected a number of 0 or more.');
  return value;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Expected a time such as 500ms, 30s, 5m, 1h or 2d.');
  return Math.round(Number(match[1]) * (UNITS_MS[match[2] ?? ''] ?? 0));
}
