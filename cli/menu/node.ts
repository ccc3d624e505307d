/** Verbs about a node. */
import type { Command } from 'commander';
import type { VerbAdder } from '../verb.ts';

/** Adds them. */
export function addNodeVerbs(program: Command, verb: VerbAdder): void {
  verb(
    program.command('tree').description('the supervision tree, or the actors of one task').argument('[id]', 'a task'),
    async () => (await import('../verbs/tree.ts')).tree,
  );
  const breakers = program.command('breakers').description('the circuit breakers in front of agents');
  verb(breakers, async () => (await import('../verbs/breakers.ts')).breakers);
  verb(
    breakers.command('reset').description('close one by hand').argument('<id>', 'the breaker, or its agent'),
    async () => (await import('../verbs/breakers.ts')).resetBreaker,
  );
  verb(
    program
      .command('doctor')
      .description('look for what could be wrong on this machine and with the node')
      .option('--data <dir>', "the node's folder", './.troupe'),
    async () => (await import('../verbs/doctor.ts')).doctor,
  );
  verb(
    program
      .command('migrate')
      .description('take the stored actors of a node that is stopped over into other versions of its agents')
      .option('--dry-run', 'write nothing; say what fits, what would be taken over and what would be lost')
      .option('--data <dir>', "the node's folder", './.troupe')
      .option('--agents <glob...>', 'files with the agents as they are to be loaded, all versions of them'),
    async () => (await import('../verbs/migrate.ts')).migrate,
  );
}
