/** A client in another language, by the published protocol alone: what it prints is checked here. */
import { execFile, spawnSync } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, NodeUnderTest, temporaryFolder } from '../support/node-process.ts';
import type { Frame } from '../support/wire.ts';

const PYTHON = '/usr/bin/python3';
const CLIENT = path.join(import.meta.dirname, 'client.py');
const lacks = lackOf();

interface Simple {
  readonly protocol: string | null;
  readonly hello: Frame;
  readonly accepted: Frame;
  readonly events: readonly Frame[];
  readonly result: Frame;
  readonly same: boolean;
}

interface Seen {
  readonly msgpack: Simple;
  readonly json: Simple;
  readonly none: Simple;
  readonly dropped: {
    readonly task: string;
    readonly before: readonly Frame[];
    readonly status: Frame;
    readonly after: readonly Frame[];
    readonly result: Frame;
    readonly duplicate: Frame;
  };
  readonly malformed: Readonly<
    Record<string, { readonly error: Frame; readonly unknown: Frame; readonly pong: Frame }>
  >;
}

function lackOf(): string | undefined {
  const probe = spawnSync(PYTHON, ['-c', 'import websockets, msgpack'], { encoding: 'utf8' });
  if (probe.error !== undefined) return `there is no ${PYTHON}`;
  return probe.status === 0 ? undefined : `apt install python3-websockets python3-msgpack`;
}

const folder = temporaryFolder('python');
let node: NodeUnderTest;
let seen: Seen;

describe.skipIf(lacks !== undefined)(`a client in Python${lacks === undefined ? '' : ` (${lacks})`}`, () => {
  beforeAll(async () => {
    node = new NodeUnderTest(folder.path, await freePort());
    await node.start();
    const { stdout } = await promisify(execFile)(PYTHON, [CLIENT, node.socketUrl], { timeout: 15_000 });
    seen = JSON.parse(stdout) as Seen;
  }, 40_000);

  afterAll(async () => {
    await node.kill();
    folder.clear();
  });

  it.each(['msgpack', 'json', 'none'] as const)('submits, watches and gets the result (subprotocol %s)', (codec) => {
    const { protocol, hello, accepted, events, result, same } = seen[codec];
    expect(protocol).toBe(codec === 'none' ? null : `troupe.v1.${codec}`);
    expect(hello).toMatchObject({ type: 'hello', protocol: 1 });
    expect(accepted).toMatchObject({ type: 'task.accepted', re: 'one', duplicate: false });
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.map(({ kind }) => kind)).toEqual([
      'task.submitted',
      'task.started',
      'agent.selected',
      'step.started',
      'step.completed',
    ]);
    expect(events.every((event) => event.task === accepted.task && !('re' in event))).toBe(true);
    expect(result).toMatchObject({ task: accepted.task, status: 'completed', seq: events.length + 1 });
    expect(same).toBe(true);
  });

  it('goes on after a lost connection, in the other encoding, from the last seq that it has', () => {
    const { task, before, status, after, result, duplicate } = seen.dropped;
    const events = [...before, ...after];
    expect(status).toMatchObject({ type: 'task.status', re: 'three', task });
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(after.length).toBeGreaterThan(0);
    expect(result).toMatchObject({ task, status: 'completed', seq: events.length + 1, output: 3 });
    expect(duplicate).toMatchObject({ type: 'task.accepted', task, duplicate: true });
  });

  it.each(['msgpack', 'json'])('is told of a malformed frame and of an unknown type, and goes on (%s)', (codec) => {
    const { error, unknown, pong } = seen.malformed[codec] as Seen['malformed'][string];
    expect(error).toMatchObject({ type: 'error', code: 'PROTOCOL_MALFORMED', retryable: false });
    expect(unknown).toMatchObject({ type: 'error', re: 'u', code: 'UNKNOWN_TYPE' });
    expect(pong).toMatchObject({ type: 'pong', re: 'p' });
  });
});
