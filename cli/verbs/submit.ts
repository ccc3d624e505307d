/** `troupe submit`: submits a task, and waits for it where asked to. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { SubmitRequest } from '../../client/index.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { labelsOf } from '../labels.ts';
import type { VerbContext } from '../program.ts';
import { withClient } from '../remote.ts';
import { follow } from '../follow.ts';

/** Prints the id first, alone on its line (with --json: {"task", "duplicate"}), then with --wait the output. */
export async function submit(context: VerbContext, options: Record<string, unknown>): Promise<ExitCode> {
  const request = await requestOf(options);
  return await withClient(context.remote, async (client) => {
    const handle = client.submit(request);
    const { task, duplicate } = await handle.accepted;
    if (context.terminal.isJson) context.terminal.json({ task, duplicate });
    else context.terminal.line(task);
    return options['wait'] === true ? await follow(context.terminal, handle, { quiet: true }) : EXIT.done;
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
  const graph = target === 'graph' ? parseJson(await readSource(`@${value}`), `--graph ${value}`) : value;
  const input =
    options['input'] === undefined ? undefined : parseJson(await readSource(options['input'] as string), '--input');
  const labels = labelsOf(options['label']);
  const { deadline, priority, maxCost, key } = options as {
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
    },
  };
}

async function readSource(source: string): Promise<string> {
  if (source === '-') return await text(process.stdin);
  if (!source.startsWith('@')) return source;
  try {
    return await readFile(source.slice(1), 'utf8');
  } catch (error) {
    throw new OperatingError('INVALID_INPUT', `${source.slice(1)} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function parseJson(source: string, what: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    throw new OperatingError(
      'INVALID_INPUT',
      `${what} is not JSON: ${(error as Error).message}. Words need quotes: '"like this"'.`,
      { cause: error },
    );
  }
}
