/** `troupe submit`: submits a task, and waits for it where asked to. */
import type { SubmitRequest } from '../../client/index.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { Strategy } from '../../protocol/selection.ts';
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
  const { deadline, priority, maxCost, key, select } = options as {
    select?: Strategy;
    deadline?: number;
    priority?: number;
    maxCost?: number;
    key?: string;
  };
  return {
    [target]: graph,
    ...(input !== undefined && { input }),
    ...(key !== undefined && { key }),
    options: {
      ...(deadline !== undefined && { deadlineMs: deadline }),
      ...(priority !== undefined && { priority }),
      ...(maxCost !== undefined && { budget: { usd: maxCost } }),
      ...(labels !== undefined && { labels }),
      ...(select !== undefined && { select: { strategy: select } }),
    },
  };
}
