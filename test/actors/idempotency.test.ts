import { describe, expect, it } from 'vitest';
import { bodyHashOf } from '../../actors/idempotency.ts';
import type { Submission } from '../../actors/desk.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

const body = (more: Partial<Submission> = {}): Submission => ({
  target: { agent: 'lab.echo' },
  input: { a: 1, b: [2] },
  options: {},
  key: 'k',
  ...more,
});

/** As a session does it: looks the key up, then submits in a turn of its own. */
async function take(node: WorkNode, submission: Submission, principal = 'loopback') {
  const task = await node.desk.duplicateOf(principal, submission);
  if (task !== undefined) return { task, duplicate: true };
  return node.desk.inTurn((port) => node.desk.submit(port, principal, submission));
}

describe('An idempotency key', () => {
  it('makes one task of a hundred submissions at once, and of those that come before, during and after its commit', async () => {
    const node = await createWorkNode();
    const answers = Promise.all(Array.from({ length: 100 }, () => take(node, body())));
    await node.world.settle();
    const admissions = await answers;
    await node.end(admissions[0]?.task ?? '');
    admissions.push(await take(node, body()));
    expect(new Set(admissions.map(({ task }) => task)).size).toBe(1);
    expect(admissions.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(node.submitted.count).toBe(1);
    expect((await node.store.listTasks({ limit: 10 })).tasks).toHaveLength(1);
  });

  it('stands for its task after the death of the node, for a day', async () => {
    const node = await createWorkNode();
    const { task } = await take(node, body());
    await node.end(task);
    const atMs = node.world.nowMs();
    node.kill();
    const again = await createWorkNode({ disk: node.disk, seed: 2, startMs: atMs });
    expect(await take(again, body())).toEqual({ task, duplicate: true });
    again.world.setWallClock(atMs + 86_400_000);
    expect(await take(again, body())).toMatchObject({ duplicate: false });
  });

  it('that was never committed is forgotten with its task', async () => {
    const node = await createWorkNode();
    await take(node, body());
    node.kill();
    const again = await createWorkNode({ disk: node.disk, seed: 2 });
    expect(await again.desk.duplicateOf('loopback', body())).toBeUndefined();
  });

  it('belongs to who used it', async () => {
    const node = await createWorkNode();
    const one = await take(node, body());
    expect(await take(node, body(), 'someone else')).toMatchObject({ duplicate: false });
    expect(await take(node, body())).toEqual({ task: one.task, duplicate: true });
  });

  it.each([
    ['target', { target: { agent: 'lab.delay' } }],
    ['input', { input: { a: 1, b: [3] } }],
    ['options', { options: { priority: 1 } }],
  ])('with another %s is refused, before the commit and after it', async (_part, other) => {
    const node = await createWorkNode();
    const { task } = await take(node, body());
    const message = 'This idempotency key was used for another task. Use a new key for a new task.';
    const refusal = { code: 'IDEMPOTENCY_MISMATCH', message, details: { task } };
    await expect(take(node, body(other))).rejects.toMatchObject(refusal);
    await node.end(task);
    await expect(take(node, body(other))).rejects.toMatchObject(refusal);
  });
});

describe('The hash of a body', () => {
  const hash = (input: unknown): string => bodyHashOf({ agent: 'x' }, input, {});

  it('does not depend on the order of fields, or on fields that are not set', () => {
    expect(hash({ a: 1, b: { c: 2, d: 3 } })).toBe(hash({ b: { d: 3, c: 2 }, a: 1, e: undefined }));
  });

  it('tells apart what is not the same', () => {
    const values = [
      null,
      0,
      '0',
      'null',
      true,
      [],
      {},
      [1, 2],
      [2, 1],
      [[1], 2],
      { a: 1 },
      { a: '1' },
      1n,
      '1n',
      1,
      new Date(0),
      Uint8Array.of(1),
      'bAQ==',
      { a: { b: 1 } },
      { 'a":{"b': 1 },
    ];
    const hashes = values.map(hash);
    expect(new Set(hashes).size).toBe(values.length);
  });
});
