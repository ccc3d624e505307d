/** Verbs about what was set aside. */
import type { Command } from 'commander';
import { FORCE, wholeNumber } from '../option-values.ts';
import type { VerbAdder } from '../verb.ts';

/** Adds them. */
export function addQuarantineVerbs(program: Command, verb: VerbAdder): void {
  const group = program.command('quarantine').description('messages that took their actor down and were set aside');
  const load = async () => await import('../verbs/quarantine.ts');
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
