import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { createWorkNode, type WorkNode, type WorkNodeOptions } from '../../support/work-node.ts';
import { offerOf, ScriptedWorker } from './scripted-worker.ts';

/** A worker that has joined. */
async function joined(node: WorkNode, worker: ScriptedWorker): Promise<ScriptedWorker> {
  await node.world.settle();
  return worker;
}

async function owner(
  options: WorkNodeOptions = {},
): Promise<WorkNode & { worker(node?: string, incarnation?: string): ScriptedWorker }> {
  const node = await createWorkNode({ hasMesh: true, ...options });
  return {
    ...node,
    worker: (name, incarnation) => new ScriptedWorker(node.world, node.mesh as never, name, incarnation),
  };
}

describe('An owner', () => {
  it('lists what a worker offers, and has it do the work', async () => {
    const node = await owner();
    const worker = node.worker().join([offerOf('far')]);
    await node.world.settle();
    expect(node.registry.agent('far')?.version).toBe('1.0.0');
    const { task } = node.submit({ capability: 'far' }, { a: 1 });
    await node.world.settle();
    expect(worker.calls).toMatchObject([
      { agent: 'far@1.0.0', work: { task, input: { a: 1 } }, name: 'run', again: false },
    ]);
    worker.end({ b: 2 });
    const record = await node.end(task);
    expect(record.result).toMatchObject({ status: 'completed', output: { b: 2 } });
    expect(worker.all('call.settled')).toHaveLength(1);
  });

  it('does not tell a worker that an outcome may be forgotten before that is on disk', async () => {
    const node = await owner();
    const worker = await joined(node, node.worker().join([offerOf('far')]));
    const { task } = node.submit({ agent: 'far' });
    await node.world.settle();
    let results = 0;
    worker.onMessage = (message) => {
      if (message.type !== 'call.settled') return;
      results = node.disk.keys().filter((key) => key.includes(task)).length;
    };
    worker.end(1);
    await node.end(task);
    expect(results).toBeGreaterThan(0);
  });

  it('does the requests of a call with a context of its own: the journal, and functions that are called back', async () => {
    const node = await owner();
    const worker = await joined(node, node.worker().join([offerOf('far')]));
    const { task } = node.submit({ agent: 'far' });
    await node.world.settle();
    worker.ask(1, 'journal', ['pay', { args: [7] }]);
    await node.world.settle();
    const [invoke] = worker.all('function.invoke');
    expect(invoke).toMatchObject({ request: 1, which: 'do', args: [expect.stringMatching(/^[0-9a-f]{64}$/)] });
    worker.say({
      ...pick(worker),
      type: 'function.done',
      invocation: invoke?.invocation ?? 0,
      ok: true,
      value: 'paid',
    });
    await node.world.settle();
    expect(worker.all('request.done')).toMatchObject([{ request: 1, ok: true, value: 'paid' }]);
    worker.ask(2, 'nonsense', []);
    await node.world.settle();
    expect(worker.all('request.done').at(-1)).toMatchObject({
      request: 2,
      ok: false,
      error: { code: 'INVALID_INPUT' },
    });
    worker.end(1);
    await node.end(task);
  });

  it('runs the work of a lost worker elsewhere, where its journal is found, and notes what the lost one says late', async () => {
    const outcomes: string[] = [];
    const node = await owner({ onMeshCall: (outcome) => void outcomes.push(outcome) });
    const first = await joined(node, node.worker('w1').join([offerOf('far')]));
    const { task } = node.submit({ agent: 'far' });
    await node.world.settle();
    first.ask(1, 'journal', ['pay', {}]);
    await node.world.settle();
    const invocation = first.all('function.invoke')[0]?.invocation ?? 0;
    first.say({ ...pick(first), type: 'function.done', invocation, ok: true, value: 'paid' });
    await node.world.settle();
    first.pair.lose();
    const second = node.worker('w2').join([offerOf('far')]);
    await node.world.settle();
    expect(second.calls).toMatchObject([{ call: first.calls[0]?.call }]);
    expect(second.calls[0]?.token).not.toBe(first.calls[0]?.token);
    second.ask(1, 'journal', ['pay', {}]);
    await node.world.settle();
    expect(second.all('function.invoke')).toEqual([]);
    expect(second.all('request.done')).toMatchObject([{ ok: true, value: 'paid' }]);
    const back = node.worker('w1', 'w1-1').join([offerOf('far')], [{ ...pick(first), state: 'ended' }]);
    back.end('late', first.calls[0]);
    await node.world.settle();
    expect(back.all('call.settled')).toHaveLength(1);
    second.end('done');
    expect((await node.end(task)).result).toMatchObject({ output: 'done' });
    expect(outcomes).toEqual(['lost', 'late', 'done']);
    const { effects } = await node.store.listEffects({ state: 'late', limit: 10 });
    expect(effects).toMatchObject([{ state: 'late', decision: { how: 'done', output: 'late' } }]);
  });

  it('leaves an unsafe call of a lost worker in doubt, and asks a person', async () => {
    const node = await owner();
    const first = await joined(node, node.worker('w1').join([offerOf('far')]));
    const { task } = node.submit({ agent: 'far' });
    await node.world.settle();
    first.ask(1, 'journal', ['pay', { kind: 'unsafe' }]);
    await node.world.settle();
    expect(first.all('function.invoke')).toHaveLength(1);
    first.pair.lose();
    const second = node.worker('w2').join([offerOf('far')]);
    await node.world.settle();
    second.ask(1, 'journal', ['pay', { kind: 'unsafe' }]);
    await node.world.settle();
    expect(second.all('function.invoke')).toEqual([]);
    expect((await node.store.readTask(task))?.status).toBe('input-required');
    expect(await node.kinds(task)).toContain('effect.unknown');
  });

  it('gives work up whose nodes are lost again and again', async () => {
    const node = await owner();
    await joined(node, node.worker('w0').join([offerOf('far')]));
    const admitted = node.submit({ agent: 'far' });
    await node.world.settle();
    for (let n = 0; n < LIMITS.nodeLossesMax + 1; n++) {
      const worker = node.worker(`w${n}`, `w${n}-x`).join([offerOf('far')]);
      await node.world.settle();
      worker.pair.lose();
      await node.world.settle();
    }
    expect((await node.end(admitted.task)).result).toMatchObject({
      status: 'failed',
      error: { code: 'AGENT_CRASHED' },
    });
  });

  it('goes on with work whose nodes have lost their link alone, however often', async () => {
    const node = await owner();
    const session = (name: string): Promise<ScriptedWorker> =>
      joined(node, node.worker(name, `the process of ${name}`).join([offerOf('far')]));
    await session('w');
    const { task } = node.submit({ agent: 'far' });
    await node.world.settle();
    // As when the owner has stood still: to each of its nodes, which have gone on, it was silent for too long.
    for (let n = 0; n < LIMITS.nodeLossesMax; n++) await session('w');
    const other = await session('other');
    other.end('done');
    expect((await node.end(task)).result).toMatchObject({ status: 'completed', output: 'done' });
  });

  it('goes on with work that only waits, however many nodes it outlives', async () => {
    const node = await owner();
    const process = (n: number): Promise<ScriptedWorker> => joined(node, node.worker(`w${n}`).join([offerOf('far')]));
    let worker = await process(0);
    const { task } = node.submit({ agent: 'far' });
    await node.world.settle();
    for (let n = 1; n <= LIMITS.nodeLossesMax; n++) {
      worker.ask(1, 'sleep', [3_600_000]);
      await node.world.settle();
      worker.pair.lose();
      worker = await process(n);
    }
    worker.end('done');
    expect((await node.end(task)).result).toMatchObject({ status: 'completed', output: 'done' });
  });

  it('refuses what a worker says of calls that it was not asked for, and ends the link of one that goes on', async () => {
    const outcomes: string[] = [];
    const node = await owner({ onMeshCall: (outcome) => void outcomes.push(outcome) });
    const worker = node.worker().join([offerOf('far')]);
    const other = await joined(node, node.worker('w2').join([offerOf('other')]));
    const { task } = node.submit({ agent: 'far' });
    await node.world.settle();
    const mine = pick(worker);
    for (let lie = 0; lie < 10; lie++)
      other.end('lie', { call: mine.call, token: lie === 0 ? mine.token : `${node.fence.epoch}.1.x${lie}` });
    await node.world.settle();
    expect(outcomes.filter((one) => one === 'refused')).toHaveLength(10);
    expect(other.pair.owner.state).toBe('ended');
    worker.end('truth');
    expect((await node.end(task)).result).toMatchObject({ output: 'truth' });
  });

  it('sends a canceled call its cancel, and frees its place', async () => {
    const node = await owner();
    const worker = await joined(node, node.worker().join([offerOf('far', { concurrency: 1 })]));
    const { task } = node.submit({ agent: 'far' });
    await node.world.settle();
    void node.desk.cancel('loopback', task, 'no more');
    await node.end(task);
    expect(worker.all('call.cancel')).toHaveLength(1);
    const next = node.submit({ agent: 'far' });
    await node.world.settle();
    expect(worker.calls).toHaveLength(2);
    worker.end(2);
    await node.end(next.task);
  });

  it('shares the calls of an agent between this node and those that offer it, by the room they have', async () => {
    const gates: (() => void)[] = [];
    const agent = defineAgent({
      name: 'both',
      version: '1.0.0',
      concurrency: 2,
      run: () => new Promise<string>((resolve) => void gates.push(() => resolve('here'))),
    });
    const node = await owner({ agents: [agent] });
    const worker = node.worker().join([offerOf('both')]);
    await node.world.settle();
    const tasks = Array.from({ length: 6 }, () => node.submit({ agent: 'both' }).task);
    await node.world.settle();
    expect([gates.length, worker.calls.length]).toEqual([2, 2]);
    for (const open of gates) open();
    for (const call of [...worker.calls]) worker.end('there', call);
    await node.world.settle();
    for (const open of gates) open();
    for (const call of worker.calls.slice(2)) worker.end('there', call);
    for (const task of tasks) expect((await node.end(task)).status).toBe('completed');
    expect(worker.calls.length).toBeGreaterThan(2);
  });

  it('waits with work for an agent that no node offers now, and hands it to the one that comes', async () => {
    const node = await owner();
    node.worker('w1').join([offerOf('far')]);
    await node.world.settle();
    node.mesh?.members[0]?.link.end(new Error('gone') as never);
    await node.world.settle();
    const { task } = node.submit({ agent: 'far' });
    await node.world.settle();
    expect(node.roster.view('far')?.status).toBe('degraded');
    const worker = node.worker('w2').join([offerOf('far')]);
    await node.world.settle();
    expect(node.roster.view('far')?.status).toBe('ready');
    worker.end('late but done');
    expect((await node.end(task)).result).toMatchObject({ output: 'late but done' });
  });

  it('finds the agents of its workers after a restart, and joins what runs there', async () => {
    const before = await owner();
    const worker = await joined(before, before.worker('w1').join([offerOf('far')]));
    const { task } = before.submit({ agent: 'far' });
    await before.world.settle();
    worker.ask(1, 'journal', ['pay', { kind: 'unsafe' }]);
    await before.world.settle();
    const held = pick(worker);
    before.kill();
    const after = await owner({ disk: before.disk });
    expect(after.recovered.stranded).toEqual([]);
    await after.world.settle();
    const back = after.worker('w1').join([offerOf('far')], [{ ...held, state: 'running' }]);
    await after.world.settle();
    expect(back.calls).toEqual([]);
    const [join] = back.all('call.join');
    expect(join).toMatchObject({ call: held.call });
    // Its requests come again; the function of the first is at work there still.
    back.ask(1, 'journal', ['pay', { kind: 'unsafe' }], join);
    await after.world.settle();
    const [probe] = back.all('function.invoke');
    expect(probe).toMatchObject({ which: 'probe' });
    back.say({
      ...{ type: 'function.done', call: held.call, token: join?.token ?? '', invocation: probe?.invocation ?? 0 },
      ...{ ok: true, value: { happened: true, value: 'paid' } },
    });
    await after.world.settle();
    expect(back.all('request.done')).toMatchObject([{ value: 'paid' }]);
    expect(await after.kinds(task)).not.toContain('effect.unknown');
    back.end('joined', join);
    expect((await after.end(task)).result).toMatchObject({ output: 'joined' });
  });

  it('makes a call again after a restart, when none of those that may hold it comes back in time', async () => {
    const before = await owner();
    await joined(before, before.worker('w1').join([offerOf('far')]));
    const { task } = before.submit({ agent: 'far' });
    await before.world.settle();
    before.kill();
    const after = await owner({ disk: before.disk });
    const other = after.worker('w2').join([offerOf('far')]);
    await after.world.settle();
    expect(other.calls).toEqual([]);
    await after.world.elapse(LIMITS.meshLostMs);
    expect(other.calls).toMatchObject([{ again: true }]);
    other.end('again');
    expect((await after.end(task)).result).toMatchObject({ output: 'again' });
  });
});

describe('A node that is lost', () => {
  it('is none that left in good order, also where its last words come together with its end', async () => {
    const node = await owner();
    const worker = await joined(node, node.worker('w1').join([offerOf('far')]));
    node.submit({ agent: 'far' });
    await node.world.settle();
    worker.say({ type: 'node.draining' });
    await node.world.settle();
    const [start] = worker.calls;
    const [call, token] = [start?.call ?? '', start?.token ?? ''];
    // A socket hands on what came in one packet without a pause.
    worker.pair.owner.ears?.onMessage({ type: 'call.handback', call, token, reason: 'It stops.' }, () => undefined);
    worker.pair.lose();
    await node.world.settle();
    expect(node.mesh?.lossesOf('w1')).toBe(0);
  });

  it('is down for those who monitor it, with why; one that leaves in good order ends normally', async () => {
    const node = await owner();
    const downs: unknown[] = [];
    const watch = (name: string): void =>
      node.kernel.act((port) => {
        port.startChild({
          ...{ address: `watcher/${name}`, logic: 'watcher', input: `node/${name}`, supervisor: 'supervisor/tasks' },
          ...{ restart: 'temporary', recovery: 'reset', priority: 5, durable: false },
        });
      });
    node.installFlat<{ readonly phase: 'on' }, string>({
      name: 'watcher',
      version: '1',
      initial: (address, port) => (port.monitor(address), { phase: 'on' }),
      table: { on: { down: (state, event) => (downs.push(event), state) } },
      final: {},
    });
    const lost = await joined(node, node.worker('w1').join([offerOf('far')]));
    const left = await joined(node, node.worker('w2').join([offerOf('far')]));
    for (const name of ['w1', 'w2', 'w3']) watch(name);
    await node.world.settle();
    lost.pair.lose();
    left.say({ type: 'node.draining' });
    await node.world.settle();
    left.pair.lose();
    await node.world.settle();
    expect(downs).toMatchObject([
      { address: 'node/w3', reason: 'noproc' },
      { address: 'node/w1', reason: 'failed', error: { code: 'UNAVAILABLE' } },
      { address: 'node/w2', reason: 'normal' },
    ]);
    expect(node.kernel.census.get('node') ?? 0).toBe(0);
  });
});

function pick(worker: ScriptedWorker): { call: string; token: string } {
  const { call, token } = worker.calls.at(-1) as { call: string; token: string };
  return { call, token };
}
