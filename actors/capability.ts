/**
 * Capabilities with versions. An agent offers `text.review@1.4.0`, or `text.review` alone, which has the version of the agent then;
 * who asks for `text.review@^1.2` is given one whose version fits, as npm reads ranges.
 */
import satisfies from 'semver/functions/satisfies.js';
import { parseCapability } from '../protocol/capabilities.ts';
import { parseReference } from '../protocol/names.ts';

/** A capability of an agent. */
export interface OfferedCapability {
  readonly name: string;
  readonly version: string;
}

/** What an agent offers, by what it says: `name` or `name@version`. */
export function offeredCapability(said: string, agentVersion: string): OfferedCapability {
  const { name, version = agentVersion } = parseReference(said) ?? { name: said };
  return { name, version };
}

/** Whether an agent may say that it offers this. */
export function isOfferable(said: unknown): said is string {
  return typeof said === 'string' && parseReference(said) !== undefined;
}

/** Whether a version lies in a range. Pre-releases do only where the range names one of the same version. */
export function isInRange(version: string, range: string): boolean {
  return satisfies(version, range);
}

/** Whether an agent offers what is asked for. `range` is in place of the one in `request`. */
export function offersIt(
  agent: { readonly version: string; readonly capabilities: readonly string[] },
  request: string,
  range?: string,
): boolean {
  const wanted = parseCapability(request);
  if (wanted === undefined) return false;
  const versions = range ?? wanted.range;
  return agent.capabilities
    .map((said) => offeredCapability(said, agent.version))
    .some(({ name, version }) => name === wanted.name && (versions === undefined || isInRange(version, versions)));
}
