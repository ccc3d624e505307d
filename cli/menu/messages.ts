/** Verbs about messages: topics, subscriptions, groups, and what reached nobody. */
import { type Command, Option } from 'commander';
import { LIMITS } from '../../protocol/limits.ts';
import { durationMs, wholeNumber } from '../option-values.ts';
import type { VerbAdder } from '../verb.ts';

const SUBSCRIPTION_HELP = `
A message wakes an actor of a keyed agent, or starts a task. In --key and --input, input is the message:
input.topic, input.id, input.at and input.data.

Examples:
  troupe subscriptions add book --topic 'orders.#' --wake orders --key '\${input.data.order}' --event changed
  troupe subscriptions add mails --topic 'mail.*' --start-agent mailer --input '{"to":"\${input.data.to}"}'
  troupe subscriptions add nightly --topic clock.midnight --start-workflow report`;

/** Adds them. */
export function addMessageVerbs(program: Command, verb: VerbAdder): void {
  addTopicVerbs(program, verb);
  addSubscriptionVerbs(program, verb);
  addGroupVerbs(program, verb);
  verb(
    program
      .command('dead-letters')
      .description('messages that reached nobody since the node started, the newest first')
      .option('--reason <reason>', 'only those of this reason, such as mailbox_full')
      .option('--limit <n>', 'how many', (text) => wholeNumber(text, 1, 1_000), 50),
    async () => (await import('../verbs/dead-letters.ts')).deadLetters,
  );
}

function addTopicVerbs(program: Command, verb: VerbAdder): void {
  verb(
    program
      .command('publish')
      .description('publish to a topic; prints the id of the message when all durable subscriptions have it')
      .argument('<topic>', 'segments joined by dots, such as orders.eu.created')
      .argument('[json]', 'the data: JSON, @FILE, or - for standard input')
      .option('--key <key>', 'idempotency key: the same key and data are published once in a day'),
    async () => (await import('../verbs/topics.ts')).publish,
  );
  verb(
    program
      .command('listen')
      .description('print what is published to topics from now on, until Ctrl-C')
      .argument('<topic>', 'a topic, or a pattern: * is one segment, a # at the end the rest')
      .option('--count <n>', 'end after so many messages', (text) => wholeNumber(text, 1, 1_000_000)),
    async () => (await import('../verbs/topics.ts')).listen,
  );
}

function addSubscriptionVerbs(program: Command, verb: VerbAdder): void {
  const group = program.command('subscriptions').description('durable subscriptions to topics: what a message does');
  const load = async () => await import('../verbs/subscriptions.ts');
  const whenFull = new Option(
    '--when-full <policy>',
    'what becomes of a message that finds no room: its publisher is refused',
  );
  verb(
    group.command('list', { isDefault: true }).description('all of them, by name'),
    async () => (await load()).listSubscriptions,
  );
  verb(
    group.command('show').description('one, and how it stands').argument('<name>', 'the subscription'),
    async () => (await load()).showSubscription,
  );
  verb(
    group
      .command('add')
      .description('make one')
      .argument('[name]', 'its name; one is made where none is given')
      .requiredOption('--topic <pattern>', 'a topic, or a pattern: * is one segment, a # at the end the rest')
      .option('--wake <agent>', 'wake an actor of this keyed agent')
      .option('--key <template>', 'with --wake: the key of the actor')
      .option('--event <type>', 'with --wake: the type of the event; topic.message where none is given')
      .option('--start-agent <name>', 'start a task of this agent')
      .option('--start-capability <name>', 'start a task of any agent that offers this')
      .option('--start-workflow <name>', 'start a workflow')
      .option('--input <json>', 'with --start-…: the input, a template; the data of the message where none is given')
      .option('--tasks-max <n>', 'with --start-…: tasks under way at a time', (text) =>
        wholeNumber(text, 1, LIMITS.subscriptionTasksMax),
      )
      .option('--backlog <n>', 'messages that may wait', (text) => wholeNumber(text, 1, LIMITS.backlogMax))
      .addOption(whenFull.choices(['refuse', 'drop-oldest']))
      .option('--keep <time>', 'how long a message may wait, such as 1h; 7d where none is given', durationMs)
      .option('--replace', 'give one that is there another content; what waits in it stays')
      .addHelpText('after', SUBSCRIPTION_HELP),
    async () => (await load()).addSubscription,
  );
  verb(
    group.command('remove').description('remove one, with what waits in it').argument('<name>', 'the subscription'),
    async () => (await load()).removeSubscription,
  );
}

function addGroupVerbs(program: Command, verb: VerbAdder): void {
  const group = program.command('groups').description('named sets of actors of keyed agents');
  const load = async () => await import('../verbs/groups.ts');
  const one = (name: string, description: string): Command =>
    group.command(name).description(description).argument('<group>', 'the group');
  const member = (command: Command): Command =>
    command.argument('<agent>', 'a keyed agent').argument('<key>', 'the key of its actor');
  verb(
    group.command('list', { isDefault: true }).description('all of them, by name'),
    async () => (await load()).listGroups,
  );
  verb(one('show', 'who is in it'), async () => (await load()).showGroup);
  verb(member(one('join', 'take an actor in; the first makes the group')), async () => (await load()).joinGroup);
  verb(member(one('leave', 'take an actor out')), async () => (await load()).leaveGroup);
  verb(
    one('set', 'make a group, or say who coordinates it')
      .option('--via <coordinator>', 'messages to the group go to this keyed agent, NAME or NAME/KEY')
      .option('--direct', 'to its members, without a coordinator'),
    async () => (await load()).setGroup,
  );
  verb(one('remove', 'remove it'), async () => (await load()).removeGroup);
  verb(
    program
      .command('broadcast')
      .description('one message to each member of a group, or to each keyed agent that offers a capability')
      .argument('<event>', 'the event, an object with a `type`: JSON, @FILE, or - for standard input')
      .option('--group <name>', 'to the members of this group')
      .option('--capability <name>', 'to the keyed agents that offer this')
      .option('--key <key>', 'with --capability: the key of their actors'),
    async () => (await load()).broadcast,
  );
}
