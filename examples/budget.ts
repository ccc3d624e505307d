/**
 * Budgets and kept results. A writer that costs up to two cents a run works within a budget of five: the third step finds too little
 * left and goes to a cheaper one; a result that is kept costs nothing the second time.
 *
 *   node scripts/setup.mjs examples/budget.ts
 *
 * It prints what each task did and used, and ends.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, defineAgent, startNode } from 'troupe';

const writer = defineAgent({
  name: 'writer',
  version: '1.0.0',
  capabilities: ['text.write'],
  cost: { usd: 0.02, tokens: 1_000 }, // the most that one run uses
  run: ({ input, ctx }) => {
    // What a model would say of its call.
    ctx.budget.spend({ usd: 0.018, tokensIn: 300, tokensOut: 500 });
    return `${String(input)}, at length`;
  },
});

const scribbler = defineAgent({
  name: 'scribbler',
  version: '1.0.0',
  capabilities: ['text.write'],
  cost: { usd: 0.001 },
  cache: { ttlMs: 3_600_000 },
  run: ({ input }) => `${String(input)}, in short`,
});

const dataDir = await mkdtemp(path.join(tmpdir(), 'troupe-budget-'));
const node = await startNode({ dataDir, port: 0, logLevel: 'error', agents: [writer, scribbler] });
const client = await connect(`ws://${node.host}:${node.port}/ws`);

const graph = {
  steps: [
    { id: 'first', agent: 'writer', input: 'one' },
    { id: 'second', agent: 'writer', input: 'two', needs: ['first'] },
    { id: 'third', capability: 'text.write', input: 'three', needs: ['second'] },
  ],
  output: '${steps.third.output}',
};
const budget = { usd: 0.05, steps: 10, onExceed: ['cheaper', 'stop'] as const };
const brief = await client.submit({ graph, options: { budget } }).result();
console.log(`${String(brief.output)}: ${brief.usage.usd} of ${budget.usd} USD, ${brief.usage.steps} steps`);

// 0.001 USD would be enough for the scribbler; the writer may need 0.02.
const poor = await client.submit({ agent: 'writer', input: 'four', options: { budget: { usd: 0.001 } } }).result();
console.log(`${poor.status}: ${poor.error?.code ?? ''}`);

for (const round of [1, 2]) {
  const { output, usage } = await client.submit({ agent: 'scribbler', input: 'five' }).result();
  console.log(`${round}: ${String(output)} for ${usage.usd} USD`);
}

await client.close();
await node.stop();
await rm(dataDir, { recursive: true });
