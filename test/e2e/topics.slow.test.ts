/**
 * Durable subscriptions on a node as users run it, which is killed with SIGKILL while messages are published to it: what was
 * acknowledged is handed over once, in the order it was published in; what was not is sent again under its key, as a client does.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort, NodeUnderTest, ROOT, temporaryFolder } from '../support/node-process.ts';
import { Wire } from '../support/wire.ts';

const KILLS = 2;
const MESSAGES = 30;

const AGENTS = `
import { defineAgent } from '${ROOT}/index.ts';
import { scribe } from '${ROOT}/test/support/scribe.ts';
export const notes = scribe('notes', { on: { 'n.*': { key: '\${input.topic}', event: 'note' } } });
export const started = defineAgent({
  name: 'started', version: '1.0.0', breaker: { failures: 0 },
  on: { 'n.#': { tasksMax: 1, backlogMax: 10000 } },
  run: ({ input, ctx }) => ctx.tell('notes', 'tasks', { type: 'task', data: input }),
});
`;

const folder = temporaryFolder('topics');
let node: NodeUnderTest;

beforeAll(async () => {
  const agents = path.join(folder.path, 'agents.ts');
  writeFileSync(agents, AGENTS);
  node = new NodeUnderTest(folder.path, await freePort(), ['--agents', agents]);
  await node.start();
}, 40_000);
afterAll(async () => {
  await node.kill();
  folder.clear();
});

async function heard(wire: Wire, key: string): Promise<number[]> {
  const { value } = await wire.request({ type: 'agent.ask', agent: 'notes', key, event: { type: 'read' } });
  return (value as { heard: { data: { n: number } }[] }).heard.map(({ data }) => data.n);
}

describe('Durable subscriptions', () => {
  it('lose nothing and repeat nothing over kill -9', { timeout: 120_000 }, async () => {
    let next = 0;
    let wire = await Wire.open(node.socketUrl);
    for (let kill = 0; kill <= KILLS; kill++) {
      const isLast = kill === KILLS;
      const deadline = (MESSAGES / (KILLS + 1)) * (kill + 1);
      // The last one before each kill is published by a connection that is cut meanwhile, and sent again.
      while (next < deadline) {
        const n = next;
        const publish = { type: 'topic.publish', topic: `n.${n % 2}`, data: { n }, key: `k${n}` };
        const isCut = !isLast && n === deadline - 1;
        const answer = wire.request(publish).catch(() => undefined);
        if (isCut) {
          await node.kill();
          await answer;
          await node.start();
          wire = await Wire.open(node.socketUrl);
          expect(await wire.request(publish)).toMatchObject({ type: 'ok' });
        } else expect(await answer).toMatchObject({ type: 'ok' });
        next++;
      }
    }
    const all = Array.from({ length: MESSAGES }, (_, n) => n);
    for (const half of [0, 1]) expect(await heard(wire, `n.${half}`)).toEqual(all.filter((n) => n % 2 === half));
    await vi.waitFor(async () => expect(await heard(wire, 'tasks')).toEqual(all), { timeout: 60_000, interval: 100 });
    wire.drop();
  });
});
