/** Verbs about calls in doubt. */
import { type Command, Option } from 'commander';
import { wholeNumber } from '../option-values.ts';
import type { VerbAdder } from '../verb.ts';

/** Adds them. */
export function addEffectVerbs(program: Command, verb: VerbAdder): void {
  const command = program
    .command('effects')
    .description('calls of which nobody knows whether they happened; and what came of one')
    .addOption(
      new Option('--state <state>', 'those that wait for a word, or the others')
        .choices(['unknown', 'resolved', 'abandoned', 'late'])
        .default('unknown'),
    )
    .option('--limit <n>', 'how many', (text) => wholeNumber(text, 1, 10_000), 50);
  verb(command, async () => (await import('../verbs/effects.ts')).effects);
  verb(
    command
      .command('resolve')
      .description('say what came of a call; the work goes on from there')
      .argument('<id>', 'the effect')
      .option('--done <json>', 'it happened, and gave this')
      .option('--failed <code:message>', 'it failed, with this code and message')
      .option('--retry', 'it did not happen: make it, under the same idempotency key')
      .option('--comment <text>', 'why, for the log of the task'),
    async () => (await import('../verbs/effects.ts')).resolve,
  );
}
