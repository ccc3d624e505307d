/** G3, G4, G5: one end, one result, one log without holes that never changes, and no step that is done twice. */
import type { Entry, FinalTask, Findings } from './history.ts';
import { type Anomaly, anomaly, type Done, grouped, only } from './operations.ts';

type Event = Extract<Entry, { type: 'event' }>;
type Result = Extract<Entry, { type: 'result' }>;
type Shown = Extract<Entry, { task: string }>;

const END = /^task\.(?:completed|failed|canceled)$/;

/** Holds what was shown of tasks against itself, and against how they stand at the end. */
export function taskAnomalies(entries: readonly Entry[], operations: readonly Done[], findings: Findings): Anomaly[] {
  const shown = grouped(
    entries.filter((entry): entry is Shown => 'task' in entry),
    ({ task }) => task,
  );
  const finals = new Map(findings.tasks.map((task) => [task.task, task]));
  const taken = only(operations, 'submit').filter(({ outcome }) => outcome !== 'fail');
  const wishes = new Map(taken.map(({ operation }) => [operation.mark, operation]));
  const kills = entries.filter(({ type }) => type === 'kill').length;
  const calls = grouped(findings.calls, ({ mark }) => mark);
  return [...shown].flatMap(([task, all]) => {
    const final = finals.get(task);
    const events = all.filter((entry) => entry.type === 'event');
    const results = all.filter((entry) => entry.type === 'result');
    const log = logOf(events);
    const wish = final === undefined ? undefined : wishes.get(final.mark);
    const completedAt = log.find(({ kind, data }) => kind === 'step.completed' && isOfStep(data))?.at;
    return [
      ...changes(task, events),
      ...orderOf(task, all),
      ...holes(task, log, final),
      ...endsOf(task, log, results, final),
      ...stepsOf(task, log),
      ...outputOf(task, results, wish?.expect),
      ...(wish?.call === undefined
        ? []
        : callsOf(wish.mark, wish.call, {
            calls: calls.get(wish.mark) ?? [],
            kills,
            completedAt,
            completed: final?.status === 'completed',
          })),
    ];
  });
}

/** Each line once, in order. */
function logOf(events: readonly Event[]): Event[] {
  return [...new Map(events.map((event) => [event.seq, event])).values()].sort((a, b) => a.seq - b.seq);
}

function changes(task: string, events: readonly Event[]): Anomaly[] {
  return [...grouped(events, ({ seq }) => String(seq))].flatMap(([seq, same]) =>
    new Set(same.map(({ kind, data, at }) => `${at} ${kind} ${data}`)).size > 1
      ? [anomaly('G5', 'event changed', `${task} ${seq}`)]
      : [],
  );
}

/** What one connection is shown of a task goes up one by one, from where it asked to begin; what is left out is told. */
function orderOf(task: string, entries: readonly Shown[]): Anomaly[] {
  const anomalies: Anomaly[] = [];
  for (const [connection, all] of grouped(entries, (entry) => entry.connection)) {
    let last = 0;
    let ended = false;
    for (const entry of all) {
      const where = `${task} on ${connection}`;
      if (entry.type === 'watch') {
        last = entry.after;
        ended = false;
      } else if (entry.type === 'gap') last = Math.max(last, entry.to);
      else {
        if (ended) anomalies.push(anomaly('G5', 'shown after the end', `${where}: ${entry.seq}`));
        if (entry.seq <= last && entry.type === 'event')
          anomalies.push(anomaly('G5', 'shown out of order', `${where}: ${entry.seq} after ${last}`));
        // A result has the seq of its last line, which is not shown as one.
        else if (entry.seq > last + 1)
          anomalies.push(anomaly('G5', 'unmarked hole', `${where}: ${entry.seq} after ${last}`));
        last = Math.max(last, entry.seq);
        ended ||= entry.type === 'result';
      }
    }
  }
  return anomalies;
}

function holes(task: string, log: readonly Event[], final: FinalTask | undefined): Anomaly[] {
  if (final === undefined) return [anomaly('G1', 'shown task lost', task)];
  const last = log.at(-1)?.seq ?? 0;
  return last > final.seq
    ? [anomaly('G5', 'event taken back', `${task}: ${last} was shown, ${final.seq} are there`)]
    : [];
}

function endsOf(
  task: string,
  log: readonly Event[],
  results: readonly Result[],
  final: FinalTask | undefined,
): Anomaly[] {
  const anomalies: Anomaly[] = [];
  const ends = new Set(results.map(({ status }) => status));
  for (const { kind } of log) if (END.test(kind)) ends.add(kind.slice('task.'.length));
  if (ends.size > 1) anomalies.push(anomaly('G5', 'two ends', `${task}: ${[...ends].join(', ')}`));
  else if (new Set(results.map(({ status, seq, value }) => `${status} ${seq} ${value}`)).size > 1)
    anomalies.push(anomaly('G3', 'two results', `${task}: ${results.map(({ value }) => value).join(', ')}`));
  const first = results[0];
  if (first !== undefined && final !== undefined && final.status !== first.status)
    anomalies.push(anomaly('G5', 'end taken back', `${task}: ${first.status} was shown, it is ${final.status}`));
  if (first !== undefined && (log.at(-1)?.seq ?? 0) > first.seq)
    anomalies.push(anomaly('G5', 'event after the end', task));
  return anomalies;
}

/** A step that was done is not begun or done again. */
function stepsOf(task: string, log: readonly Event[]): Anomaly[] {
  const done = new Set<string>();
  const anomalies: Anomaly[] = [];
  for (const { kind, data, seq } of log) {
    if ((kind !== 'step.started' && kind !== 'step.completed') || !isOfStep(data)) continue;
    const { step, item } = JSON.parse(data) as { step?: string; item?: number };
    const place = JSON.stringify([step, item]);
    if (done.has(place)) anomalies.push(anomaly('G4', 'step after its end', `${task} ${place}: ${kind} at ${seq}`));
    if (kind === 'step.completed') done.add(place);
  }
  return anomalies;
}

/** A fan-out has a line of its own beside those of its items; only what has an attempt is a step that ran. What undoes one is another. */
function isOfStep(data: string): boolean {
  const { attempt, compensation } = JSON.parse(data) as { attempt?: number; compensation?: boolean };
  return attempt !== undefined && compensation !== true;
}

function outputOf(task: string, results: readonly Result[], expected: string | undefined): Anomaly[] {
  const end = results[0];
  if (end === undefined || expected === undefined || (end.status === 'completed' && end.value === expected)) return [];
  return [anomaly('G3', 'wrong result', `${task}: ${end.status} ${end.value} where ${expected} was to come`)];
}

function callsOf(
  mark: string,
  kind: 'keyed' | 'unsafe',
  seen: {
    readonly calls: Findings['calls'];
    readonly kills: number;
    readonly completedAt: number | undefined;
    readonly completed: boolean;
  },
): Anomaly[] {
  const { calls, kills, completedAt, completed } = seen;
  const count = calls.length;
  const anomalies: Anomaly[] = [];
  if (completed && count === 0) anomalies.push(anomaly('G4', 'done without its call', mark));
  if (kind === 'unsafe' && count > 1) anomalies.push(anomaly('G4', 'unsafe call repeated', `${mark}: ${count} times`));
  if (kind === 'keyed' && count > 1 + kills)
    anomalies.push(anomaly('G4', 'call repeated without a crash', `${mark}: ${count} times over ${kills} crashes`));
  if (completedAt !== undefined && calls.some(({ atMs }) => atMs > completedAt))
    anomalies.push(anomaly('G4', 'call after it was recorded', mark));
  return anomalies;
}
