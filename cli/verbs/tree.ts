/** `troupe tree`: the supervision tree of a node, or the actors of one task. */
import type { TaskActorView, TaskTreeView } from '../../supervisors/task-view.ts';
import type { ActorView, BranchView, SupervisorView, TreeView } from '../../supervisors/tree-view.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { VerbContext } from '../verb.ts';
import { fetchJson } from '../remote.ts';
import type { Terminal } from '../terminal.ts';
import { breakerText } from './breakers.ts';

/** The node says null of a task that has ended. */
type TaskTreeAnswer = Omit<TaskTreeView, 'actor'> & { readonly actor: TaskActorView | null };

/** With an id, the actors of that task; without, who watches over whom. */
export async function tree(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  task: string,
): Promise<ExitCode> {
  if (task !== '') {
    const view = (await fetchJson(remote, `/api/v1/tasks/${encodeURIComponent(task)}/tree`)) as TaskTreeAnswer;
    if (terminal.isJson) terminal.json(view);
    else if (view.actor === null) terminal.line(`${task} has ended: no actor works for it.`);
    else printTask(terminal, view.actor, view.leftOut);
    return EXIT.done;
  }
  const body = (await fetchJson(remote, '/api/v1/supervisors')) as { readonly supervisors: readonly TreeView[] };
  if (terminal.isJson) terminal.json(body);
  else for (const root of body.supervisors) printTree(terminal, root);
  return EXIT.done;
}

function printTree(terminal: Terminal, root: TreeView): void {
  printSupervisor(terminal, root, '', '');
  for (const branch of root.branches ?? []) printBranch(terminal, branch);
}

/** What is watched over and is no actor of this node. */
function printBranch(terminal: Terminal, { name, entries }: BranchView): void {
  terminal.line(terminal.style('bold', name));
  entries.forEach((entry, at) => {
    const lead = at === entries.length - 1 ? '└ ' : '├ ';
    const { breaker, state } = entry;
    const shut =
      breaker === undefined || breaker.state === 'closed' ? '' : `  breaker ${breakerText(terminal, breaker)}`;
    terminal.line(`${lead}${entry.name}  ${state}${shut}  ${terminal.style('dim', entry.facts.join(', '))}`);
  });
}

function printSupervisor(terminal: Terminal, view: SupervisorView, lead: string, below: string): void {
  const { address, strategy, intensity, periodMs, restartsInPeriod, childCount, abandoned, autoShutdown } = view;
  const name = terminal.style('bold', address.replace(/^supervisor\//, ''));
  const facts = [
    `${restartsInPeriod} of ${intensity} restarts in ${periodMs / 1_000} s`,
    ...(childCount > 0 ? [`${childCount} children`] : []),
    ...(abandoned > 0 ? [`${abandoned} given up`] : []),
    ...(autoShutdown === 'never'
      ? []
      : [`ends with ${autoShutdown === 'any-significant' ? 'any' : 'all'} significant`]),
  ];
  // A closed breaker is nothing to look at.
  const { breaker } = view;
  const shut = breaker === undefined || breaker.state === 'closed' ? '' : `  breaker ${breakerText(terminal, breaker)}`;
  terminal.line(`${lead}${name}  ${strategy}, ${view.state}${shut}  ${terminal.style('dim', facts.join(', '))}`);
  const rows: readonly (SupervisorView | ActorView)[] = [...view.supervisors, ...view.children];
  rows.forEach((row, at) => {
    const isLast = at === rows.length - 1;
    const nextLead = `${below}${isLast ? '└ ' : '├ '}`;
    if ('strategy' in row) printSupervisor(terminal, row, nextLead, `${below}${isLast ? '  ' : '│ '}`);
    else terminal.line(`${nextLead}${actorLine(row)}`);
  });
}

function printTask(terminal: Terminal, actor: TaskActorView, leftOut: number): void {
  const print = (view: TaskActorView, lead: string, below: string): void => {
    terminal.line(`${lead}${actorLine(view)}  ${terminal.style('dim', `under ${view.supervisor}`)}`);
    view.children.forEach((child, at) => {
      const isLast = at === view.children.length - 1;
      print(child, `${below}${isLast ? '└ ' : '├ '}`, `${below}${isLast ? '  ' : '│ '}`);
    });
  };
  print(actor, '', '');
  if (leftOut > 0) terminal.line(`… and ${leftOut} more`);
}

function actorLine({ address, state, phase, restart, restarts, shutdown, significant }: ActorView): string {
  const facts = [
    restart,
    ...(significant ? ['significant'] : []),
    `stops ${typeof shutdown === 'number' ? `in ${shutdown / 1_000} s` : shutdown}`,
    ...(restarts > 0 ? [`${restarts} restarts`] : []),
  ];
  return `${address}  ${phase === 'live' ? state : `${phase}: ${state}`}  ${facts.join(', ')}`;
}
