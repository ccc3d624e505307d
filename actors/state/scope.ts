/**
 * Where a piece of shared state belongs: to the node, to a tenant, to all runs of a workflow, or to one task, with which it
 * goes. A scope is written `global`, `tenant:NAME`, `workflow:NAME` or `task:ID`.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';

/** A scope, taken apart; `name` is empty for `global`. */
export interface Scope {
  readonly kind: 'global' | 'tenant' | 'workflow' | 'task';
  readonly name: string;
}

const SCOPE = /^(?:(global)|(tenant|workflow|task):([A-Za-z0-9][A-Za-z0-9._-]*))$/;

/** Reads a scope. Errors: INVALID_INPUT, saying what there is. */
export function parseScope(text: string): Scope {
  const [, global, kind, name = ''] = (text.length <= LIMITS.stateNameCharactersMax && SCOPE.exec(text)) || [];
  if (global !== undefined) return { kind: 'global', name: '' };
  if (kind !== undefined) return { kind: kind as Scope['kind'], name };
  const shown = text.slice(0, LIMITS.stateNameCharactersMax);
  const message = `${JSON.stringify(shown)} is no scope. Scopes are global, tenant:NAME, workflow:NAME and task:ID.`;
  throw new OperatingError('INVALID_INPUT', message, { details: { scope: shown } });
}
