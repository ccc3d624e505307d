/** Verbs about plans and their templates. */
import type { Command } from 'commander';
import type { VerbAdder } from '../verb.ts';

const EXAMPLES = `
Examples:
  troupe plan --goal 'analyse examples/data/penguins.json'
  troupe plan --workflow analyse-dataset --input '{"path":"examples/data/penguins.json"}'
  troupe plan --graph brief.json --json
  troupe plan --goal 'analyse examples/data/penguins.json' --run`;

/** Adds them. */
export function addPlanVerbs(program: Command, verb: VerbAdder): void {
  verb(
    program
      .command('plan')
      .description('what would run, how long it takes and what it costs, before it runs')
      .option('--goal <text>', 'what is to be reached, in words')
      .option('--workflow <name>', 'a registered workflow: name or name@version')
      .option('--graph <file>', 'a workflow from a JSON file')
      .option('--input <json>', 'JSON, @FILE, or - for standard input')
      .option('--run', 'submit it then; prints the id of the task')
      .addHelpText('after', EXAMPLES),
    async () => (await import('../verbs/plan.ts')).plan,
  );
  const group = program.command('templates').description('what goals in words are planned by');
  const load = async () => await import('../verbs/plan.ts');
  verb(
    group.command('list', { isDefault: true }).description('the templates of a node'),
    async () => (await load()).listTemplates,
  );
  verb(
    group.command('add').description('register one').argument('<file>', 'a JSON file'),
    async () => (await load()).addTemplate,
  );
  verb(
    group.command('remove').description('forget one').argument('<name>', 'name or name@version'),
    async () => (await load()).removeTemplate,
  );
}
