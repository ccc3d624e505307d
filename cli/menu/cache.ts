/** Verbs about results that are kept for the same input. */
import type { Command } from 'commander';
import type { VerbAdder } from '../verb.ts';

const HELP = `
A result is kept where its agent, its step or its task asks for that (docs/cache.md):
  defineAgent({ …, cache: { ttlMs: 3_600_000 } })     all results of the agent, for an hour
  { "id": "read", "agent": "reader", "cache": true }  the results of one step

Examples:
  troupe cache                       what is kept, and what it has saved
  troupe cache clear --agent reader  drop all results of one agent
  troupe cache clear                 drop all`;

/** Adds them. */
export function addCacheVerbs(program: Command, verb: VerbAdder): void {
  const cache = program
    .command('cache')
    .description('the results that are kept for the same input, and what they have saved')
    .addHelpText('after', HELP);
  verb(cache, async () => (await import('../verbs/cache.ts')).stats);
  verb(
    cache.command('stats').description('the same as `troupe cache`'),
    async () => (await import('../verbs/cache.ts')).stats,
  );
  verb(
    cache
      .command('clear')
      .description('drop kept results; what is being made now is still used by those who wait for it')
      .option('--agent <name>', 'only of this agent: name, or name@version'),
    async () => (await import('../verbs/cache.ts')).clear,
  );
}
