/** Options that verbs share, wherever they stand: said to which node, and as what. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCommand } from '../../cli/program.ts';
import { type Rig, startRig } from '../gateway/rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterEach(() => void vi.restoreAllMocks());
afterAll(async () => await rig.stop());

/** Where nobody listens. */
const NOBODY = 'http://127.0.0.1:1';

/** Runs a command line in this process. */
async function troupe(...args: readonly string[]) {
  let out = '';
  let err = '';
  const verbs: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
  const code = await runCommand(args, (verb) => verbs.push(verb));
  vi.restoreAllMocks();
  return { code, out, err, verbs };
}

describe('options that all verbs share', () => {
  it('may stand before the verb', async () => {
    const { code, out, verbs } = await troupe('--json', '--url', rig.url, 'agents', '--capability', 'lab.echo');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ name: 'lab.echo' });
    expect(verbs).toEqual(['agents']);
  });

  it.each([
    ['before both verbs', (url: string) => ['--url', url, 'groups', 'list']],
    ['between them', (url: string) => ['groups', '--url', url, 'list']],
    ['behind both', (url: string) => ['groups', 'list', '--url', url]],
    ['behind the first alone', (url: string) => ['groups', `--url=${url}`]],
    [
      'between them, where the first does something alone too',
      (url: string) => ['agents', '--url', url, 'show', 'lab.echo'],
    ],
  ])('may stand %s', async (_where, line) => {
    expect(await troupe(...line(rig.url))).toMatchObject({ code: 0, err: '' });
  });

  it('count by the last place that has them', async () => {
    expect((await troupe('--url', NOBODY, 'agents', '--url', rig.url)).code).toBe(0);
    expect((await troupe('--url', rig.url, 'groups', '--url', NOBODY, 'list')).code).toBe(5);
  });

  it('say what errors look like, too', async () => {
    const { code, out } = await troupe('--json', '--url', NOBODY, 'list');
    expect(code).toBe(5);
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'UNAVAILABLE' } });
  });

  it('are refused by a verb that has no use for them', async () => {
    const { code, err } = await troupe('--url', rig.url, 'start');
    expect(code).toBe(2);
    expect(err).toContain('`troupe start` has no option --url');
  });

  it('are not taken from before the verb where another verb has them alone', async () => {
    expect(await troupe('--capability', 'lab.echo', 'agents')).toMatchObject({
      code: 2,
      err: expect.stringContaining("unknown option '--capability'") as unknown,
    });
  });
});
