/** The reasons why a result is less than it could be: how those of parts become those of the whole. */
import { LIMITS } from '../../protocol/limits.ts';
import type { Degradation } from '../../protocol/tasks.ts';

const REST = /^And (\d+) more\.$/;

/** Both lists together, at most `LIMITS.degradationsMax` entries: beyond it, the last says how many more there are. */
export function mergeDegraded(known: readonly Degradation[], more: readonly Degradation[]): readonly Degradation[] {
  if (more.length === 0) return known;
  const all = [...known, ...more];
  const whole = all.filter(({ message }) => !REST.test(message));
  const counted = all.reduce((sum, { message }) => sum + Number(REST.exec(message)?.[1] ?? 0), 0);
  const kept = whole.slice(0, LIMITS.degradationsMax - 1);
  const left = counted + whole.length - kept.length;
  const [last] = whole.slice(-1);
  if (last === undefined || left === 0) return kept;
  if (left === 1 && counted === 0) return whole;
  return [...kept, { ...last, message: `And ${left} more.` }];
}
