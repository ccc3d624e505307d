import { describe, expect, it } from 'vitest';
import { createSupervised, type Supervised, worker } from '../support/supervised.ts';

const TOP = 'supervisor/top';
const keyed = (address: string) =>
  address.startsWith('keyed/') ? worker(address, TOP, { restart: 'permanent' }) : undefined;

async function node(options: Parameters<typeof createSupervised>[0] = {}): Promise<Supervised> {
  const made = await createSupervised({ specOf: keyed, ...options });
  made.start(made.supervise(TOP, {}), worker('sender', TOP));
  await made.world.settle();
  return made;
}

describe('A keyed actor', () => {
  it('that is not in memory wakes for a message, starts first, and takes all that came meanwhile in order', async () => {
    const first = await node();
    for (const name of ['1', '2', '3']) first.kernel.post('keyed/a', { type: 'work', name });
    await first.world.settle();
    expect(first.handled('keyed/a')).toEqual(['1', '2', '3']);
    expect(first.log.filter(({ level }) => level !== 'info')).toEqual([]);
    first.kill();
    const again = await node({ disk: first.disk, seed: 2 });
    expect(again.kernel.cells.has('keyed/a')).toBe(false);
    for (const name of ['4', '5']) again.kernel.post('keyed/a', { type: 'work', name });
    await again.world.settle();
    expect(again.handled('keyed/a')).toEqual(['1', '2', '3', '4', '5']);
    expect(again.log.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  it('with mail that was stored handles it after the death of the node, before what comes then', async () => {
    const first = await node();
    first.kernel.post('keyed/a', { type: 'work', name: '0' });
    await first.world.settle();
    const cell = first.kernel.cells.get('keyed/a');
    if (cell !== undefined) first.kernel.fail(cell, new Error('so that its mail waits'));
    for (const name of ['1', '2']) first.tell('keyed/a', { type: 'work', name });
    await first.world.settle();
    first.kill();
    const again = await createSupervised({ specOf: keyed, disk: first.disk, seed: 2 });
    again.start(again.supervise(TOP, {}));
    await again.recovery.resume(() => undefined);
    again.tell('keyed/a', { type: 'work', name: '3' });
    await again.world.settle();
    expect(again.handled('keyed/a')).toEqual(['0', '1', '2', '3']);
  });
});

describe('Recovery', () => {
  it('brings back each actor with its state, and with it the ownership: an owner that ends takes its own with it', async () => {
    const first = await node();
    first.tell('sender', { type: 'adopt', spec: worker('child', TOP, { owner: 'sender' }) });
    await first.world.settle();
    first.tell('child', { type: 'work', name: '1' });
    await first.world.settle();
    first.kill();
    const again = await createSupervised({ specOf: keyed, disk: first.disk, seed: 2 });
    again.start(again.supervise(TOP, {}));
    const report = await again.recovery.resume(() => undefined);
    await again.world.settle();
    expect(report).toMatchObject({ resumed: 2, stranded: [] });
    expect(again.handled('child')).toEqual(['1']);
    again.tell('sender', { type: 'finish' });
    await again.world.settle();
    expect([...again.kernel.cells.keys()]).toEqual([TOP]);
    expect(await again.store.readCell('child')).toBeUndefined();
  });

  it('leaves alone what it has no logic for, and says whose it is', async () => {
    const first = await node();
    first.tell('sender', { type: 'adopt', spec: worker('child', TOP, { owner: 'sender' }) });
    await first.world.settle();
    first.kill();
    const again = await createSupervised({ disk: first.disk, seed: 2 });
    again.kernel.uninstall('worker');
    const report = await again.recovery.resume(() => undefined);
    expect(report.stranded.map(({ address, owner, error }) => [address, owner, error.code])).toEqual([
      ['child', 'sender', 'VERSION_MISMATCH'],
      ['sender', undefined, 'VERSION_MISMATCH'],
    ]);
    expect(await again.store.readCell('child')).toBeDefined();
  });
});
