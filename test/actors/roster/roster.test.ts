/** Agents that come and go while a node runs, on a whole node without doors. */
import { setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { type AgentOptions, defineAgent } from '../../../actors/agent-definition.ts';
import type { AgentView } from '../../../actors/roster/agent-view.ts';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { createIndoorNode, type IndoorNode, settled } from '../../support/indoor-node.ts';

const LOOK_MS = 500;

/** An agent that works until it is told to end. */
function worker(name: string, more: Partial<AgentOptions> = {}) {
  const calls: ((outcome: unknown) => void)[] = [];
  const agent = defineAgent({
    name,
    version: '1.0.0',
    capabilities: ['work'],
    kind: 'pure',
    run: () => new Promise((resolve) => void calls.push(resolve)),
    ...more,
  });
  const end = (output: unknown): void => calls.shift()?.(output);
  return { agent, calls, end };
}

const statusOf = (node: IndoorNode, name: string): string | undefined => node.roster.view(name)?.status;
const names = (views: readonly AgentView[]): string[] => views.map(({ name, version }) => `${name}@${version}`);
const resultOf = async (node: IndoorNode, task: string) => (await node.store.readTask(task))?.result;

describe('An agent that is registered while the node runs', () => {
  it('is there at once for tasks, in the lists and in the registers', async () => {
    const node = await createIndoorNode();
    const { agent, end } = worker('late');
    node.roster.enlist(agent, 'program');
    const task = node.submit({ capability: 'work' }, 1);
    await node.world.settle();
    end('done');
    await node.world.settle();
    expect(await resultOf(node, task)).toMatchObject({ status: 'completed', output: 'done' });
    expect(names(node.roster.page({ capability: 'work' }, 10).agents)).toEqual(['late@1.0.0']);
    expect(node.roster.view('late')).toMatchObject({ nodes: [node.roster.view('late')?.node] });
    expect(node.roster.ownWork()).toMatchObject({ agents: expect.arrayContaining(['late@1.0.0']) as unknown });
    expect(node.registers.getSnapshot().context.agents['late@1.0.0']).toMatchObject({
      source: 'program',
      status: 'ready',
    });
    expect(() => node.roster.enlist(agent, 'program')).toThrow(expect.objectContaining({ code: 'STATE_CONFLICT' }));
  });

  it('shows its load, how it stands, and what its runs were like', async () => {
    const node = await createIndoorNode();
    const { agent, end } = worker('narrow', { concurrency: 1, retry: { attempts: 1 } });
    node.roster.enlist(agent, 'program');
    expect(node.roster.view('narrow')).toMatchObject({ status: 'ready', load: { running: 0, inHand: 0, capacity: 1 } });
    expect(node.roster.view('narrow')?.figures).toBeUndefined();
    for (let n = 0; n < 3; n++) node.submit({ agent: 'narrow' }, n);
    await node.world.settle();
    expect(node.roster.view('narrow')).toMatchObject({
      status: 'busy',
      load: { running: 1, waiting: 2, inHand: 3, capacity: 1 },
    });
    for (let n = 0; n < 3; n++) {
      await node.world.elapse(100);
      end(n);
      await node.world.settle();
    }
    expect(node.roster.view('narrow')).toMatchObject({
      status: 'ready',
      load: { running: 0, waiting: 0, inHand: 0 },
      figures: { runs: 3, failures: 0, failureShare: 0, durationMs: { samples: 3 } },
    });
    expect(node.roster.view('narrow')?.figures?.durationMs.p50).toBeCloseTo(200, -1);
    expect(names(node.roster.page({ status: 'ready', capability: 'work' }, 10).agents)).toEqual(['narrow@1.0.0']);
    expect(node.roster.page({ status: 'busy' }, 10).agents).toEqual([]);
  });

  it('is degraded when most of what it did of late failed, and comes back with time', async () => {
    const node = await createIndoorNode();
    const agent = defineAgent({
      name: 'shaky',
      version: '1.0.0',
      kind: 'pure',
      retry: { attempts: 1 },
      breaker: { failures: 0 },
      run: () => Promise.reject(new TypeError('no')),
    });
    node.roster.enlist(agent, 'program');
    for (let n = 0; n < 6; n++) node.submit({ agent: 'shaky' }, n);
    await node.world.settle();
    expect(node.roster.view('shaky')).toMatchObject({
      status: 'degraded',
      figures: { failures: 6, codes: { AGENT_FAILED: 6 } },
    });
    await node.world.elapse(60_000);
    expect(statusOf(node, 'shaky')).toBe('ready');
  });
});

describe('An agent that is unregistered', () => {
  it('gets no new work, ends what it has, and is gone then', async () => {
    const node = await createIndoorNode();
    const { agent, end } = worker('leaving');
    node.roster.enlist(agent, 'program');
    const task = node.submit({ agent: 'leaving' }, 1);
    await node.world.settle();
    const view = await settled(node.world, node.roster.unregister('leaving'));
    expect(view).toMatchObject({ name: 'leaving', status: 'draining', load: { inHand: 1 } });
    let isGone = false;
    void node.roster.gone('leaving@1.0.0').then(() => (isGone = true));
    expect(() => node.submit({ agent: 'leaving' }, 2)).toThrow(/is being unregistered/);
    expect(() => node.submit({ agent: 'leaving@1.0.0' }, 2)).toThrow(expect.objectContaining({ code: 'NO_AGENT' }));
    expect(() => node.submit({ capability: 'work' }, 2)).toThrow(expect.objectContaining({ code: 'NO_AGENT' }));
    await node.world.elapse(10 * LOOK_MS);
    expect([statusOf(node, 'leaving@1.0.0'), isGone]).toEqual(['draining', false]);
    end('last');
    await node.world.elapse(LOOK_MS);
    expect(await resultOf(node, task)).toMatchObject({ status: 'completed', output: 'last' });
    expect([statusOf(node, 'leaving@1.0.0'), isGone]).toEqual(['gone', true]);
    expect(node.roster.page({ capability: 'work' }, 10).agents).toEqual([]);
    expect(names(node.roster.page({ status: 'gone' }, 10).agents)).toEqual(['leaving@1.0.0']);
    expect(node.registers.getSnapshot().context.agents['leaving@1.0.0']).toBeUndefined();
    expect(node.kernel.logic('agent:leaving@1.0.0')).toBeUndefined();
    node.roster.enlist(worker('leaving').agent, 'program');
    expect(statusOf(node, 'leaving@1.0.0')).toBe('ready');
  });

  it('is gone at once where it has nothing in hand; another version goes on in its place', async () => {
    const node = await createIndoorNode();
    node.roster.enlist(worker('two').agent, 'program');
    node.roster.enlist(worker('two', { version: '2.0.0' }).agent, 'program');
    expect(await settled(node.world, node.roster.unregister('two'))).toMatchObject({
      version: '2.0.0',
      status: 'gone',
    });
    node.submit({ agent: 'two' }, 1);
    await node.world.settle();
    expect(node.roster.view('two')).toMatchObject({ version: '1.0.0', load: { inHand: 1 } });
    await expect(settled(node.world, node.roster.unregister('two@2.0.0'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('makes the further attempts of a step that it has begun', async () => {
    const node = await createIndoorNode();
    let attempts = 0;
    const agent = defineAgent({
      name: 'slow.starter',
      version: '1.0.0',
      retry: { attempts: 3, backoffMs: 5_000 },
      run: () => {
        if (++attempts < 3) throw new TypeError('not yet');
        return attempts;
      },
    });
    node.roster.enlist(agent, 'program');
    const task = node.submit({ agent: 'slow.starter' }, 1);
    await node.world.settle();
    expect(await settled(node.world, node.roster.unregister('slow.starter'))).toMatchObject({ status: 'draining' });
    await node.world.elapse(20_000);
    expect(await resultOf(node, task)).toMatchObject({ status: 'completed', output: 3 });
    expect(statusOf(node, 'slow.starter@1.0.0')).toBe('gone');
  });

  it('is there as long as keyed actors of it are in memory', async () => {
    const node = await createIndoorNode();
    const machine = setup({}).createMachine({ on: { poke: {} } });
    node.roster.enlist(defineAgent({ name: 'keeper', version: '1.0.0', keyed: true, machine }), 'program');
    await settled(node.world, node.desk.tell('keeper', 'k', { type: 'poke' }));
    expect(await settled(node.world, node.roster.unregister('keeper'))).toMatchObject({ status: 'draining' });
    await expect(settled(node.world, node.desk.tell('keeper', 'k', { type: 'poke' }))).rejects.toMatchObject({
      code: 'NO_AGENT',
    });
    await node.world.elapse(400_000);
    expect(statusOf(node, 'keeper@1.0.0')).toBe('gone');
  });
});

describe('A health check', () => {
  /** An agent whose health is what the last element says. */
  function patient(checks: (boolean | 'hangs' | 'throws' | 'escapes')[], name = 'patient') {
    const asked = { count: 0, under: 0, most: 0 };
    const check = async (): Promise<boolean> => {
      asked.count++;
      asked.most = Math.max(asked.most, ++asked.under);
      const word = checks.length > 1 ? checks.shift() : checks[0];
      if (word === 'hangs') await new Promise<never>(() => undefined);
      asked.under--;
      if (word === 'throws') throw new TypeError('no connection');
      return word === true;
    };
    const health = { check, intervalMs: 10_000, timeoutMs: 1_000, failures: 2, passes: 2 };
    const agent = defineAgent({ name, version: '1.0.0', capabilities: ['care'], health, run: () => name });
    return { agent, asked };
  }

  it('is made at once and then on schedule; so many failures in a row degrade, so many passes heal', async () => {
    const { agent, asked } = patient([true, false, true, false, 'throws', true, true]);
    const node = await createIndoorNode({ agents: [agent] });
    const seen: unknown[] = [];
    for (let n = 0; n < 7; n++) {
      const { status, health } = node.roster.view('patient') as AgentView;
      seen.push([status, health?.state, health?.failures]);
      await node.world.elapse(11_000);
    }
    expect(seen).toEqual([
      ['ready', 'passing', 0],
      ['ready', 'passing', 1],
      ['ready', 'passing', 0],
      ['ready', 'passing', 1],
      ['degraded', 'failing', 2],
      ['degraded', 'failing', 0],
      ['ready', 'passing', 0],
    ]);
    expect(asked.count).toBeGreaterThanOrEqual(7);
  });

  it('says why it fails', async () => {
    const node = await createIndoorNode({ agents: [patient(['throws']).agent] });
    expect(node.roster.view('patient')?.health).toMatchObject({
      state: 'passing',
      failures: 1,
      error: 'no connection',
    });
  });

  it('that hangs is given up, not made twice, and harms nobody', async () => {
    const { agent, asked } = patient(['hangs']);
    const well = patient([true], 'well');
    const node = await createIndoorNode({ agents: [agent, well.agent] });
    await node.world.elapse(60_000);
    expect(node.roster.view('patient')).toMatchObject({
      status: 'degraded',
      health: { state: 'failing', error: 'The check before this one has not come back.' },
    });
    expect(asked).toMatchObject({ count: 1, most: 1 });
    expect(well.asked.count).toBeGreaterThan(4);
    const task = node.submit({ capability: 'care' }, 1);
    await node.world.settle();
    expect(await resultOf(node, task)).toMatchObject({ output: 'well' });
  });

  it('from which an error escapes is restarted by its supervisor, and counts as failed', async () => {
    const { agent, asked } = patient([true]);
    const node = await createIndoorNode({ agents: [agent] });
    for (let n = 0; n < 2; n++) {
      node.kernel.cells.get('health/patient@1.0.0')?.fail(new TypeError('thrown in a timer'));
      await node.world.elapse(2_000);
    }
    expect(node.roster.view('patient')).toMatchObject({
      status: 'degraded',
      health: { error: 'An error escaped from the check.' },
    });
    const before = asked.count;
    await node.world.elapse(30_000);
    expect(asked.count).toBeGreaterThan(before + 1);
    expect(statusOf(node, 'patient')).toBe('ready');
  });

  it('is made of so many agents at a time', async () => {
    const under = { now: 0, most: 0, count: 0 };
    const check = async (): Promise<boolean> => {
      under.count++;
      under.most = Math.max(under.most, ++under.now);
      await new Promise<void>((resolve) => void node.world.after(100, resolve));
      under.now--;
      return true;
    };
    const agents = Array.from({ length: 40 }, (_, n) =>
      defineAgent({ name: `p${n}`, version: '1.0.0', health: check, run: () => n }),
    );
    const node = await createIndoorNode();
    for (const agent of agents) node.roster.enlist(agent, 'program');
    await node.world.elapse(5_000);
    expect([under.count, under.most]).toEqual([40, 8]);
  });

  it('is made no more of an agent that is unregistered', async () => {
    const { agent, asked } = patient([true]);
    const node = await createIndoorNode({ agents: [agent] });
    await settled(node.world, node.roster.unregister('patient'));
    const { count } = asked;
    await node.world.elapse(60_000);
    expect(asked.count).toBe(count);
  });
});

describe('Figures of a node', () => {
  it('are there again after a kill, but for the last moments', async () => {
    const disk = new MemoryDisk();
    const { agent, end } = worker('steady');
    const one = await createIndoorNode({ agents: [agent], disk });
    const run = async (node: IndoorNode, tookMs: number): Promise<void> => {
      node.submit({ agent: 'steady' }, 1);
      await node.world.elapse(tookMs);
      end('ok');
      await node.world.settle();
    };
    for (let n = 0; n < 5; n++) await run(one, 40);
    await one.world.elapse(5_000);
    await run(one, 40);
    disk.crash();
    const two = await createIndoorNode({ agents: [agent], disk, seed: 2 });
    expect(two.figures.ofAgent('steady')).toMatchObject({ runs: 5, failures: 0, durationMs: { p50: 40, samples: 5 } });
    await run(two, 40);
    expect(two.figures.ofAgent('steady')?.runs).toBe(6);
  });
});
