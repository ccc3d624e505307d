/** What a verb of the command is. */
import type { Command } from 'commander';
import type { ExitCode } from './exit-codes.ts';
import type { RemoteOptions } from './remote.ts';
import type { Terminal } from './terminal.ts';

/** What every verb gets. */
export interface VerbContext {
  readonly terminal: Terminal;
  readonly remote: RemoteOptions;
}

/** What a verb does. `words` are all arguments, `argument` is the first of them. */
export type Verb = (
  context: VerbContext,
  options: Record<string, unknown>,
  argument: string,
  words: readonly string[],
) => Promise<ExitCode>;

/** Adds what all verbs have to a command, and what happens when it is called. */
export type VerbAdder = (command: Command, load: () => Promise<Verb>) => void;
