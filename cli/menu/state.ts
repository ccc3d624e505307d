/** Verbs about shared state. */
import type { Command } from 'commander';
import { durationMs, wholeNumber } from '../option-values.ts';
import type { VerbAdder } from '../verb.ts';

const SCOPES = `
Scopes: global, tenant:NAME, workflow:NAME, task:ID

Examples:
  troupe state set global limits '{"perDay":20}'
  troupe state set global limits '{"perDay":30}' --if-version 1
  troupe state watch global limits
  troupe state lock global report --holder me --ttl 30s`;

/** Adds them. */
export function addStateVerbs(program: Command, verb: VerbAdder): void {
  const group = program
    .command('state')
    .description('what tasks, agents and clients share')
    .addHelpText('after', SCOPES);
  const load = async () => await import('../verbs/state.ts');
  const one = (name: string, description: string): Command =>
    group.command(name).description(description).argument('<scope>', 'where it belongs').argument('<name>', 'its name');
  const token = (command: Command): Command =>
    command.option('--lease <token>', 'the token of the lease that is held', (text) =>
      wholeNumber(text, 1, Number.MAX_SAFE_INTEGER),
    );
  const condition = (command: Command): Command =>
    token(command).option('--if-version <n>', 'only on this version; 0: only where there is none', (text) =>
      wholeNumber(text, 0, Number.MAX_SAFE_INTEGER),
    );
  verb(
    group.command('list').description('the names in a scope').argument('<scope>', 'where they belong'),
    async () => (await load()).listState,
  );
  verb(one('get', 'a value; exit code 1 where there is none'), async () => (await load()).getState);
  verb(
    condition(one('set', 'write a value').argument('<json>', 'JSON, @FILE, or - for standard input')),
    async () => (await load()).setState,
  );
  verb(condition(one('delete', 'remove a value')), async () => (await load()).deleteState);
  verb(one('watch', 'a value, and each later one, until Ctrl-C'), async () => (await load()).watchState);
  verb(one('history', 'the versions that are kept'), async () => (await load()).stateHistory);
  verb(
    one('lock', 'take a lease; prints its token')
      .requiredOption('--holder <name>', 'who takes it')
      .option('--ttl <time>', 'how long it holds', durationMs, 30_000)
      .option('--wait <time>', 'wait so long while another holds it', durationMs, 0),
    async () => (await load()).lockState,
  );
  verb(token(one('unlock', 'let go of a lease')), async () => (await load()).unlockState);
}
