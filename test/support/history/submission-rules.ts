/** G1, G2, G6: what was acknowledged is there, what was refused is not, and one key is one task. */
import type { FinalTask, Findings } from './history.ts';
import { type Anomaly, anomaly, type Done, grouped, only } from './operations.ts';

const TERMINAL = new Set(['completed', 'failed', 'canceled']);

type Submission = Done<Extract<Done['operation'], { op: 'submit' }>>;

/** Holds submissions against the tasks that are there at the end. */
export function submissionAnomalies(operations: readonly Done[], findings: Findings): Anomaly[] {
  const submissions = only(operations, 'submit');
  const byMark = grouped(submissions, ({ operation }) => operation.mark);
  const tasks = new Map(findings.tasks.map((task) => [task.task, task]));
  return [
    ...submissions.flatMap((submission) => acknowledged(submission, tasks)),
    ...findings.tasks.flatMap((task) => explained(task, byMark.get(task.mark))),
    ...[...grouped(findings.tasks, ({ mark }) => mark)].flatMap(([mark, all]) => oneTask(mark, all, byMark.get(mark))),
    ...[...grouped(submissions, ({ operation }) => operation.key)].flatMap(([key, all]) => oneKey(key, all)),
  ];
}

function acknowledged({ operation, outcome, value }: Submission, tasks: ReadonlyMap<string, FinalTask>): Anomaly[] {
  if (outcome !== 'ok') return [];
  const task = tasks.get(String(value));
  if (task === undefined) return [anomaly('G1', 'acknowledged task lost', `${operation.mark}: ${value}`)];
  const mayWait = operation.call === 'unsafe' && task.status === 'input-required';
  if (!TERMINAL.has(task.status) && !mayWait)
    return [anomaly('G1', 'acknowledged task never ended', `${operation.mark}: ${value} is ${task.status}`)];
  if (task.mark !== operation.mark)
    return [anomaly('G1', "another's task", `${operation.mark} was given ${value}, which is of ${task.mark}`)];
  return [];
}

function explained(task: FinalTask, submissions: readonly Submission[] | undefined): Anomaly[] {
  if (submissions === undefined) return [anomaly('G1', 'task from nowhere', `${task.task} of ${task.mark}`)];
  if (submissions.some(({ outcome }) => outcome !== 'fail')) return [];
  return [anomaly('G2', 'refused but taken on', `${task.mark}: ${task.task}`)];
}

/** All submissions of a mark under one key are one task; those without a key are at most one each. */
function oneTask(mark: string, tasks: readonly FinalTask[], submissions: readonly Submission[] = []): Anomaly[] {
  const keys = new Set(submissions.map(({ operation }, index) => operation.key ?? `${index}`));
  if (tasks.length <= keys.size) return [];
  return [anomaly('G6', 'one wish, two tasks', `${mark}: ${tasks.map(({ task }) => task).join(', ')}`)];
}

function oneKey(key: string, submissions: readonly Submission[]): Anomaly[] {
  const anomalies: Anomaly[] = [];
  const good = submissions.filter(({ outcome }) => outcome === 'ok');
  if (new Set(good.map(({ value }) => value)).size > 1)
    anomalies.push(anomaly('G6', 'one key, two tasks', `${key}: ${good.map(({ value }) => value).join(', ')}`));
  if (new Set(good.map(({ operation }) => operation.body)).size > 1)
    anomalies.push(anomaly('G6', 'another body accepted', key));
  const bodies = new Set(submissions.map(({ operation }) => operation.body));
  if (bodies.size === 1 && submissions.some(({ code }) => code === 'IDEMPOTENCY_MISMATCH'))
    anomalies.push(anomaly('G6', 'the same body refused as another', key));
  return anomalies;
}
