import { describe, expect, it } from 'vitest';
import {
  FULL_MESSAGES_MAX,
  FULL_PAUSE_MS,
  Intake,
  QUANTUM_MESSAGES_MAX,
  ROUND_MESSAGES_MAX,
} from '../../gateway/intake.ts';
import { createManualWorld } from '../support/manual-world.ts';

/** Takes as much as there is, at most so much. */
function takeUpTo(intake: Intake, max: number): number {
  let taken = 0;
  while (taken < max && intake.take()) taken++;
  return taken;
}

describe('The intake of a node', () => {
  it('lets one round of the event loop read so much and no more, and the next as much again', () => {
    const world = createManualWorld();
    const intake = new Intake(world, () => false);
    expect(takeUpTo(intake, 10_000)).toBe(ROUND_MESSAGES_MAX);
    expect(intake.take()).toBe(false);
    world.run();
    expect(takeUpTo(intake, 10_000)).toBe(ROUND_MESSAGES_MAX);
  });

  it('lets those that wait read one after another, a quantum each', () => {
    const world = createManualWorld();
    const intake = new Intake(world, () => false);
    takeUpTo(intake, ROUND_MESSAGES_MAX);
    const order: string[] = [];
    for (const name of ['a', 'b', 'c', 'd']) {
      let rounds = 3;
      const read = (): void => {
        if (takeUpTo(intake, QUANTUM_MESSAGES_MAX) > 0) order.push(name);
        if (--rounds > 0) intake.later(read);
      };
      intake.later(read);
    }
    world.run();
    const perRound = ROUND_MESSAGES_MAX / QUANTUM_MESSAGES_MAX;
    expect(order.slice(0, perRound + 1).join('')).toBe('abcda'.slice(0, perRound + 1));
    expect(order.toSorted().join('')).toBe('aaabbbcccddd');
  });

  it('reads little while the node has enough to do, and much again when it has not', () => {
    const world = createManualWorld();
    let isFull = false;
    const intake = new Intake(world, () => isFull);
    takeUpTo(intake, ROUND_MESSAGES_MAX);
    isFull = true;
    world.run();
    let read = 0;
    for (let pause = 0; pause < 10; pause++) {
      read += takeUpTo(intake, ROUND_MESSAGES_MAX);
      world.run();
      expect(intake.take()).toBe(false);
      world.advance(FULL_PAUSE_MS);
    }
    expect(read).toBeLessThanOrEqual(ROUND_MESSAGES_MAX + 10 * FULL_MESSAGES_MAX);
    isFull = false;
    takeUpTo(intake, ROUND_MESSAGES_MAX);
    world.advance(FULL_PAUSE_MS);
    expect(takeUpTo(intake, 10_000)).toBe(ROUND_MESSAGES_MAX);
  });
});
