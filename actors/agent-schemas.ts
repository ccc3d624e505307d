/** What goes into an agent and comes out of it, held against its schemas. */
import type { z } from 'zod';
import { OperatingError } from '../protocol/errors.ts';
import type { HostPort } from '../runtime/host.ts';
import { type MachineScope, machineScopes } from '../runtime/machine-references.ts';
import type { AgentDefinition } from './agent-definition.ts';

const ISSUES_SHOWN_MAX = 20;

/** Errors: INVALID_INPUT, with what is wrong where. */
export function parseInput(definition: Pick<AgentDefinition, 'name' | 'input'>, input: unknown): unknown {
  const { input: schema, name } = definition;
  if (schema === undefined) return input;
  // What escapes from a check of the developer's own is no fault of the node, also where there is no actor yet.
  const scope = machineScopes.getStore() ?? strayScope(name);
  const parsed = machineScopes.run(scope, () => schema.safeParse(input));
  if (parsed.success) return parsed.data;
  throw new OperatingError('INVALID_INPUT', `The input does not fit ${definition.name}: ${wordsOf(parsed.error)}`, {
    details: { issues: issuesOf(parsed.error) },
  });
}

/** Whose code it is that runs for an agent before any actor of it is there: an error that escapes is told, and harms nobody. */
function strayScope(agent: string): MachineScope {
  const port = { address: `the input schema of ${agent}`, fail: () => {} } as unknown as HostPort;
  return { port, forward: () => {} };
}

/** Errors: INVALID_OUTPUT, with what is wrong where. */
export function parseOutput(definition: Pick<AgentDefinition, 'name' | 'output'>, output: unknown): unknown {
  if (definition.output === undefined) return output;
  const parsed = definition.output.safeParse(output);
  if (parsed.success) return parsed.data;
  throw new OperatingError(
    'INVALID_OUTPUT',
    `What ${definition.name} returned does not fit its own output schema: ${wordsOf(parsed.error)}`,
    { details: { issues: issuesOf(parsed.error) } },
  );
}

function issuesOf(error: z.ZodError): readonly { readonly path: string; readonly message: string }[] {
  return error.issues
    .slice(0, ISSUES_SHOWN_MAX)
    .map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message }));
}

function wordsOf(error: z.ZodError): string {
  return issuesOf(error)
    .map((issue) => (issue.path === '' ? issue.message : `${issue.path}: ${issue.message}`))
    .join('; ');
}
