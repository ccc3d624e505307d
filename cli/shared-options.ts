/** The options that verbs share. They may stand before the verb as well as behind it; the one nearest to its end counts. */
import { type Command, Option } from 'commander';

const DEFAULT_URL = 'http://127.0.0.1:7600';

/** Adds them to a verb. `env` has what holds where none is given. */
export function addSharedOptions(command: Command, env: Readonly<Record<string, string | undefined>>): Command {
  const [url, ...others] = options();
  return [url.default(env['TROUPE_URL'] ?? DEFAULT_URL, `TROUPE_URL or ${DEFAULT_URL}`), ...others].reduce(
    (whole, option) => whole.addOption(option),
    command,
  );
}

/**
 * Takes them before the verb too, once all verbs are there. A verb that does not have one of them refuses it, instead of going on as
 * if it had not been said.
 */
export function takeSharedOptionsFirst(program: Command): void {
  const groups = program.commands.filter(({ commands, options: own }) => commands.length > 0 && own.length === 0);
  for (const command of [program, ...groups]) for (const option of options()) command.addOption(option);
  // What stands behind a verb is the verb's alone.
  program.enablePositionalOptions().hook('preSubcommand', (_program, verb) => {
    for (const option of options()) {
      if (program.getOptionValueSource(option.attributeName()) === undefined) continue;
      if (verb.options.some(({ long }) => long === option.long)) continue;
      program.error(`error: \`troupe ${verb.name()}\` has no option ${option.long ?? ''}`, {
        code: 'commander.unknownOption',
      });
    }
  });
}

/** What was given to a verb, or before it; else what holds where nothing is given. */
export function givenOptions(command: Command): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (let one: Command | null = command; one !== null; one = one.parent)
    for (const [name, value] of Object.entries(one.opts()))
      if (one.getOptionValueSource(name) !== 'default') given[name] ??= value;
  return { ...command.optsWithGlobals(), ...given };
}

function options(): readonly [Option, ...Option[]] {
  return [
    new Option('--url <url>', 'the node to talk to'),
    new Option('--token <token>', 'credentials; TROUPE_TOKEN keeps them off the command line'),
    new Option('--json', 'one JSON object a line, for programs'),
  ];
}
