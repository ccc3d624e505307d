/**
 * The breaker in front of an agent, as those see it who call the agent: may a call begin, and how did it go. The breakers
 * themselves belong to the supervisors of the agents (supervisors/breakers.ts); nobody here knows more of them than this.
 */
import type { ErrorBody, OperatingError } from '../protocol/errors.ts';

/** A call may begin; `era` goes back with its outcome. 0 as long as the breaker has never opened. */
export interface Admitted {
  readonly isIn: true;
  readonly era: number;
}

/** It may not. */
export interface TurnedAway {
  readonly isIn: false;
  /** UNAVAILABLE, with `retryAfterMs`. */
  readonly error: OperatingError;
  /** It is half-open, and another call is its probe: soon it is known whether the agent works again. */
  readonly isProbing: boolean;
}

/** All breakers of agents. Agents are given by name, without version: their versions share one. */
export interface BreakerGate {
  /** Lets a call in, or turns it away, in one synchronous step. `holder` is the address of the actor that will make the call. */
  enter(agent: string, holder: string): Admitted | TurnedAway;
  /** ms that a call would have to wait for; 0 where it would be let in. */
  waitMs(agent: string): number;
  /** The actor at this address waits: it gets `breaker.retry` as soon as a call of it would be let in. */
  expect(agent: string, waiter: string): void;
  /** A call went well. */
  passed(agent: string, holder: string, era: number): void;
  /** What a call that failed has used up: more than the agent allows itself within a period opens the breaker. */
  spent(agent: string, cost: { readonly usd?: number; readonly tokens?: number }): void;
  /** A call failed; the breaker knows which errors count. */
  failed(agent: string, holder: string, era: number, error: ErrorBody): void;
}
