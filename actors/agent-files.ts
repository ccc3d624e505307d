/**
 * Loads agents and workflows from modules: whatever a module exports, by default or by name, that `defineAgent` or
 * `defineWorkflow` made.
 */
import { glob, stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { OperatingError } from '../protocol/errors.ts';
import type { WorkflowGraph } from '../protocol/graph.ts';
import { type AgentDefinition, isAgentDefinition } from './agent-definition.ts';
import { isWorkflowDefinition } from './workflow-definition.ts';

/** What was found, each thing once. */
export interface LoadedFiles {
  readonly agents: readonly AgentDefinition[];
  readonly workflows: readonly WorkflowGraph[];
  readonly files: readonly string[];
}

const FILES_MAX = 1_000;

/**
 * Loads the files of the patterns (paths or globs), relative to `cwd`.
 * Errors: INVALID_INPUT for a pattern without files, a file that cannot be loaded, or one that exports neither agent nor workflow.
 */
export async function loadAgentFiles(patterns: readonly string[], cwd: string): Promise<LoadedFiles> {
  const files = new Set<string>();
  for (const pattern of patterns) {
    const found = await matches(pattern, cwd);
    if (found.length === 0)
      throw new OperatingError('INVALID_INPUT', `--agents ${pattern}: no file matches, looking from ${cwd}.`);
    for (const file of found) files.add(file);
  }
  if (files.size > FILES_MAX)
    throw new OperatingError('INVALID_INPUT', `--agents names ${files.size} files; at most ${FILES_MAX} are loaded.`);
  const agents = new Set<AgentDefinition>();
  const workflows = new Set<WorkflowGraph>();
  for (const file of files) {
    const before = agents.size + workflows.size;
    for (const value of Object.values(await load(file)).flat()) {
      if (isAgentDefinition(value)) agents.add(value);
      else if (isWorkflowDefinition(value)) workflows.add(value);
    }
    if (agents.size + workflows.size === before)
      throw new OperatingError(
        'INVALID_INPUT',
        `${file} exports no agent and no workflow. Export what defineAgent or defineWorkflow returns.`,
      );
  }
  return { agents: [...agents], workflows: [...workflows], files: [...files] };
}

/**
 * The agents that one file exports, read anew where it has changed since (`mtimeMs`, its time of change). What it imports itself
 * stays as it was first read.
 * Errors: INVALID_INPUT for a file that cannot be loaded, or exports no agent.
 */
export async function loadModuleAgents(file: string, mtimeMs: number): Promise<readonly AgentDefinition[]> {
  const exported = await load(file, `?mtime=${mtimeMs}`);
  const agents = [...new Set(Object.values(exported).flat())].filter((value) => isAgentDefinition(value));
  if (agents.length > 0) return agents;
  throw new OperatingError('INVALID_INPUT', `${file} exports no agent. Export what defineAgent returns.`);
}

async function matches(pattern: string, cwd: string): Promise<string[]> {
  const path = isAbsolute(pattern) ? pattern : resolve(cwd, pattern);
  const plain = await stat(path).catch(() => undefined);
  if (plain?.isFile() === true) return [path];
  const found: string[] = [];
  for await (const file of glob(pattern, { cwd })) found.push(resolve(cwd, file));
  return found.sort();
}

async function load(file: string, query = ''): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href + query)) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof OperatingError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperatingError('INVALID_INPUT', `${file} could not be loaded: ${reason}`, { cause: error });
  }
}
