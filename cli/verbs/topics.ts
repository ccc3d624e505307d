/** `troupe publish`, `troupe listen`. */
import type { TopicMessage } from '../../client/index.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonArgument } from '../json-argument.ts';
import { fetchJson, withClient } from '../remote.ts';
import type { VerbContext } from '../verb.ts';

/** Publishes one message. Errors: those of the node. */
export async function publish(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  topic: string,
  words: readonly string[],
): Promise<ExitCode> {
  const source = words[1];
  const data = source === undefined ? undefined : await jsonArgument(source, 'The data');
  const key = options['key'] as string | undefined;
  const path = `/api/v1/topics/${encodeURIComponent(topic)}`;
  const headers = key === undefined ? {} : { 'idempotency-key': key };
  const done = (await fetchJson(remote, path, 'POST', data, headers)) as Readonly<Record<string, unknown>>;
  if (terminal.isJson) terminal.json(done);
  else if (done['duplicate'] === true) terminal.line(`${String(done['message'])}  published before, under this key`);
  else terminal.line(`${String(done['message'])}  to ${String(done['subscriptions'])} durable subscriptions`);
  return EXIT.done;
}

/** Prints what is published, as it comes. */
export async function listen(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  topic: string,
): Promise<ExitCode> {
  const countMax = (options['count'] as number | undefined) ?? Infinity;
  await withClient(remote, async (client) => {
    const done = Promise.withResolvers<void>();
    let count = 0;
    const print = (message: TopicMessage): void => {
      if (count >= countMax) return;
      if (terminal.isJson) terminal.json(message);
      else terminal.line(`${message.topic}  ${message.data === undefined ? '' : JSON.stringify(message.data)}`);
      if (++count >= countMax) done.resolve();
    };
    await client.subscribe(topic, print, (dropped) => terminal.note(`${dropped} messages were left out: too slow.`));
    terminal.note(`Listening to ${topic}. Ctrl-C ends it.`);
    process.once('SIGINT', () => done.resolve());
    await done.promise;
  });
  return EXIT.done;
}
