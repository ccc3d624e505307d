/** Budgets and kept results from the command line, on a node as users run it, over a kill. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, freePort, NodeUnderTest, runTroupe, temporaryFolder } from '../support/node-process.ts';

const AGENTS = `
import { defineAgent } from 'troupe';
export const payer = defineAgent({
  name: 'payer',
  version: '1.0.0',
  cost: { usd: 0.02 },
  cache: {},
  run: async ({ input, ctx }) => {
    ctx.budget.spend({ usd: 0.015, tokensIn: 100, tokensOut: 20 });
    await ctx.sleep(Number(input?.ms ?? 0));
    return input;
  },
});
`;

const folder = temporaryFolder('cli-budgets');
let node: NodeUnderTest;
beforeAll(async () => {
  const file = path.join(folder.path, 'payer.ts');
  writeFileSync(file, AGENTS);
  node = new NodeUnderTest(folder.path, await freePort(), ['--agents', file]);
  await node.start();
}, 40_000);
afterAll(async () => {
  await node.kill();
  folder.clear();
});

function troupe(...args: string[]): Promise<Ended> {
  return runTroupe([...args, '--url', node.url], { cwd: folder.path });
}

const submit = (...args: string[]) => troupe('submit', '--agent', 'payer', ...args);

describe('troupe submit with a budget', () => {
  it('keeps to it, and status and result say what was used of it', { timeout: 40_000 }, async () => {
    const limits = ['--max-cost', '0.05', '--max-tokens', '500', '--max-steps', '3', '--max-time', '1m'];
    const { out, code } = await submit(...limits, '--wait');
    expect(code).toBe(0);
    const [task = ''] = out.split('\n');
    const status = await troupe('status', task);
    expect(status.out).toContain('completed');
    expect(status.out).toContain('0.015 of 0.05 USD, 120 of 500 tokens, 1 of 3 steps');
    const result = await troupe('result', task);
    expect(result.err).toContain('0.015 of 0.05 USD, 120 of 500 tokens, 1 of 3 steps');
  });

  it('ends with 4 where too little is left, and says what and why', { timeout: 40_000 }, async () => {
    const { code, err } = await submit('--input', '{"x":1}', '--max-cost', '0.01', '--wait');
    expect(err).toContain('BUDGET_EXCEEDED: The budget of the task is used up');
    expect(code).toBe(4);
  });

  it('teaches what it takes, and refuses what it does not', { timeout: 40_000 }, async () => {
    const help = await troupe('submit', '--help');
    for (const words of ['--max-cost', '--on-exceed', 'a person is asked to raise the budget'])
      expect(help.out).toContain(words);
    expect((await submit('--max-steps', '-1')).code).toBe(2);
    expect((await submit('--on-exceed', 'beg', '--max-cost', '1')).code).toBe(2);
    const alone = await submit('--on-exceed', 'ask');
    expect([alone.code, alone.err]).toEqual([2, expect.stringContaining('give one with --max-cost')]);
  });

  it('counts what was used before a kill of the node, once', { timeout: 60_000 }, async () => {
    const { out } = await submit('--input', '{"ms":3000}', '--max-cost', '0.05');
    const task = out.trim();
    await node.kill();
    await node.start();
    await troupe('watch', task);
    const { out: json } = await troupe('result', task, '--json');
    expect(JSON.parse(json)).toMatchObject({ status: 'completed', usage: { usd: 0.015, tokensIn: 100, steps: 1 } });
  });
});

describe('troupe cache', () => {
  it('shows what is kept and what it has saved, and drops it', { timeout: 60_000 }, async () => {
    await troupe('cache', 'clear');
    for (let round = 0; round < 2; round++) await submit('--input', '{"a":1}', '--wait');
    const stats = await troupe('cache', 'stats', '--json');
    expect(JSON.parse(stats.out)).toMatchObject({
      entries: 1,
      agents: [{ agent: 'payer@1.0.0', entries: 1, hits: 1, savedUsd: 0.015 }],
    });
    const shown = await troupe('cache');
    expect(shown.out).toContain('payer@1.0.0');
    expect(shown.out).toContain('0.015 USD');
    const none = await submit('--input', '{"a":1}', '--wait', '--no-cache');
    expect(none.err).toContain('0.015 USD');
    expect((await troupe('cache', 'clear', '--agent', 'nobody')).out).toContain('0 results were dropped.');
    expect((await troupe('cache', 'clear', '--agent', 'payer', '--json')).out.trim()).toBe('{"dropped":1}');
    const help = await troupe('cache', '--help');
    expect(help.out).toContain('troupe cache clear --agent reader');
  });
});
