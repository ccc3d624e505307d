/**
 * How the steps of one task are told apart, those of workflows inside of its workflow included: by paths. A path is what the
 * task's log calls `step`, and what the addresses of the actors of a step hold.
 *
 *   find             a step of the task's own workflow
 *   find.read        the step `read` of the workflow that the step `find` calls
 *   find:3.read      the same, for the item 3 of a fan-out
 *   find~2.read      in the second round of a loop
 *   find+1.read      of the first workflow that it falls back to
 *   find@2.read      in the second attempt
 *
 * Ids of steps have none of these signs in them, so that no two pieces of work have one path.
 */

/** Which piece of the work of a step; what is not there is left out of its path. */
export interface Turn {
  readonly item?: number | undefined;
  /** Of a loop, from 1. */
  readonly round?: number | undefined;
  /** Of the calls that a step falls back to, from 1; 0 for its own. */
  readonly fallback: number;
  /** From 1. */
  readonly attempt?: number | undefined;
}

/** The path of a step of a workflow, which does the work of `within` where it is not the task's own. */
export function stepPath(within: string | undefined, id: string): string {
  return within === undefined ? id : `${within}.${id}`;
}

/** The id of a step, from its path. */
export function stepIdOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

/** The path of one piece of a step's work. */
export function turnPath(path: string, { item, round, fallback, attempt = 1 }: Turn): string {
  return [
    path,
    item === undefined ? '' : `:${item}`,
    round === undefined ? '' : `~${round}`,
    fallback === 0 ? '' : `+${fallback}`,
    attempt === 1 ? '' : `@${attempt}`,
  ].join('');
}

/** Workflows inside of one another at this path: 1 for the task's own. */
export function depthOf(path: string): number {
  return path.split('.').length;
}
