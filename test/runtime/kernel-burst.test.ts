import { expect, it } from 'vitest';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import { createBareNode } from '../support/bare-node.ts';
import { createManualWorld } from '../support/manual-world.ts';

/** More than the kernel runs turns for between two cuts. */
const ACTORS = 3_000;

interface IdleState {
  readonly phase: 'idle';
}

const idle: FlatLogic<IdleState, unknown> = {
  name: 'idle',
  version: '1',
  initial: () => ({ phase: 'idle' }),
  table: { idle: {} },
  final: {},
};

it('An actor that was made is in the next commit, even where there are more of them than turns before it', async () => {
  const world = createManualWorld();
  const { kernel, committer, store, installFlat } = await createBareNode({ world });
  installFlat(idle);
  for (let actor = 0; actor < ACTORS; actor++) {
    const spec = {
      address: `idle/${actor}`,
      logic: 'idle',
      input: undefined,
      supervisor: 'supervisor/none',
      restart: 'transient',
      recovery: 'resume',
      priority: 5,
      durable: true,
    } as const;
    kernel.act((port) => port.startChild(spec));
  }
  let missing: number | undefined;
  const look = committer.committed().then(async () => {
    const stored = await Promise.all(Array.from({ length: ACTORS }, (_, actor) => store.readCell(`idle/${actor}`)));
    missing = stored.filter((cell) => cell === undefined).length;
  });
  await world.settle();
  await look;
  expect(missing).toBe(0);
});
