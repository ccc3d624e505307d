import { expect, it } from 'vitest';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { createWorkNode } from '../../support/work-node.ts';

it('A chain of ten quick steps begins and ends in one commit', async () => {
  let writes = 0;
  const disk = new MemoryDisk({ onWrite: () => (writes++, 'done') });
  const node = await createWorkNode({ disk });
  await node.world.settle();
  const before = writes;
  const steps = Array.from({ length: 10 }, (_, at) => ({
    id: `s${at}`,
    agent: 'lab.echo',
    input: at === 0 ? '${input}' : `\${steps.s${at - 1}.output}`,
  }));
  const record = await node.finish({ graph: { steps } }, 'hello');
  expect(record.result).toMatchObject({ status: 'completed', output: { s9: 'hello' } });
  expect(writes - before).toBe(1);
});
