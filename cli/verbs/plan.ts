/** `troupe plan`, `troupe templates`. */
import type { PlanView } from '../../actors/planning/plan-desk.ts';
import type { Range } from '../../actors/planning/step-expectation.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { PlanTemplate } from '../../protocol/plan-template.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonArgument } from '../json-argument.ts';
import { fetchJson } from '../remote.ts';
import { durationText, type Terminal } from '../terminal.ts';
import type { VerbContext } from '../verb.ts';

type Options = Readonly<Record<string, unknown>>;

/** A model may take its time. */
const PLAN_MS = 300_000;

/** Shows a plan; with --run, submits what it shows. */
export async function plan({ terminal, remote }: VerbContext, options: Options): Promise<ExitCode> {
  const given = ['goal', 'workflow', 'graph'].filter((name) => options[name] !== undefined);
  const [kind] = given;
  if (kind === undefined || given.length > 1)
    throw new OperatingError('INVALID_INPUT', 'Name exactly one of --goal, --workflow and --graph.');
  const target = kind === 'graph' ? await jsonArgument(`@${options['graph'] as string}`, 'The graph') : options[kind];
  const source = options['input'] as string | undefined;
  const input = source === undefined ? {} : { input: await jsonArgument(source, '--input') };
  const view = (await fetchJson(
    remote,
    '/api/v1/plans',
    'POST',
    { [kind]: target, ...input },
    {},
    PLAN_MS,
  )) as PlanView;
  if (terminal.isJson) terminal.json(view);
  else show(terminal, view);
  if (options['run'] !== true) return EXIT.done;
  // What was shown is what runs, also where a model would plan otherwise the next time.
  const body = kind === 'workflow' ? { workflow: target, ...input } : { graph: view.graph, input: view.input };
  const { task } = (await fetchJson(remote, '/api/v1/tasks', 'POST', body)) as { readonly task: string };
  if (terminal.isJson) terminal.json({ task });
  else terminal.line(task);
  return EXIT.done;
}

/** The templates of a node. */
export async function listTemplates({ terminal, remote }: VerbContext): Promise<ExitCode> {
  const found: PlanTemplate[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const page = (await fetchJson(remote, `/api/v1/templates${query}`)) as {
      readonly templates: readonly PlanTemplate[];
      readonly cursor: string | null;
    };
    found.push(...page.templates);
    ({ cursor } = page);
  } while (cursor !== null);
  if (terminal.isJson) for (const template of found) terminal.json(template);
  else {
    const rows = found.map(({ name, version, type, goals }) => [name, version, type, goals[0] ?? '']);
    terminal.table(['TEMPLATE', 'VERSION', 'TYPE', 'FOR GOALS LIKE'], rows);
  }
  return EXIT.done;
}

/** Registers one; done when it is on disk. */
export async function addTemplate(
  { terminal, remote }: VerbContext,
  _options: Options,
  file: string,
): Promise<ExitCode> {
  const content = await jsonArgument(`@${file}`, 'The template');
  return shown(terminal, 'registered', (await fetchJson(remote, '/api/v1/templates', 'POST', content)) as PlanTemplate);
}

/** Forgets one. */
export async function removeTemplate(
  { terminal, remote }: VerbContext,
  _options: Options,
  name: string,
): Promise<ExitCode> {
  const path = `/api/v1/templates/${encodeURIComponent(name)}`;
  return shown(terminal, 'removed', (await fetchJson(remote, path, 'DELETE')) as PlanTemplate);
}

function shown(terminal: Terminal, what: string, template: PlanTemplate): ExitCode {
  if (terminal.isJson) terminal.json(template);
  else terminal.line(`${template.name}@${template.version} is ${what}.`);
  return EXIT.done;
}

function show(terminal: Terminal, view: PlanView): void {
  const { source, by, confidence, graph, analysis, estimate, steps, assumptions, changes = [] } = view;
  const from = by === undefined ? source : `${source} ${by}`;
  const sure = confidence === undefined ? '' : `, ${Math.round(confidence * 100)} % sure`;
  terminal.line(`${terminal.style('bold', `${graph.name}@${graph.version}`)}  (${from}${sure})`);
  terminal.table(
    ['STEP', 'BY', 'TIMES', 'P50', 'P90', 'USD P90', 'KNOWN FROM'],
    steps.map(({ step, agents, items, durationMs, usd, basis, samples }) => [
      step,
      agents.join(', '),
      String(items),
      durationText(durationMs.p50),
      durationText(durationMs.p90),
      usd.p90.toFixed(4),
      samples > 0 ? `${basis}, ${samples} runs` : basis,
    ]),
  );
  terminal.line();
  terminal.line(`time      ${spread(estimate.durationMs, durationText)}`);
  terminal.line(`cost      ${spread(estimate.usd, (usd) => `$${usd.toFixed(4)}`)}`);
  terminal.line(`tokens    ${spread(estimate.tokens, (tokens) => String(Math.round(tokens)))}`);
  terminal.line(`longest   ${analysis.criticalPath.join(' → ')}`);
  terminal.line(`at once   ${analysis.width} of ${analysis.steps} steps`);
  for (const step of analysis.unusedOutputs) terminal.line(`unused    the output of ${step}`);
  for (const change of changes) terminal.note(`mended: ${change}`);
  for (const assumption of assumptions) terminal.note(`assumed: ${assumption}`);
}

function spread({ p50, p90 }: Range, words: (value: number) => string): string {
  return `${words(p50)} (P50), ${words(p90)} (P90)`;
}
