/** Verbs about checkpoints, forks and backups. */
import type { Command } from 'commander';
import { FORCE } from '../option-values.ts';
import type { VerbAdder } from '../verb.ts';

/** Adds them. */
export function addCheckpointVerbs(program: Command, verb: VerbAdder): void {
  verb(
    program
      .command('checkpoints')
      .description('what the actors of a task were at each commit while it ran')
      .argument('<id>', 'the task')
      .argument('[checkpoint]', 'look into this one'),
    async () => (await import('../verbs/checkpoints.ts')).checkpoints,
  );
  verb(
    program
      .command('fork')
      .description('make a task that goes on from a checkpoint of another')
      .argument('<id>', 'the task')
      .option('--at <checkpoint>', 'the checkpoint; the last one where none is given'),
    async () => (await import('../verbs/checkpoints.ts')).fork,
  );
  verb(
    program
      .command('export')
      .description('write a task and all its checkpoints into a file')
      .argument('<id>', 'the task')
      .argument('[file]', 'where to; ID.json where none is given')
      .option('--force', FORCE),
    async () => (await import('../verbs/checkpoints.ts')).exportTask,
  );
  verb(
    program
      .command('backup')
      .description('write all that a node holds into one file')
      .argument('<file>', 'where to')
      .option('--data <dir>', 'the folder of a node that does not run, instead of one that does')
      .option('--force', FORCE),
    async () => (await import('../verbs/backup.ts')).backup,
  );
  verb(
    program
      .command('restore')
      .description('make the folder of a node from a backup')
      .argument('<file>', 'the backup')
      .requiredOption('--data <dir>', 'a new folder'),
    async () => (await import('../verbs/backup.ts')).restore,
  );
}
