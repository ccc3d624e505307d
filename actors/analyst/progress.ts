/** Progress of a long call: how it is told, and how often at most. */
import { LIMITS } from './limits.ts';

/** How far a call has come. `done` never exceeds `total`. */
export interface ProgressUpdate {
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

/** Takes updates. It must not throw. */
export type Progress = (update: ProgressUpdate) => void;

/**
 * Makes a meter that passes on at most `LIMITS.progressMax` updates however often it is told, and none twice. It needs
 * no clock: an update is due when another hundredth of the total is done.
 */
export function createMeter(progress: Progress | undefined, total: number, unit: string): (done: number) => void {
  if (progress === undefined) return () => {};
  let lastStep = -1;
  return (done) => {
    const within = Math.min(done, total);
    const step = total === 0 ? LIMITS.progressMax : Math.floor((within / total) * LIMITS.progressMax);
    if (step <= lastStep) return;
    lastStep = step;
    progress({ done: within, total, unit });
  };
}
