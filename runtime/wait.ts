/** What an actor waits for, as people are told of it. */

/** One thing that is waited for. Times are ms since the epoch. */
export interface Wait {
  /** What kind of thing it is. */
  readonly kind:
    | 'approval'
    | 'breaker'
    | 'budget'
    | 'call'
    | 'child'
    | 'decision'
    | 'message'
    | 'restart'
    | 'signal'
    | 'slot'
    | 'store'
    | 'timer';
  /** What is waited for, as a sentence. */
  readonly what: string;
  /** What would move it on, as a sentence. */
  readonly next: string;
  readonly sinceMs?: number;
  /** When it is over by itself. */
  readonly untilMs?: number;
}

/** What a logic may look at to say what a state of it waits for. */
export interface WaitScene {
  readonly nowMs: number;
  /** The actor's timers: id → when it is due. */
  readonly timers: ReadonlyMap<string, number>;
  /** How long a call of this agent would be turned away, in ms. */
  breakerMs(agent: string): number;
}
