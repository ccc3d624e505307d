/** `troupe agents`, and `show`, `register`, `unregister` behind it. */
import type { AgentView } from '../../actors/roster/agent-view.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { fetchJson } from '../remote.ts';
import { durationText, type Terminal } from '../terminal.ts';
import type { VerbContext } from '../verb.ts';

const PATH = '/api/v1/agents';

/** The agents of a node, those that need looking after first. */
export async function agents({ terminal, remote }: VerbContext, options: Record<string, unknown>): Promise<ExitCode> {
  const query = new URLSearchParams();
  for (const [option, field] of [
    ['capability', 'capability'],
    ['forVersion', 'version'],
    ['status', 'status'],
  ] as const) {
    const value = options[option];
    if (typeof value === 'string') query.set(field, value);
  }
  const found: AgentView[] = [];
  let cursor: string | null = null;
  do {
    if (cursor !== null) query.set('cursor', cursor);
    const page = (await fetchJson(remote, `${PATH}?${query.toString()}`)) as {
      readonly agents: readonly AgentView[];
      readonly cursor: string | null;
    };
    found.push(...page.agents);
    ({ cursor } = page);
  } while (cursor !== null);
  if (terminal.isJson) for (const agent of found) terminal.json(agent);
  else if (found.length === 0)
    terminal.line('No such agents. Load some with `troupe start --agents FILE`, or `--lab` for the lab.');
  else print(terminal, found);
  return EXIT.done;
}

/** All about one agent. */
export async function showAgent(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  name: string,
): Promise<ExitCode> {
  const view = (await fetchJson(remote, `${PATH}/${encodeURIComponent(name)}`)) as AgentView;
  if (terminal.isJson) terminal.json(view);
  else for (const line of linesOf(view)) terminal.line(line);
  return EXIT.done;
}

/** Registers the agents of a module. */
export async function registerAgents(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  module: string,
): Promise<ExitCode> {
  const { agents: registered } = (await fetchJson(remote, PATH, 'POST', { module })) as {
    readonly agents: readonly AgentView[];
  };
  for (const agent of registered) {
    if (terminal.isJson) terminal.json(agent);
    else terminal.line(`${agent.name}@${agent.version} is registered.`);
  }
  return EXIT.done;
}

/** Gives an agent no new work. */
export async function unregisterAgent(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  name: string,
): Promise<ExitCode> {
  const view = (await fetchJson(remote, `${PATH}/${encodeURIComponent(name)}`, 'DELETE')) as AgentView;
  const { status, load } = view;
  if (terminal.isJson) terminal.json(view);
  else
    terminal.line(
      `${view.name}@${view.version} is ${status}${status === 'draining' ? `, with ${load.inHand} in hand` : ''}.`,
    );
  return EXIT.done;
}

const ORDER = { open: 0, degraded: 1, draining: 2, busy: 3, ready: 4, gone: 5 } as const;

function print(terminal: Terminal, views: readonly AgentView[]): void {
  // On a node by itself it would be the same in each line.
  const isSpread = new Set(views.map(({ nodes }) => nodes.join())).size > 1;
  const on = isSpread ? ['ON'] : [];
  terminal.table(
    ['AGENT', 'VERSION', 'STATUS', ...on, 'LOAD', 'RUNS', 'OK', 'P50', 'P90', 'CAPABILITIES', 'WHAT IT DOES'],
    views
      .toSorted((a, b) => ORDER[a.status] - ORDER[b.status])
      .map((view) => [
        ...[view.name, view.version, view.status === 'ready' ? 'ready' : view.status.toUpperCase()],
        ...(isSpread ? [nodesText(view, NODES_SHOWN_MAX)] : []),
        loadText(view),
        ...figureTexts(view),
        ...[view.capabilities.join(', '), view.description ?? ''],
      ]),
  );
}

/** Of the nodes of an agent, in a line of the table. */
const NODES_SHOWN_MAX = 2;

function nodesText({ nodes }: AgentView, shownMax = nodes.length): string {
  if (nodes.length === 0) return 'no node';
  const rest = nodes.length > shownMax ? ` and ${nodes.length - shownMax} more` : '';
  return `${nodes.slice(0, shownMax).join(', ')}${rest}`;
}

function loadText({ load: { running, waiting, capacity } }: AgentView): string {
  return `${running} of ${capacity}${waiting === 0 ? '' : `, ${waiting} wait`}`;
}

function figureTexts({ figures }: AgentView): readonly string[] {
  if (figures === undefined) return ['0', '', '', ''];
  const { runs, failureShare, durationMs } = figures;
  const times = durationMs.samples === 0 ? ['', ''] : [durationText(durationMs.p50), durationText(durationMs.p90)];
  return [String(runs), `${Math.round((1 - failureShare) * 100)} %`, ...times];
}

function linesOf(view: AgentView): readonly string[] {
  const { health, figures, description, retryAfterMs } = view;
  const codes = Object.entries(figures?.codes ?? {}).map(([code, count]) => `${code} ${count}`);
  const [runs, ok, p50, p90] = figureTexts(view);
  return [
    `${view.name}@${view.version}: ${view.status}${retryAfterMs === undefined ? '' : ` for ${durationText(retryAfterMs)}`}`,
    ...(description === undefined ? [] : [description]),
    `capabilities: ${view.capabilities.join(', ') || 'none'}`,
    `from: ${view.source}, on ${nodesText(view)}`,
    `load: ${loadText(view)}, ${view.load.inHand} in hand`,
    ...(health === undefined
      ? []
      : [`health: ${health.state}${health.error === undefined ? '' : `: ${health.error}`}`]),
    ...(figures === undefined
      ? ['runs: none yet']
      : [
          `runs: ${runs}, ${ok} of the recent ones went well${codes.length === 0 ? '' : `; failures: ${codes.join(', ')}`}`,
          `took: ${p50 || '?'} in the middle, ${p90 || '?'} at the ninetieth of a hundred`,
          `cost: ${figures.usd.p50} USD in the middle, ${figures.tokens.p50} tokens`,
        ]),
  ];
}
