/**
 * The analyst's entry in a worker thread: checks the input and does one operation. Reads and writes only what the input
 * names. It holds no state, so a thread may be ended at any time; a file is either written whole or not at all.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { type AnalystOutput, analystInputSchema } from './analyst-tasks.ts';
import { correlate } from './correlate.ts';
import { profileColumns } from './profile.ts';
import type { Progress } from './progress.ts';
import { writeReport } from './report.ts';
import { scanColumns } from './scan.ts';

/** What the thread gives beside the input. */
interface WorkContext {
  progress?(value: unknown): void;
}

/**
 * Does the operation that the input names, telling its progress as `ProgressUpdate`s.
 * Errors: INVALID_INPUT, NOT_FOUND, FORBIDDEN, UNAVAILABLE (no room on disk), AGENT_FAILED.
 */
export async function analyse(input: unknown, context: WorkContext = {}): Promise<AnalystOutput> {
  const parsed = analystInputSchema.safeParse(input);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`);
    throw new OperatingError('INVALID_INPUT', `The input does not fit: ${faults.join('; ')}.`, { details: { faults } });
  }
  const progress: Progress = (update) => context.progress?.(update);
  switch (parsed.data.op) {
    case 'scan':
      return { op: 'scan', ...(await scanColumns(parsed.data, progress)) };
    case 'profile':
      return { op: 'profile', ...(await profileColumns(parsed.data, progress)) };
    case 'correlate':
      return { op: 'correlate', ...(await correlate(parsed.data, progress)) };
    case 'report':
      return { op: 'report', ...(await writeReport(parsed.data, progress)) };
  }
}
