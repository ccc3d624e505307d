/** The door of the analyst: what the agent that offers it, and workflows that use it, need to know. */
export {
  ANALYST_CAPABILITIES,
  ANALYST_TIMEOUT_MS,
  ANALYST_WORKER,
  type AnalystInput,
  type AnalystOutput,
  analystInputSchema,
  analystOutputSchema,
  pathsOf,
} from './analyst-tasks.ts';
export type { ProgressUpdate } from './progress.ts';
