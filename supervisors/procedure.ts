/**
 * Stopping and starting several children in order: each stop ends before the next begins, all of them before the first start,
 * and each start before the next. What to do next, as a function over plain data; news of children move it on.
 */
// tidy-allow exports: a procedure, its steps and what moves it on are one page
import type { ErrorBody } from '../protocol/errors.ts';
import type { ChildSpec, RecoveryMode } from '../runtime/child-spec.ts';

/** A child to be stopped. `keep`: it stays with its state and mail, since it is to be restarted. */
export interface StopStep {
  readonly address: string;
  readonly keep: boolean;
}

/** A child to be made live. `spec`: what it is made of where it is gone and its supervisor does not list it. */
export interface StartStep {
  readonly address: string;
  readonly mode: RecoveryMode;
  readonly spec?: ChildSpec;
  /** What it ended with. */
  readonly error?: ErrorBody;
}

/** What is left to do. */
export interface Procedure {
  /** Tells late messages about an earlier one from those about this. */
  readonly serial: number;
  readonly stops: readonly StopStep[];
  readonly stopping: StopStep | undefined;
  /** Whether the pause before the first start is over. */
  readonly isDue: boolean;
  readonly starts: readonly StartStep[];
  readonly starting: string | undefined;
  /** Whether it is over only when the last start has ended well; those of restarts are not waited for. */
  readonly awaitsLast: boolean;
}

/** How a child is at present: not there; there without taking turns; at work. */
export type ChildPresence = 'absent' | 'idle' | 'live';

/** One thing to do at once. */
export type Step =
  | { readonly act: 'stop'; readonly stop: StopStep }
  | { readonly act: 'start'; readonly start: StartStep };

/** What is to be done now, and what is left then; `undefined` once nothing is. */
export interface Progress {
  readonly next: Procedure | undefined;
  readonly step?: Step;
}

/** A procedure that has everything before it. */
export function begin(
  serial: number,
  plan: { readonly stops?: readonly StopStep[]; readonly starts?: readonly StartStep[]; readonly isDue: boolean },
): Procedure {
  const { stops = [], starts = [], isDue } = plan;
  return { serial, stops, starts, isDue, stopping: undefined, starting: undefined, awaitsLast: false };
}

/** The next step, where one can be taken. Children that are as they should be are passed over. */
export function proceed(procedure: Procedure, presenceOf: (address: string) => ChildPresence): Progress {
  if (procedure.stopping !== undefined || procedure.starting !== undefined) return { next: procedure };
  const stopAt = procedure.stops.findIndex(({ address }) => presenceOf(address) !== 'absent');
  const stop = procedure.stops[stopAt];
  if (stop !== undefined) {
    return {
      next: { ...procedure, stops: procedure.stops.slice(stopAt + 1), stopping: stop },
      step: { act: 'stop', stop },
    };
  }
  if (!procedure.isDue) return { next: { ...procedure, stops: [] } };
  const startAt = procedure.starts.findIndex(({ address }) => presenceOf(address) !== 'live');
  const start = procedure.starts[startAt];
  if (start === undefined) return { next: undefined };
  const starts = procedure.starts.slice(startAt + 1);
  const isOver = starts.length === 0 && !procedure.awaitsLast;
  return {
    next: isOver ? undefined : { ...procedure, stops: [], starts, starting: start.address },
    step: { act: 'start', start },
  };
}

/** The child that is being stopped has come to rest. */
export function stopped(procedure: Procedure, address: string): Procedure {
  return procedure.stopping?.address === address ? { ...procedure, stopping: undefined } : procedure;
}

/** The child that is being started has begun. */
export function started(procedure: Procedure, address: string): Procedure {
  return procedure.starting === address ? { ...procedure, starting: undefined } : procedure;
}

/** Whether the child is still to be stopped or started by it; one that is being started right now is not. */
export function awaits({ stops, stopping, starts }: Procedure, address: string): boolean {
  return (
    stopping?.address === address ||
    stops.some((stop) => stop.address === address) ||
    starts.some((start) => start.address === address)
  );
}
