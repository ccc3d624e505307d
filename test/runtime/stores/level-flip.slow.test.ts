import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLevelStore } from '../../../runtime/stores/level-store.ts';
import type { Store } from '../../../runtime/stores/store.ts';
import { bytes, epochOf } from '../../contract/epochs.ts';
import { collect } from '../../contract/store-answers.ts';
import { createSetWorld, NOW_MS } from '../../contract/store-medium.ts';
import { begun, finished, went } from '../../contract/task-writes.ts';
import { TEMPORARY } from './level-medium.ts';

const FULL = process.env['TROUPE_TEST_FULL'] === '1';
/** Every byte with TROUPE_TEST_FULL=1; otherwise every so many, from another one on each time. */
const STRIDE = FULL ? 1 : 5;
const FIRST = Math.floor(Math.random() * STRIDE);
const IDS = ['a', 'b', 'c'];
/** LevelDB's own notes, which it never reads. */
const NOTES = /^LO(G|G\.old|CK)$/;
const world = createSetWorld();
let parent: string;
let made: string;
let expected: unknown[];

const storeOf = (dir: string): Store => createLevelStore({ dir, durability: 'os', world, ballastBytes: 0 });

beforeAll(async () => {
  parent = await mkdtemp(join(TEMPORARY, 'troupe-flip-'));
  made = join(parent, 'made');
  const epochs = [
    epochOf({
      tasks: IDS.map((id) => begun(id, 'working')),
      definitions: [{ kind: 'agent', name: 'n', version: '1', body: { x: 1 } }],
    }),
    epochOf({
      tasks: IDS.map((id) => went(id, 'working', 'completed', 1, 2)),
      cells: IDS.map((id) => ({ address: `agent/${id}`, head: bytes(`head ${id}`), awake: true })),
      attachments: IDS.map((id) => ({ address: `agent/${id}`, key: 'k', value: bytes(`row ${id}`) })),
    }),
    epochOf({
      tasks: [finished('d')],
      keys: [{ principal: 'me', key: 'k', task: 'd', bodyHash: 'h', expiresAtMs: NOW_MS + 1 }],
    }),
  ];
  for (const epoch of epochs) {
    const store = storeOf(made);
    await store.commit(epoch, await store.open());
    await store.close();
  }
  const store = storeOf(made);
  await store.open();
  expected = await readAll(store);
  await store.close();
});
afterAll(() => rm(parent, { recursive: true }));

/** Every single thing that the store holds, each by a read of its own; errors stand for themselves. */
async function readAll(store: Store): Promise<unknown[]> {
  const reads = [
    ...[...IDS, 'd'].flatMap((id) => [() => store.readTask(id), () => store.readEvents(id, 0, 10)]),
    ...IDS.map((id) => () => store.readCell(`agent/${id}`)),
    () => store.readKey('me', 'k'),
    () => store.definitions('agent'),
    () => store.listTasks({ limit: 10 }),
    () =>
      collect(
        store.awakeCells((error) => {
          throw error;
        }),
      ),
  ];
  const answers: unknown[] = [];
  for (const read of reads) answers.push(await read().catch((error: unknown) => error));
  return answers;
}

/** Calls `look` with a copy of the store for each byte of its files, one bit of it flipped. */
async function forEachByte(look: (dir: string, place: string) => Promise<void>): Promise<number> {
  let flips = 0;
  for (const name of (await readdir(join(made, 'db'))).filter((file) => !NOTES.test(file))) {
    const whole = await readFile(join(made, 'db', name));
    for (let at = FIRST; at < whole.length; at += STRIDE) {
      const dir = join(parent, 'flipped');
      await cp(made, dir, { recursive: true });
      const flipped = Uint8Array.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      await writeFile(join(dir, 'db', name), flipped);
      await look(dir, `${name} at byte ${at}`);
      await rm(dir, { recursive: true });
      flips++;
    }
  }
  return flips;
}

const WHICH = STRIDE === 1 ? 'any byte' : `each ${STRIDE}th byte from ${FIRST} on`;

it(`a bit flipped in ${WHICH} of any file is refused at the opening, or changes nothing`, async () => {
  const harmless: string[] = [];
  const flips = await forEachByte(async (dir, place) => {
    const store = storeOf(dir);
    const refusal = await store.open().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refusal === undefined) {
      harmless.push(place);
      expect(await readAll(store), place).toEqual(expected);
    } else {
      // It says which file, so that whoever restores a backup knows what for.
      expect(refusal, place).toMatchObject({
        code: 'STORE_CORRUPT',
        details: { damage: [{ file: expect.any(String) }] },
      });
    }
    await store.close();
  });
  expect(flips).toBeGreaterThan(1_000 / STRIDE);
  expect(harmless.length).toBeLessThan(flips / 8);
}, 180_000);
