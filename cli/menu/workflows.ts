/** Verbs about workflows. */
import type { Command } from 'commander';
import type { VerbAdder } from '../verb.ts';

const HELP = `
A running workflow keeps the version it started with; several versions live side by side.

  troupe workflows                                       the versions, and how many of each run
  troupe workflows add brief.json                        register one; with "onNewVersion": "drain" in it, the versions
                                                         before it are not started any more; with "migrate", what runs
                                                         of them is moved as well, where it fits
  troupe workflows migrate 01J… --to brief@2.0.0         let a task go on by another version: what it has begun must be
                                                         the same in both, or the steps that are not are named
  troupe workflows remove brief@1.0.0                    take one away; what runs of it goes on`;

/** Adds them. */
export function addWorkflowVerbs(program: Command, verb: VerbAdder): void {
  const load = async () => await import('../verbs/workflows.ts');
  const group = program
    .command('workflows')
    .description('the workflows that a node has, by version, and how many of each run')
    .addHelpText('after', HELP);
  verb(group, async () => (await load()).workflows);
  verb(
    group
      .command('add')
      .description('register one')
      .argument('<file>', 'a JSON file with the workflow, its name and version'),
    async () => (await load()).addWorkflow,
  );
  verb(
    group
      .command('remove')
      .description('take one version away; what runs of it goes on')
      .argument('<workflow>', 'as name@version'),
    async () => (await load()).removeWorkflow,
  );
  verb(
    group
      .command('migrate')
      .description('move a task to another version of its workflow')
      .argument('<id>', 'the task')
      .requiredOption('--to <workflow>', 'name@version, or the name alone for the newest'),
    async () => (await load()).migrateTask,
  );
}
