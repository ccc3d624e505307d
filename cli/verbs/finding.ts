/** What `troupe doctor` has to say of one thing. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'note' | 'wrong';
  readonly found: string;
  /** What to do about it. */
  readonly advice?: string;
}
