/** Checkpoints, forks, backups and restores, by the command on a real node. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type Ended, freePort, NodeUnderTest, runTroupe, temporaryFolder } from '../support/node-process.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const graph = {
  name: 'two',
  version: '1.0.0',
  steps: [
    { id: 'a', agent: 'lab.append', input: { name: 'lines.txt', line: 'a' } },
    { id: 'b', agent: 'lab.delay', needs: ['a'], input: { ms: 200, value: 2 } },
    { id: 'c', agent: 'lab.append', needs: ['b'], input: { name: 'lines.txt', line: 'c' } },
  ],
  output: { b: '${steps.b.output}' },
};

interface Line {
  readonly checkpoint: string;
  readonly actors: readonly { readonly actor: string }[];
  readonly task: string;
}

function jsonLines(text: string): readonly Line[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

it('a task is looked into, forked in its middle, and put with the whole node into a file and back', async () => {
  const folder = temporaryFolder('cli-checkpoints');
  const data = join(folder.path, 'node');
  mkdirSync(data);
  const node = new NodeUnderTest(data, await freePort());
  cleanups.push(folder.clear, () => node.kill());
  await node.start();
  const troupe = (...args: string[]): Promise<Ended> => runTroupe(args, { cwd: folder.path });
  const asked = (...args: string[]): Promise<Ended> => troupe(...args, '--url', node.url);
  writeFileSync(join(folder.path, 'graph.json'), JSON.stringify(graph));

  const submitted = await asked('submit', '--graph', 'graph.json', '--wait', '--json');
  expect(submitted.code).toBe(0);
  const task = String(jsonLines(submitted.out)[0]?.task);
  const found = jsonLines((await asked('checkpoints', task, '--json')).out);
  expect(found.length).toBeGreaterThanOrEqual(3);

  // The one in which the second step waits.
  const details = [];
  for (const { checkpoint } of found)
    details.push(...jsonLines((await asked('checkpoints', task, checkpoint, '--json')).out));
  const middle = details.find(({ actors }) => actors.some(({ actor }) => actor === `run/${task}/b/1`));
  const forked = await asked('fork', task, '--at', String(middle?.checkpoint));
  expect(forked.code).toBe(0);
  const fork = forked.out.split('\n')[0] ?? '';
  expect((await asked('watch', fork)).code).toBe(0);
  expect((await asked('result', fork)).out).toBe((await asked('result', task)).out);
  expect(readFileSync(join(data, 'lab', 'lines.txt'), 'utf8')).toBe('a\nc\nc\n');
  expect((await asked('export', task, 'task.json')).code).toBe(0);
  expect(JSON.parse(readFileSync(join(folder.path, 'task.json'), 'utf8'))).toHaveProperty(
    'checkpoints.0.actors.0.state',
  );
  // Nothing is written over unasked, and what cannot be written is said in one line.
  expect((await asked('export', task, 'task.json')).err).toContain('task.json is there already');
  expect((await asked('export', task, 'task.json', '--force')).code).toBe(0);
  const nowhere = await asked('export', task, 'none/task.json');
  expect(nowhere).toEqual({
    code: 2,
    out: '',
    err: 'troupe: none/task.json cannot be written: no such file or directory.\n',
  });
  expect((await asked('backup', 'none/node.backup')).err).toMatch(
    /^troupe: none\/node.backup cannot be written: .*\n$/,
  );
  expect((await asked('fork', task, '--at', 'none')).err).toContain('troupe checkpoints');

  expect((await asked('backup', 'node.backup')).code).toBe(0);
  await node.kill();
  expect((await troupe('backup', 'again.backup', '--data', data)).code).toBe(0);
  expect((await troupe('backup', 'again.backup', '--data', data)).err).toContain('--force');
  const slip = await troupe('backup', 'slip.backup', '--data', 'slip');
  expect(slip).toMatchObject({ code: 1, err: expect.stringContaining('There is no store in') as unknown });
  for (const name of ['slip', 'slip.backup', 'slip.backup.part', 'none'])
    expect(existsSync(join(folder.path, name))).toBe(false);
  const bytes = readFileSync(join(folder.path, 'node.backup'));
  writeFileSync(join(folder.path, 'short.backup'), bytes.subarray(0, bytes.length - 40));
  const short = await troupe('restore', 'short.backup', '--data', 'other');
  expect(short.code).not.toBe(0);
  expect(existsSync(join(folder.path, 'other'))).toBe(false);
  expect((await troupe('restore', 'node.backup', '--data', data)).err).toContain('not empty');
  expect((await troupe('restore', 'node.backup', '--data', 'other')).code).toBe(0);

  const copy = new NodeUnderTest(join(folder.path, 'other'), await freePort());
  cleanups.push(() => copy.kill());
  await copy.start();
  for (const one of [task, fork]) expect((await troupe('result', one, '--url', copy.url)).out).toBe('{\n  "b": 2\n}\n');
}, 120_000);
