import { expect, it } from 'vitest';
import { Cell } from '../../runtime/cell.ts';
import { DOOR_LOGIC } from '../../runtime/door.ts';
import { Kernel } from '../../runtime/kernel.ts';
import { ReadyQueue } from '../../runtime/ready-queue.ts';
import { volatileSpec } from '../../runtime/volatile-spec.ts';
import { createManualWorld } from '../support/manual-world.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const meter = {
  restarted: () => undefined,
  deadLetter: () => undefined,
  effect: () => undefined,
  quarantined: () => undefined,
  capsuleDropped: () => undefined,
};

it('The queue of cells with something to do gives each once, in order, however many there are', () => {
  const kernel = new Kernel({ world: createManualWorld(), log, meter });
  const queue = new ReadyQueue();
  const cells = Array.from({ length: 3_000 }, () => new Cell(kernel, volatileSpec('x'), DOOR_LOGIC));
  for (const cell of cells) expect(queue.add(cell)).toBe(true);
  expect(queue.add(cells[5] as Cell)).toBe(false);
  for (const cell of cells.slice(0, 2_000)) expect(queue.take()).toBe(cell);
  expect(queue.add(cells[0] as Cell)).toBe(true);
  for (const cell of cells.slice(2_000)) expect(queue.take()).toBe(cell);
  expect([queue.take(), queue.empty, queue.take()]).toEqual([cells[0], true, undefined]);
});
