/**
 * Signals of a task that nobody has waited for yet: kept in order, each until a step that waits for one of its name has taken it.
 * Only of names that the task's workflow waits for somewhere; all others reach who works at that moment, and nobody else.
 *
 * A signal that comes goes to all who wait for it; one that is kept is offered to the next who asks. It is let go of when someone
 * says that they have taken it, so that one who has ended meanwhile loses nothing for those after it.
 */
import { OperatingError } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { CellPort } from '../runtime/cell-port.ts';
import type { ActorEvent } from '../runtime/host.ts';
import { packState } from '../runtime/state-codec.ts';

/** A name that a workflow waits for, or how the names begin that it waits for. */
export interface AwaitedSignal {
  readonly name: string;
  readonly isPrefix?: true;
}

/** The signals that a task has kept: their numbers, names, and which were offered to someone. Their data are rows beside it. */
export interface KeptSignals {
  readonly next: number;
  readonly kept: readonly (readonly [number: number, name: string, isOffered: boolean])[];
}

/** Whether a signal of this name is kept where nobody waits for it. */
export function isAwaited(awaits: readonly AwaitedSignal[] | undefined, name: string): boolean {
  return awaits?.some((one) => (one.isPrefix === true ? name.startsWith(one.name) : name === one.name)) === true;
}

/** The signals that are kept for the steps of a task, as it was started, or as it goes on since its workflow was moved. */
export function awaitsOf(
  { flow }: { readonly flow?: { readonly awaits?: readonly AwaitedSignal[] } },
  state: { readonly awaits?: readonly AwaitedSignal[] } | undefined,
): readonly AwaitedSignal[] | undefined {
  return state?.awaits ?? flow?.awaits;
}

/** Keeps a signal: gives what is kept now, and the signal with its number. */
export function keepSignal(
  { next, kept }: KeptSignals = { next: 1, kept: [] },
  signal: ActorEvent,
  port: CellPort,
): { readonly signals: KeptSignals; readonly numbered: ActorEvent } {
  const event = signal['event'] as ActorEvent;
  port.attach(rowOf(next), event);
  return {
    signals: { next: next + 1, kept: [...kept, [next, event.type, false]] },
    numbered: { ...signal, number: next },
  };
}

/** Someone waits for a signal of this name: it is offered the oldest that nobody else was, where there is any. */
export function offerSignal(
  signals: KeptSignals | undefined,
  name: string,
  by: string,
  port: CellPort,
): KeptSignals | undefined {
  const fitting = signals?.kept.filter(([, kept]) => kept === name) ?? [];
  const chosen = fitting.find(([, , isOffered]) => !isOffered) ?? fitting[0];
  if (signals === undefined || chosen === undefined) return signals;
  const [number] = chosen;
  port.send(by, { type: 'task.signal', event: port.attached().get(rowOf(number)), number });
  return { ...signals, kept: signals.kept.map((one) => (one === chosen ? [number, name, true] : one)) };
}

/** Someone has taken it. */
export function letGoOfSignal(
  signals: KeptSignals | undefined,
  number: number,
  port: CellPort,
): KeptSignals | undefined {
  if (signals === undefined || !signals.kept.some(([one]) => one === number)) return signals;
  port.attach(rowOf(number), undefined);
  return { ...signals, kept: signals.kept.filter(([one]) => one !== number) };
}

/**
 * Why a signal that would be kept cannot be: PROTOCOL_TOO_BIG, or BUSY where too many wait already. `waiting`: messages that the
 * task has not handled yet, any of which may be such a signal.
 */
export function signalRefusal(
  signals: KeptSignals | undefined,
  waiting: number,
  event: ActorEvent,
): OperatingError | undefined {
  const bytes = packState(event).length;
  if (bytes > LIMITS.signalBytesMax) {
    const message = `The signal ${event.type} has ${bytes} bytes; at most ${LIMITS.signalBytesMax} can wait for a step.`;
    return new OperatingError('PROTOCOL_TOO_BIG', message);
  }
  if ((signals?.kept.length ?? 0) + waiting < LIMITS.signalsKeptMax) return undefined;
  const message = `${LIMITS.signalsKeptMax} signals wait already for steps of this task to ask for them. Send ${event.type} again later.`;
  return new OperatingError('BUSY', message, { retryAfterMs: 1_000 });
}

function rowOf(number: number): string {
  return `signal/${number}`;
}
