/** The keys of alarms: they sort by due time, and say all there is to say. */
import type { Range } from './key-space.ts';
import { keyOf, partsOf, rangeOf, rangeUnder } from './keys.ts';
import type { Alarm } from './store.ts';

/** Milliseconds since the epoch are written with as many digits: all that are whole numbers fit. */
const DUE_DIGITS = 16;

/** The key of an alarm. `dueAtMs` is taken as a whole number of 0 or more. */
export function alarmKey({ dueAtMs, address }: Alarm): string {
  return keyOf('w', dueText(dueAtMs), address);
}

/** The inverse of `alarmKey`. */
export function alarmOf(key: string): Alarm {
  const [due = '', address = ''] = partsOf(key);
  return { dueAtMs: Number(due), address };
}

/** Alarms behind `after`, in the order of their due times and then of their keys, up to and with those due at `untilMs`. */
export function alarmsBehind(after: Alarm | undefined, untilMs: number): Range {
  const gte = after === undefined ? rangeOf('w').gte : rangeUnder('w', dueText(after.dueAtMs), after.address).gte;
  const { lt } = rangeUnder('w', dueText(untilMs));
  return { gte: gte < lt ? gte : lt, lt };
}

function dueText(dueAtMs: number): string {
  const whole = Math.min(Math.max(0, Math.ceil(dueAtMs)), Number.MAX_SAFE_INTEGER);
  return String(whole).padStart(DUE_DIGITS, '0');
}
