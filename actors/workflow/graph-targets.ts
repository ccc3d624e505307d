/** Who does the steps: whether each target exists. */
import type { FaultList } from './graph-faults.ts';
import type { StepSites } from './graph-sites.ts';
import { closestName } from './graph-suggestion.ts';
import type { StepTarget } from './graph-types.ts';

/** What is registered. References are `name` or `name@version`. */
export interface TargetLookups {
  readonly hasAgent: (reference: string) => boolean;
  readonly hasCapability: (capability: string) => boolean;
  readonly hasWorkflow: (reference: string) => boolean;
  /** The version that has taken over from a workflow that is draining, as `name@version`. */
  readonly successorOf?: (reference: string) => string | undefined;
  /** All names of a kind, to suggest one where a name is unknown. */
  readonly namesOf?: (kind: TargetKind) => Iterable<string>;
}

export type TargetKind = 'agent' | 'capability' | 'workflow';

const KINDS: readonly TargetKind[] = ['agent', 'capability', 'workflow'];

/** Checks the targets of a step, its fallback and its compensation. Faults: `NO_AGENT`. */
export function checkTargets(
  { step, index, fallbacks, compensate }: StepSites,
  lookups: TargetLookups,
  faults: FaultList,
): void {
  checkTarget(step, `/steps/${index}`, `Step \`${step.id}\``, lookups, faults);
  for (const fallback of fallbacks)
    checkTarget(fallback.call, fallback.at, `The fallback of step \`${step.id}\``, lookups, faults);
  if (compensate !== undefined)
    checkTarget(compensate.call, compensate.at, `The compensation of step \`${step.id}\``, lookups, faults);
}

function checkTarget(target: StepTarget, at: string, subject: string, lookups: TargetLookups, faults: FaultList): void {
  for (const kind of KINDS) {
    const name = target[kind];
    if (name === undefined) continue;
    const successor = kind === 'workflow' ? lookups.successorOf?.(name) : undefined;
    if (successor !== undefined) {
      const message = `${subject} needs the workflow \`${name}\`, which is draining: \`${successor}\` has taken over.`;
      faults.add('NO_AGENT', `${at}/${kind}`, message, () => successor);
    }
    if (exists(kind, name, lookups)) continue;
    const missing = kind === 'capability' ? 'no agent offers' : 'is not registered';
    faults.add('NO_AGENT', `${at}/${kind}`, `${subject} needs the ${kind} \`${name}\`, which ${missing}.`, () =>
      closestName(name.split('@')[0] ?? name, lookups.namesOf?.(kind) ?? []),
    );
  }
}

function exists(kind: TargetKind, name: string, { hasAgent, hasCapability, hasWorkflow }: TargetLookups): boolean {
  if (kind === 'agent') return hasAgent(name);
  return kind === 'capability' ? hasCapability(name) : hasWorkflow(name);
}
