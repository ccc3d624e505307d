/** The operations of a history, each with what became of it. */
import type { Entry, Operation } from './history.ts';

/** Something that a sound node cannot show, by the guarantee it breaks. */
export interface Anomaly {
  readonly guarantee: 'G1' | 'G2' | 'G3' | 'G4' | 'G5' | 'G6' | 'G10';
  readonly name: string;
  readonly what: string;
}

/** Makes an anomaly. */
export function anomaly(guarantee: Anomaly['guarantee'], name: string, what: string): Anomaly {
  return { guarantee, name, what };
}

/** One operation from beginning to end; without an end nobody knows what came of it. */
export interface Done<O extends Operation = Operation> {
  readonly operation: O;
  readonly fromMs: number;
  readonly toMs: number;
  readonly outcome: 'ok' | 'fail' | 'info';
  readonly value: string | number | undefined;
  readonly code: string | undefined;
}

/** All operations, in the order they were begun; and answers that cannot be. */
export function operationsOf(entries: readonly Entry[]): {
  readonly operations: readonly Done[];
  readonly anomalies: Anomaly[];
} {
  const byId = new Map<number, Done>();
  const answered = new Set<number>();
  const anomalies: Anomaly[] = [];
  for (const entry of entries) {
    if (entry.type === 'invoke') {
      const open = { outcome: 'info', toMs: Number.POSITIVE_INFINITY, value: undefined, code: undefined } as const;
      byId.set(entry.id, { operation: entry.operation, fromMs: entry.atMs, ...open });
    } else if (entry.type === 'ok' || entry.type === 'fail' || entry.type === 'info') {
      const begun = byId.get(entry.id);
      if (begun === undefined || answered.has(entry.id)) {
        anomalies.push(anomaly('G5', 'answered twice', `operation ${entry.id}: ${JSON.stringify(entry)}`));
        continue;
      }
      answered.add(entry.id);
      if (entry.type === 'info') continue;
      const value = entry.type === 'ok' ? entry.value : undefined;
      const code = entry.type === 'fail' ? entry.code : undefined;
      byId.set(entry.id, { ...begun, outcome: entry.type, toMs: entry.atMs, value, code });
    }
  }
  return { operations: [...byId.values()], anomalies };
}

/** Those of one kind. */
export function only<K extends Operation['op']>(
  operations: readonly Done[],
  kind: K,
): Done<Extract<Operation, { op: K }>>[] {
  return operations.filter(({ operation }) => operation.op === kind) as Done<Extract<Operation, { op: K }>>[];
}

/** Groups by a name. */
export function grouped<T>(all: readonly T[], nameOf: (one: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const name = nameOf(one);
    if (name === undefined) continue;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [one]);
    else group.push(one);
  }
  return groups;
}
