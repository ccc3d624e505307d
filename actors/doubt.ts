/** A call of which nobody knows whether it has happened, and the ways to find out. */
import type { EffectKind } from '../runtime/host.ts';

/** One call as the journal makes it. */
export interface JournaledCall {
  /** Its key in the journal. */
  readonly entry: string;
  readonly name: string;
  readonly kind: EffectKind;
  readonly idempotencyKey: string;
  readonly input: unknown;
}

/** A call that was begun and of which no outcome is recorded. */
export interface Doubt extends JournaledCall {
  readonly probe?: Probe;
}

/** What a probe is given: what the other side can tell the call by, and a signal that ends with its time limit. */
export interface ProbeQuestion {
  readonly idempotencyKey: string;
  readonly input: unknown;
  readonly signal: AbortSignal;
}

/** It has happened, and gave this; it has not, and may be made; or this cannot be said now. */
export type ProbeAnswer =
  | { readonly happened: true; readonly value: unknown }
  | { readonly happened: false }
  | 'unknown';

/** Asks the other side. A throw counts as `unknown`. */
export type Probe = (question: ProbeQuestion) => ProbeAnswer | Promise<ProbeAnswer>;

/** Whether a probe's answer is one of the three. */
export function isProbeAnswer(value: unknown): value is ProbeAnswer {
  if (value === 'unknown') return true;
  return typeof value === 'object' && value !== null && typeof (value as { happened?: unknown }).happened === 'boolean';
}
