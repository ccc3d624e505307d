/**
 * One real node on which agents do what they must not, while their neighbours work: each of them fails in coded words, the
 * neighbours end as if nothing had been, and the node stays the same process and stays ready.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, temporaryFolder } from '../support/node-process.ts';
import { Wire } from '../support/wire.ts';
import { FaultNode, until } from './fault-rig.ts';

const folder = temporaryFolder('bad');
let node: FaultNode;
let wire: Wire;
let pid = 0;

beforeAll(async () => {
  node = new FaultNode(folder.path, await freePort(), { workerMemoryMib: 64, workerThreadsMax: 2, logLevel: 'error' });
  await node.start();
  ({ pid } = node);
  wire = await Wire.open(node.socketUrl);
}, 60_000);

afterAll(async () => {
  await node.kill();
  folder.clear();
});

/** Work that has nothing to do with what goes wrong beside it: a call, a wait, a worker, a counter. */
async function neighbours(): Promise<() => Promise<void>> {
  const echo = await wire.submit({ agent: 'lab.echo', input: 'beside' });
  const wait = await wire.submit({ agent: 'fault.wait', input: { ms: 150, mark: 'waited' } });
  const burn = await wire.submit({ agent: 'lab.burn', input: { ms: 20 } });
  const told = wire.request({ type: 'agent.tell', agent: 'lab.counter', key: 'beside', event: { type: 'add', n: 1 } });
  return async () => {
    expect(await wire.result(echo)).toMatchObject({ status: 'completed', output: 'beside' });
    expect(await wire.result(wait)).toMatchObject({ status: 'completed', output: 'waited' });
    expect(await wire.result(burn)).toMatchObject({ status: 'completed' });
    expect(await told).toMatchObject({ type: 'ok' });
    expect((await fetch(`${node.url}/readyz`)).status).toBe(200);
    expect(node.isRunning).toBe(true);
    expect(node.pid).toBe(pid);
  };
}

/** How each fault ends its task. */
const ENDS: readonly [agent: string, code: string][] = [
  ['throws-text', 'AGENT_FAILED'],
  ['throws-nothing', 'AGENT_FAILED'],
  ['rejects-unheard', 'TIMEOUT'],
  ['throws-later', 'TIMEOUT'],
  ['throws-when-aborted', 'TIMEOUT'],
  ['worker-spins', 'TIMEOUT'],
  ['worker-leaks', 'AGENT_CRASHED'],
  ['worker-leaks-buffers', 'AGENT_CRASHED'],
  ['worker-exits', 'AGENT_CRASHED'],
  ['worker-throws-text', 'AGENT_FAILED'],
  ['worker-throws-nothing', 'AGENT_FAILED'],
  ['worker-throws-later', 'AGENT_CRASHED'],
  ['crashes-on-load', 'QUARANTINED'],
  ['callback-throws-later', 'DEADLINE_EXCEEDED'],
];

describe('an agent that does what it must not', () => {
  it.each(ENDS)('fails by itself: %s ends with %s', { timeout: 60_000 }, async (agent, code) => {
    const unharmed = await neighbours();
    // One that crashes and comes back, again and again, has its supervisor's patience; a deadline is an end before that.
    const options = code === 'DEADLINE_EXCEEDED' ? { deadlineMs: 1_500 } : {};
    const end = await wire.result(await wire.submit({ agent: `bad.${agent}`, input: null, options }));
    expect([end.status, end.error?.code]).toEqual(['failed', code]);
    expect(end.error?.message).not.toBe('');
    await unharmed();
  });

  it('has its end all the same when it crashes while it is stopped', { timeout: 60_000 }, async () => {
    const unharmed = await neighbours();
    const end = await wire.result(await wire.submit({ agent: 'bad.crashes-in-stop', input: null }));
    expect(['completed', 'failed']).toContain(end.status);
    await unharmed();
  });

  it('loses the messages that crash it, and none of the others, when it is a keyed one', {
    timeout: 60_000,
  }, async () => {
    const unharmed = await neighbours();
    const tell = (type: string): Promise<unknown> =>
      wire.request({ type: 'agent.tell', agent: 'bad.crashes-on-message', key: 'k', event: { type } });
    for (const type of ['hear', 'poke', 'hear', 'hear']) expect(await tell(type)).toMatchObject({ type: 'ok' });
    const heard = async (): Promise<unknown> => {
      const event = { type: 'get' };
      const answer = await wire.request({ type: 'agent.ask', agent: 'bad.crashes-on-message', key: 'k', event });
      return (answer['value'] as { heard?: number } | undefined)?.heard;
    };
    await until(async () => (await heard()) === 3, 'all that does not crash it was heard');
    await unharmed();
  });
});
