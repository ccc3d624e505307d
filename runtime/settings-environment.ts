/** The one place that reads the environment of the process. */

/** A copy of the environment's variables. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return { ...process.env };
}
