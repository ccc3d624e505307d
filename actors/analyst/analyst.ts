/**
 * The analyst as an agent: it decides which files an operation may touch, and runs it in a worker thread. Relative paths to
 * read start at the folder the node was started in; relative folders to write start at the task's own folder below the
 * node's data.
 */
import { realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { OperatingError } from '../../protocol/errors.ts';
import { type AgentDefinition, defineAgent } from '../agent-definition.ts';
import {
  ANALYST_CAPABILITIES,
  ANALYST_TIMEOUT_MS,
  ANALYST_WORKER,
  type AnalystInput,
  analystInputSchema,
  analystOutputSchema,
  pathsOf,
} from './index.ts';

/** Where the analyst may read and write. All absolute. */
export interface AnalystRoots {
  /** The folder that relative paths to read start from. */
  readonly cwd: string;
  /** Folders below which files may be read. */
  readonly readable: readonly string[];
  /** The folder below which each task has one of its own to write to. */
  readonly tasksDir: string;
}

/** The analyst of one node. Two operations at a time: each takes a thread. */
export function analystAgent(roots: AnalystRoots): AgentDefinition {
  return defineAgent({
    name: 'analyst',
    version: '1.0.0',
    description: 'Profiles data files (CSV, JSON, NDJSON), relates their columns, writes reports with charts.',
    capabilities: Object.keys(ANALYST_CAPABILITIES),
    input: analystInputSchema,
    output: analystOutputSchema,
    // Its only trace are files that are written whole, under names that follow from the input: it may run again.
    kind: 'keyed',
    concurrency: 2,
    timeoutMs: ANALYST_TIMEOUT_MS,
    run: async ({ input, ctx }) => {
      const placed = await place(input, roots, join(roots.tasksDir, ctx.task));
      const onProgress = (progress: unknown): void => ctx.logger.debug('The analyst is at work.', { progress });
      return analystOutputSchema.parse(await ctx.worker({ ...ANALYST_WORKER, input: placed, onProgress }));
    },
  });
}

/** The input with absolute paths. Errors: FORBIDDEN for a path outside of the roots, NOT_FOUND for a file that is not there. */
async function place(input: AnalystInput, roots: AnalystRoots, taskDir: string): Promise<AnalystInput> {
  const { reads, writes } = pathsOf(input);
  const placed = new Map<string, string>();
  for (const path of reads) placed.set(path, await readablePath(path, roots));
  for (const path of writes) placed.set(path, await writablePath(path, roots, taskDir));
  return mapPaths(input, (path) => placed.get(path) ?? path);
}

/** Puts other paths in the places of those that `pathsOf` names. */
function mapPaths(input: AnalystInput, to: (path: string) => string): AnalystInput {
  if (input.op === 'scan') return { ...input, path: to(input.path) };
  if (input.op !== 'report') {
    return { ...input, path: to(input.path), ...(input.workDir !== undefined && { workDir: to(input.workDir) }) };
  }
  return { ...input, ...(input.path !== undefined && { path: to(input.path) }), outDir: to(input.outDir) };
}

async function readablePath(path: string, { cwd, readable, tasksDir }: AnalystRoots): Promise<string> {
  const absolute = resolve(cwd, path);
  let real: string;
  try {
    real = await realpath(absolute);
  } catch (error) {
    throw new OperatingError('NOT_FOUND', `There is no file ${path} (looking at ${absolute}).`, { cause: error });
  }
  for (const root of [...readable, tasksDir]) if (isBelow(real, await realOf(root))) return real;
  throw new OperatingError(
    'FORBIDDEN',
    `${path} is outside of the folders that this node lets agents read (setting dataRoots): ${readable.join(', ')}.`,
  );
}

async function writablePath(path: string, { tasksDir }: AnalystRoots, taskDir: string): Promise<string> {
  const absolute = resolve(taskDir, path);
  const real = await realOf(absolute);
  if (isBelow(real, await realOf(tasksDir))) return absolute;
  throw new OperatingError('FORBIDDEN', `${path} is outside of ${tasksDir}, the only place the analyst writes to.`);
}

/** A path without links, also where its last parts are not there yet. */
async function realOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realOf(parent), basename(path));
  }
}

function isBelow(path: string, root: string): boolean {
  const way = relative(root, path);
  return way === '' || (!way.startsWith('..') && !isAbsolute(way));
}
