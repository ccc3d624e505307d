/** `troupe subscriptions`: what messages of topics do. */
import { OperatingError } from '../../protocol/errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonArgument } from '../json-argument.ts';
import { fetchAll, fetchJson } from '../remote.ts';
import type { Terminal } from '../terminal.ts';
import type { VerbContext } from '../verb.ts';

type View = Readonly<Record<string, unknown>> & { readonly subscription: string; readonly waiting: number };

const ROUTE = '/api/v1/subscriptions';

/** All of them. */
export async function listSubscriptions({ terminal, remote }: VerbContext): Promise<ExitCode> {
  const found = (await fetchAll(remote, ROUTE, 'subscriptions')) as readonly View[];
  if (terminal.isJson) for (const view of found) terminal.json(view);
  else if (found.length === 0)
    terminal.line('No durable subscriptions. `troupe subscriptions add --help` says how to make one.');
  else
    terminal.table(
      ['SUBSCRIPTION', 'TOPIC', 'DOES', 'WAITING', 'SOURCE'],
      found.map((view) => [
        view.subscription,
        String(view['topic']),
        doesOf(view),
        String(view.waiting),
        String(view['source']),
      ]),
    );
  return EXIT.done;
}

/** One of them. */
export async function showSubscription(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  name: string,
): Promise<ExitCode> {
  print(terminal, (await fetchJson(remote, routeOf(name))) as View);
  return EXIT.done;
}

/** Makes one. Errors: INVALID_INPUT where it is not said what a message does; those of the node. */
export async function addSubscription(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  name: string,
): Promise<ExitCode> {
  const body = await requestOf(options);
  if (options['replace'] === true && name === '') throw new OperatingError('INVALID_INPUT', '--replace needs a name.');
  const view =
    options['replace'] === true
      ? await fetchJson(remote, routeOf(name), 'PUT', body)
      : await fetchJson(remote, ROUTE, 'POST', { ...(name !== '' && { name }), ...body });
  print(terminal, view as View);
  return EXIT.done;
}

/** Removes one. */
export async function removeSubscription(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  name: string,
): Promise<ExitCode> {
  const gone = (await fetchJson(remote, routeOf(name), 'DELETE')) as { readonly waiting: number };
  if (terminal.isJson) terminal.json(gone);
  else terminal.line(`${name}  removed${gone.waiting > 0 ? `, with ${gone.waiting} messages that waited` : ''}`);
  return EXIT.done;
}

async function requestOf(options: Record<string, unknown>): Promise<Readonly<Record<string, unknown>>> {
  const given = (name: string, as = name) => (options[name] === undefined ? {} : { [as]: options[name] });
  const shared = {
    ...{ ...given('topic'), ...given('backlog', 'backlogMax'), ...given('whenFull'), ...given('keep', 'keepMs') },
    ...given('tasksMax'),
  };
  const { wake, input } = options;
  const target = {
    ...given('startAgent', 'agent'),
    ...given('startCapability', 'capability'),
    ...given('startWorkflow', 'workflow'),
  };
  const starts = Object.keys(target).length;
  if ((wake === undefined ? 0 : 1) + starts !== 1)
    throw new OperatingError(
      'INVALID_INPUT',
      'Say what a message does: --wake, --start-agent, --start-capability or --start-workflow.',
    );
  if (wake !== undefined) return { ...shared, agent: wake, ...given('key'), ...given('event') };
  const template = typeof input === 'string' ? { input: await jsonArgument(input, '--input') } : {};
  return { ...shared, task: { ...target, ...template } };
}

function routeOf(name: string): string {
  return `${ROUTE}/${encodeURIComponent(name)}`;
}

function doesOf(view: View): string {
  const { agent, key, event, task } = view as unknown as Readonly<Record<string, string>> & { readonly task?: object };
  if (task === undefined) return `wakes ${agent}/${key}${event === undefined ? '' : ` with ${event}`}`;
  const [kind, target] = Object.entries(task).find(([name]) => name !== 'input' && name !== 'options') ?? [];
  return kind === 'graph' ? 'starts a workflow' : `starts ${String(kind)} ${String(target)}`;
}

function print(terminal: Terminal, view: View): void {
  if (terminal.isJson) return terminal.json(view);
  const { subscription, ...rest } = view;
  terminal.line(terminal.style('bold', subscription));
  for (const [name, value] of Object.entries(rest)) {
    const shown = name === 'createdAt' ? new Date(value as number).toISOString() : value;
    terminal.line(`  ${name}  ${typeof shown === 'string' ? shown : JSON.stringify(shown)}`);
  }
}
