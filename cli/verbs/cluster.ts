/** `troupe cluster`: the nodes of a mesh, as its owner sees them. */
import type { ClusterView, Member } from '../../cluster/membership.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { fetchJson } from '../remote.ts';
import { durationText, type Terminal } from '../terminal.ts';
import type { VerbContext } from '../verb.ts';
import { stateText } from './breakers.ts';

/** Columns that are left out where no node has anything in them. */
const SPARSE = ['ROUND TRIP', 'LOST', 'BREAKER', 'LABELS', 'FROM'];

/** All nodes, the owner first, then those that need looking after. */
export async function cluster({ terminal, remote }: VerbContext): Promise<ExitCode> {
  const view = (await fetchJson(remote, '/api/v1/cluster')) as ClusterView;
  if (terminal.isJson) for (const node of view.nodes) terminal.json(node);
  else print(terminal, view);
  return EXIT.done;
}

const ORDER = { lost: 0, suspect: 1, draining: 2, active: 3 } as const;

function print(terminal: Terminal, { nodes, stranded }: ClusterView): void {
  const workers = nodes.filter(({ role }) => role === 'worker');
  const owners = nodes.filter(({ role }) => role === 'owner');
  const rows = [...owners, ...workers.toSorted((a, b) => ORDER[a.status] - ORDER[b.status])].map(cellsOf);
  const heads = Object.keys(rows[0] ?? {}).filter(
    (head) => !SPARSE.includes(head) || rows.some((row) => row[head] !== ''),
  );
  terminal.table(
    heads,
    rows.map((row) => heads.map((head) => row[head] ?? '')),
  );
  if (stranded.length > 0)
    terminal.line(`${stranded.length} stored actors could not be loaded; \`troupe doctor\` says why.`);
  if (workers.length > 0) return;
  terminal.line();
  terminal.line('No worker has joined. `troupe cluster --help` says how one does.');
}

function cellsOf(node: Member): Readonly<Record<string, string>> {
  const { status, calls, roundTripMs, lossesTotal = 0, breaker, labels } = node;
  return {
    NODE: node.node,
    ROLE: node.role,
    STATUS: status === 'active' ? status : status.toUpperCase(),
    VERSION: node.version,
    CALLS: `${calls.running} of ${calls.capacity}`,
    AGENTS: String(node.agents.length),
    THREADS: node.threads === undefined ? '' : String(node.threads),
    'ROUND TRIP': roundTripMs === undefined ? '' : durationOf(roundTripMs),
    LOST: lossesTotal === 0 ? '' : `${lossesTotal} times`,
    BREAKER: breaker === undefined ? '' : stateText(breaker),
    FROM: node.address ?? '',
    LABELS: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(' '),
  };
}

/** On one machine a round trip is less than a millisecond. */
function durationOf(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : durationText(ms);
}
