/** Verbs about the agents of a node. */
import { type Command, Option } from 'commander';
import { AGENT_STATUSES } from '../../runtime/agent-status.ts';
import type { VerbAdder } from '../verb.ts';

const EXAMPLES = `
How an agent stands:
  ready     it takes work
  busy      as much is under way as it may do at once; more waits
  degraded  its health check fails, or most of what it did of late: others go before it
  open      its circuit breaker is open
  draining  unregistered, and not done yet; it gets no new work

Examples:
  troupe agents --capability text.review@^1.2     who offers it, in these versions
  troupe agents show summarizer                   all about one of them
  troupe agents register reviewers/v2.ts          from a folder of the setting moduleRoots
  troupe agents unregister reviewer@1.0.0`;

/** Adds them. */
export function addAgentVerbs(program: Command, verb: VerbAdder): void {
  const agents = program
    .command('agents')
    .description('the agents that a node has, how they stand and what their past runs were like')
    .option('--capability <name>', 'only those that offer it: name, or name@range')
    .option('--for-version <range>', 'only those of these versions, such as ^1.2')
    .addOption(new Option('--status <status>', 'only those that stand so').choices([...AGENT_STATUSES]))
    .addHelpText('after', EXAMPLES);
  verb(agents, async () => (await import('../verbs/agents.ts')).agents);
  verb(
    agents.command('show').description('all about one of them').argument('<agent>', 'name or name@version'),
    async () => (await import('../verbs/agents.ts')).showAgent,
  );
  verb(
    agents
      .command('register')
      .description('register the agents that a module exports, while the node runs and at its next starts')
      .argument('<module>', "a file on the node's machine, in a folder of its setting moduleRoots"),
    async () => (await import('../verbs/agents.ts')).registerAgents,
  );
  verb(
    agents
      .command('unregister')
      .description('give an agent no new work; when it has none in hand any more it is gone')
      .argument('<agent>', 'name or name@version'),
    async () => (await import('../verbs/agents.ts')).unregisterAgent,
  );
}
