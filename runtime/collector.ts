/**
 * How V8 collects what a node leaves behind, for processes that are a node and nothing else (`troupe start`). Whoever embeds a
 * node decides for the process itself: `node --no-allocation-site-pretenuring`.
 */
import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8 from placing new objects in the old generation on a guess. It guesses by what survived in a busy moment, and never
 * takes that back; but what a task is made of dies with the task, within milliseconds. Measured with 256 tasks in flight:
 * a scavenge promotes 0.1 MB instead of 6 to 8, pauses fall to a third, and a task costs a quarter less CPU.
 */
export function tuneCollector(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
