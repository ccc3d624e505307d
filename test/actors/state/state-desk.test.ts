import { describe, expect, it } from 'vitest';
import { AGENTS, type PieceName } from '../../../actors/state/state-desk.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import type { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

const ME = 'loopback';
const X: PieceName = { scope: 'global', name: 'x' };

/** What comes of a promise, once the world has settled. */
async function of<T>(node: WorkNode, promise: Promise<T>): Promise<T> {
  void promise.catch(() => undefined);
  await node.world.settle();
  return await promise;
}

async function reborn(node: WorkNode): Promise<WorkNode> {
  const disk: MemoryDisk = node.disk;
  node.kill();
  return await createWorkNode({ disk, seed: 2 });
}

const valueOf = async (node: WorkNode, piece = X): Promise<unknown> => {
  const { version, exists, value } = await of(node, node.state.get(ME, piece));
  return exists ? [version, value] : [version];
};

describe('A piece of shared state', () => {
  it('has version 0 before anything was written, and counts each change from then on', async () => {
    const node = await createWorkNode();
    expect(await valueOf(node)).toEqual([0]);
    expect(await of(node, node.state.set(ME, X, { a: 1 }))).toEqual({ version: 1 });
    expect(await of(node, node.state.set(ME, X, { a: 2 }))).toEqual({ version: 2 });
    expect(await valueOf(node)).toEqual([2, { a: 2 }]);
    expect(await of(node, node.state.remove(ME, X))).toBe(3);
    expect(await of(node, node.state.remove(ME, X))).toBe(3);
    expect(await valueOf(node)).toEqual([3]);
    expect(await of(node, node.state.set(ME, X, null))).toEqual({ version: 4 });
    expect(await valueOf(node)).toEqual([4, null]);
  });

  it.each([
    ['the version that there is', 1, true],
    ['an older one', 0, false],
    ['one that is yet to come', 2, false],
  ])('is written on condition of %s', async (_what, ifVersion, isWritten) => {
    const node = await createWorkNode();
    await of(node, node.state.set(ME, X, 'first'));
    const writing = of(node, node.state.set(ME, X, 'second', { ifVersion }));
    if (isWritten) expect(await writing).toEqual({ version: 2 });
    else await expect(writing).rejects.toMatchObject({ code: 'STATE_CONFLICT', details: { version: 1, exists: true } });
    expect(await valueOf(node)).toEqual(isWritten ? [2, 'second'] : [1, 'first']);
  });

  it('that was removed counts as none for who wants to be the first', async () => {
    const node = await createWorkNode();
    await of(node, node.state.set(ME, X, 'first', { ifVersion: 0 }));
    await of(node, node.state.remove(ME, X, { ifVersion: 1 }));
    expect(await of(node, node.state.set(ME, X, 'again', { ifVersion: 0 }))).toEqual({ version: 3 });
  });

  it('is there after the process was killed, with its versions, its history and its lease', async () => {
    const first = await createWorkNode();
    await of(first, first.state.set(ME, X, 'one'));
    await of(first, first.state.set(ME, X, 'two'));
    const lease = await of(first, first.state.lock(ME, X, { holder: 'h', ttlMs: 60_000 }));
    const second = await reborn(first);
    expect(await of(second, second.state.get(ME, X))).toEqual({ ...X, version: 2, exists: true, value: 'two', lease });
    const history = await of(second, second.state.history(ME, X));
    expect(history.map(({ version, value, by }) => [version, value, by])).toEqual([
      [2, 'two', ME],
      [1, 'one', ME],
    ]);
    expect(await of(second, second.state.set(ME, X, 'three', { token: lease.token }))).toEqual({ version: 3 });
  });

  it('keeps its last versions, by number and by bytes', async () => {
    const node = await createWorkNode();
    for (let n = 1; n <= LIMITS.stateVersionsMax + 3; n++) await of(node, node.state.set(ME, X, n));
    const kept = (await of(node, node.state.history(ME, X))).map(({ value }) => value);
    expect(kept).toEqual(Array.from({ length: LIMITS.stateVersionsMax }, (_, i) => LIMITS.stateVersionsMax + 3 - i));
    const large = 'x'.repeat(LIMITS.stateValueBytesMax - 100);
    const y = { ...X, name: 'y' };
    for (let n = 0; n < 6; n++) await of(node, node.state.set(ME, y, large));
    expect((await of(node, node.state.history(ME, y))).length).toBe(
      Math.floor(LIMITS.stateHistoryBytesMax / LIMITS.stateValueBytesMax),
    );
  });

  it('refuses a value that fits into no frame, and one that cannot be sent', async () => {
    const node = await createWorkNode();
    const tooBig = of(node, node.state.set(ME, X, 'x'.repeat(LIMITS.stateValueBytesMax)));
    await expect(tooBig).rejects.toMatchObject({ code: 'PROTOCOL_TOO_BIG' });
    await expect(of(node, node.state.set(ME, X, 10n ** 30n))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await valueOf(node)).toEqual([0]);
  });

  it('makes a named change once, and tells what it made to who asks again', async () => {
    const node = await createWorkNode();
    await of(node, node.state.set(AGENTS, X, 'mine', { op: 'change-1', ifVersion: 0 }));
    await of(node, node.state.set(ME, X, 'another'));
    expect(await of(node, node.state.set(AGENTS, X, 'mine, made again', { op: 'change-1', ifVersion: 0 }))).toEqual({
      version: 1,
      value: 'mine',
    });
    expect(await valueOf(node)).toEqual([2, 'another']);
  });

  it.each(['nowhere', 'task:', 'tenant:two words', '', 'global:x', `tenant:${'x'.repeat(200)}`])(
    'is refused in the scope %j, which is none',
    async (scope) => {
      const node = await createWorkNode();
      const asked = of(node, node.state.get(ME, { scope, name: 'x' }));
      await expect(asked).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    },
  );

  it('is of one scope: names in different scopes have nothing to do with each other', async () => {
    const node = await createWorkNode();
    const scopes = ['global', 'tenant:a', 'tenant:b', 'workflow:a'];
    for (const scope of scopes) await of(node, node.state.set(ME, { scope, name: 'x' }, scope));
    for (const scope of scopes) expect(await valueOf(node, { scope, name: 'x' })).toEqual([1, scope]);
    expect(await of(node, node.state.list(ME, 'tenant:a', { limit: 10 }))).toMatchObject([{ name: 'x', version: 1 }]);
  });

  it('is listed by the names in its scope, page by page, as long as it has a value', async () => {
    const node = await createWorkNode();
    for (const name of ['c', 'a', 'd', 'b']) await of(node, node.state.set(ME, { scope: 'global', name }, name));
    await of(node, node.state.remove(ME, { scope: 'global', name: 'd' }));
    const first = await of(node, node.state.list(ME, 'global', { limit: 2 }));
    const rest = await of(node, node.state.list(ME, 'global', { limit: 2, after: 'b' }));
    expect([...first, ...rest].map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('of a task belongs to who may see the task, and goes a day after its end', async () => {
    const node = await createWorkNode();
    const { task } = node.submit({ agent: 'lab.delay' }, { ms: 5_000 });
    const note: PieceName = { scope: `task:${task}`, name: 'note' };
    await node.world.settle();
    await of(node, node.state.set(ME, note, 'kept'));
    await expect(of(node, node.state.get('somebody', note))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await node.end(task);
    await node.world.elapse(LIMITS.stateForgetMs - 60_000);
    expect(await valueOf(node, note)).toEqual([1, 'kept']);
    await node.world.elapse(120_000);
    expect(await valueOf(node, note)).toEqual([0]);
    expect(await of(node, node.state.list(ME, note.scope, { limit: 10 }))).toEqual([]);
  });

  it('that was removed is forgotten after a day, and written again is not', async () => {
    const node = await createWorkNode();
    const y = { ...X, name: 'y' };
    for (const piece of [X, y]) {
      await of(node, node.state.set(ME, piece, 1));
      await of(node, node.state.remove(ME, piece));
    }
    await of(node, node.state.set(ME, y, 2));
    await node.world.elapse(LIMITS.stateForgetMs + 1_000);
    expect(await valueOf(node)).toEqual([0]);
    expect(await valueOf(node, y)).toEqual([3, 2]);
  });
});

describe('A lease on a piece of shared state', () => {
  it('keeps others from writing, until it is let go of', async () => {
    const node = await createWorkNode();
    const { token } = await of(node, node.state.lock(ME, X, { holder: 'a', ttlMs: 10_000 }));
    const writing = of(node, node.state.set(ME, X, 'no'));
    await expect(writing).rejects.toMatchObject({ code: 'STATE_CONFLICT', details: { holder: 'a' } });
    await of(node, node.state.set(ME, X, 'yes', { token }));
    await of(node, node.state.unlock(ME, X, token));
    await of(node, node.state.unlock(ME, X, token));
    expect(await of(node, node.state.set(ME, X, 'after'))).toEqual({ version: 2 });
  });

  it('that is over is of no use: not to write, not to renew', async () => {
    const node = await createWorkNode();
    const { token } = await of(node, node.state.lock(ME, X, { holder: 'a', ttlMs: 10_000 }));
    await node.world.elapse(10_001);
    const conflict = { code: 'STATE_CONFLICT' };
    await expect(of(node, node.state.set(ME, X, 'late', { token }))).rejects.toMatchObject(conflict);
    await expect(of(node, node.state.renew(ME, X, token, 10_000))).rejects.toMatchObject(conflict);
    const next = await of(node, node.state.lock(ME, X, { holder: 'b', ttlMs: 10_000 }));
    expect(next.token).toBeGreaterThan(token);
    await expect(of(node, node.state.set(ME, X, 'late', { token }))).rejects.toMatchObject(conflict);
    expect(await valueOf(node)).toEqual([0]);
  });

  it('goes on for who renews it in time', async () => {
    const node = await createWorkNode();
    const { token } = await of(node, node.state.lock(ME, X, { holder: 'a', ttlMs: 10_000 }));
    for (let n = 0; n < 5; n++) {
      await node.world.elapse(8_000);
      await of(node, node.state.renew(ME, X, token, 10_000));
    }
    expect(await of(node, node.state.set(ME, X, 'held', { token }))).toEqual({ version: 1 });
  });

  it('is refused at once while another holds it, or waited for, in the order of asking', async () => {
    const node = await createWorkNode();
    const first = await of(node, node.state.lock(ME, X, { holder: 'a', ttlMs: 60_000 }));
    const now = of(node, node.state.lock(ME, X, { holder: 'b', ttlMs: 10_000 }));
    await expect(now).rejects.toMatchObject({ code: 'STATE_CONFLICT', details: { holder: 'a' } });
    const order: string[] = [];
    const wait = (holder: string, waitMs: number): Promise<void> =>
      node.state.lock(ME, X, { holder, ttlMs: 1_000, waitMs }).then(
        () => void order.push(holder),
        (error: { code: string }) => void order.push(`${holder} ${error.code}`),
      );
    const waits = [wait('b', 30_000), wait('impatient', 1_000), wait('c', 30_000)];
    await node.world.elapse(1_500);
    expect(order).toEqual(['impatient STATE_CONFLICT']);
    await of(node, node.state.unlock(ME, X, first.token));
    await node.world.elapse(5_000);
    await Promise.all(waits);
    expect(order).toEqual(['impatient STATE_CONFLICT', 'b', 'c']);
  });

  it('is waited for by a bounded number', async () => {
    const node = await createWorkNode();
    await of(node, node.state.lock(ME, X, { holder: 'a', ttlMs: 60_000 }));
    for (let n = 0; n < LIMITS.stateWaitersMax; n++)
      void node.state.lock(ME, X, { holder: `w${n}`, ttlMs: 1_000, waitMs: 5_000 }).catch(() => undefined);
    const over = of(node, node.state.lock(ME, X, { holder: 'over', ttlMs: 1_000, waitMs: 5_000 }));
    await expect(over).rejects.toMatchObject({ code: 'BUSY' });
  });
});

describe('Who watches a piece of shared state', () => {
  it('is shown each committed version from the one on that is there, without a gap', async () => {
    const node = await createWorkNode();
    await of(node, node.state.set(ME, X, 1));
    const seen: number[] = [];
    const opening = node.state.watch(ME, X, ({ version }) => seen.push(version));
    for (let n = 2; n <= 5; n++) void node.state.set(ME, X, n);
    const { piece, stop } = await of(node, opening);
    await of(node, node.state.remove(ME, X));
    expect([piece.version, ...seen]).toEqual(Array.from({ length: 7 - piece.version }, (_, i) => piece.version + i));
    stop();
    await of(node, node.state.set(ME, X, 'unseen'));
    expect(seen.at(-1)).toBe(6);
  });
});
