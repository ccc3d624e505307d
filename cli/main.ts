/** The entry of the command: reads the line, does the verb, ends with the right code. */
import { registerSourceResolver } from '../runtime/source-resolver.ts';
import { runCommand } from './program.ts';

registerSourceResolver();
process.exitCode = await runCommand(process.argv.slice(2));
