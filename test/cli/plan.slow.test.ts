/** `troupe plan`, `troupe templates`: over a node that is killed in between. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, freePort, NodeUnderTest, runTroupe, temporaryFolder } from '../support/node-process.ts';

const folder = temporaryFolder('cli-plan');
let node: NodeUnderTest;

beforeAll(async () => {
  node = new NodeUnderTest(folder.path, await freePort());
  await node.start();
}, 40_000);

afterAll(async () => {
  await node.kill();
  folder.clear();
});

const troupe = (...args: string[]): Promise<Ended> => runTroupe([...args, '--url', node.url], { cwd: folder.path });

describe('troupe plan', { timeout: 90_000 }, () => {
  it('shows a plan before it runs, for people and for programs', async () => {
    const people = await troupe('plan', '--goal', 'analyse x.csv');
    expect(people.code).toBe(0);
    expect(people.out).toMatch(/^analyse-dataset@1\.0\.0 {2}\(template analyse-dataset@1\.0\.0, 100 % sure\)/);
    expect(people.out).toMatch(/^scan +analyst@1\.0\.0 +1 /m);
    expect(people.out).toMatch(/^time +.+ \(P50\), .+ \(P90\)$/m);
    expect(people.err).toContain('assumed: ');
    expect(JSON.parse((await troupe('plan', '--goal', 'analyse x.csv', '--json')).out)).toMatchObject({
      source: 'template',
    });
  });

  it('refuses what it cannot plan with exit code 2', async () => {
    expect((await troupe('plan', '--goal', 'bake a cake')).code).toBe(2);
    expect((await troupe('plan')).code).toBe(2);
  });

  it('knows templates that were added before a kill, and runs what it has shown', async () => {
    const file = path.join(folder.path, 'template.json');
    const graph = { name: 'says', version: '1.0.0', steps: [{ id: 'a', agent: 'lab.echo', input: '${input.text}' }] };
    const slots = { text: { kind: 'text' } };
    writeFileSync(
      file,
      JSON.stringify({ name: 'says', version: '1.0.0', type: 'lab', goals: ['say {text}'], slots, graph }),
    );
    expect(await troupe('templates', 'add', file)).toMatchObject({ code: 0, out: 'says@1.0.0 is registered.\n' });
    await node.kill();
    await node.start();
    expect((await troupe('templates')).out).toMatch(/^says +1\.0\.0 +lab +say \{text\}$/m);
    const { code, out } = await troupe('plan', '--goal', 'say good morning', '--run');
    expect(code).toBe(0);
    const task = out.trim().split('\n').at(-1) ?? '';
    expect((await troupe('watch', task)).out).toContain('good morning');
    expect((await troupe('submit', '--goal', 'say hello', '--wait')).out).toContain('hello');
    expect((await troupe('templates', 'remove', 'says')).code).toBe(0);
  });
});
