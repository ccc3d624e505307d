/** Verbs about approvals. */
import { type Command, Option } from 'commander';
import { wholeNumber } from '../option-values.ts';
import type { VerbAdder } from '../verb.ts';

/** Adds them. */
export function addApprovalVerbs(program: Command, verb: VerbAdder): void {
  verb(
    program
      .command('approvals')
      .description('approvals that wait for a person (exit code 3 where there are any), or one of them')
      .argument('[id]', 'one, with all that there is to look into')
      .option('--role <role>', 'only those that are asked of it')
      .option('--task <id>', 'only those of this task')
      .addOption(
        new Option('--state <state>', 'those that wait, or the others')
          .choices(['pending', 'closed'])
          .default('pending'),
      )
      .option('--limit <n>', 'how many', (text) => wholeNumber(text, 1, 10_000), 50),
    async () => (await import('../verbs/approvals.ts')).approvals,
  );
  for (const decision of ['approve', 'reject'] as const) {
    verb(
      program
        .command(decision)
        .description(`${decision} what a task waits for; done when that is on disk`)
        .argument('<id>', 'the approval, as `troupe approvals` lists it')
        .option('--comment <text>', 'why, for the log of the task'),
      async () => (await import('../verbs/approvals.ts'))[decision],
    );
  }
}
