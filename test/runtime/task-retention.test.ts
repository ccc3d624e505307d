/** What ended long ago leaves the store, on a whole node in a world whose time moves only when told to. */
import { expect, it } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { SWEEP_MS, TaskRetention } from '../../runtime/task-retention.ts';
import type { Store } from '../../runtime/stores/store.ts';
import { createManualWorld } from '../support/manual-world.ts';
import { createIndoorNode, settled } from '../support/indoor-node.ts';

const DAY_MS = 24 * SWEEP_MS;

const quick = defineAgent({ name: 'quick', version: '1.0.0', run: () => 'done' });
const slow = defineAgent({
  name: 'slow',
  version: '1.0.0',
  run: async ({ ctx }) => {
    await ctx.sleep(20 * DAY_MS);
    return 'done';
  },
});

it('Tasks are kept for thirty days behind their end, and then are no more; what is under way stays', async () => {
  const node = await createIndoorNode({ agents: [quick, slow] });
  const { world, store, submit } = node;
  const statusOf = async (task: string): Promise<string | undefined> =>
    (await settled(world, store.readTask(task)))?.status;
  const [one, two] = [submit({ agent: 'quick' }, 1), submit({ agent: 'slow' }, 2)];
  await world.settle();
  await world.elapse(29 * DAY_MS);
  expect([await statusOf(one), await statusOf(two)]).toEqual(['completed', 'completed']);
  await world.elapse(DAY_MS + 2 * SWEEP_MS);
  expect([await statusOf(one), await statusOf(two)]).toEqual([undefined, 'completed']);
  expect(await settled(world, store.readEvents(one, 0, 10))).toEqual([]);
  await world.elapse(20 * DAY_MS);
  expect(await statusOf(two)).toBeUndefined();
});

it('A wall clock that was set forward by years costs no task', async () => {
  const node = await createIndoorNode({ agents: [quick] });
  const { world, store, submit } = node;
  const task = submit({ agent: 'quick' }, 1);
  await world.settle();
  world.setWallClock(world.nowMs() + 400 * DAY_MS);
  await world.elapse(3 * SWEEP_MS);
  expect((await settled(world, store.readTask(task)))?.status).toBe('completed');
});

it('A store that fails is asked again an hour later, and one that stops is not asked any more', async () => {
  const world = createManualWorld({});
  const asked: number[] = [];
  const warnings: string[] = [];
  const store = {
    prune: () => {
      asked.push(world.monotonicMs());
      return asked.length === 1
        ? Promise.reject(new TypeError('away'))
        : Promise.resolve({ tasks: 1, effects: 0, keys: 0 });
    },
  } as unknown as Store;
  const log = {
    info: (words: string) => void warnings.push(words),
    warn: (words: string) => void warnings.push(words),
    error: () => {},
  };
  const fence = { shard: 'local', owner: 'me', epoch: 1 };
  const retention = new TaskRetention({ store, fence, world, log, keptMs: DAY_MS });
  retention.start();
  await world.elapse(2.5 * SWEEP_MS);
  expect(asked).toHaveLength(2);
  expect(warnings).toEqual([expect.stringContaining('could not be removed'), 'What ended long ago was removed.']);
  await settled(world, retention.stop());
  await world.elapse(5 * SWEEP_MS);
  expect(asked).toHaveLength(2);
});
