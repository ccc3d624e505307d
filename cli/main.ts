/** The entry of the command: reads the line, does the verb, ends with the right code. */
import { registerSourceResolver } from '../runtime/source-resolver.ts';
import { runCommand } from './program.ts';
import { guardOutput } from './terminal.ts';

/** Verbs that are called for what they do, or for their exit code: they do it whether or not anybody reads on. */
const UNREAD_VERBS: readonly string[] = ['start', 'migrate', 'replay'];

let isUnread = false;
guardOutput(() => isUnread);
registerSourceResolver();
process.exitCode = await runCommand(process.argv.slice(2), (verb) => {
  isUnread = UNREAD_VERBS.includes(verb);
});
