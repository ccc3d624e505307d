/** The command's verbs and their options. What a verb does is loaded only when it is called. */
import { Command, CommanderError, Option } from 'commander';
import { OperatingError, toErrorBody } from '../protocol/errors.ts';
import { processEnvironment } from '../runtime/settings-environment.ts';
import { settingFlags } from '../runtime/settings-docs.ts';
import type { SettingRow } from '../runtime/setting-row.ts';
import { SETTINGS } from '../runtime/settings-table.ts';
import { VERSION } from '../runtime/version.ts';
import { EXIT, exitCodeOfError, type ExitCode } from './exit-codes.ts';
import { addApprovalVerbs } from './menu/approvals.ts';
import { addAgentVerbs } from './menu/agents.ts';
import { addCacheVerbs } from './menu/cache.ts';
import { addCheckpointVerbs } from './menu/checkpoints.ts';
import { addEffectVerbs } from './menu/effects.ts';
import { addMessageVerbs } from './menu/messages.ts';
import { addNodeVerbs } from './menu/node.ts';
import { addPlanVerbs } from './menu/plans.ts';
import { addQuarantineVerbs } from './menu/quarantine.ts';
import { addScheduleVerbs } from './menu/schedules.ts';
import { addStateVerbs } from './menu/state.ts';
import { addTaskVerbs } from './menu/tasks.ts';
import { addWorkflowVerbs } from './menu/workflows.ts';
import { durationMs } from './option-values.ts';
import { addSharedOptions, givenOptions, takeSharedOptionsFirst } from './shared-options.ts';
import type { VerbAdder } from './verb.ts';
import type { ReplayFlags } from './verbs/replay.ts';
import { Terminal } from './terminal.ts';

const EXAMPLES = `
Examples:
  troupe start --lab                         run a node on this machine, with the lab's agents
  troupe submit --agent lab.echo --input '{"text":"hi"}' --wait
  troupe list --status working               what is going on
  troupe watch 01J…                          follow a task
  troupe demo                                see a node killed in the middle of its work, and go on

Exit codes: 0 done, 1 failed, 2 usage, 3 waiting for a person, 4 budget, 5 unavailable, 6 canceled.`;

/** Runs one command line. Gives the exit code; never throws. `onVerb` hears which verb it is, before that does anything. */
export async function runCommand(args: readonly string[], onVerb?: (name: string) => void): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  const program = createProgram((ended) => {
    code = ended;
  });
  program.hook('preSubcommand', (_program, verb) => onVerb?.(verb.name()));
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
    addSharedOptions(command, env).action(async (...given: unknown[]) => {
      const options = givenOptions(given.at(-1) as Command);
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
  addApprovalVerbs(program, verb);
  addEffectVerbs(program, verb);
  addPlanVerbs(program, verb);
  addStateVerbs(program, verb);
  addScheduleVerbs(program, verb);
  addAgentVerbs(program, verb);
  addNodeVerbs(program, verb);
  addMessageVerbs(program, verb);
  addCacheVerbs(program, verb);
  addQuarantineVerbs(program, verb);
  addWorkflowVerbs(program, verb);
  addReplay(program, end);
  addLaterVerbs(program);
  takeSharedOptionsFirst(program);
  return program;
}

/** Verbs of later versions: said to be missing, not taken for slips of the finger. */
function addLaterVerbs(program: Command): void {
  for (const name of ['top', 'generate', 'chaos', 'keys', 'bench']) {
    program
      .command(name, { hidden: true })
      .argument('[words...]')
      .allowUnknownOption()
      .action(() => {
        throw new OperatingError('NOT_AVAILABLE', `\`troupe ${name}\` is not part of this version.`);
      });
  }
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
    .action(async (file: string, _own: unknown, command: Command) => {
      const { replay } = await import('./verbs/replay.ts');
      const options = givenOptions(command);
      end(await replay(new Terminal(options['json'] === true), file, options as unknown as ReplayFlags));
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
  command.action(async () => {
    const { start } = await import('./verbs/start.ts');
    const { json, ...flags } = givenOptions(command);
    end(await start(new Terminal(json === true), flags));
  });
}
