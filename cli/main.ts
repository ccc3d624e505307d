/** The entry of the command: reads the line, does the verb, ends with the right code. */
import { registerSourceResolver } from '../runtime/source-resolver.ts';
import { runCommand } from './program.ts';
import { guardOutput } from './terminal.ts';

/** Verbs that are called for what they do, or for their exit code: they do it whether or not anybody reads on. */
const UNREAD_VERBS: readonly (string | undefined)[] = ['start', 'migrate', 'replay'];

const args = process.argv.slice(2);
guardOutput(UNREAD_VERBS.includes(args[0]));
registerSourceResolver();
process.exitCode = await runCommand(args);
