/** Mastra workflows with its LibSQL store. Argument: a folder. */
import { Mastra } from '@mastra/core';
import { createStep, createWorkflow } from '@mastra/core/workflows';
import { LibSQLStore } from '@mastra/libsql';
import { join } from 'node:path';
import { z } from 'zod';
import { serve } from './lane.ts';

const [dir = '.'] = process.argv.slice(2);
const schema = z.object({ n: z.number() });
const echo = (id: string) =>
  createStep({ id, inputSchema: schema, outputSchema: schema, execute: async ({ inputData: { n } }) => ({ n }) });
const echoes = createWorkflow({ id: 'echoes', inputSchema: schema, outputSchema: schema })
  .then(echo('s1'))
  .then(echo('s2'))
  .then(echo('s3'))
  .commit();
const storage = new LibSQLStore({ id: 'bench', url: `file:${join(dir, 'mastra.sqlite')}` });
const mastra = new Mastra({ workflows: { echoes }, storage, logger: false });
await storage.init();
const workflow = mastra.getWorkflow('echoes');

serve(async (n) => {
  const run = await workflow.createRun();
  const outcome = await run.start({ inputData: { n } });
  if (outcome.status !== 'success') throw new TypeError(`A workflow ended ${outcome.status}.`);
  return outcome.result.n;
});
