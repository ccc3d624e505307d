/** G10: messages to keyed actors: what was acknowledged is handled once, what nobody knows of once or not at all, in order. */
import type { Findings } from './history.ts';
import { type Anomaly, anomaly, type Done, grouped, only } from './operations.ts';

type Add = Done<Extract<Done['operation'], { op: 'add' }>>;
type Total = Done<Extract<Done['operation'], { op: 'total' }>>;
type Append = Done<Extract<Done['operation'], { op: 'append' }>>;

/** Holds totals and lists of keyed actors against what was sent to them. */
export function messageAnomalies(operations: readonly Done[], findings: Findings): Anomaly[] {
  const adds = grouped(only(operations, 'add'), ({ operation }) => operation.actor);
  const reads = grouped(only(operations, 'total'), ({ operation }) => operation.actor);
  const appends = grouped(only(operations, 'append'), ({ operation }) => operation.actor);
  const actors = new Set([...adds.keys(), ...findings.totals.keys()]);
  return [
    ...[...actors].flatMap((actor) => sumOf(actor, adds.get(actor) ?? [], findings.totals.get(actor) ?? 0)),
    ...[...reads].flatMap(([actor, all]) => readsOf(actor, all, adds.get(actor) ?? [])),
    ...[...appends].flatMap(([actor, all]) => listOf(actor, all, findings.lists.get(actor) ?? [])),
  ];
}

const sum = (adds: readonly Add[]): number => adds.reduce((all, { operation }) => all + operation.n, 0);

function sumOf(actor: string, adds: readonly Add[], total: number): Anomaly[] {
  const known = sum(adds.filter(({ outcome }) => outcome === 'ok'));
  const open = adds.filter(({ outcome }) => outcome === 'info').map(({ operation }) => operation.n);
  const most = open.reduce((all, n) => all + n, known);
  const what = `${actor}: ${total}, where ${known} to ${most} was to be`;
  if (total < known) return [anomaly('G10', 'acknowledged message lost', what)];
  if (total > most) return [anomaly('G10', 'message handled twice', what)];
  return reachable(open, total - known) ? [] : [anomaly('G10', 'total that no choice explains', what)];
}

/** Whether some of the numbers add up to the rest. */
function reachable(numbers: readonly number[], rest: number): boolean {
  const sums = new Uint8Array(rest + 1);
  sums[0] = 1;
  for (const n of numbers) for (let at = rest; at >= n; at--) if (sums[at - n] === 1) sums[at] = 1;
  return sums[rest] === 1;
}

function readsOf(actor: string, reads: readonly Total[], adds: readonly Add[]): Anomaly[] {
  const anomalies: Anomaly[] = [];
  const good = reads.filter(({ outcome }) => outcome === 'ok');
  for (const read of good) {
    const value = Number(read.value);
    const least = sum(adds.filter(({ outcome, toMs }) => outcome === 'ok' && toMs < read.fromMs));
    const most = sum(adds.filter(({ outcome, fromMs }) => outcome !== 'fail' && fromMs < read.toMs));
    if (value < least)
      anomalies.push(anomaly('G10', 'stale read', `${actor}: ${value} where ${least} was acknowledged`));
    if (value > most) anomalies.push(anomaly('G10', 'read from nowhere', `${actor}: ${value} where ${most} was sent`));
    const after = good.find((other) => other.fromMs > read.toMs && Number(other.value) < value);
    if (after !== undefined)
      anomalies.push(anomaly('G10', 'read taken back', `${actor}: ${value}, and later ${after.value}`));
  }
  return anomalies;
}

function listOf(actor: string, appends: readonly Append[], list: readonly { sender: string; n: number }[]): Anomaly[] {
  const anomalies: Anomaly[] = [];
  const bySender = grouped(list, ({ sender }) => sender);
  const sentBy = grouped(appends, ({ operation }) => operation.sender);
  for (const sender of new Set([...bySender.keys(), ...sentBy.keys()])) {
    const sent = new Map((sentBy.get(sender) ?? []).map((append) => [append.operation.n, append]));
    const there = (bySender.get(sender) ?? []).map(({ n }) => n);
    const distinct = new Set(there);
    const where = `${sender} to ${actor}`;
    if (distinct.size < there.length) anomalies.push(anomaly('G10', 'message delivered twice', where));
    const inOrder = there.every((n, index) => index === 0 || n >= Number(there[index - 1]));
    if (!inOrder) anomalies.push(anomaly('G10', 'messages out of order', `${where}: ${there.join(' ')}`));
    for (const n of distinct) {
      const { outcome } = sent.get(n) ?? { outcome: undefined };
      if (outcome === undefined) anomalies.push(anomaly('G10', 'message from nowhere', `${where}: ${n}`));
      if (outcome === 'fail') anomalies.push(anomaly('G10', 'refused but handled', `${where}: ${n}`));
    }
    for (const [n, { outcome }] of sent)
      if (outcome === 'ok' && !distinct.has(n))
        anomalies.push(anomaly('G10', 'acknowledged message lost', `${where}: ${n}`));
  }
  return anomalies;
}
