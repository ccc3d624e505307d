/**
 * What kinds of work take of a worker: calls as many places as it offers for the agent, turns of machines their own. A turn is short
 * and waits for nothing, and must not wait for calls: a call may itself wait for the answer of a turn.
 */
import type { Member } from './member.ts';

/** Turns of one agent at one time, on one worker. */
const TURNS_MAX = 1_000;

/** One kind of work. */
export interface Room {
  /** How many of it a member takes at one time; 0 where it does not offer the agent, or takes nothing. */
  capacity(member: Member, reference: string): number;
  /** What they are counted under. */
  counted(reference: string): string;
}

/** Calls of agents. */
export const CALLS: Room = {
  capacity: (member, reference) => member.capacity(reference),
  counted: (reference) => reference,
};

/** Turns of machines. */
export const TURNS: Room = {
  capacity: (member, reference) => (member.capacity(reference) > 0 ? TURNS_MAX : 0),
  counted: (reference) => `${reference} turns`,
};
