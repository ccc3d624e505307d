/** What a task and its flow say to each other: what the flow is started with, and how it ended. */
import type { AwaitedSignal } from './kept-signals.ts';
import type { StepOutcome } from './step.ts';

/** What works for a task that is more than one call. */
export interface FlowOrder {
  readonly logic: string;
  readonly input: unknown;
  /** What the log says of the plan, where that was made of a goal. */
  readonly planned?: Readonly<Record<string, unknown>>;
  /** The signals that steps of it come to wait for. */
  readonly awaits?: readonly AwaitedSignal[];
  /** How long it may take to undo what it did, where it can do so. */
  readonly compensationMs?: number;
}

/** How a flow ended: like a step, with what was left out on the way. */
export type FlowOutcome = StepOutcome;

/** What a task waits for whose flow undoes what it has done. */
export const COMPENSATING = 'compensating';
