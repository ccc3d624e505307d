import { describe, expect, it } from 'vitest';
import { type AgentDefinition, defineAgent } from '../../../actors/agent-definition.ts';
import { z } from 'zod';
import { createMeshRig, type MeshRig } from '../../support/mesh-rig.ts';

const DAY_MS = 24 * 60 * 60_000;
const IT = defineAgent({ name: 'it', version: '1.0.0', run: ({ input }) => input });

/** A worker has joined, and left in good order. */
async function left(rig: MeshRig, node: string): Promise<void> {
  const { worker, pair } = await rig.join(node, [IT]);
  await worker.drain(1_000);
  await rig.owner.world.settle();
  pair.lose();
  await rig.owner.world.settle();
}

describe('What a worker has offered that has left in good order', () => {
  it('is known after a restart of the owner: work that waits for it goes on with the next one who offers it', async () => {
    const rig = await createMeshRig();
    await left(rig, 'w1');
    const { task } = rig.owner.submit({ agent: 'it' }, 'the work');
    await rig.owner.world.settle();
    const owner = await rig.restartOwner();
    await owner.world.elapse(1_000);
    expect((await owner.store.readTask(task))?.status).toBe('working');
    await rig.join('w2', [IT]);
    expect((await owner.end(task)).result).toMatchObject({ status: 'completed', output: 'the work' });
  });

  it('is waited for by nobody: the owner does not expect it back', async () => {
    const rig = await createMeshRig();
    await left(rig, 'w1');
    const owner = await rig.restartOwner();
    expect(owner.mesh?.absent.size).toBe(0);
  });

  it('is kept of the last hundred, and of one name once', async () => {
    const rig = await createMeshRig();
    for (let at = 0; at < 102; at++) await left(rig, `w${at}`);
    await left(rig, 'w101');
    await rig.owner.world.settle();
    const rows = await rig.owner.store.definitions('worker');
    expect(rows.map(({ name }) => name)).not.toContain('w1');
    expect(rows).toHaveLength(100);
  });
});

describe('What a worker has offered that was there when the owner died', () => {
  it('is known after any time: its calls are waited for, and joined', async () => {
    const rig = await createMeshRig();
    const made: string[] = [];
    const gate = Promise.withResolvers<void>();
    const run = async ({ input }: { readonly input: unknown }): Promise<unknown> => {
      made.push(String(input));
      await gate.promise;
      return input;
    };
    const one = await rig.join('w1', [defineAgent({ name: 'it', version: '1.0.0', timeoutMs: 0, run })]);
    await rig.owner.world.elapse(2 * DAY_MS);
    const { task } = rig.owner.submit({ agent: 'it' }, 'the work');
    await rig.owner.world.settle();
    const owner = await rig.restartOwner();
    expect([...(owner.mesh?.absent.keys() ?? [])]).toEqual(['w1']);
    await one.rejoin();
    gate.resolve();
    expect((await owner.end(task)).result).toMatchObject({ status: 'completed', output: 'the work' });
    expect(made).toEqual(['the work']);
    expect(rig.outcomes).toEqual(['joined', 'done']);
  });
});

describe('What a worker has offered that was lost', () => {
  const lose = async (rig: MeshRig, node: string): Promise<void> => {
    (await rig.join(node, [IT])).pair.lose();
    await rig.owner.world.settle();
  };

  it('is waited for a day; its agents are known after that too', async () => {
    const rig = await createMeshRig();
    await lose(rig, 'w1');
    await rig.owner.world.elapse(DAY_MS + 1);
    await lose(rig, 'w2');
    expect([...(rig.owner.mesh?.absent.keys() ?? [])]).toEqual(['w2']);
    const owner = await rig.restartOwner();
    expect([...(owner.mesh?.absent.keys() ?? [])]).toEqual(['w2']);
    expect(owner.registry.agent('it')).toBeDefined();
  });

  it('is waited for of the last hundred, and kept of a hundred more', async () => {
    const rig = await createMeshRig();
    for (let at = 0; at < 205; at++) await lose(rig, `w${at}`);
    expect(rig.owner.mesh?.absent.size).toBe(100);
    expect(await rig.owner.store.definitions('worker')).toHaveLength(200);
  });
});

describe('An agent with another schema under the same version', () => {
  const wants = (field: string): AgentDefinition =>
    defineAgent({ name: 'it', version: '1.0.0', input: z.object({ [field]: z.number() }), run: ({ input }) => input });
  const ended = async (rig: MeshRig, input: unknown): Promise<unknown> =>
    (await rig.owner.end(rig.owner.submit({ agent: 'it' }, input).task)).result?.status;

  it('is not taken from a worker where the owner, or another worker, has it', async () => {
    for (const isLocal of [true, false]) {
      const rig = await createMeshRig(isLocal ? { agents: [wants('a')] } : {});
      if (!isLocal) await rig.join('w1', [wants('a')]);
      await rig.join('w2', [wants('b')]);
      expect(rig.owner.mesh?.nodesOf('it@1.0.0', 'home')).toEqual([isLocal ? 'home' : 'w1']);
      expect(await ended(rig, { a: 1 })).toBe('completed');
    }
  });

  it('counts at once, and after a restart of the owner, where nobody else has it', async () => {
    const rig = await createMeshRig();
    (await rig.join('w1', [wants('a')])).pair.lose();
    await rig.owner.world.elapse(1_000);
    await rig.join('w1', [wants('b')]);
    expect(rig.owner.mesh?.nodesOf('it@1.0.0', 'home')).toEqual(['w1']);
    expect(await ended(rig, { b: 1 })).toBe('completed');
    expect(() => rig.owner.submit({ agent: 'it' }, { a: 1 })).toThrow(/b/);
    const owner = await rig.restartOwner();
    expect(owner.registry.agent('it')?.input?.safeParse({ b: 1 }).success).toBe(true);
    expect(owner.registry.agent('it')?.input?.safeParse({ a: 1 }).success).toBe(false);
  });
});

describe('An agent that has changed otherwise under the same version', () => {
  const form = (capabilities: readonly string[], timeoutMs: number): AgentDefinition =>
    defineAgent({
      name: 'it',
      version: '1.0.0',
      capabilities: [...capabilities],
      timeoutMs,
      run: ({ input }) => input,
    });
  const known = (rig: MeshRig) => rig.owner.registry.agent('it@1.0.0');

  it('is what the only worker that has it says now', async () => {
    const rig = await createMeshRig();
    (await rig.join('w1', [form(['old'], 1_000)])).pair.lose();
    await rig.owner.world.elapse(1_000);
    await rig.join('w1', [form(['new'], 2_000)]);
    expect(known(rig)?.timeoutMs).toBe(2_000);
    expect([...rig.owner.registry.capabilities()].filter((name) => !name.startsWith('lab.'))).toEqual(['new']);
    const { task } = rig.owner.submit({ capability: 'new' }, 'the work');
    expect((await rig.owner.end(task)).result).toMatchObject({ status: 'completed', output: 'the work' });
  });

  it('is what it was while another worker has it, and what it says now once that is lost', async () => {
    for (const isLost of [true, false]) {
      const rig = await createMeshRig();
      const { pair } = await rig.join('w1', [form(['old'], 1_000)]);
      if (isLost) pair.lose();
      await rig.owner.world.elapse(1_000);
      await rig.join('w2', [form(['new'], 2_000)]);
      expect(known(rig)?.timeoutMs).toBe(isLost ? 2_000 : 1_000);
    }
  });

  it('is the same agent where nothing has changed: nothing is said of it', async () => {
    const rig = await createMeshRig();
    (await rig.join('w1', [form(['old'], 1_000)])).pair.lose();
    await rig.owner.world.elapse(1_000);
    const before = known(rig);
    await rig.join('w1', [form(['old'], 1_000)]);
    expect(known(rig)).toBe(before);
  });
});
