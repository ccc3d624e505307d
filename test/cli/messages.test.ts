/** Verbs about messages, on a real node. They run in this process: a process for each would take longer than all the rest. */
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCommand } from '../../cli/program.ts';
import { type Rig, startRig } from '../gateway/rig.ts';
import { scribe } from '../support/scribe.ts';

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A command, and what it has said so far. */
function start(args: readonly string[]): { said(): string; ended: Promise<Ended> } {
  const said = { out: '', err: '' };
  const spies = (['out', 'err'] as const).map((name) =>
    vi.spyOn(name === 'out' ? process.stdout : process.stderr, 'write').mockImplementation((text) => {
      said[name] += stripVTControlCharacters(String(text));
      return true;
    }),
  );
  const ended = runCommand([...args, '--url', rig.url]).then((code) => {
    for (const spy of spies) spy.mockRestore();
    return { code, ...said };
  });
  return { said: () => said.err, ended };
}

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ agents: [scribe('notes', { capabilities: ['noting'] })] });
});
afterAll(async () => await rig.stop());

const troupe = async (...args: readonly string[]): Promise<Ended> => await start(args).ended;
const objects = ({ out }: Ended): unknown[] =>
  out
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown);

describe('The verbs about topics', () => {
  it('make subscriptions, publish, listen, and remove', async () => {
    const add = [
      'subscriptions',
      'add',
      'book',
      '--topic',
      'orders.#',
      '--wake',
      'notes',
      '--key',
      '${input.data.order}',
    ];
    const made = await troupe(
      ...add,
      '--event',
      'changed',
      '--backlog',
      '5',
      '--when-full',
      'drop-oldest',
      '--keep',
      '1h',
      '--json',
    );
    expect(made.code).toBe(0);
    expect(objects(made)).toMatchObject([
      {
        subscription: 'book',
        event: 'changed',
        backlogMax: 5,
        whenFull: 'drop-oldest',
        keepMs: 3_600_000,
        state: 'open',
      },
    ]);
    const starts = await troupe(
      'subscriptions',
      'add',
      '--topic',
      'a',
      '--start-agent',
      'lab.echo',
      '--input',
      '{"got":"${input.data}"}',
    );
    expect([starts.code, starts.out]).toEqual([0, expect.stringMatching(/^s-\S+\n {2}topic {2}a\n/)]);
    const listening = start(['listen', 'orders.#', '--count', '1', '--json']);
    await vi.waitFor(() => expect(listening.said()).toContain('Listening to orders.#'), {
      timeout: 5_000,
      interval: 10,
    });
    await rig.send('POST', '/api/v1/topics/orders.eu', { order: 'o' });
    const heard = await listening.ended;
    expect([heard.code, objects(heard)]).toMatchObject([0, [{ topic: 'orders.eu', data: { order: 'o' } }]]);
    const published = await troupe('publish', 'orders.eu', '{"order":"o"}', '--key', 'k');
    expect([published.code, published.out]).toEqual([
      0,
      expect.stringMatching(/^\S+ {2}to 1 durable subscriptions\n$/),
    ]);
    expect((await troupe('publish', 'orders.eu', '{"order":"o"}', '--key', 'k')).out).toContain(
      'published before, under this key',
    );
    const list = await troupe('subscriptions');
    expect(list.out).toMatch(
      /SUBSCRIPTION +TOPIC +DOES +WAITING +SOURCE\nbook +orders\.# +wakes notes\/\$\{input\.data\.order\} with changed +0 +request\n/,
    );
    expect(list.out).toContain('starts agent lab.echo');
    expect((await troupe('subscriptions', 'show', 'book')).out).toContain('  handed  2');
    expect(await troupe('subscriptions', 'remove', 'book')).toMatchObject({ code: 0, out: 'book  removed\n' });
    expect(await troupe('subscriptions', 'show', 'book')).toMatchObject({ code: 1 });
  });

  it('say what is wrong, and how it is done', async () => {
    const wrong = await troupe('subscriptions', 'add', 'x', '--topic', 'a');
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('Say what a message does')]);
    expect(await troupe('publish', 'a..b', '1')).toMatchObject({
      code: 2,
      err: expect.stringContaining('expected a topic'),
    });
    expect(await troupe('publish', 'a', '{')).toMatchObject({
      code: 2,
      err: expect.stringContaining('The data is not JSON'),
    });
    const help = await troupe('subscriptions', 'add', '--help');
    expect([help.code, help.out]).toEqual([0, expect.stringContaining("--wake orders --key '${input.data.order}'")]);
  });
});

describe('The verbs about groups and dead letters', () => {
  it('take actors in, and send to all of them', async () => {
    for (const key of ['a', 'b']) expect((await troupe('groups', 'join', 'staff', 'notes', key)).code).toBe(0);
    expect((await troupe('groups', 'show', 'staff')).out).toBe('staff  2 members\n  notes/a\n  notes/b\n');
    expect(await troupe('broadcast', '{"type":"hi"}', '--group', 'staff')).toMatchObject({
      code: 0,
      out: '2 actors have it.\n',
    });
    expect(
      objects(await troupe('broadcast', '{"type":"hi"}', '--capability', 'noting', '--key', 'k', '--json')),
    ).toEqual([{ delivered: 1, refused: [] }]);
    expect((await troupe('groups', 'leave', 'staff', 'notes', 'b')).out).toContain('staff  1 members');
    expect((await troupe('groups', 'set', 'staff', '--via', 'notes/chief')).out).toContain('by way of notes/chief');
    expect((await troupe('groups', 'set', 'staff')).code).toBe(2);
    expect((await troupe('groups')).out).toMatch(/staff +1 +notes\/chief/);
    expect(await troupe('groups', 'remove', 'staff')).toMatchObject({ code: 0, out: 'staff  removed\n' });
    expect((await troupe('groups')).out).toContain('No groups.');
    expect((await troupe('broadcast', '{"type":"hi"}', '--group', 'staff')).code).toBe(1);
  });

  it('list what reached nobody', async () => {
    await rig.send('POST', '/api/v1/subscriptions', {
      name: 'lost',
      topic: 'lost',
      agent: 'notes',
      key: '${input.data.x}',
    });
    await troupe('publish', 'lost', '{}');
    expect((await troupe('dead-letters')).out).toMatch(
      /WHEN +REASON +TO +FROM +TYPE +BYTES\n\S+Z +subscription_refused +subscription\/lost +topic\.message +\d+\n/,
    );
    expect(objects(await troupe('dead-letters', '--reason', 'subscription_refused', '--json'))).toMatchObject([
      { to: 'subscription/lost' },
    ]);
    expect((await troupe('dead-letters', '--reason', 'none')).out).toBe('No dead letters since the node started.\n');
  });
});
