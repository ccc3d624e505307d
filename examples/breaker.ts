/**
 * A circuit breaker. A provider goes down: the agent that needs it fails, its breaker opens, and it is left alone. Work that
 * names the agent waits; work that asks for the capability goes to another. When the provider is back, one probe finds out.
 *
 *   node scripts/setup.mjs examples/breaker.ts
 *
 * It prints `open`, then `translated by the dictionary`, then `translated by the provider`, then `closed`, and ends.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, defineAgent, startNode } from 'troupe';

let isDown = true;

const provider = defineAgent({
  name: 'provider',
  version: '1.0.0',
  capabilities: ['text.translate'],
  retry: { attempts: 5, backoffMs: 20 },
  breaker: { failures: 3, periodMs: 30_000, openMs: 1_000 }, // the defaults are 5, 30 s and 10 s
  run: () => {
    if (isDown) throw new TypeError('503 from the provider');
    return 'translated by the provider';
  },
});

const dictionary = defineAgent({
  name: 'dictionary',
  version: '1.0.0',
  capabilities: ['text.translate'],
  run: () => 'translated by the dictionary',
});

const dataDir = await mkdtemp(path.join(tmpdir(), 'troupe-breaker-'));
const node = await startNode({ dataDir, port: 0, logLevel: 'error', agents: [provider, dictionary] });
const client = await connect(`ws://${node.host}:${node.port}/ws`);

async function state(): Promise<unknown> {
  const response = await fetch(`${node.url}/api/v1/breakers/provider`);
  return ((await response.json()) as { state: unknown }).state;
}

// Fails three times; then it waits for the breaker.
const waiting = client.submit({ agent: 'provider' });
while ((await state()) === 'closed') await new Promise((resolve) => setTimeout(resolve, 50));
console.log(await state());
console.log((await client.submit({ capability: 'text.translate' }).result()).output);

isDown = false;
console.log((await waiting.result()).output);
console.log(await state());

await client.close();
await node.stop();
await rm(dataDir, { recursive: true });
