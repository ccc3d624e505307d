/** What a journal keeps its records on, and tells of its calls. */
import type { ErrorBody } from '../protocol/errors.ts';
import type { Doubt, JournaledCall } from './doubt.ts';

/** Where the records are kept. */
export interface JournalShelf {
  recorded(): ReadonlyMap<string, unknown>;
  /** Errors: CANCELED where nobody waits for this work any more. */
  record(key: string, value: unknown): void;
  /** Resolves once all that was recorded up to now is committed. */
  committed(): Promise<void>;
  /** Resolves once someone has said what came of a call; its entry says what. Rejects with the reason of the signal. */
  decided(doubt: Doubt, signal: AbortSignal): Promise<void>;
  /** An unsafe call is being made from here on. */
  began(call: JournaledCall): void;
  /** A call failed and is made again in its place. */
  repeats(): void;
  /** What came of a call that is `unsafe`, or that could not be recorded, since nothing waits for it any more. */
  ended(call: JournaledCall, outcome: CallOutcome, isRecorded: boolean): void;
}

/** What came of a call. */
export type CallOutcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: ErrorBody };
