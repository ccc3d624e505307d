/** One thing that the code of a call has asked of its context, as the worker keeps it and as it is said. */
import type { Probe } from '../../actors/doubt.ts';
import type { MeshMessageOf } from '../../protocol/mesh-messages.ts';
import type { FunctionRun, MeshOutcome } from './function-run.ts';

/** Functions that come with a request. */
export interface GivenFunctions {
  readonly do?: (...args: never[]) => unknown;
  readonly probe?: Probe | undefined;
  /** A making that failed may be followed by another. */
  readonly repeats?: boolean;
}

/** What the log says, without the call and its token. */
export type LogLine =
  | Omit<MeshMessageOf<'call.request'>, 'call' | 'token'>
  | Omit<MeshMessageOf<'function.done'>, 'call' | 'token'>;

/** A request. */
export interface Request {
  readonly number: number;
  /** The making that it was asked for in. */
  readonly run: FunctionRun | undefined;
  readonly verb: string;
  /** Packed, as they were when it was asked for. Undefined: let go. */
  args: Buffer | undefined;
  given: GivenFunctions | undefined;
  /** Runs the functions where they were given. */
  readonly inPlace: (<T>(fn: () => T) => T) | undefined;
  /** The last making of `do`. */
  made: FunctionRun | undefined;
  isAnswered: boolean;
  readonly settle: (outcome: MeshOutcome) => void;
}

/**
 * Whether an owner that wants a function means what was made of it already. The owner that a making was for asks again only to have it
 * made again. Another one means the same, but for the next try of one that failed, and other arguments while nothing is decided.
 */
export function isJoined(request: Request, made: FunctionRun, args: Buffer, owner: number): boolean {
  if (made.owner === owner) return false;
  const mayRepeat = request.given?.repeats === true && made.outcome?.ok === false;
  return !mayRepeat && made.args.equals(args);
}

/** How it is said. */
export function lineOf({ number, run, verb }: Request, args: readonly unknown[]): LogLine {
  const within = run === undefined ? {} : { within: run.invocation };
  return { type: 'call.request', request: number, ...within, verb, args: withoutEnd(args) };
}

/** Without what is undefined at the end. */
export function withoutEnd(args: readonly unknown[]): unknown[] {
  return args.slice(0, args.findLastIndex((arg) => arg !== undefined) + 1);
}
