import { expect, it } from 'vitest';
import { createWorkNode } from '../../support/work-node.ts';

it('A flow writes the rows of steps that others follow, and none with the end of its last step', async () => {
  const node = await createWorkNode();
  const rows: string[] = [];
  const attach = node.kernel.attach.bind(node.kernel);
  node.kernel.attach = (cell, key, value) => {
    if (cell.address.startsWith('flow/')) rows.push(key);
    attach(cell, key, value);
  };
  const steps = ['a', 'b', 'c'].map((id) => ({ id, agent: 'lab.echo', input: id }));
  const record = await node.finish({
    graph: { steps: [steps[0], ...steps.slice(1).map((step) => ({ ...step, needs: ['a'] }))] },
  });
  expect(record.result).toMatchObject({ status: 'completed', output: { b: 'b', c: 'c' } });
  expect(rows).toEqual(['out/a', 'out/b']);
});
