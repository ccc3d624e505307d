/** What the definition linter says of an agent: shown with the agent, and written to the log once, when it is registered. */
import type { AgentLint } from '../runtime/registers.ts';
import { KeptClasses } from '../runtime/machine-classes.ts';
import { REGISTERED_NAMES } from '../runtime/machine-effects.ts';
import { lintMachine } from '../runtime/machine-lint.ts';
import type { AgentDefinition } from './agent-definition.ts';

const FOUND = new WeakMap<AgentDefinition, readonly AgentLint[]>();

/** The warnings of an agent that may be registered; none for the function form. Errors: those of `KeptClasses`. */
export function lintOf(definition: AgentDefinition): readonly AgentLint[] {
  const known = FOUND.get(definition);
  if (known !== undefined) return known;
  const found = look(definition);
  FOUND.set(definition, found);
  return found;
}

function look({ machine, keyed, lint, classes }: AgentDefinition): readonly AgentLint[] {
  if (machine === undefined) return [];
  const options = { keyed, ignore: lint?.ignore ?? [], classes: new KeptClasses(classes) };
  return lintMachine(machine, REGISTERED_NAMES, options).map(({ rule, severity, place, problem, wayOut }) => ({
    level: severity === 'refusal' ? 'error' : 'warning',
    rule,
    machine: machine.id,
    place,
    problem,
    wayOut,
  }));
}
