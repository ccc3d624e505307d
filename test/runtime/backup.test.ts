import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backupOf, restoreBackup } from '../../runtime/backup.ts';
import { createLevelStore } from '../../runtime/stores/level-store.ts';
import { createMemoryStore } from '../../runtime/stores/memory-store.ts';
import type { DefinitionWrite, Store } from '../../runtime/stores/store.ts';
import { createManualWorld } from '../support/manual-world.ts';

const world = createManualWorld({ auto: true });

const EMPTY = { cells: [], attachments: [], tasks: [], keys: [], definitions: [], quarantine: [] } as const;

function workflows(from: number, to: number): DefinitionWrite[] {
  return Array.from({ length: to - from }, (_, index) => ({
    kind: 'workflow' as const,
    name: `w${from + index}`,
    version: '1.0.0',
    body: { index },
  }));
}

async function filled(): Promise<Store> {
  const store = createMemoryStore({ world });
  const fence = await store.open();
  const task = (index: number) => ({
    id: `01M82JH3VSQFBDW12G616D${String(index).padStart(4, '0')}`,
    created: {
      target: { agent: 'lab.echo' },
      input: { index, text: 'x'.repeat(index * 10) },
      options: {},
      principal: 'me',
      createdAtMs: index,
    },
    progress: { status: 'working' as const, seq: 1, updatedAtMs: index },
    events: [{ seq: 1, at: index, kind: 'task.submitted' as const, data: {} }],
  });
  await store.commit(
    {
      cells: [{ address: 'task/1', head: Buffer.from('state'), awake: true }],
      attachments: [{ address: 'task/1', key: 'row', value: Buffer.from('attached') }],
      tasks: Array.from({ length: 20 }, (_, index) => task(index)),
      keys: [{ principal: 'me', key: 'k', task: 't', bodyHash: 'h', expiresAtMs: 2 ** 50 }],
      definitions: [{ kind: 'workflow', name: 'w', version: '1.0.0', body: { a: 1 } }],
      quarantine: [],
    },
    fence,
  );
  return store;
}

async function bytesOf(store: Store): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of backupOf(store)) parts.push(part);
  return Buffer.concat(parts);
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function restored(bytes: Uint8Array, size = 100): Promise<Store> {
  const store = createMemoryStore({ world });
  await store.open();
  await restoreBackup(inPieces(bytes, size), store);
  return store;
}

describe('A backup', () => {
  it('put back into a new store gives the same answers, however its bytes arrive', async () => {
    const store = await filled();
    const bytes = await bytesOf(store);
    for (const size of [1, 7, 100, bytes.length]) {
      const copy = await restored(bytes, size);
      expect(await copy.listTasks({ limit: 50 })).toEqual(await store.listTasks({ limit: 50 }));
      expect(await copy.readCell('task/1')).toEqual(await store.readCell('task/1'));
      expect(await copy.readKey('me', 'k')).toEqual(await store.readKey('me', 'k'));
      expect(await copy.definitions('workflow')).toEqual(await store.definitions('workflow'));
    }
  });

  it('leaves the new store its own fence, so that it can be opened and written', async () => {
    const bytes = await bytesOf(await filled());
    const copy = createMemoryStore({ world });
    const fence = await copy.open();
    await restoreBackup(inPieces(bytes, 100), copy);
    await copy.commit(EMPTY, fence);
    await copy.reopen();
    expect(copy.status).toBe('open');
  });

  it('that is cut short anywhere is refused', async () => {
    const bytes = await bytesOf(await filled());
    for (let length = 0; length < bytes.length; length += 17)
      await expect(restored(bytes.subarray(0, length))).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    await expect(restored(bytes.subarray(0, bytes.length - 1))).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('in which a bit has changed anywhere is refused', async () => {
    const bytes = await bytesOf(await filled());
    for (let at = 0; at < bytes.length; at += 11) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      await expect(restored(changed), `byte ${at}`).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    }
  });

  it('of a store on disk shows one moment, whatever is written while it is read', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'troupe-backup-'));
    const store = createLevelStore({ dir, durability: 'os', world, ballastBytes: 0 });
    try {
      const fence = await store.open();
      await store.commit({ ...EMPTY, definitions: workflows(0, 2_000) }, fence);
      const parts: Buffer[] = [];
      let commits = 0;
      for await (const part of backupOf(store)) {
        parts.push(part);
        const from = 2_000 + 10 * commits++;
        await store.commit({ ...EMPTY, definitions: workflows(from, from + 10) }, fence);
      }
      expect(commits).toBeGreaterThan(5);
      const copy = await restored(Buffer.concat(parts));
      expect(await copy.definitions('workflow')).toHaveLength(2_000);
    } finally {
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
