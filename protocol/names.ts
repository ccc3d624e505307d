/**
 * The syntax of names that people give: agents, workflows, capabilities, versions, signals and events. Syntax only:
 * whether a named thing exists is for the registry to say.
 */
import { LIMITS } from './limits.ts';

const NAME = /^[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9][A-Za-z0-9_-]*)*$/;
const NUMBER = '(?:0|[1-9]\\d*)';
const PRERELEASE_PART = `(?:${NUMBER}|\\d*[A-Za-z-][0-9A-Za-z-]*)`;
const BUILD_PART = '[0-9A-Za-z-]+';
const VERSION = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${PRERELEASE_PART}(?:\\.${PRERELEASE_PART})*)?(?:\\+${BUILD_PART}(?:\\.${BUILD_PART})*)?$`,
);

/** An agent or workflow, with the version where one is asked for. */
export interface Reference {
  readonly name: string;
  readonly version?: string;
}

/**
 * Whether this is a name: parts of letters, digits, `-` and `_`, joined by dots, the first with a letter in front
 * (`lab.echo`, `data.profile`, `analyse-dataset`). Names that every object inherits (`constructor`) are none.
 */
export function isName(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length <= LIMITS.nameCharactersMax && NAME.test(value) && !isInherited(value)
  );
}

/** Whether this is a semantic version (2.0.0 of that standard), such as `1.0.0` or `2.1.0-beta.1`. */
export function isVersion(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LIMITS.versionCharactersMax && VERSION.test(value);
}

/** Reads `name` or `name@version`; undefined for anything else. */
export function parseReference(text: string): Reference | undefined {
  const at = text.indexOf('@');
  if (at < 0) return isName(text) ? { name: text } : undefined;
  const name = text.slice(0, at);
  const version = text.slice(at + 1);
  return isName(name) && isVersion(version) ? { name, version } : undefined;
}

/** Writes a reference as `name` or `name@version`. */
export function formatReference(reference: Reference): string {
  return reference.version === undefined ? reference.name : `${reference.name}@${reference.version}`;
}

/**
 * Whether this can be the name of a signal or the type of an event from outside: any well-formed text of 1 to 128
 * characters without control characters. `xstate.` in front is the state machine library's own: who could send such an
 * event could forge the end of an actor or a timer.
 */
export function isEventName(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > LIMITS.nameCharactersMax) return false;
  return isPrintable(value) && !value.startsWith('xstate.');
}

/** Whether a text is well-formed Unicode without control characters. */
export function isPrintable(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) return false;
  }
  return text.isWellFormed();
}

/** Whether every plain object has something under this key from birth; such a key is a trap in tables of names. */
export function isInherited(key: string): boolean {
  return key in Object.prototype;
}
