/** `troupe approvals`, `troupe approve ID`, `troupe reject ID`. */
import type { ApprovalView } from '../../actors/approvals/approval-view.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { fetchJson, type RemoteOptions } from '../remote.ts';
import { durationText, type Terminal } from '../terminal.ts';
import type { Verb, VerbContext } from '../verb.ts';

/** Those that wait, by task; with --state closed, the others. With an id, that one. Waiting ones are exit code 3. */
export async function approvals(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  id: string,
): Promise<ExitCode> {
  if (id !== '') return showOne(terminal, (await fetchJson(remote, pathOf(id))) as ApprovalView);
  const isPending = options['state'] === 'pending';
  const found = await fetchAll(remote, options);
  if (terminal.isJson) for (const view of found) terminal.json(view);
  else if (found.length === 0) terminal.line(isPending ? 'No approval is waited for.' : 'None was closed.');
  else {
    terminal.table(
      ['APPROVAL', 'ROLE', 'SINCE', isPending ? 'EXPIRES' : 'DECISION', 'MESSAGE'],
      found.map((view) => [
        view.approval,
        view.role ?? '',
        momentText(view.since),
        isPending ? momentText(view.expiresAt) : decisionText(view),
        view.message ?? '',
      ]),
    );
    if (isPending) terminal.note('Look into one: troupe approvals ID. Decide: troupe approve ID, or troupe reject ID.');
  }
  return isPending && found.length > 0 ? EXIT.waiting : EXIT.done;
}

/** Approves. */
export const approve: Verb = (context, options, id) => resolve(context, options, id, 'approve');

/** Rejects. */
export const reject: Verb = (context, options, id) => resolve(context, options, id, 'reject');

async function resolve(
  { terminal, remote }: VerbContext,
  { comment }: Record<string, unknown>,
  id: string,
  decision: 'approve' | 'reject',
): Promise<ExitCode> {
  const body = { decision, ...(comment !== undefined && { comment }) };
  const view = (await fetchJson(remote, pathOf(id), 'POST', body)) as ApprovalView;
  if (terminal.isJson) terminal.json(view);
  else terminal.line(`${view.approval}  ${decisionText(view)}; task ${view.task} goes on`);
  return EXIT.done;
}

async function fetchAll(remote: RemoteOptions, options: Record<string, unknown>): Promise<readonly ApprovalView[]> {
  const {
    state,
    role,
    task,
    limit: wanted,
  } = options as Readonly<Record<'state' | 'role' | 'task', string | undefined>> & {
    readonly limit: number;
  };
  const found: ApprovalView[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({
      state: state ?? 'pending',
      limit: String(Math.min(wanted - found.length, LIMITS.listMax)),
    });
    for (const [name, value] of Object.entries({ role, task, cursor })) if (value) query.set(name, value);
    const page = (await fetchJson(remote, `/api/v1/approvals?${query.toString()}`)) as {
      readonly approvals: readonly ApprovalView[];
      readonly cursor: string | null;
    };
    found.push(...page.approvals);
    ({ cursor } = page);
  } while (cursor !== null && found.length < wanted);
  return found;
}

function showOne(terminal: Terminal, view: ApprovalView): ExitCode {
  if (terminal.isJson) terminal.json(view);
  else {
    terminal.line(`${view.approval}  ${view.state === 'pending' ? 'waits' : decisionText(view)}`);
    terminal.line(`task ${view.task}, step ${view.step}${view.item === undefined ? '' : `, item ${view.item}`}`);
    if (view.role !== undefined) terminal.line(`asked of ${view.role} since ${momentText(view.since)}`);
    if (view.next !== undefined) terminal.line(`asked of ${view.next.role} from ${momentText(view.next.at)} on`);
    if (view.expiresAt !== undefined)
      terminal.line(
        `expires ${momentText(view.expiresAt)}, after ${durationText(view.expiresAt - view.since)}: ${String(view.onExpire)}`,
      );
    if (view.message !== undefined) terminal.line(view.message);
    if (view.details !== undefined) terminal.line(JSON.stringify(view.details, undefined, 2));
  }
  return view.state === 'pending' ? EXIT.waiting : EXIT.done;
}

function decisionText({ state, decision }: ApprovalView): string {
  if (decision === undefined) return state;
  const { decision: made, by, comment } = decision;
  return `${made === 'approve' ? 'approved' : 'rejected'} by ${by}${comment === undefined ? '' : `: ${comment}`}`;
}

function momentText(ms: number | undefined): string {
  return ms === undefined ? '' : new Date(ms).toISOString().slice(0, 19);
}

function pathOf(id: string): string {
  return `/api/v1/approvals/${encodeURIComponent(id)}`;
}
