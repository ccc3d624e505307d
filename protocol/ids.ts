/**
 * The syntax of ids: what the product makes itself (tasks), what clients choose (messages, actor keys) and what authors
 * write (steps). Pure checks; nothing here makes an id.
 */
import { LIMITS } from './limits.ts';
import { isInherited, isPrintable } from './names.ts';

declare const brand: unique symbol;

/** The id of a task: a ULID, 26 characters of Crockford's base 32 in upper case, sorted by the time it was made. */
export type TaskId = string & { readonly [brand]: 'TaskId' };

// 26 characters of 5 bits hold 130 bits, a ULID has 128: the first is at most 7.
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const LABEL_KEY = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/;
const STEP_ID = /^[A-Za-z][A-Za-z0-9_-]*$/;

/** Whether this has the form of a task's id. */
export function isTaskId(value: unknown): value is TaskId {
  return typeof value === 'string' && ULID.test(value);
}

/** Whether this can be the `id` of a message: any string of 1 to 128 characters. */
export function isMessageId(value: unknown): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= LIMITS.idCharactersMax;
}

/** Whether this can be the key of a keyed agent's actor: 1 to 128 printable characters. */
export function isActorKey(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > LIMITS.actorKeyCharactersMax) return false;
  return isPrintable(value);
}

/** Whether this can be the id of a step: a letter, then letters, digits, `_` and `-`; not a name every object inherits. */
export function isStepId(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > LIMITS.stepIdCharactersMax) return false;
  return STEP_ID.test(value) && !isInherited(value);
}

/** Whether this can be the name of a node: letters, digits, `.`, `_` and `-`, as in the names of hosts and certificates. */
export function isNodeName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LIMITS.nameCharactersMax && NODE_NAME.test(value);
}

/** Whether this can be the key of a label: letters, digits, `.`, `_`, `/`, `-`; not a name every object inherits. */
export function isLabelKey(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > LIMITS.labelKeyCharactersMax) return false;
  return LABEL_KEY.test(value) && !isInherited(value);
}
