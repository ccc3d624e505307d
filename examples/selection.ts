/**
 * Three agents offer the same work: a cheap one, a fast one, and one that fails. A task says what it wishes; the log says who was
 * chosen, and why; and a task whose agent fails goes on with another at once.
 *
 *   node scripts/setup.mjs examples/selection.ts
 *
 * It prints `done by cheap`, `done by quick`, `flaky failed, done by cheap` and `the only one left, after flaky@1.0.0 failed`, and ends.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, defineAgent, startNode } from 'troupe';

const capabilities = ['text.translate'];

const cheap = defineAgent({
  name: 'cheap',
  version: '1.0.0',
  capabilities,
  cost: { usd: 0.001 },
  run: async () => {
    await new Promise((resolve) => setTimeout(resolve, 60));
    return 'done by cheap';
  },
});

const quick = defineAgent({
  name: 'quick',
  version: '1.0.0',
  capabilities,
  cost: { usd: 0.02 },
  run: () => 'done by quick',
});

const flaky = defineAgent({
  name: 'flaky',
  version: '1.0.0',
  capabilities: ['text.translate@2.0.0'], // a newer version of the capability than those of the others, which have the agents' own
  cost: { usd: 0.03 },
  run: () => {
    throw new TypeError('503 from the provider');
  },
});

const dataDir = await mkdtemp(path.join(tmpdir(), 'troupe-selection-'));
const node = await startNode({ dataDir, port: 0, logLevel: 'error', agents: [cheap, quick] });
const client = await connect(`ws://${node.host}:${node.port}/ws`);

// Both have run: the node knows how long they take.
for (const agent of ['cheap', 'quick']) for (let n = 0; n < 5; n++) await client.submit({ agent }).result();

async function translate(strategy: 'cheapest' | 'fastest'): Promise<unknown> {
  const task = client.submit({ capability: 'text.translate@^1', options: { select: { strategy } } });
  return (await task.result()).output;
}

console.log(await translate('cheapest'));
console.log(await translate('fastest'));

// Registered while the node runs. Two weights in place of the strategy's own: the newest version, whatever it costs.
node.register(flaky);
const select = { strategy: 'cheapest', weights: { match: 50, cost: 1 }, not: ['quick'] } as const;
const task = client.submit({ capability: 'text.translate', options: { select } });
const choices: Record<string, unknown>[] = [];
for await (const news of task.events()) {
  if (news.type === 'task.event' && news.kind === 'agent.selected') choices.push(news.data);
}
console.log(`${String(choices[0]?.['agent']).split('@')[0]} failed, ${String((await task.result()).output)}`);
console.log(choices[1]?.['why']);

await client.close();
await node.unregister('flaky');
await node.stop();
await rm(dataDir, { recursive: true });
