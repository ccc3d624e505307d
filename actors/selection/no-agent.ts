/** What is said where nobody can do the work: with the nearest name, where there is one. */
import { type ErrorCode, OperatingError } from '../../protocol/errors.ts';
import { parseCapability } from '../../protocol/capabilities.ts';
import type { Registry } from '../registry.ts';
import { closestName } from '../workflow/graph-suggestion.ts';

const LIST = 'List what is loaded with agent.list or `troupe agents`.';
const VERSIONS_SHOWN_MAX = 8;

/** NO_AGENT for a name nobody has. */
export function unknownAgent(reference: string, registry: Registry): OperatingError {
  if (registry.known(reference) !== undefined)
    return refusal('NO_AGENT', `The agent ${reference} is being unregistered and takes no new work on.`, {
      agent: reference,
    });
  const near = closestName(reference, registry.names());
  const hint = near === undefined ? LIST : `Did you mean ${near}?`;
  const details = { agent: reference, ...(near !== undefined && { suggestion: near }) };
  return refusal('NO_AGENT', `No agent ${reference} is loaded here. ${hint}`, details);
}

/** NO_AGENT for a capability that nobody offers, or not in a version that will do. */
export function unknownCapability(capability: string, registry: Registry): OperatingError {
  const { name = capability, range } = parseCapability(capability) ?? {};
  const versions = range === undefined ? [] : registry.versionsOf(name);
  if (versions.length > 0) {
    const shown = versions.slice(0, VERSIONS_SHOWN_MAX);
    const message = `No agent that is loaded here offers ${name} in a version of ${range}; there is ${shown.join(', ')}.`;
    return refusal('NO_AGENT', message, { capability, versions: shown });
  }
  const near = closestName(name, registry.capabilities());
  const hint = near === undefined ? LIST : `Did you mean ${near}?`;
  const details = { capability, ...(near !== undefined && { suggestion: near }) };
  return refusal('NO_AGENT', `No agent that is loaded here offers ${capability}. ${hint}`, details);
}

/** NO_AGENT where all that offer it are left out. */
export function allExcluded(capability: string, not: readonly string[]): OperatingError {
  const message = `All agents that offer ${capability} are left out of this choice: ${not.slice(0, VERSIONS_SHOWN_MAX).join(', ')}.`;
  return refusal('NO_AGENT', message, { capability, not });
}

/** BUDGET_EXCEEDED where each of them costs more than is left. */
export function allTooDear(capability: string, leftUsd: number, leastUsd: number): OperatingError {
  const message = `Whoever offers ${capability} costs ${leastUsd} USD or more, and ${leftUsd} USD are left of the budget.`;
  return refusal('BUDGET_EXCEEDED', message, { capability, leftUsd, leastUsd });
}

function refusal(code: ErrorCode, message: string, details: object): OperatingError {
  return new OperatingError(code, message, { retryable: false, details });
}
