/**
 * Judges what clients did and saw of one node over any number of crashes: G1 to G6 and G10 of docs/guarantees.md. It knows
 * the client's side alone, and treats what was never answered as what it is: it happened once, or not at all.
 */
import type { Entry, Findings } from './history.ts';
import { messageAnomalies } from './message-rules.ts';
import { type Anomaly, operationsOf } from './operations.ts';
import { submissionAnomalies } from './submission-rules.ts';
import { taskAnomalies } from './task-rules.ts';

/** All that a sound node cannot have shown; empty for a sound one. */
export function anomaliesOf(entries: readonly Entry[], findings: Findings): Anomaly[] {
  const { operations, anomalies } = operationsOf(entries);
  return [
    ...anomalies,
    ...submissionAnomalies(operations, findings),
    ...taskAnomalies(entries, operations, findings),
    ...messageAnomalies(operations, findings),
  ];
}
