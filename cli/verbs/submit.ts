/** `troupe submit`: submits a task, and waits for it where asked to. */
import type { SubmitRequest } from '../../client/index.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { Strategy } from '../../protocol/selection.ts';
import type { TaskBudget } from '../../protocol/tasks.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonArgument } from '../json-argument.ts';
import { labelsOf } from '../labels.ts';
import type { VerbContext } from '../verb.ts';
import { answered, withClient } from '../remote.ts';
import { follow } from '../follow.ts';

/** Prints the id first, alone on its line (with --json: {"task", "duplicate"}), then with --wait the output. */
export async function submit(context: VerbContext, options: Record<string, unknown>): Promise<ExitCode> {
  const request = await requestOf(options);
  return await withClient(context.remote, async (client) => {
    const handle = client.submit(request);
    const { task, duplicate } = await answered(context.remote, handle.accepted);
    if (context.terminal.isJson) context.terminal.json({ task, duplicate });
    else context.terminal.line(task);
    if (options['wait'] !== true) return EXIT.done;
    // One that was there already may have been answered since.
    const stillWaits = async (): Promise<boolean> => (await client.get(task)).status === 'input-required';
    return await follow(context.terminal, handle, { quiet: true, stillWaits });
  });
}

async function requestOf(options: Record<string, unknown>): Promise<SubmitRequest> {
  const targets = ['agent', 'capability', 'workflow', 'graph', 'goal'].filter((name) => options[name] !== undefined);
  const [target] = targets;
  if (target === undefined || targets.length > 1) {
    throw new OperatingError(
      'INVALID_INPUT',
      'Name exactly one of --agent, --capability, --workflow, --graph and --goal. `troupe agents` lists what there is.',
    );
  }
  const value = options[target] as string;
  const graph = target === 'graph' ? await jsonArgument(`@${value}`, `--graph ${value}`) : value;
  const input = options['input'] === undefined ? undefined : await jsonArgument(options['input'] as string, '--input');
  const labels = labelsOf(options['label']);
  const { deadline, priority, key, select } = options as {
    select?: Strategy;
    deadline?: number;
    priority?: number;
    key?: string;
  };
  const budget = budgetOf(options);
  return {
    [target]: graph,
    ...(input !== undefined && { input }),
    ...(key !== undefined && { key }),
    options: {
      ...(deadline !== undefined && { deadlineMs: deadline }),
      ...(priority !== undefined && { priority }),
      ...(budget !== undefined && { budget }),
      ...(options['cache'] === false && { cache: false }),
      ...(labels !== undefined && { labels }),
      ...(select !== undefined && { select: { strategy: select } }),
    },
  };
}

function budgetOf(options: Record<string, unknown>): TaskBudget | undefined {
  const { maxCost, maxTokens, maxSteps, maxTime, onExceed } = options as {
    maxCost?: number;
    maxTokens?: number;
    maxSteps?: number;
    maxTime?: number;
    onExceed?: NonNullable<TaskBudget['onExceed']>;
  };
  const budget = {
    ...(maxCost !== undefined && { usd: maxCost }),
    ...(maxTokens !== undefined && { tokens: maxTokens }),
    ...(maxSteps !== undefined && { steps: maxSteps }),
    ...(maxTime !== undefined && { timeMs: maxTime }),
  };
  if (Object.keys(budget).length > 0) return { ...budget, ...(onExceed !== undefined && { onExceed }) };
  if (onExceed === undefined) return undefined;
  throw new OperatingError(
    'INVALID_INPUT',
    '--on-exceed says what is done at the limit of a budget: give one with --max-cost, --max-tokens, --max-steps or --max-time.',
  );
}
