/** Bounds that a node keeps at every moment of a run, and those that are looked at once it is over. */
import { LIMITS } from '../../protocol/limits.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import type { Settings } from '../../runtime/settings.ts';
import type { Judge } from './judge.ts';
import type { Outside } from './outside.ts';

/** Tasks in flight, and mail that waits. */
export function checkBounds(kernel: Kernel, { tasksInFlightMax }: Settings, judge: Judge): void {
  const tasks = kernel.census.get('task') ?? 0;
  judge.expect(tasks <= tasksInFlightMax, 'bounds', () => `${tasks} tasks are in flight`);
  for (const cell of kernel.cells.values()) {
    const { user } = cell.mailbox.waiting();
    judge.expect(
      user.length <= LIMITS.mailboxMessagesMax,
      'bounds',
      () => `${user.length} messages wait for ${cell.address}`,
    );
  }
}

/** The count of a delivery is stored before the next: each run of the process that died over it may have lost one. */
export function checkDeliveries(outside: Outside, judge: Judge): void {
  for (const [op, { count, boots }] of outside.deliveries) {
    const most = LIMITS.deliveriesMax + boots.size - 1;
    judge.expect(
      count <= most,
      'poison',
      () => `${op} was delivered ${count} times, by ${boots.size} runs of the process`,
    );
  }
}
