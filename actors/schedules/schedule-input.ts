/**
 * What a run is told of itself: texts in its input may name the time that it is for. A text that is one name alone becomes the value
 * itself, in longer ones the names are replaced. Nothing else in an input is touched.
 */
import { OperatingError } from '../../protocol/errors.ts';

/** The run that an input is made for. */
export interface RunFacts {
  readonly name: string;
  /** The time that it is for, in ms since the epoch; not when it begins. */
  readonly atMs: number;
}

const NAME = /\$\{\s*schedule\.(\w+)\s*\}/g;
const WHOLE = /^\$\{\s*schedule\.(\w+)\s*\}$/;

/** The input with the facts put in. Errors: INVALID_INPUT for a fact that there is not. */
export function fillInput(input: unknown, facts: RunFacts): unknown {
  if (typeof input === 'string') return fillText(input, facts);
  if (Array.isArray(input)) return input.map((item) => fillInput(item, facts));
  if (typeof input !== 'object' || input === null || Object.getPrototypeOf(input) !== Object.prototype) return input;
  return Object.fromEntries(Object.entries(input).map(([key, value]) => [key, fillInput(value, facts)]));
}

function fillText(text: string, facts: RunFacts): string | number {
  const [, whole] = WHOLE.exec(text) ?? [];
  if (whole !== undefined) return factOf(whole, facts);
  return text.includes('${') ? text.replaceAll(NAME, (_, name: string) => String(factOf(name, facts))) : text;
}

/** `at`: ms since the epoch. `time`: the same as ISO 8601 in UTC. `name`: of the schedule. */
function factOf(fact: string, { name, atMs }: RunFacts): string | number {
  if (fact === 'at') return atMs;
  if (fact === 'time') return new Date(atMs).toISOString();
  if (fact === 'name') return name;
  throw new OperatingError('INVALID_INPUT', `A run has no \${schedule.${fact}}; there are at, time and name.`);
}
