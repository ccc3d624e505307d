/** Labels of the command line: `--label team=search --label urgent=yes`. */
import { OperatingError } from '../protocol/errors.ts';

/** Errors: INVALID_INPUT for what is not `key=value`. */
export function labelsOf(given: unknown): Readonly<Record<string, string>> | undefined {
  if (!Array.isArray(given) || given.length === 0) return undefined;
  return Object.fromEntries(
    given.map((label: string) => {
      const at = label.indexOf('=');
      if (at < 1) throw new OperatingError('INVALID_INPUT', `--label ${label}: expected key=value.`);
      return [label.slice(0, at), label.slice(at + 1)];
    }),
  );
}
