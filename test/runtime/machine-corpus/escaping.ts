/** Run as a process of its own: says which cell an error belongs to that escapes to the process. */
import { fromCallback, setup } from 'xstate';
import type { HostPort } from '../../../runtime/host.ts';
import { machineFactory } from '../../../runtime/machine-host.ts';
import { currentCell } from '../../../runtime/machine-references.ts';
import { createWorld } from '../../../runtime/world.ts';

const say = (kind: string, error: unknown): void =>
  void process.stdout.write(`${kind} ${currentCell()?.address ?? 'nobody'} ${String(error)}\n`);
process.on('uncaughtException', (error) => say('uncaught', error));
process.on('unhandledRejection', (error) => say('unhandled', error));

const late = fromCallback(() => void setTimeout(() => fail('in a timer'), 1));
const machine = setup({ actors: { late } }).createMachine({
  invoke: { src: 'late' },
  on: {
    // An action that is async is not waited for.
    GO: { actions: () => void Promise.resolve().then(() => fail('in an action')) },
  },
});

function fail(where: string): never {
  throw new Error(where);
}

const nothing = (): void => {};
for (const address of ['task/one', 'task/two']) {
  const port: HostPort = {
    address,
    nowMs: () => 0,
    afterCommit: (fn) => void setImmediate(fn),
    effect: nothing,
    cancelEffect: nothing,
    send: nothing,
    setTimer: nothing,
    clearTimer: nothing,
    reenter: nothing,
    fail: nothing,
  };
  const host = machineFactory(machine, { logicId: 'm', logicVersion: '1', world: createWorld() }).create(
    port,
    undefined,
  );
  host.start();
  host.send({ type: 'GO' });
}
